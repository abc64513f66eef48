"""/datasets: the datasets that models are trained on."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Response
from PIL import Image
from pydantic import BaseModel, Field

import facesmith
from facesmith.studio.errors import NotFound
from facesmith.studio.file_responses import STATIC_PAGE_POLICY, Theme, page_response, versioned_address
from facesmith.studio.image_responses import encode_jpeg, tile
from facesmith.studio.registry import Item
from facesmith.studio.schemas import Version, content
from facesmith.studio.services import ServicesDep

router = APIRouter(prefix="/datasets", tags=["datasets"])


class AttributeRate(BaseModel):
    """How often an attribute occurs in a dataset."""

    name: str = Field(examples=["Smiling"])
    share: float | None = Field(description="fraction of the images with a known value that have the attribute")
    unknown: int = Field(description="number of images whose value is unknown")


class DatasetInfo(BaseModel):
    """A dataset, as shown on the studio's pages."""

    name: str = Field(examples=["drawn"], description="identifier used by all other routes")
    title: str = Field(examples=["builtin avataaars"])
    count: int = Field(examples=[12000], description="images")
    size: tuple[int, int] = Field(examples=[(64, 64)], description="width and height of each image")
    attributes: list[str] = Field(examples=[["Smiling", "Young"]])
    credit: str | None = Field(description="authors of the images, and their terms")
    explore: str | None = Field(description="URL of the exploration report; null until it is written")


@router.get("", summary="List datasets")
def list_datasets(services: ServicesDep) -> list[DatasetInfo]:
    return services.registry.describe_all(lambda item: _dataset_info(item, services.settings.api), "dataset")


@router.get("/{name}", summary="Read a dataset's card")
def dataset_card(name: str, services: ServicesDep) -> dict[str, Any]:
    """Return dataset.json without the list of skipped files."""
    card = services.registry.find(name, "dataset").card()
    return {key: value for key, value in card.items() if key != "skipped"}


@router.get("/{name}/attributes", summary="Count a dataset's attributes")
async def attribute_rates(name: str, services: ServicesDep) -> list[AttributeRate]:
    path = services.registry.find(name, "dataset").path
    return await asyncio.to_thread(_attribute_rates, path)


@router.get(
    "/{name}/sheet",
    summary="Show images of a dataset",
    response_class=Response,
    responses=content("image/jpeg", description="A sheet without gaps"),
)
async def dataset_sheet(
    name: str,
    services: ServicesDep,
    count: Annotated[int, Query(ge=1, le=144, description="number of images")] = 48,
    columns: Annotated[int, Query(ge=1, le=48, description="columns of the sheet")] = 12,
    seed: Annotated[int, Query(ge=0, lt=2**53, description="random seed for the selection")] = 0,
    having: Annotated[str | None, Query(max_length=100, description="show only images with this attribute")] = None,
) -> Response:
    """Random images, as used in training."""
    path = services.registry.find(name, "dataset").path
    jpeg = await asyncio.to_thread(_sheet_jpeg, path, count, columns, seed, having)
    return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=60"})


@router.get(
    "/{name}/explore",
    summary="Show a dataset's exploration report",
    response_class=Response,
    responses=content("text/html", description="The page"),
)
async def exploration_page(name: str, services: ServicesDep, v: Version = None, theme: Theme = None) -> Response:
    path = _exploration_path(services.registry.find(name, "dataset"))
    missing = f"{name} has no exploration report yet: write it with facesmith data explore"
    return await page_response(path, STATIC_PAGE_POLICY, v, theme, missing)


@router.post("/{name}/explore", summary="Write a dataset's exploration report")
async def write_exploration(name: str, services: ServicesDep) -> DatasetInfo:
    """This takes a while and writes to the dataset's folder, so it requires --allow-training."""
    item = services.registry.find(name, "dataset")
    with services.training_jobs.writing(item.path):
        await services.jobs.run(lambda: facesmith.explore(facesmith.open_dataset(item.path), quiet=True))
    return _dataset_info(item, services.settings.api)


def _exploration_path(item: Item) -> Path:
    return item.path / "explore" / "explore.html"


def _dataset_info(item: Item, api: str) -> DatasetInfo:
    card = item.card()
    return DatasetInfo(
        name=item.name,
        title=card["name"],
        count=card["count"],
        size=card["size"],
        attributes=card["attributes"],
        credit=card["source"].get("credit"),
        explore=versioned_address(f"{api}/datasets/{item.name}/explore", _exploration_path(item)),
    )


def _attribute_rates(path: Path) -> list[AttributeRate]:
    dataset = facesmith.open_dataset(path)
    table, counts = dataset.metadata(), dataset.labels().sum(0)
    rates = []
    for name, count in zip(dataset.attributes, counts.tolist(), strict=True):
        unknown = table[name].null_count
        known_count = len(dataset) - unknown
        rates.append(AttributeRate(name=name, share=count / known_count if known_count else None, unknown=unknown))
    return rates


def _sheet_jpeg(path: Path, count: int, columns: int, seed: int, having: str | None) -> bytes:
    dataset = facesmith.open_dataset(path)
    rows = np.arange(len(dataset))
    if having is not None:
        if having not in dataset.attributes:
            raise NotFound(f"{dataset.name} has no attribute {having!r}")
        rows = rows[dataset.labels()[:, dataset.attributes.index(having)]]
    if not len(rows):
        raise NotFound(f"no image in {dataset.name} has {having}")
    selection = np.random.default_rng(seed).permutation(rows)[:count]
    sheet = Image.fromarray(tile(dataset.images[np.sort(selection)], columns))
    return encode_jpeg(sheet, dataset.marks, quality=90, subsampling=0)

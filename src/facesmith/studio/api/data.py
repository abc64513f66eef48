"""/datasets: what models were and can be trained on."""

import asyncio
import io
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Response
from PIL import Image
from pydantic import BaseModel, Field

import facesmith
from facesmith.studio.errors import NotHere
from facesmith.studio.files import STILL, page, version
from facesmith.studio.image_responses import tiled
from facesmith.studio.registry import Item
from facesmith.studio.services import Here

router = APIRouter(prefix="/datasets", tags=["datasets"])


class Attribute(BaseModel):
    """How often a dataset's pictures have something."""

    name: str = Field(examples=["Smiling"])
    share: float | None = Field(description="of the pictures of which it is known")
    unknown: int = Field(description="pictures of which it is not known")


class DatasetInfo(BaseModel):
    """What a page must know of a dataset before it shows it."""

    name: str = Field(examples=["drawn"], description="as every other route takes it")
    title: str = Field(examples=["builtin avataaars"])
    count: int = Field(examples=[12000], description="pictures")
    size: tuple[int, int] = Field(examples=[(64, 64)], description="width and height of each")
    attributes: list[str] = Field(examples=[["Smiling", "Young"]])
    credit: str | None = Field(description="who made the pictures, and their terms")
    explore: str | None = Field(description="address of the page that says what is in it, once it is made")


@router.get("", summary="All datasets")
def datasets(here: Here) -> list[DatasetInfo]:
    return here.shelf.described(_info, "dataset")


@router.get("/{name}", summary="A dataset's whole card")
def card(name: str, here: Here) -> dict[str, Any]:
    """What its dataset.json says, but for the list of files that were skipped."""
    found = here.shelf.find(name, "dataset").card()
    return {key: value for key, value in found.items() if key != "skipped"}


@router.get("/{name}/attributes", summary="How often each attribute is there")
async def attributes(name: str, here: Here) -> list[Attribute]:
    path = here.shelf.find(name, "dataset").path
    return await asyncio.to_thread(_attributes, path)


@router.get(
    "/{name}/sheet",
    summary="Some of a dataset's pictures",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}, "description": "A sheet without gaps"}},
)
async def sheet(
    name: str,
    here: Here,
    count: Annotated[int, Query(ge=1, le=144)] = 48,
    columns: Annotated[int, Query(ge=1, le=48)] = 12,
    seed: Annotated[int, Query(ge=0, lt=2**53, description="which are drawn")] = 0,
    having: Annotated[str | None, Query(max_length=100, description="an attribute that all of them have")] = None,
) -> Response:
    """Pictures drawn at random, as training sees them."""
    path = here.shelf.find(name, "dataset").path
    picture = await asyncio.to_thread(_sheet, path, count, columns, seed, having)
    return Response(picture, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=60"})


@router.get(
    "/{name}/explore",
    summary="The page that says what is in it",
    response_class=Response,
    responses={200: {"content": {"text/html": {}}, "description": "The page"}},
)
async def explored(name: str, here: Here, v: Annotated[str | None, Query(max_length=64)] = None) -> Response:
    path = here.shelf.find(name, "dataset").path / "explore" / "explore.html"
    if not version(path):
        raise NotHere(f"{name} has not been explored yet: facesmith data explore writes the page")
    return page(path, STILL, v)


@router.post("/{name}/explore", summary="Make that page")
async def explore(name: str, here: Here) -> DatasetInfo:
    """It takes a while, and writes into the dataset's folder: only where the studio allows training."""
    item = here.shelf.find(name, "dataset")
    with here.trainings.writing(item.path):
        await here.aside.run(lambda: facesmith.explore(facesmith.open_dataset(item.path), quiet=True))
    return _info(item)


def _info(item: Item) -> DatasetInfo:
    found = item.card()
    of = version(item.path / "explore" / "explore.html")
    return DatasetInfo(
        name=item.name,
        title=found["name"],
        count=found["count"],
        size=found["size"],
        attributes=found["attributes"],
        credit=found["source"].get("credit"),
        explore=f"/api/v1/datasets/{item.name}/explore?v={of}" if of else None,
    )


def _attributes(path: Path) -> list[Attribute]:
    dataset = facesmith.open_dataset(path)
    table, having = dataset.metadata(), dataset.labels().sum(0)
    found = []
    for name, count in zip(dataset.attributes, having.tolist(), strict=True):
        unknown = table[name].null_count
        known = len(dataset) - unknown
        found.append(Attribute(name=name, share=count / known if known else None, unknown=unknown))
    return found


def _sheet(path: Path, count: int, columns: int, seed: int, having: str | None) -> bytes:
    dataset = facesmith.open_dataset(path)
    rows = np.arange(len(dataset))
    if having is not None:
        if having not in dataset.attributes:
            raise NotHere(f"{dataset.name} has no attribute {having!r}")
        rows = rows[dataset.labels()[:, dataset.attributes.index(having)]]
    if not len(rows):
        raise NotHere(f"no picture of {dataset.name} has {having}")
    drawn = np.random.default_rng(seed).permutation(rows)[:count]
    out = io.BytesIO()
    Image.fromarray(tiled(dataset.images[np.sort(drawn)], columns)).save(out, "JPEG", quality=90, subsampling=0)
    return out.getvalue()

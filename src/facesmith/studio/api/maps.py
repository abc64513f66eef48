"""/maps: maps of thousands of faces, and the position of another face on them."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from facesmith import Dataset, Placement
from facesmith.studio.errors import NotFound, Problem
from facesmith.studio.face_resolver import FacesDep
from facesmith.studio.file_responses import SCRIPTED_PAGE_POLICY, Theme, page_response, versioned_address
from facesmith.studio.image_responses import data_url
from facesmith.studio.registry import Item
from facesmith.studio.schemas import Neighbour, Reference, RequestBody, Version, content
from facesmith.studio.services import Services, ServicesDep

router = APIRouter(prefix="/maps", tags=["maps"])

NEIGHBOURS = 12  # in a response


class MapInfo(BaseModel):
    """A map, its dataset and its model."""

    name: str = Field(examples=["faces-map"], description="identifier used by all other routes")
    dataset: str = Field(examples=["CelebA"])
    model: str = Field(examples=["celeba64"], description="the model whose encoder computed the latents")
    placing: str | None = Field(description="name of that model in this studio, if available; required to place faces")
    classifier: bool = Field(
        description="whether there is a second map, based on the features of an attribute classifier"
    )
    judge: bool = Field(description="the same as classifier", deprecated=True)
    count: int = Field(examples=[10000], description="faces")
    of: int = Field(description="number of images in the dataset")
    methods: list[str] = Field(examples=[["pca", "tsne"]])
    layouts: list[str] = Field(examples=[["latents_pca_2d", "latents_pca_3d", "latents_pca_sphere"]])
    attributes: list[str]
    photos: list[str] = Field(description="photos that are marked on the map")
    credit: str | None
    created: str = Field(description="ISO 8601")
    page: str | None = Field(description="URL of the page")


class Layout(BaseModel):
    """The positions of all faces of a map. The largest distance from the centre is 1."""

    points: list[list[float]] = Field(examples=[[[0.1, -0.42]]], description="x and y (and z in 3D) of each face")
    having: list[bool | None] | None = Field(description="whether each face has the attribute; null if unknown")


class PlaceRequest(RequestBody):
    face: Reference = Field(examples=["seed:7"])


class MapNeighbour(Neighbour):
    """A face of the map."""

    at: int = Field(description="index in the points of a layout")
    picture: str | None = Field(description="PNG as a data: URL; null if the dataset is missing")


class PlaceResponse(BaseModel):
    """The position of a face on a map."""

    face: str = Field(examples=["seed:7"])
    model: str = Field(examples=["celeba64"])
    places: dict[str, list[float]] = Field(examples=[{"latents_pca_2d": [0.1, -0.42]}], description="by layout")
    neighbours: list[MapNeighbour] = Field(description="nearest first")


@router.get("", summary="List maps")
def list_maps(services: ServicesDep) -> list[MapInfo]:
    models = _names_by(services, "generator", _model_key)
    return services.registry.describe_all(lambda item: _map_info(item, models, services.settings.api), "map")


@router.get(
    "/{name}/map.html",
    summary="Show a map",
    response_class=Response,
    responses=content("text/html", description="A page that makes no further requests"),
)
async def map_page(name: str, services: ServicesDep, v: Version = None, theme: Theme = None) -> Response:
    face_map = services.registry.map(name)
    missing = f"{name} has no page: create the map again with facesmith map"
    # Not cached by version: its scripts are those of this version of facesmith.
    return await page_response(face_map.page, SCRIPTED_PAGE_POLICY, None, theme, missing, face_map.page_text)


@router.get("/{name}/points", summary="Read the positions of a map's faces")
async def map_points(
    name: str,
    services: ServicesDep,
    of: Annotated[str, Query(max_length=100, examples=["latents_pca_2d"], description="a layout from /maps")],
    attribute: Annotated[
        str | None, Query(max_length=100, description="also return which faces have this attribute")
    ] = None,
) -> Layout:
    face_map = services.registry.map(name)
    if of not in face_map.card.get("layouts", ()):
        raise NotFound(f"{name} has no layout {of!r}: GET /api/v1/maps lists its layouts")
    if attribute is not None and attribute not in face_map.card["attributes"]:
        raise NotFound(f"{name} has no attribute {attribute!r}: GET /api/v1/maps lists its attributes")

    def read() -> Layout:
        having = None
        if attribute is not None:
            having = [{"1": True, "0": False}.get(value) for value in face_map.column(attribute)]
        return Layout(points=face_map.layout(of).round(4).tolist(), having=having)

    return await asyncio.to_thread(read)


@router.post("/{name}/place", summary="Place a face on a map")
async def place(name: str, body: PlaceRequest, resolver: FacesDep) -> PlaceResponse:
    """Requires the model that the map was made with. The faces of the map do not move.

    The position is exact for PCA. For t-SNE and UMAP, it is the median of the seven nearest faces.
    """
    registry = resolver.services.registry
    face_map = registry.map(name)
    card = face_map.card
    model_name = _names_by(resolver.services, "generator", _model_key).get(_map_model_key(card))
    if model_name is None:
        original = card.get("model", {}).get("name", "an unknown model")
        raise Problem(
            400, f"{name} was made with the model {original}, which is missing: start the studio with that model"
        )
    model = await resolver.model(model_name)
    z = (await resolver.face(body.face, model)).latent.z[: model.latent_size]
    datasets = _names_by(resolver.services, "dataset", lambda card: card["fingerprint"])
    dataset_name = datasets.get(card["dataset"].get("fingerprint"))
    dataset = None if dataset_name is None else await registry.dataset(dataset_name)

    def job() -> PlaceResponse:
        placement = face_map.place(z, NEIGHBOURS)
        return PlaceResponse(
            face=body.face,
            model=model_name,
            places={layout: position.round(4).tolist() for layout, position in placement.positions.items()},
            neighbours=_neighbours(placement, face_map.column("file"), dataset),
        )

    return await resolver.services.jobs.run(job)


def _model_key(card: Mapping[str, Any]) -> tuple[str, str]:
    """Return a key that is equal for models that encode faces alike."""
    return card["digest"], card["encoder"]["digest"]


def _map_model_key(card: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return the `_model_key` of the model that a map was made with."""
    model = card.get("model", {})
    return model.get("digest"), model.get("encoder")


def _names_by(services: Services, kind: str, key: Callable[[Mapping[str, Any]], Any]) -> dict[Any, str]:
    """Return the names of the items of a kind by a key of their cards."""
    return dict(services.registry.describe_all(lambda item: (key(item.card()), item.name), kind))


def _neighbours(placement: Placement, files: list[str], dataset: Dataset | None) -> list[MapNeighbour]:
    columns = (placement.indices, placement.rows, placement.distances)
    marks = [None] * len(placement.rows) if dataset is None else dataset.image_marks(placement.rows.tolist())
    return [
        MapNeighbour(
            at=index,
            row=row,
            file=files[index],
            distance=distance,
            picture=None if dataset is None else data_url(np.asarray(dataset.images[row]), mark),
        )
        for index, row, distance, mark in zip(*(column.tolist() for column in columns), marks, strict=True)
    ]


def _map_info(item: Item, models: Mapping[Any, str], api: str) -> MapInfo:
    card = item.card()
    classifier = card.get("classifier", card.get("judge")) is not None
    return MapInfo(
        name=item.name,
        dataset=card["dataset"]["name"],
        model=card["model"]["name"],
        placing=models.get(_map_model_key(card)),
        classifier=classifier,
        judge=classifier,
        count=card["count"],
        of=card["of"],
        methods=list(card["methods"]),
        layouts=card.get("layouts", []),
        attributes=card["attributes"],
        photos=card["photos"],
        credit=card["dataset"]["source"].get("credit"),
        created=card["created"],
        page=versioned_address(f"{api}/maps/{item.name}/map.html", item.path / "map.html"),
    )

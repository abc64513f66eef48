"""/maps: where thousands of faces lie beside each other, and where another face stands among them."""

import asyncio
import zipfile
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar

import numpy as np
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from facesmith import Dataset
from facesmith.errors import FacesmithError
from facesmith.studio.errors import NotHere, Problem
from facesmith.studio.face_refs import Those
from facesmith.studio.files import MOVING, page, version
from facesmith.studio.image_responses import within_page
from facesmith.studio.map_projection import Placed, column, layout, placed
from facesmith.studio.registry import Item
from facesmith.studio.schemas import Reference, Strict
from facesmith.studio.services import Here, Parts

router = APIRouter(prefix="/maps", tags=["maps"])

NEAR = 12  # neighbours that are told
Read = TypeVar("Read")


class MapInfo(BaseModel):
    """What was mapped with what."""

    name: str = Field(examples=["faces-map"], description="as every other route takes it")
    dataset: str = Field(examples=["CelebA"])
    model: str = Field(examples=["celeba64"], description="whose encoder saw the faces")
    placing: str | None = Field(description="that model's name here, for it can place faces; null where it is not here")
    judge: bool = Field(description="whether there is a second map, of a judge's features")
    count: int = Field(examples=[10000], description="faces")
    of: int = Field(description="pictures in the dataset")
    methods: list[str] = Field(examples=[["pca", "tsne"]])
    layouts: list[str] = Field(examples=[["latents_pca_2d", "latents_pca_3d", "latents_pca_sphere"]])
    attributes: list[str]
    photos: list[str] = Field(description="photos that were placed on it")
    credit: str | None
    created: str = Field(description="ISO 8601")
    page: str | None = Field(description="address of the page")


class Layout(BaseModel):
    """Where all faces of a map lie; the farthest from the middle has the distance 1."""

    points: list[list[float]] = Field(examples=[[[0.1, -0.42]]], description="x and y of each, and z where it has one")
    having: list[bool | None] | None = Field(description="whether each has the attribute; null where it is not known")


class PlaceAsked(Strict):
    face: Reference = Field(examples=["seed:7"])


class Near(BaseModel):
    """A face of the map."""

    at: int = Field(description="which point of a layout it is, from 0")
    row: int = Field(examples=[1234], description="of the dataset")
    file: str = Field(examples=["000123.jpg"])
    distance: float = Field(examples=[5.2], description="in the latent space")
    picture: str | None = Field(description="a data: URL of a PNG; null where the dataset is not here")


class Place(BaseModel):
    """Where a face stands on a map."""

    face: str = Field(examples=["seed:7"])
    model: str = Field(examples=["celeba64"])
    places: dict[str, list[float]] = Field(examples=[{"latents_pca_2d": [0.1, -0.42]}], description="by layout")
    neighbours: list[Near] = Field(description="the nearest first")


@router.get("", summary="All maps")
def maps(here: Here) -> list[MapInfo]:
    seers = _named(here, "generator", _seer)
    return here.shelf.described(lambda item: _info(item, seers), "map")


@router.get(
    "/{name}/map.html",
    summary="A map, to look at",
    response_class=Response,
    responses={200: {"content": {"text/html": {}}, "description": "A page that asks nothing of anyone"}},
)
async def map_page(name: str, here: Here, v: Annotated[str | None, Query(max_length=64)] = None) -> Response:
    path = here.shelf.find(name, "map").path / "map.html"
    if not version(path):
        raise NotHere(f"{name} has no page: make the map again with facesmith map")
    return page(path, MOVING, v)


@router.get("/{name}/points", summary="Where its faces lie")
async def points(
    name: str,
    here: Here,
    of: Annotated[str, Query(max_length=100, examples=["latents_pca_2d"], description="a layout, as /maps names them")],
    attribute: Annotated[str | None, Query(max_length=100, description="say who has it")] = None,
) -> Layout:
    item = here.shelf.find(name, "map")
    card = item.card()
    if of not in card.get("layouts", ()):
        raise NotHere(f"{name} has no layout {of!r}: GET /api/v1/maps lists them")
    if attribute is not None and attribute not in card["attributes"]:
        raise NotHere(f"{name} knows nothing of {attribute!r}")

    def read() -> Layout:
        having = None
        if attribute is not None:
            having = [{"1": True, "0": False}.get(word) for word in column(item.path, attribute)]
        return Layout(points=layout(item.path, of).round(4).tolist(), having=having)

    return await asyncio.to_thread(_read, item, read)


@router.post("/{name}/place", summary="Where a face stands on it")
async def place(name: str, body: PlaceAsked, people: Those) -> Place:
    """By the model that the map was made with, which has to be here. Nobody on the map moves.

    PCA places a face exactly. t-SNE and UMAP have no place for a new one: it goes to the median of its seven nearest.
    """
    item = people.here.shelf.find(name, "map")
    card = item.card()
    seer = _named(people.here, "generator", _seer).get(_sought(card))
    if seer is None:
        was = card.get("model", {}).get("name", "a model")
        raise Problem(400, f"{name} was made with {was}, which is not here as it was then: start the studio with it")
    model = await people.model(seer)
    z = (await people.person(body.face, model)).subject.z[: model.latent_size]
    shown = _named(people.here, "dataset", lambda one: one["fingerprint"]).get(card["dataset"].get("fingerprint"))
    dataset = None if shown is None else await people.here.shelf.dataset(shown)

    def found() -> Place:
        there = placed(item.path, card["layouts"], z, NEAR)
        places = {name: point.round(4).tolist() for name, point in there.places.items()}
        neighbours = _neighbours(there, column(item.path, "file"), dataset)
        return Place(face=body.face, model=seer, places=places, neighbours=neighbours)

    return await people.here.aside.run(lambda: _read(item, found))


def _seer(card: Mapping[str, Any]) -> tuple[str, str]:
    """What two models have in common that see a face alike."""
    return card["digest"], card["encoder"]["digest"]


def _sought(card: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The same of the model that a map was made with."""
    model = card.get("model", {})
    return model.get("digest"), model.get("encoder")


def _named(here: Parts, kind: str, about: Callable[[Mapping[str, Any]], Any]) -> dict[Any, str]:
    """The names of what the shelf has of a kind, by what ``about`` says of its card."""
    return dict(here.shelf.described(lambda item: (about(item.card()), item.name), kind))


def _read(item: Item, reading: Callable[[], Read]) -> Read:
    try:
        return reading()
    except (OSError, LookupError, ValueError, zipfile.BadZipFile):
        raise FacesmithError(f"the files of {item.name} cannot be read: make the map again") from None


def _neighbours(there: Placed, files: list[str], dataset: Dataset | None) -> list[Near]:
    found = []
    for at, row, apart in zip(there.near.tolist(), there.rows.tolist(), there.apart.tolist(), strict=True):
        picture = None if dataset is None else within_page(np.asarray(dataset.images[row]))
        found.append(Near(at=at, row=row, file=files[at], distance=apart, picture=picture))
    return found


def _info(item: Item, seers: Mapping[Any, str]) -> MapInfo:
    card = item.card()
    of = version(item.path / "map.html")
    return MapInfo(
        name=item.name,
        dataset=card["dataset"]["name"],
        model=card["model"]["name"],
        placing=seers.get(_sought(card)),
        judge=card["judge"] is not None,
        count=card["count"],
        of=card["of"],
        methods=list(card["methods"]),
        layouts=card.get("layouts", []),
        attributes=card["attributes"],
        photos=card["photos"],
        credit=card["dataset"]["source"].get("credit"),
        created=card["created"],
        page=f"/api/v1/maps/{item.name}/map.html?v={of}" if of else None,
    )

"""/maps: where thousands of faces lie beside each other."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from facesmith.studio.files import MOVING, page, version
from facesmith.studio.parts import Here
from facesmith.studio.problems import NotHere
from facesmith.studio.shelf import Item

router = APIRouter(prefix="/maps", tags=["maps"])


class MapInfo(BaseModel):
    """What was mapped with what."""

    name: str = Field(examples=["faces-map"], description="as every other route takes it")
    dataset: str = Field(examples=["CelebA"])
    model: str = Field(examples=["celeba64"], description="whose encoder saw the faces")
    judge: bool = Field(description="whether there is a second map, of a judge's features")
    count: int = Field(examples=[10000], description="faces")
    of: int = Field(description="pictures in the dataset")
    methods: list[str] = Field(examples=[["pca", "tsne"]])
    attributes: list[str]
    photos: list[str] = Field(description="photos that were placed on it")
    credit: str | None
    created: str = Field(description="ISO 8601")
    page: str | None = Field(description="address of the page")


@router.get("", summary="All maps")
def maps(here: Here) -> list[MapInfo]:
    return here.shelf.described(_info, "map")


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


def _info(item: Item) -> MapInfo:
    card = item.card()
    of = version(item.path / "map.html")
    return MapInfo(
        name=item.name,
        dataset=card["dataset"]["name"],
        model=card["model"]["name"],
        judge=card["judge"] is not None,
        count=card["count"],
        of=card["of"],
        methods=list(card["methods"]),
        attributes=card["attributes"],
        photos=card["photos"],
        credit=card["dataset"]["source"].get("credit"),
        created=card["created"],
        page=f"/api/v1/maps/{item.name}/map.html?v={of}" if of else None,
    )

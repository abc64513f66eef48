"""/models: what can be asked for faces, makeovers and judgements, and each one's card."""

from importlib.util import find_spec
from typing import Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from facesmith.studio.errors import NotHere
from facesmith.studio.registry import MODELS, Item
from facesmith.studio.services import Here

router = APIRouter(prefix="/models", tags=["models"])


class Direction(BaseModel):
    """What a makeover can do."""

    name: str = Field(examples=["mtf"])
    source: str = Field(examples=["Male & Young"])
    target: str = Field(examples=["~Male & Young"])


class ModelInfo(BaseModel):
    """What a page must know of a model before it shows it."""

    name: str = Field(examples=["drawn64"], description="as every other route takes it")
    kind: Literal["generator", "makeover", "judge"]
    size: tuple[int, int] = Field(examples=[(64, 64)], description="width and height of its pictures")
    latent_size: int | None = Field(examples=[64], description="numbers in a latent; null where it has none")
    encoder: bool = Field(description="whether it takes photos")
    refine: bool = Field(description="whether /refine brings faces of photos nearer to them: this needs PyTorch")
    attributes: list[str] = Field(examples=[["Smiling", "Young"]], description="what it can change, or a judge tell")
    directions: list[Direction] = Field(description="of a makeover")
    terms: str = Field(examples=["any use, with credit to the artist"])
    digest: str = Field(description="SHA-256 of its weights: the same digest makes the same faces")
    about: str = Field(examples=["64x64 faces after 8,000 pictures of Avataaars"])


@router.get("", summary="All models")
def models(here: Here) -> list[ModelInfo]:
    """Generators, makeovers and judges; the first generator is what is taken where none is named."""
    return here.shelf.described(_info, *MODELS)


@router.get("/{name}", summary="A model's whole card")
def card(name: str, here: Here) -> dict[str, Any]:
    """What its model.json, makeover.json or judge.json says: data, terms, training, scores."""
    return here.shelf.find(name, *MODELS).card()


@router.get(
    "/{name}/card",
    summary="A model's card to read",
    response_class=Response,
    responses={200: {"content": {"text/markdown": {}}, "description": "The card"}},
)
def readme(name: str, here: Here) -> Response:
    """Its README.md, as text."""
    item = here.shelf.find(name, *MODELS)
    try:
        text = (item.path / "README.md").read_text(encoding="utf-8", errors="replace")
    except OSError:
        raise NotHere(f"{name} came without a README.md") from None
    return Response(text, media_type="text/markdown; charset=utf-8")


def _info(item: Item) -> ModelInfo:
    card = item.card()
    attributes = card.get("attributes", []) if item.kind == "judge" else card.get("directions", {})
    makeover = item.kind == "makeover"
    if isinstance(attributes, dict):
        attributes = attributes.get("attributes", [])
    (width, height), data = card["network"]["size"], card["dataset"]
    return ModelInfo(
        name=item.name,
        kind=item.kind,  # type: ignore[arg-type]
        size=(width, height),
        latent_size=card["network"].get("latent_size") if item.kind == "generator" else None,
        encoder="encoder" in card,
        refine="encoder" in card and find_spec("torch") is not None,
        attributes=[] if makeover else attributes,
        directions=card["directions"] if makeover else [],
        terms=card.get("terms", "not stated"),
        digest=card["digest"],
        about=f"{width}x{height} after {data['count']:,} pictures of {data['source']['name']}",
    )

"""/models: generators, makeovers and attribute classifiers, and their cards."""

from importlib.util import find_spec
from typing import Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from facesmith import has_aligned_faces
from facesmith.studio.errors import NotFound
from facesmith.studio.registry import MODELS, Item
from facesmith.studio.schemas import content
from facesmith.studio.services import Services, ServicesDep

STYLED_FAMILY = "residual"  # whose generators have a style for each level
router = APIRouter(prefix="/models", tags=["models"])


class MakeoverDirection(BaseModel):
    """A direction of a makeover."""

    name: str = Field(examples=["mtf"])
    source: str = Field(examples=["Male & Young"])
    target: str = Field(examples=["~Male & Young"])


class ModelInfo(BaseModel):
    """A model, as shown on the studio's pages."""

    name: str = Field(examples=["drawn64"], description="identifier used by all other routes")
    kind: Literal["generator", "makeover", "classifier"]
    size: tuple[int, int] = Field(examples=[(64, 64)], description="width and height of the model's images")
    latent_size: int | None = Field(examples=[64], description="length of a latent; null if the model has no latents")
    encoder: bool = Field(description="whether it can encode photos")
    refine: bool = Field(description="whether /refine works with this model; requires PyTorch")
    styles: bool = Field(description="whether /style-mix works with this model; requires PyTorch")
    aligned: bool = Field(description="whether it was trained on aligned faces, so that faces are detected in photos")
    attributes: list[str] = Field(
        examples=[["Smiling", "Young"]],
        description="attributes that the model can edit, or that the classifier predicts",
    )
    conditions: list[str] = Field(description="attributes that are inputs of the generator (see `with` in /generate)")
    directions: list[MakeoverDirection] = Field(description="directions of a makeover")
    terms: str = Field(examples=["any use, with credit to the artist"])
    digest: str = Field(description="SHA-256 of the weights; models with the same digest generate the same faces")
    owned: bool = Field(description="whether it can be renamed and deleted from here")
    about: str = Field(examples=["64x64, trained on 8,000 images from Avataaars"])


@router.get("", summary="List models")
def list_models(services: ServicesDep) -> list[ModelInfo]:
    """Generators, makeovers and attribute classifiers. The first generator is the default of other routes."""
    return services.registry.describe_all(lambda item: _model_info(item, services), *MODELS)


@router.get("/{name}", summary="Read a model's card")
def model_card(name: str, services: ServicesDep) -> dict[str, Any]:
    """The JSON card in its folder: data, terms, training, scores."""
    return services.registry.find(name, *MODELS).card()


@router.get(
    "/{name}/card",
    summary="Read a model's README",
    response_class=Response,
    responses=content("text/markdown", description="The README.md"),
)
def model_readme(name: str, services: ServicesDep) -> Response:
    item = services.registry.find(name, *MODELS)
    try:
        text = (item.path / "README.md").read_text(encoding="utf-8", errors="replace")
    except OSError:
        raise NotFound(f"{name} has no README.md") from None
    return Response(text, media_type="text/markdown; charset=utf-8")


def _model_info(item: Item, services: Services) -> ModelInfo:
    card = item.card()
    is_makeover = item.kind == "makeover"
    attributes = card.get("attributes", []) if item.kind == "classifier" else card.get("directions", {})
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
        styles=card["network"].get("family") == STYLED_FAMILY and find_spec("torch") is not None,
        aligned=has_aligned_faces(data),
        attributes=[] if is_makeover else attributes,
        conditions=card.get("conditions", []) if item.kind == "generator" else [],
        directions=card["directions"] if is_makeover else [],
        terms=card.get("terms", "not stated"),
        digest=card["digest"],
        owned=services.training_jobs.is_allowed and services.registry.is_owned(item),
        about=f"{width}x{height}, trained on {data['count']:,} images from {data['source']['name']}",
    )

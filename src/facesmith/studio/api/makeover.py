"""/makeover: a face made over, alone or back in its photo."""

from functools import partial
from typing import Literal

import numpy as np
from fastapi import APIRouter, Response
from numpy.typing import NDArray
from pydantic import Field

from facesmith import Makeover, blend_face, read_photo
from facesmith.extras import require
from facesmith.studio import schemas as asked
from facesmith.studio.errors import Problem
from facesmith.studio.face_refs import Found, Photo, Those
from facesmith.studio.films import MEDIA as FILMS
from facesmith.studio.films import film
from facesmith.studio.image_responses import MEDIA, encoded, notes, tiled
from facesmith.studio.schemas import Fps, Reference, Scale, Strict

router = APIRouter(tags=["photos"])

FRAMES = 24  # of a film, one way
ALL = MEDIA | FILMS


class MakeoverAsked(Strict):
    """Whose face, and what is to become of it."""

    model: str | None = Field(None, max_length=200, description="a makeover of /models; by default the first")
    face: Reference = Field(description="one that POST /photos gave", examples=["photo:kZ0Yw5n0T7yYzB1m2c3d4e"])
    direction: str | None = Field(None, max_length=100, examples=["mtf"], description="by default its first")
    strength: float = Field(1.0, ge=0, le=1, description="0 leaves the face as it is, 1 goes all the way")
    whole: bool = Field(False, description="the upright photo, with the face back in it")
    format: Literal["png", "jpeg", "webp", "gif", "mp4"] = "png"
    fps: Fps = 16
    scale: Scale


@router.post(
    "/makeover",
    summary="A face made over",
    response_class=Response,
    responses=asked.pictured(*ALL.values()),
)
async def makeover(body: MakeoverAsked, people: Those, response: Response) -> Response:
    """The face at the makeover's size; the whole photo at its own; or, as gif or mp4, the way there and back."""
    if body.whole and body.format in FILMS:
        raise Problem(422, "whole: a film shows the face alone; ask for png, jpeg or webp, or leave whole out")
    if body.format == "mp4":
        require("av", "train", "making an mp4")
    network = await people.here.shelf.makeover(people.here.shelf.find(body.model, "makeover").name)
    direction = network.directions[network.place(body.direction)]["name"]
    cut = await people.cut(body.face, network)
    facts = notes(network.name, network.digest, edited=True, direction=direction, strength=body.strength)
    if body.format in FILMS:
        scale = body.scale or max(1, round(asked.FILM_SIDE / max(network.size)))
        faces = await people.here.aside.run(partial(_there_and_back, network, cut.image, direction, body.strength))
        made = await people.here.aside.run(lambda: film(faces, body.format, body.fps, True, scale, facts))
        return asked.answered(made, ALL[body.format], response)
    found = people.find(body.face)
    photo = people.find(found.photo) if body.whole and isinstance(found, Found) else None

    def job() -> bytes:
        made = network.apply(cut.image, direction, body.strength)
        if isinstance(photo, Photo):
            return encoded(blend_face(read_photo(photo.data), cut, made[0]), body.format, facts)
        return encoded(tiled(made, 1, body.scale or 1), body.format, facts)

    return asked.answered(await people.here.aside.run(job), ALL[body.format], response)


def _there_and_back(
    network: Makeover, picture: NDArray[np.uint8], direction: str, strength: float
) -> NDArray[np.uint8]:
    """A face on its way to a strength and back, gently at both ends: N x H x W x 3."""
    way = strength * (1 - np.cos(np.linspace(0, np.pi, FRAMES))) / 2
    faces = np.concatenate([network.apply(picture, direction, float(share)) for share in way])
    return np.concatenate([faces, faces[-2:0:-1]])

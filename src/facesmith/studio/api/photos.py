"""/photos: photos brought, the faces found in them, and forgetting them again."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from facesmith import Face, find_faces, has_aligned_faces, read_photo
from facesmith.studio.errors import Error, Problem
from facesmith.studio.face_refs import Found, Photo, Those
from facesmith.studio.image_responses import MEDIA, UNCHANGED, encoded
from facesmith.studio.schemas import about, answered, drawn
from facesmith.studio.sessions import COOKIE
from facesmith.studio.uploads import check_photo

router = APIRouter(tags=["photos"])

MOST_FACES = 12
ALIGNED = (178, 218)  # width and height of CelebA's photos, whose faces are where they belong
KINDS = ("image/jpeg", "image/png", "image/webp")
_BODY = {"content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in KINDS}, "required": True}
_REFUSED = {415: {"model": Error, "description": "That is no JPEG, PNG or WebP picture"}}


class FoundFace(BaseModel):
    """A face in a photo, in pixels of the upright photo; all null where none was looked for."""

    id: str = Field(examples=["kZ0Yw5n0T7yYzB1m2c3d4e"])
    face: str = Field(examples=["photo:kZ0Yw5n0T7yYzB1m2c3d4e"], description="wherever a face is asked for")
    box: tuple[float, float, float, float] | None = Field(
        examples=[(31.0, 42.5, 80.0, 101.0)], description="left, top, width, height"
    )
    landmarks: list[tuple[float, float]] | None = Field(
        examples=[[(50.5, 80.0), (91.0, 79.5), (70.0, 101.0), (55.0, 120.0), (86.0, 119.5)]],
        description="the eye at the left, the other, the nose, the mouth's corners",
    )
    score: float | None = Field(examples=[0.93], description="0 to 1, how sure it is that this is a face")


class PhotoInfo(BaseModel):
    """A photo and the faces in it, the largest first."""

    photo: str = Field(examples=["Qw3rTy5n0T7yYzB1m2c3dX"])
    size: tuple[int, int] = Field(examples=[(640, 480)], description="width and height of the upright photo")
    aligned: bool = Field(description="whether it was taken as it is, and no face looked for")
    whole: str = Field(examples=["photo:mN0Yw5n0T7yYzB1m2c3d4e"], description="all of it as a face, taken as it is")
    faces: list[FoundFace]


class Forgotten(BaseModel):
    forgotten: int = Field(examples=[5], description="how many things are not kept any more")


@router.post(
    "/photos",
    summary="Bring a photo",
    openapi_extra={"requestBody": _BODY},
    responses=_REFUSED,  # type: ignore[arg-type]
)
async def bring(
    request: Request,
    people: Those,
    model: Annotated[
        str | None, Query(max_length=200, description="what it is for; where that knows no faces, none is looked for")
    ] = None,
    aligned: Annotated[bool, Query(description="take it as it is, for it is aligned like the model's photos")] = False,
) -> PhotoInfo:
    """The body is the file itself: JPEG, PNG or WebP. It is kept in memory, for this session alone.

    Up to 12 faces are found, the largest. A face in profile may be missed: `whole` is for a photo that was cut by hand.

        curl -H 'Content-Type: image/jpeg' --data-binary @me.jpg -D - http://127.0.0.1:8000/api/v1/photos
    """
    if not request.headers.get("content-type", "").lower().startswith("image/"):
        raise Problem(415, "a photo is sent as the body, with a Content-Type such as image/jpeg")
    here, data = people.here, await request.body()
    if not data:
        raise Problem(422, "the body is empty: send a photo")
    plain = model is not None and not has_aligned_faces(
        here.shelf.find(model, "generator", "makeover").card()["dataset"]
    )

    def job() -> tuple[tuple[int, int], bool, list[Face]]:
        check_photo(data, here.settings.pixels)
        picture = read_photo(data)
        size = picture.shape[1], picture.shape[0]
        as_it_is = aligned or plain or size == ALIGNED
        return size, as_it_is, [] if as_it_is else find_faces(picture, max_faces=MOST_FACES)

    size, as_it_is, found = await here.aside.run(job)
    photo = people.keep(Photo(data), len(data))
    whole = people.keep(Found(photo, None), 0, photo)
    faces = [_in_words(people.keep(Found(photo, face), 0, photo), face) for face in found]
    return PhotoInfo(
        photo=photo,
        size=size,
        aligned=as_it_is,
        whole=f"photo:{whole}",
        faces=[_in_words(whole, None)] if as_it_is else faces,
    )


def _in_words(name: str, face: Face | None) -> FoundFace:
    found: dict[str, Any] = {"box": None, "landmarks": None, "score": None}
    if face is not None:
        found = {"box": face.box, "landmarks": face.landmarks.tolist(), "score": face.score}
    return FoundFace(id=name.rpartition(":")[2], face=f"photo:{name}", **found)


@router.delete("/photos/{photo}", summary="Forget a photo")
async def forget(photo: str, people: Those) -> Forgotten:
    """The photo, its faces, and all that was made of them."""
    return Forgotten(forgotten=people.forget(photo))


@router.delete("/session", summary="Forget everything of this visitor")
async def leave(people: Those, response: Response) -> Forgotten:
    if people.session is None:
        return Forgotten(forgotten=0)
    count = len(people.session)
    people.here.sessions.forget(people.session)
    for name in ("set-cookie", "x-session"):
        del response.headers[name]
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return Forgotten(forgotten=count)


@router.get(
    "/faces/{name}.png",
    summary="A face of this session",
    response_class=Response,
    responses={200: {"description": "One picture", "content": {"image/png": {}}}},
)
async def face(
    name: str,
    people: Those,
    response: Response,
    what: Annotated[Literal["made", "cut"], Query(description="cut: what the model sees of the photo")] = "made",
    model: Annotated[str | None, Query(max_length=200, description="for a found face; also a makeover")] = None,
) -> Response:
    """`cut` is the face as it lies in the photo, turned upright and as large as the model's pictures are."""
    thing, reference = people.find(name), f"photo:{name}"
    if what == "cut" and isinstance(thing, Found):
        network = await people.network(model)
        picture = (await people.cut(reference, network)).image
        made = await people.here.aside.run(lambda: encoded(picture, "png", UNCHANGED))
        return answered(made, MEDIA["png"], response)
    generator = await people.model(model or getattr(thing, "model", None))
    person = await people.person(reference, generator)
    if what == "cut":
        if person.subject.image is None:
            raise Problem(404, "that face is of no photo, so nothing was cut: ask for what=made")
        return answered(encoded(person.subject.image, "png", UNCHANGED), MEDIA["png"], response)
    z = person.subject.z[None]
    made = await drawn(people, generator, 1, lambda: z, "png", about(generator, [person]))
    return answered(made, MEDIA["png"], response)

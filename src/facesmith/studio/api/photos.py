"""/photos: upload photos, find the faces in them, and delete them again."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from facesmith import Face, find_faces, has_aligned_faces, identify, read_photo
from facesmith.studio.errors import Problem
from facesmith.studio.face_resolver import FaceInPhoto, FacesDep, Photo
from facesmith.studio.image_responses import encode_sheet, unchanged_metadata
from facesmith.studio.rendering import face_metadata, render_faces, session_response
from facesmith.studio.schemas import content
from facesmith.studio.sessions import COOKIE, HEADER
from facesmith.studio.uploads import UNSUPPORTED_TYPE, UPLOAD, check_photo, read_upload

router = APIRouter(tags=["photos"])

MAX_PHOTO_FACES = 12
ALIGNED_SIZE = (178, 218)  # of CelebA's aligned photos
_SESSION: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The faces in the photo",
        "headers": {HEADER: {"description": "The session, for further requests", "schema": {"type": "string"}}},
    }
}


class PhotoFace(BaseModel):
    """A face in a photo, in pixels of the upright photo; null without detection."""

    id: str = Field(examples=["kZ0Yw5n0T7yYzB1m2c3d4e"])
    face: str = Field(examples=["photo:kZ0Yw5n0T7yYzB1m2c3d4e"], description="reference for other requests")
    box: tuple[float, float, float, float] | None = Field(
        examples=[(31.0, 42.5, 80.0, 101.0)], description="left, top, width, height"
    )
    landmarks: list[tuple[float, float]] | None = Field(
        examples=[[(50.5, 80.0), (91.0, 79.5), (70.0, 101.0), (55.0, 120.0), (86.0, 119.5)]],
        description="left eye, right eye, nose, left and right corner of the mouth, as seen in the photo",
    )
    score: float | None = Field(examples=[0.93], description="confidence of the detector, from 0 to 1")


class Provenance(BaseModel):
    """The marks in a photo, as returned by /identify. They prove nothing: anyone can write or remove them."""

    kind: Literal["generated", "edited", "other", "unmarked"]
    c2pa: bool = Field(description="whether it contains a C2PA manifest (content credentials)")
    summary: str


class PhotoInfo(BaseModel):
    """A photo and the faces in it, the largest first."""

    photo: str = Field(examples=["Qw3rTy5n0T7yYzB1m2c3dX"])
    size: tuple[int, int] = Field(examples=[(640, 480)], description="width and height of the upright photo")
    aligned: bool = Field(description="whether detection was skipped and the whole photo is one aligned face")
    whole: str = Field(
        examples=["photo:mN0Yw5n0T7yYzB1m2c3d4e"], description="reference to the whole photo as one aligned face"
    )
    faces: list[PhotoFace]
    provenance: Provenance


class DeleteResponse(BaseModel):
    forgotten: int = Field(examples=[5], description="number of deleted items")


@router.post(
    "/photos",
    summary="Upload a photo",
    openapi_extra=UPLOAD,
    responses=_SESSION | UNSUPPORTED_TYPE,
)
async def upload_photo(
    request: Request,
    resolver: FacesDep,
    model: Annotated[
        str | None,
        Query(
            max_length=200,
            description="model to use the photo with; faces are detected only if it was trained on aligned faces",
        ),
    ] = None,
    aligned: Annotated[
        bool, Query(description="skip detection: the photo is aligned like the images of the model's dataset")
    ] = False,
) -> PhotoInfo:
    """The body is a JPEG, PNG or WebP file, or a form that contains one. It is kept in memory, for this session only.

    Up to 12 faces are found, the largest first. A face in profile may be missed: use `whole` for a photo that you have
    cropped yourself.

    Example:

        curl -H 'Content-Type: image/jpeg' --data-binary @me.jpg -D - http://127.0.0.1:8000/api/v1/photos
    """
    services, data = resolver.services, await read_upload(request)
    if not data:
        raise Problem(422, "the body is empty: send a photo")
    skips_detection = model is not None and not has_aligned_faces(
        services.registry.find(model, "generator", "makeover").card()["dataset"]
    )

    def job() -> tuple[tuple[int, int], bool, list[Face], Provenance]:
        check_photo(data, services.settings.pixels)
        image = read_photo(data)
        size = image.shape[1], image.shape[0]
        as_is = aligned or skips_detection or size == ALIGNED_SIZE
        found = [] if as_is else find_faces(image, max_faces=MAX_PHOTO_FACES)
        return size, as_is, found, Provenance.model_validate(identify(data), extra="ignore")

    size, as_is, faces, provenance = await services.jobs.run(job)
    item = Photo(data)
    photo = resolver.store(item, len(data))
    whole_id = resolver.store(FaceInPhoto(photo, None), 0, photo)
    photo_faces = [(resolver.store(FaceInPhoto(photo, face), 0, photo), face) for face in faces]
    infos = [_face_info(whole_id, None)] if as_is else [_face_info(item_id, face) for item_id, face in photo_faces]
    info = PhotoInfo(
        photo=photo, size=size, aligned=as_is, whole=f"photo:{whole_id}", faces=infos, provenance=provenance
    )
    item.about.update(info.model_dump())
    return info


@router.get("/photos", summary="List the photos of this session")
async def list_photos(resolver: FacesDep, response: Response) -> list[PhotoInfo]:
    """Newest first."""
    response.headers["Cache-Control"] = "no-store"
    items = resolver.session.items() if resolver.session else []
    photos = [item for _, item in items if isinstance(item, Photo) and item.about]
    return [PhotoInfo(**item.about) for item in sorted(photos, key=lambda item: -item.uploaded)]


@router.get(
    "/photos/{photo}/file",
    summary="Show a photo of this session",
    response_class=Response,
    responses=content("image/*", description="The photo as it was sent"),
)
async def photo_file(photo: str, resolver: FacesDep, response: Response) -> Response:
    item = resolver.get(photo)
    if not isinstance(item, Photo):
        raise Problem(404, "this is the id of a face: use the id of the photo, returned by POST /photos")
    form = "jpeg" if item.data.startswith(b"\xff\xd8") else "png" if item.data.startswith(b"\x89PNG") else "webp"
    return session_response(item.data, form, response)


def _face_info(item_id: str, face: Face | None) -> PhotoFace:
    position: dict[str, Any] = {"box": None, "landmarks": None, "score": None}
    if face is not None:
        position = {"box": face.box, "landmarks": face.landmarks.tolist(), "score": face.score}
    return PhotoFace(id=item_id, face=f"photo:{item_id}", **position)


@router.delete("/photos/{photo}", summary="Delete a photo")
async def delete_photo(photo: str, resolver: FacesDep) -> DeleteResponse:
    """Delete the photo, its faces, and everything derived from them."""
    return DeleteResponse(forgotten=resolver.delete(photo))


@router.delete("/session", summary="Delete everything in this session")
async def delete_session(resolver: FacesDep, response: Response) -> DeleteResponse:
    if resolver.session is None:
        return DeleteResponse(forgotten=0)
    count = len(resolver.session)
    resolver.services.sessions.delete(resolver.session)
    for name in ("set-cookie", "x-session"):
        del response.headers[name]
    response.delete_cookie(COOKIE, path=resolver.services.settings.cookie_path, httponly=True, samesite="strict")
    return DeleteResponse(forgotten=count)


@router.get(
    "/faces/{name}.png",
    summary="Show a face of this session",
    response_class=Response,
    responses=content("image/png", description="One image"),
)
async def face_image(
    name: str,
    resolver: FacesDep,
    response: Response,
    scale: Annotated[int, Query(ge=1, le=8, description="enlarge the image, with smooth edges")] = 1,
    what: Annotated[
        Literal["made", "cut"], Query(description="made: the model's reconstruction; cut: the crop of the photo")
    ] = "made",
    model: Annotated[str | None, Query(max_length=200, description="model or makeover, for a face in a photo")] = None,
) -> Response:
    """`made` is the model's reconstruction of the face; `cut` is the upright crop of the photo, at the model's size."""
    item, reference = resolver.get(name), f"photo:{name}"
    options: dict[str, Any] = {"scale": scale, "resample": "lanczos"}
    if what == "cut" and isinstance(item, FaceInPhoto):
        crop = await resolver.crop(reference, await resolver.network(model))
        metadata = unchanged_metadata(resolver.marks(item))
        png = await resolver.services.jobs.run(lambda: encode_sheet(crop.image[None], "png", metadata, **options))
        return session_response(png, "png", response)
    generator = await resolver.model(model or getattr(item, "model", None))
    face = await resolver.face(reference, generator)
    if what == "cut":
        if face.latent.image is None:
            raise Problem(404, "a generated face has no photo: request what=made")
        metadata = unchanged_metadata(face.latent.marks)
        return session_response(encode_sheet(face.latent.image[None], "png", metadata, **options), "png", response)
    z = face.latent.z[None]
    png = await render_faces(resolver, generator, 1, lambda: z, "png", face_metadata(generator, [face]), **options)
    return session_response(png, "png", response)

"""Resolve the face references of a request, "seed:7:3" and "photo:ID", to latents.

A photo is stored as it was sent. The crop of a face and its latent are cached in the session, so that a slider costs no
more than the faces it shows.
"""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
from fastapi import Depends, Request, Response, Security
from fastapi.security import APIKeyHeader

from facesmith import (
    Face,
    FaceCrop,
    FaceLatent,
    Makeover,
    Marks,
    Model,
    crop_faces,
    parse_face_ref,
    read_marks,
    seed_latents,
)
from facesmith.errors import FacesmithError
from facesmith.studio.errors import NotFound, Problem
from facesmith.studio.services import Services, ServicesDep, open_session, session_id
from facesmith.studio.sessions import HEADER, Session

PHOTO_PREFIX = "photo:"
ITEM_BYTES = 500  # that an item takes besides its arrays


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo as it was sent, what was found in it, and the ids of everything derived from it."""

    data: bytes
    about: dict[str, Any] = field(default_factory=dict)
    uploaded: float = field(default_factory=time.monotonic)
    derived: list[str] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class FaceInPhoto:
    """A face in the photo with the id ``photo``; without a ``face``, the whole photo.

    ``cached`` has the ids of its crops and latents, by network.
    """

    photo: str
    face: Face | None
    cached: dict[str, str] = field(default_factory=dict)
    encoding: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, eq=False)
class ResolvedFace:
    """A face with its latent. ``model`` is the model's name in addresses, ``photo`` the id of the photo, or None.

    ``latent_space`` is the `latent_space` of the model, which may have been replaced since. ``crop`` is the place of
    the face in its photo.
    """

    latent: FaceLatent
    model: str
    latent_space: str
    photo: str | None
    crop: FaceCrop | None = None


class FaceResolver:
    """Resolves the faces of one request. A session starts when something must be stored, so seeds need none."""

    def __init__(self, services: Services, request: Request, response: Response) -> None:
        self.services, self._request, self._response = services, request, response
        self.session: Session | None = None
        self._model_name = ""  # in addresses, of the model of this request
        if services.sessions.find(session_id(request)) is not None:
            self.open_session()

    def open_session(self) -> Session:
        """Return the session. Its cookie and header are set on the `Response` that FastAPI injects."""
        if self.session is None:
            self.session = open_session(self._request, self._response, self.services)
        return self.session

    async def model(self, name: str | None) -> Model:
        """Return the generator of this request, by default the first."""
        self._model_name = self.services.registry.find(name, "generator").name
        return await self.services.registry.model(self._model_name)

    async def network(self, name: str | None) -> Model | Makeover:
        """Return a generator or a makeover, which both determine how photos are cropped; by default a generator."""
        kinds = ("generator", "makeover") if name else ("generator",)
        item = self.services.registry.find(name, *kinds)
        return await (self.model(item.name) if item.kind == "generator" else self.services.registry.makeover(item.name))

    def store(self, item: object, size: int, photo: str | None = None) -> str:
        """Store an item of ``size`` bytes, which is deleted with its ``photo`` if it has one. Return its id."""
        session = self.open_session()
        derived = [] if photo is None else self._photo(photo).derived
        item_id = self.services.sessions.store(session, item, ITEM_BYTES + size)
        derived.append(item_id)
        if len(derived) > 2 * len(session):
            derived[:] = [key for key in derived if key in session]
        return item_id

    def store_face(self, face: ResolvedFace) -> str:
        return self.store(face, face.latent.z.nbytes, face.photo)

    def get(self, item_id: str) -> Any:
        """Return an item by its id or by the reference "photo:ID". Raises `NotFound` for one of another session."""
        return (self.session or Session("", 0, 0)).get(item_id.removeprefix(PHOTO_PREFIX))

    def delete(self, photo: str) -> int:
        """Delete a photo and everything derived from it. Return the number of deleted items."""
        session, item_ids = self.open_session(), [*self._photo(photo).derived, photo]
        count = len(session)
        for item_id in item_ids:
            if item_id in session:
                session.delete(item_id)
        return count - len(session)

    async def crop(self, reference: str, network: Model | Makeover) -> FaceCrop:
        """Return a face of a photo, cropped like a network's dataset. Raises `Problem` for any other face."""
        face = self.get(reference) if reference.startswith(PHOTO_PREFIX) else None
        if not isinstance(face, FaceInPhoto):
            raise Problem(400, "this face is not from a photo: use a face returned by POST /photos")
        key = f"crop {network.digest}"
        cached = self._cached(face, key)
        if isinstance(cached, FaceCrop):
            return cached
        photo = self._photo(face.photo)

        def job() -> FaceCrop:
            faces = "largest" if face.face is None else [face.face]
            return crop_faces(photo.data, network.card["dataset"], faces=faces, aligned=face.face is None)[0]

        crop = await self.services.jobs.run(job)
        face.cached[key] = self.store(crop, crop.image.nbytes, face.photo)
        return crop

    async def face(self, reference: str, model: Model) -> ResolvedFace:
        """Return a face with its latent in ``model``: of a seed, encoded from a photo, or stored before."""
        if not reference.startswith(PHOTO_PREFIX):
            return await self._seed_face(reference, model)
        item = self.get(reference)
        if isinstance(item, ResolvedFace):
            if item.latent_space != latent_space(model):
                raise Problem(
                    400, f"this face belongs to the model {item.model}, not to {model.name}: select that model"
                )
            return item
        if not isinstance(item, FaceInPhoto):
            raise Problem(400, "this is the id of a photo: use one of its faces, or the reference of the whole photo")
        async with item.encoding:  # a moving slider sends the next request before the first response
            cached = self._cached(item, latent_space(model))
            if isinstance(cached, ResolvedFace):
                return cached
            if "encoder" not in model.card:
                raise Problem(400, f"{model.name} has no encoder, so it cannot use photos: choose another model")
            crop = await self.crop(reference, model)
            image = crop.image
            z = (await self.services.jobs.run(lambda: model.encode(image)))[0]
            latent = FaceLatent(reference, z, image, self.marks(item))
            face = ResolvedFace(latent, self._model_name, latent_space(model), item.photo, crop)
            item.cached[latent_space(model)] = self.store(face, z.nbytes + image.nbytes, item.photo)
        return face

    async def faces(self, references: list[str], model: Model) -> list[ResolvedFace]:
        return [await self.face(reference, model) for reference in references]

    async def _seed_face(self, reference: str, model: Model) -> ResolvedFace:
        try:
            ref = parse_face_ref(reference)
        except FacesmithError as error:
            raise Problem(422, str(error)) from None
        # Restoring locked attributes generates and encodes faces.
        is_slow = any(mix.locked for mix in ref.mixes)
        z = await self.services.jobs.run(lambda: seed_latents(model, [ref])) if is_slow else seed_latents(model, [ref])
        latent = FaceLatent(reference, np.pad(z[0], (0, model.detail_size)))
        return ResolvedFace(latent, self._model_name, latent_space(model), None)

    def marks(self, face: FaceInPhoto) -> Marks | None:
        """Return the marks of the photo of a face."""
        return read_marks(self._photo(face.photo).data)

    def _photo(self, item_id: str) -> Photo:
        photo = self.get(item_id)
        if not isinstance(photo, Photo):
            raise NotFound("this is the id of a face: use the id of the photo, returned by POST /photos")
        return photo

    def _cached(self, face: FaceInPhoto, key: str) -> Any:
        item_id = face.cached.get(key)
        return (
            self.get(item_id) if item_id is not None and self.session is not None and item_id in self.session else None
        )


_SESSION = APIKeyHeader(
    name=HEADER,
    scheme_name="session",
    description="The id of the session with photos and faces, from the header of an earlier response. Browsers use a "
    "cookie instead",
    auto_error=False,
)


async def _face_resolver(
    request: Request,
    response: Response,
    services: ServicesDep,
    _: Annotated[str | None, Security(_SESSION)],  # only for the OpenAPI document
) -> FaceResolver:
    return FaceResolver(services, request, response)


FacesDep = Annotated[FaceResolver, Depends(_face_resolver)]


def latent_space(model: Model) -> str:
    """Return a text that is equal for models whose latents are interchangeable."""
    return f"{model.digest} {model.card.get('encoder', {}).get('digest', '')}"

"""The faces that a request speaks of: from "seed:7:3" and "photo:ID" to latents.

A photo is kept as it was sent. What is found out about a face of it, where it is, how a model sees it, its latent, is
kept as well, so that a slider costs no more than the faces it shows.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
from fastapi import Depends, Request, Response
from numpy.typing import NDArray

from facesmith import Face, FaceCrop, FaceLatent, Makeover, Model, crop_faces
from facesmith.studio.errors import NotHere, Problem
from facesmith.studio.services import Here, Parts, begun, session_name
from facesmith.studio.sessions import Session

SEED, PHOTO = "seed", "photo"
REFERENCE = r"^(seed:[0-9]{1,18}(:[0-9]{1,9}(:[0-2](\.[0-9]{1,6})?)?)?|photo:[A-Za-z0-9_-]{22})$"
SMALL = 500  # bytes that a face takes besides its numbers

Latent = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo as it was sent, and the ids of all that is kept because of it."""

    data: bytes
    kept: list[str] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Found:
    """A face in the photo of the id ``photo``, or with no ``face`` all of the photo, taken as it is.

    ``known`` has the ids of what was found out about it, by what network.
    """

    photo: str
    face: Face | None
    known: dict[str, str] = field(default_factory=dict)
    finding: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, eq=False)
class Person:
    """A face with a latent of the model that addresses call ``model``; ``photo`` is the id of the one it is from.

    ``key`` is the `key` of the model, which may be another one by now.
    """

    subject: FaceLatent
    model: str
    key: str
    photo: str | None


class People:
    """The faces of one request. A session begins when there is something to keep: to ask for seeds needs none."""

    def __init__(self, here: Parts, request: Request, response: Response) -> None:
        self.here, self._request, self._response = here, request, response
        self.session: Session | None = None
        self._called = ""  # the name in addresses of the model that this request is about
        if here.sessions.find(session_name(request)) is not None:
            self.begin()

    def begin(self) -> Session:
        """The session of who asks, whose cookie and header go into the `Response` that FastAPI injects."""
        if self.session is None:
            self.session = begun(self._request, self._response, self.here.sessions)
        return self.session

    async def model(self, name: str | None) -> Model:
        """The generator that this request is about; by default the first."""
        self._called = self.here.shelf.find(name, "generator").name
        return await self.here.shelf.model(self._called)

    async def network(self, name: str | None) -> Model | Makeover:
        """A generator or a makeover, both of which want photos cut as their datasets are; by default a generator."""
        kinds = ("generator", "makeover") if name else ("generator",)
        item = self.here.shelf.find(name, *kinds)
        return await (self.model(item.name) if item.kind == "generator" else self.here.shelf.makeover(item.name))

    def keep(self, thing: object, size: int, photo: str | None = None) -> str:
        """Keep a thing of so many bytes, no longer than its ``photo``, which must be there; its id."""
        session = self.begin()
        kept = [] if photo is None else self._photo(photo).kept
        name = self.here.sessions.keep(session, thing, SMALL + size)
        kept.append(name)
        if len(kept) > 2 * len(session):
            kept[:] = [one for one in kept if one in session]
        return name

    def find(self, name: str) -> Any:
        """What is kept under an id, or the reference "photo:ID"; `NotHere` for what this visitor does not have."""
        return (self.session or Session("", 0, 0)).find(name.removeprefix(f"{PHOTO}:"))

    def forget(self, photo: str) -> int:
        """Forget a photo and all that is kept because of it: so many things."""
        session, kept = self.begin(), [*self._photo(photo).kept, photo]
        before = len(session)
        for name in kept:
            if name in session:
                session.forget(name)
        return before - len(session)

    async def cut(self, reference: str, network: Model | Makeover) -> FaceCrop:
        """A face of a photo as the dataset of a network would hold it; `Problem` for a face that is of no photo."""
        found = None if reference.startswith(SEED) else self.find(reference)
        if not isinstance(found, Found):
            raise Problem(400, "that face is not one found in a photo: give one that POST /photos answered with")
        about = f"cut {network.digest}"
        known = self._known(found, about)
        if not isinstance(known, FaceCrop):
            photo = self._photo(found.photo)

            def job() -> FaceCrop:
                faces = "largest" if found.face is None else [found.face]
                return crop_faces(photo.data, network.card["dataset"], faces=faces, aligned=found.face is None)[0]

            cut = await self.here.aside.run(job)
            self._know(found, about, cut, cut.image.nbytes)
            return cut
        return known

    async def person(self, reference: str, model: Model) -> Person:
        """A face with its latent, which `model` has given: of a seed, of a photo, encoded once, or one kept before."""
        if reference.startswith(SEED):
            return _of_seed(reference, model, self._called)
        thing = self.find(reference)
        if isinstance(thing, Person):
            if thing.key != key(model):
                raise Problem(400, f"that face was made with {thing.model}, and not with {model.name} as it is now")
            return thing
        if not isinstance(thing, Found):
            raise Problem(400, "that is the id of a photo: give one of its faces, or the reference of the whole of it")
        async with thing.finding:  # who moves a slider asks again before the first answer is there
            known = self._known(thing, key(model))
            if isinstance(known, Person):
                return known
            if "encoder" not in model.card:
                raise Problem(400, f"{model.name} has no encoder, so it takes no photos: choose another model")
            picture = (await self.cut(reference, model)).image
            z = (await self.here.aside.run(lambda: model.encode(picture)))[0]
            person = Person(FaceLatent(reference, z, picture), self._called, key(model), thing.photo)
            self._know(thing, key(model), person, z.nbytes + picture.nbytes)
        return person

    async def people(self, references: list[str], model: Model) -> list[Person]:
        return [await self.person(reference, model) for reference in references]

    def keep_person(self, person: Person) -> str:
        return self.keep(person, person.subject.z.nbytes, person.photo)

    def _photo(self, name: str) -> Photo:
        photo = self.find(name)
        if not isinstance(photo, Photo):
            raise NotHere("that is the id of a face: the id of its photo is what POST /photos answered with")
        return photo

    def _known(self, found: Found, about: str) -> Any:
        name = found.known.get(about)
        return self.find(name) if name is not None and self.session is not None and name in self.session else None

    def _know(self, found: Found, about: str, thing: object, size: int) -> None:
        found.known[about] = self.keep(thing, size, found.photo)


async def _people(request: Request, response: Response, here: Here) -> People:
    return People(here, request, response)


Those = Annotated[People, Depends(_people)]


def key(model: Model) -> str:
    """What two models have in common whose latents mean the same."""
    return f"{model.digest} {model.card.get('encoder', {}).get('digest', '')}"


def _of_seed(reference: str, model: Model, called: str) -> Person:
    seed, index, truncation = [*reference.split(":")[1:], *("", "0", "1")[reference.count(":") :]]
    if float(truncation) > 2:
        raise Problem(422, f"{reference}: truncation is 0 to 2")
    z = model.latents(1, int(seed), start=int(index))[0] * np.float32(truncation)
    return Person(FaceLatent(reference, np.pad(z, (0, model.detail_size))), called, key(model), None)

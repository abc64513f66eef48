"""Rename and delete runs, models and datasets, if the studio allows training."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Body
from pydantic import BaseModel, Field

import facesmith
from facesmith.studio.api.training import RunName
from facesmith.studio.registry import MODELS, Item
from facesmith.studio.schemas import RequestBody
from facesmith.studio.services import Services, ServicesDep

router = APIRouter()


class RenameRequest(RequestBody):
    """A new name."""

    name: RunName = Field(examples=["second-run"], description="name of the folder and of the item in this studio")


class Renamed(BaseModel):
    """The new name of an item."""

    name: str


Rename = Annotated[RenameRequest, Body()]


@router.post("/runs/{name}/rename", summary="Rename a run", tags=["runs"])
async def rename_run(name: str, body: Rename, services: ServicesDep) -> Renamed:
    return await _rename(services, services.registry.find(name, "run"), body.name)


@router.delete("/runs/{name}", summary="Delete a run", tags=["runs"], status_code=204)
async def delete_run(name: str, services: ServicesDep) -> None:
    """Delete the run's checkpoints, sheets and reports from the disk."""
    await _delete(services, services.registry.find(name, "run"))


@router.post("/models/{name}/rename", summary="Rename a model", tags=["models"])
async def rename_model(name: str, body: Rename, services: ServicesDep) -> Renamed:
    return await _rename(services, services.registry.find(name, *MODELS), body.name)


@router.delete("/models/{name}", summary="Delete a model", tags=["models"], status_code=204)
async def delete_model(name: str, services: ServicesDep) -> None:
    """Delete the model's folder from the disk. Included models cannot be deleted."""
    await _delete(services, services.registry.find(name, *MODELS))


@router.post("/datasets/{name}/rename", summary="Rename a dataset", tags=["datasets"])
async def rename_dataset(name: str, body: Rename, services: ServicesDep) -> Renamed:
    return await _rename(services, services.registry.find(name, "dataset"), body.name)


@router.delete("/datasets/{name}", summary="Delete a dataset", tags=["datasets"], status_code=204)
async def delete_dataset(name: str, services: ServicesDep) -> None:
    """Delete the dataset's folder from the disk, but not the photos that it was imported from."""
    await _delete(services, services.registry.find(name, "dataset"))


async def _rename(services: Services, item: Item, name: str) -> Renamed:
    with services.training_jobs.changing(item.path):
        services.registry.check_owned(item)
        path = await asyncio.to_thread(facesmith.rename_artefact, item.path, name)
    _forget(services, item)
    return Renamed(name=next(found.name for found in services.registry.items(item.kind) if found.path == path))


async def _delete(services: Services, item: Item) -> None:
    with services.training_jobs.changing(item.path):
        services.registry.check_owned(item)
        await asyncio.to_thread(facesmith.delete_artefact, item.path)
    _forget(services, item)


def _forget(services: Services, item: Item) -> None:
    if item.kind == "run":
        services.training_jobs.forget(item.name)
    services.registry.refresh()

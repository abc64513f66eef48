"""Access the Hugging Face hub through its client, for datasets and models."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from facesmith.errors import FacesmithError
from facesmith.extras import require


def load_client(purpose: str) -> Any:
    """Return the module ``huggingface_hub``. Raise `FacesmithError` if it is missing; ``purpose`` names its use."""
    for switch in ("HF_HUB_DISABLE_XET", "HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_PROGRESS_BARS"):
        os.environ.setdefault(switch, "1")  # plain HTTP, no telemetry, and no second progress bar
    return require("huggingface_hub", "hub", purpose)


def hub_options() -> dict[str, str | None]:
    """Return the endpoint and the cache folder. They are read on every call; the client reads them only on import."""
    return {"endpoint": os.environ.get("HF_ENDPOINT"), "cache_dir": os.environ.get("HF_HUB_CACHE")}


@contextmanager
def translate_errors(repository: str) -> Iterator[None]:
    """Raise `FacesmithError` for the errors of huggingface_hub: not found, no access, invalid name or no connection."""
    errors = require("huggingface_hub.errors", "hub", "reading from the Hugging Face hub")
    try:
        yield
    except errors.GatedRepoError:
        raise FacesmithError(
            f"{repository} is gated: accept its terms on its hub page, and log in with hf auth login"
        ) from None
    except errors.RevisionNotFoundError:
        raise FacesmithError(
            f"this revision of {repository} was not found on the hub: check the name after the @"
        ) from None
    except errors.RepositoryNotFoundError:
        raise FacesmithError(
            f"{repository} was not found on the hub: check the name, and log in with hf auth login if it is private"
        ) from None
    except errors.HFValidationError as error:
        raise FacesmithError(f"invalid repository {repository!r}: {error}") from None
    except errors.HfHubHTTPError as error:
        status = getattr(error.response, "status_code", "an error")
        if status in (401, 403):
            raise FacesmithError(
                f"access to {repository} is denied: log in with hf auth login, or check the name"
            ) from None
        raise FacesmithError(f"the hub answered {status} for {repository}: try again later") from None
    except (
        errors.LocalEntryNotFoundError,
        errors.OfflineModeIsEnabled,
        errors.HTTPError,
        ConnectionError,
        TimeoutError,
    ):
        raise FacesmithError(
            f"{repository} cannot be downloaded because the hub cannot be reached: check the network and HF_ENDPOINT"
        ) from None

"""The Hugging Face hub, through its own client: for datasets and for models."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from facesmith.errors import FacesmithError
from facesmith.extras import require


def client(purpose: str) -> Any:
    """The module ``huggingface_hub``, or `FacesmithError` saying that ``purpose`` needs it."""
    for switch in ("HF_HUB_DISABLE_XET", "HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_PROGRESS_BARS"):
        os.environ.setdefault(switch, "1")  # plain HTTP, no reports, and our own progress bar
    return require("huggingface_hub", "hub", purpose)


def places() -> dict[str, str | None]:
    """Where the hub is and where its files are kept, read now: the client reads its environment only once."""
    return {"endpoint": os.environ.get("HF_ENDPOINT"), "cache_dir": os.environ.get("HF_HUB_CACHE")}


@contextmanager
def one_sentence(repository: str) -> Iterator[None]:
    """Turn what huggingface_hub raises into one sentence: not there, not ours to read, or not reachable."""
    errors = require("huggingface_hub.errors", "hub", "reading from the Hugging Face hub")
    try:
        yield
    except errors.GatedRepoError:
        raise FacesmithError(
            f"{repository} asks for consent: accept its terms on its page of the hub, then log in with hf auth login"
        ) from None
    except errors.RepositoryNotFoundError:
        raise FacesmithError(
            f"{repository} was not found on the hub: check the name, and log in with hf auth login if it is private"
        ) from None
    except errors.HFValidationError as error:
        raise FacesmithError(f"{repository!r} is no name on the hub: {error}") from None
    except errors.HfHubHTTPError as error:
        status = getattr(error.response, "status_code", "an error")
        if status in (401, 403):
            raise FacesmithError(
                f"{repository} is not open to you: log in with hf auth login, or check the name"
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
            f"the hub cannot be reached, and {repository} must be downloaded from it: check the network and HF_ENDPOINT"
        ) from None

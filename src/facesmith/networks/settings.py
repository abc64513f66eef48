"""Settings: dataclass fields with a default, a description and a valid range. Nothing here imports torch."""

import math
import unicodedata
from dataclasses import Field, dataclass, field, fields
from typing import Any

from facesmith.errors import FacesmithError

MAX_INTEGER = 2**63 - 1  # of torch and TOML
MAX_QUOTED = 60  # characters of a value in a message
TYPE_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


def setting(
    default: Any,
    about: str,
    choices: tuple[Any, ...] = (),
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    group: str = "network",
) -> Any:
    """Define a setting; `check_setting` refuses values outside of its choices or range."""
    metadata = {"about": about, "choices": choices, "minimum": minimum, "maximum": maximum, "group": group}
    return field(default=default, metadata=metadata)


def setting_fields(owner: Any) -> dict[str, Field[Any]]:
    """Return the settings of a dataclass or of one of its instances, by name."""
    return {f.name: f for f in fields(owner) if f.metadata}


def parse_setting(field: Field[Any], text: str) -> Any:
    """Return the value that ``text`` means for a setting, or raise `FacesmithError`."""
    value: Any = text
    if field.default is None and text.lower() == "none":
        return None
    kind = _type(field)
    try:
        value = {"true": True, "false": False}[text.lower()] if kind is bool else kind(text)
    except (KeyError, ValueError):
        raise _invalid(field, text, TYPE_NAMES[kind]) from None
    return check_setting(field, value)


def check_setting(field: Field[Any], value: Any) -> Any:
    """Return the value, or raise `FacesmithError` where the setting cannot have it."""
    if value is None and field.default is None:
        return None
    kind, choices = _type(field), field.metadata["choices"]
    minimum, maximum = field.metadata["minimum"], field.metadata["maximum"]
    if maximum is None and kind is int:
        maximum = MAX_INTEGER
    if kind is float and type(value) is int:
        value = float(value) if abs(value) <= MAX_INTEGER else math.inf
    if type(value) is not kind:
        raise _invalid(field, value, TYPE_NAMES[kind])
    if isinstance(value, str) and not all(map(_is_plain, value)):
        raise _invalid(field, value, "a text without control characters")
    if choices and value not in choices:
        raise _invalid(field, value, f"one of {', '.join(map(str, choices))}")
    if minimum is not None and not value >= minimum:
        raise _invalid(field, value, f"at least {minimum}")
    if maximum is not None and value > maximum:
        raise _invalid(field, value, f"at most {maximum}")
    if isinstance(value, float) and not math.isfinite(value):
        raise _invalid(field, value, "a finite number")
    return value


def _type(field: Field[Any]) -> type:
    return float if field.default is None else type(field.default)


def _is_plain(character: str) -> bool:
    """Return whether a character can be in a text: not control characters, nor lone surrogates."""
    return unicodedata.category(character) not in ("Cc", "Cs")


def _invalid(field: Field[Any], value: Any, expected: str) -> FacesmithError:
    is_long = isinstance(value, int) and value.bit_length() > 4 * MAX_QUOTED  # Python refuses to print the longest
    text = "a longer number" if is_long else str(value)
    text = text if len(text) <= MAX_QUOTED else f"{text[:MAX_QUOTED]}…"
    return FacesmithError(f"invalid {field.name}={text}: expected {expected} ({field.metadata['about']})")


@dataclass(frozen=True)
class FamilyConfig:
    """What the networks of a GAN family are built from. A family adds its settings; model folders keep all of it."""

    size: tuple[int, int]  # image width and height, pixels
    latent_size: int = 100

    def __post_init__(self) -> None:
        """Raise `FacesmithError` for a setting out of range; a family extends this to refuse sizes it cannot make."""
        if self.latent_size < 1:
            raise FacesmithError(f"invalid latent_size={self.latent_size}: expected at least 1")
        check_settings(self)

    @classmethod
    def grow(cls, settings: dict[str, Any]) -> dict[str, Any]:
        """Return the settings of networks for twice the size whose coarse levels have ``settings``.

        The networks of a family that can grow have a method ``start_from(smaller)``, which takes a state dict.
        """
        raise FacesmithError("networks of this family cannot grow: continue with images of the same size")


@dataclass(frozen=True)
class MakeoverConfig:
    """What the networks of a makeover family are built from. A family adds its settings."""

    size: tuple[int, int]  # image width and height, pixels
    directions: int = 1

    def __post_init__(self) -> None:
        """Raise `FacesmithError` for a setting out of range."""
        if self.directions < 1:
            raise FacesmithError(f"invalid directions={self.directions}: expected at least 1")
        check_settings(self)


def check_settings(owner: Any) -> None:
    """Check every setting of a dataclass instance by `check_setting`."""
    for name, declared in setting_fields(owner).items():
        check_setting(declared, getattr(owner, name))

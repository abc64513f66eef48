"""The settings of the built-in network families, and the sizes that each can make. Nothing here imports torch.

The networks of a family are in `facesmith.networks.gan` or `facesmith.networks.makeover`, in the file named after it.
"""

from dataclasses import dataclass
from typing import Any

from facesmith.errors import FacesmithError
from facesmith.networks.settings import FamilyConfig, MakeoverConfig, setting

MIN_SIDE, MAX_SIDE, MAX_RATIO = 16, 256, 2  # of dcgan and residual: pixels; the longer side over the shorter
ARTIFACE_SIDES = 32, 256  # pixels
MINI28_SIDE = 28  # pixels


def _flatten_setting() -> Any:
    return setting(
        0.0,
        "average neighbouring pixels in generated images if their colours differ by no more than about this many of "
        "255 grey levels, for the flat areas of drawings; 0 disables the filter",
        minimum=0,
        maximum=255,
    )


@dataclass(frozen=True)
class ArtifaceConfig(FamilyConfig):
    """The settings of the family. G's width is quadrupled at a quarter of the size, and halved at the full size."""

    generator_width: int = setting(
        128, "number of channels in G's layer at half the image resolution; must be even", minimum=2
    )
    discriminator_width: int = setting(64, "number of channels in D's layer at half the image resolution", minimum=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        low, high = ARTIFACE_SIDES
        if not all(low <= side <= high and side % 4 == 0 for side in self.size):
            sizes = f"{low}x{low} to {high}x{high} in multiples of 4"
            raise _wrong_size("artiface", self.size, sizes, "128 or 80x100")
        if self.generator_width % 2:
            raise FacesmithError(f"invalid generator_width={self.generator_width}: expected an even number")

    @property
    def grid(self) -> tuple[int, int]:
        """Return (height, width) of the grid that G starts from and D ends with."""
        return self.size[1] // 4, self.size[0] // 4


@dataclass(frozen=True)
class DCGANConfig(FamilyConfig):
    """The settings of the family; channels are doubled at every halving, up to eight times."""

    generator_width: int = setting(64, "number of channels in G's layer at half the image resolution", minimum=1)
    discriminator_width: int = setting(64, "number of channels in D's layer at half the image resolution", minimum=1)
    kernel: int = setting(4, "size of every convolution kernel", (4, 5))
    bias: bool = setting(False, "use biases in convolutions and linear layers")
    generator_norm: bool = setting(True, "use batch norm in G")
    discriminator_norm: bool = setting(True, "use batch norm in D, except after its first layer")
    flatten: float = _flatten_setting()

    def __post_init__(self) -> None:
        super().__post_init__()
        fits = all(MIN_SIDE <= side <= MAX_SIDE for side in self.size)
        if not fits or max(self.size) > MAX_RATIO * min(self.size):
            sizes = f"{MIN_SIDE}x{MIN_SIDE} to {MAX_SIDE}x{MAX_SIDE} with an aspect ratio of at most {MAX_RATIO}:1"
            raise _wrong_size("dcgan", self.size, sizes, "64 or 80x100")

    @property
    def grids(self) -> list[tuple[int, int]]:
        """Return (height, width) at every level, finest first: the image, its half, ... down to the coarsest grid."""
        width, height = self.size
        grids = [(height, width)]
        rounding = self.kernel - 4  # half of an odd side is rounded down by kernel 4, up by kernel 5
        while min(grids[-1]) >= 8:
            grids.append(((grids[-1][0] + rounding) // 2, (grids[-1][1] + rounding) // 2))
        return grids

    def channels(self, width: int) -> list[int]:
        """Return the channels at every level of `grids`, the image's three first."""
        return [3, *(width * min(2**level, 8) for level in range(len(self.grids) - 1))]


@dataclass(frozen=True)
class Mini28Config(FamilyConfig):
    """The settings of the family; channels are doubled at every halving."""

    generator_width: int = setting(256, "number of channels in G's layer at half the image resolution", minimum=1)
    discriminator_width: int = setting(64, "number of channels in D's layer at half the image resolution", minimum=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.size != (MINI28_SIDE, MINI28_SIDE):
            raise _wrong_size("mini28", self.size, f"{MINI28_SIDE}x{MINI28_SIDE} only", str(MINI28_SIDE))


@dataclass(frozen=True)
class ResidualConfig(FamilyConfig):
    """The settings of the family; channels are doubled at every halving, up to six times in G and eight times in D."""

    generator_width: int = setting(32, "number of channels in G's layer at half the image resolution", minimum=1)
    discriminator_width: int = setting(32, "number of channels in D's layer at half the image resolution", minimum=1)
    blocks: int = setting(1, "residual blocks at every level of G", minimum=1)
    discriminator_blocks: int = setting(0, "residual blocks at every level of D", minimum=0)
    finest: int = setting(
        32, "highest resolution with residual blocks, as the length of the shorter side in pixels", minimum=1
    )
    mapping: int = setting(2, "layers of the mapping network from z to w; 0 disables it", minimum=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.plan  # noqa: B018 (refuses sizes that the family cannot make)

    @property
    def plan(self) -> DCGANConfig:
        """Return the dcgan family's config of the same sizes, whose grids this family uses."""
        return DCGANConfig(
            size=self.size,
            latent_size=self.latent_size,
            generator_width=self.generator_width,
            discriminator_width=self.discriminator_width,
        )

    def levels(self, grids: list[tuple[int, int]], blocks: int) -> list[int]:
        """Return the number of residual blocks at the level of each grid: ``blocks`` or none."""
        return [blocks if min(grid) <= self.finest else 0 for grid in grids]

    def channels(self, width: int, limit: int) -> list[int]:
        """Return the channels at every level, the image's three first; at most ``limit`` times ``width``."""
        return [3, *(width * min(2**level, limit) for level in range(len(self.plan.grids) - 1))]


@dataclass(frozen=True)
class SmoothConfig(FamilyConfig):
    """The settings of the family; channels are doubled at every halving, up to ``max_channels``."""

    generator_width: int = setting(64, "number of channels in G's layer at half the image resolution", minimum=1)
    discriminator_width: int = setting(48, "number of channels in D's layer at half the image resolution", minimum=1)
    max_channels: int = setting(512, "maximum number of channels at any level", minimum=1)
    discriminator_norm: bool = setting(False, "use batch norm in D, except after its first layer")
    palette: int = setting(
        0, "number of palette colours from which each output pixel is mixed; 0 for plain RGB output", minimum=0
    )
    scales: int = setting(
        1,
        "number of resolutions that G adds up and that D sees; one more each time the networks grow",
        minimum=1,
    )
    flatten: float = _flatten_setting()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.scales >= len(self.plan.grids):
            raise FacesmithError(f"invalid scales={self.scales}: expected less than {len(self.plan.grids)}")

    @classmethod
    def grow(cls, settings: dict[str, Any]) -> dict[str, Any]:
        widths = {name: settings[name] // 2 for name in ("generator_width", "discriminator_width")}
        return settings | widths | {"scales": settings["scales"] + 1}

    @property
    def plan(self) -> DCGANConfig:
        """Return the dcgan family's config of the same size, whose grids this family uses."""
        return DCGANConfig(size=self.size, latent_size=self.latent_size)

    def channels(self, width: int) -> list[int]:
        """Return the channels at half the image's size, at a quarter, and so on."""
        return [min(width * 2**level, self.max_channels) for level in range(len(self.plan.grids) - 1)]


@dataclass(frozen=True)
class DeepMakeoverConfig(MakeoverConfig):
    """The family has no settings. Sides are multiples of 4, at least 16; there is one direction."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _refuse_odd_size(self.size)
        if self.directions != 1:
            raise FacesmithError(
                f"the deep_makeover family learns one direction, not {self.directions}: start one run per "
                "direction, or use the makeover+ recipe"
            )


@dataclass(frozen=True)
class MaskedConfig(MakeoverConfig):
    """The settings of the family. Sides are multiples of 4, at least 16."""

    width: int = setting(
        16, "number of channels of G at full resolution, doubled at each of the two downsampling steps", minimum=1
    )
    blocks: int = setting(4, "number of residual blocks of G at the lowest resolution", minimum=1)
    discriminator_width: int = setting(
        32,
        "number of channels of D at half the image resolution, doubled at each of the three downsampling steps",
        minimum=1,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        _refuse_odd_size(self.size)


def _wrong_size(family: str, size: tuple[int, int], possible: str, example: str) -> FacesmithError:
    return FacesmithError(
        f"the {family} family does not support {size[0]}x{size[1]} images, only {possible}: import the photos "
        f"again, for example with --size {example}"
    )


def _refuse_odd_size(size: tuple[int, int]) -> None:
    """Refuse sizes that two poolings and two doublings do not restore."""
    if min(size) < 16 or any(side % 4 for side in size):
        raise FacesmithError(
            f"makeovers do not support {size[0]}x{size[1]} images: width and height must be multiples of 4 and at "
            "least 16; import the photos again, for example with --size 80x100"
        )


FAMILIES: dict[str, dict[str, Any]] = {  # by kind and name
    "gan": {
        "artiface": ArtifaceConfig,
        "dcgan": DCGANConfig,
        "mini28": Mini28Config,
        "residual": ResidualConfig,
        "smooth": SmoothConfig,
    },
    "makeover": {"deep_makeover": DeepMakeoverConfig, "masked": MaskedConfig},
}

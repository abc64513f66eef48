"""The feature network of published FIDs: TensorFlow's Inception of 2015-12-05, up to its 2,048 pooled features.

Szegedy et al., arXiv:1512.00567, in TensorFlow's version: a batch norm with ε 1e-3 and a ReLU after every convolution,
average pooling that ignores the padding, and max pooling instead of average pooling in the last block. Parameters are
named as in the file ``pt_inception-2015-12-05-6726825d.pth``.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

WIDTH = 2048
SIDE = 299
EPSILON = 1e-3  # of all batch norms

_Pair = tuple[int, int]


class Inception(nn.Module):
    """Map images (N x 3 x 299 x 299, float, (x - 128) / 128) to pooled features (N x 2048)."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = _Conv(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = _Conv(32, 32, 3)
        self.Conv2d_2b_3x3 = _Conv(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = _Conv(64, 80, 1)
        self.Conv2d_4a_3x3 = _Conv(80, 192, 3)
        self.Mixed_5b = _A(192, 32)
        self.Mixed_5c = _A(256, 64)
        self.Mixed_5d = _A(288, 64)
        self.Mixed_6a = _B(288)
        self.Mixed_6b = _C(128)
        self.Mixed_6c = _C(160)
        self.Mixed_6d = _C(160)
        self.Mixed_6e = _C(192)
        self.Mixed_7a = _D()
        self.Mixed_7b = _E(1280, _average_pool)
        self.Mixed_7c = _E(2048, _max_pool)

    def forward(self, x: Tensor) -> Tensor:
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(F.max_pool2d(x, 3, 2)))
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(F.max_pool2d(x, 3, 2))))
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))))
        x = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x)))
        return x.mean((2, 3))

    def fold(self) -> "Inception":
        """Fold every batch norm into the preceding convolution, for the same features in less time."""
        for module in list(self.modules()):
            if isinstance(module, _Conv):
                module.fold()
        return self


def resize(x: Tensor) -> Tensor:
    """Resize images (N x 3 x H x W) to 299 x 299 as TensorFlow 1's ResizeBilinear does.

    Output pixel i samples the image at i·H/299: corners are aligned instead of pixel centres, and downscaling is not
    antialiased.
    """
    height, width = x.shape[2:]
    return _resize_matrix(height).to(x) @ x @ _resize_matrix(width).to(x).T


def _resize_matrix(side: int) -> Tensor:
    """Return the weights of ``side`` input pixels in each of the 299 output pixels: 299 x side."""
    position = torch.arange(SIDE, dtype=torch.float32) * (side / SIDE)  # float32, as in TensorFlow
    low = position.floor().long()
    fraction = (position - low)[:, None]
    return F.one_hot(low, side) * (1 - fraction) + F.one_hot((low + 1).clamp(max=side - 1), side) * fraction


def _average_pool(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


def _max_pool(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 3, 1, 1)


class _Conv(nn.Module):
    """Convolution, batch norm, ReLU."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int | _Pair, stride: int = 1, padding: int | _Pair = 0
    ) -> None:
        super().__init__()
        self.conv: nn.Module = nn.Conv2d(in_channels, out_channels, kernel, stride, padding, bias=False)
        self.bn: nn.Module = nn.BatchNorm2d(out_channels, EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)), inplace=True)

    def fold(self) -> None:
        assert isinstance(self.conv, nn.Conv2d)
        assert isinstance(self.bn, nn.BatchNorm2d)
        self.conv, self.bn = fuse_conv_bn_eval(self.conv, self.bn), nn.Identity()


class _A(nn.Module):
    """Parallel branches of 1x1, 5x5, two 3x3 and a pooled 1x1 convolution, at 35 x 35."""

    def __init__(self, in_channels: int, pooled: int) -> None:
        super().__init__()
        self.branch1x1 = _Conv(in_channels, 64, 1)
        self.branch5x5_1 = _Conv(in_channels, 48, 1)
        self.branch5x5_2 = _Conv(48, 64, 5, padding=2)
        self.branch3x3dbl_1 = _Conv(in_channels, 64, 1)
        self.branch3x3dbl_2 = _Conv(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = _Conv(96, 96, 3, padding=1)
        self.branch_pool = _Conv(in_channels, pooled, 1)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat(
            [self.branch1x1(x), self.branch5x5_2(self.branch5x5_1(x)), double, self.branch_pool(_average_pool(x))], 1
        )


class _B(nn.Module):
    """Downsample from 35 x 35 to 17 x 17."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.branch3x3 = _Conv(in_channels, 384, 3, stride=2)
        self.branch3x3dbl_1 = _Conv(in_channels, 64, 1)
        self.branch3x3dbl_2 = _Conv(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = _Conv(96, 96, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), double, F.max_pool2d(x, 3, 2)], 1)


class _C(nn.Module):
    """Parallel branches with 7x7 factored into 1x7 and 7x1, once and twice, at 17 x 17."""

    def __init__(self, inner: int) -> None:
        super().__init__()
        self.branch1x1 = _Conv(768, 192, 1)
        self.branch7x7_1 = _Conv(768, inner, 1)
        self.branch7x7_2 = _Conv(inner, inner, (1, 7), padding=(0, 3))
        self.branch7x7_3 = _Conv(inner, 192, (7, 1), padding=(3, 0))
        self.branch7x7dbl_1 = _Conv(768, inner, 1)
        self.branch7x7dbl_2 = _Conv(inner, inner, (7, 1), padding=(3, 0))
        self.branch7x7dbl_3 = _Conv(inner, inner, (1, 7), padding=(0, 3))
        self.branch7x7dbl_4 = _Conv(inner, inner, (7, 1), padding=(3, 0))
        self.branch7x7dbl_5 = _Conv(inner, 192, (1, 7), padding=(0, 3))
        self.branch_pool = _Conv(768, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        single = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        return torch.cat([self.branch1x1(x), single, double, self.branch_pool(_average_pool(x))], 1)


class _D(nn.Module):
    """Downsample from 17 x 17 to 8 x 8."""

    def __init__(self) -> None:
        super().__init__()
        self.branch3x3_1 = _Conv(768, 192, 1)
        self.branch3x3_2 = _Conv(192, 320, 3, stride=2)
        self.branch7x7x3_1 = _Conv(768, 192, 1)
        self.branch7x7x3_2 = _Conv(192, 192, (1, 7), padding=(0, 3))
        self.branch7x7x3_3 = _Conv(192, 192, (7, 1), padding=(3, 0))
        self.branch7x7x3_4 = _Conv(192, 192, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        wide = self.branch7x7x3_4(self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x))))
        return torch.cat([self.branch3x3_2(self.branch3x3_1(x)), wide, F.max_pool2d(x, 3, 2)], 1)


class _E(nn.Module):
    """Parallel branches with 3x3 split into 1x3 and 3x1, at 8 x 8."""

    def __init__(self, in_channels: int, pool: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.pool = pool
        self.branch1x1 = _Conv(in_channels, 320, 1)
        self.branch3x3_1 = _Conv(in_channels, 384, 1)
        self.branch3x3_2a = _Conv(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3_2b = _Conv(384, 384, (3, 1), padding=(1, 0))
        self.branch3x3dbl_1 = _Conv(in_channels, 448, 1)
        self.branch3x3dbl_2 = _Conv(448, 384, 3, padding=1)
        self.branch3x3dbl_3a = _Conv(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3dbl_3b = _Conv(384, 384, (3, 1), padding=(1, 0))
        self.branch_pool = _Conv(in_channels, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        single = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        return torch.cat(
            [
                self.branch1x1(x),
                self.branch3x3_2a(single),
                self.branch3x3_2b(single),
                self.branch3x3dbl_3a(double),
                self.branch3x3dbl_3b(double),
                self.branch_pool(self.pool(x)),
            ],
            1,
        )

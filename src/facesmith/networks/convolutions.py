"""Faster bfloat16 training of DCGAN's 4x4 convolutions on CPUs, in plain torch.

`Conv` and `ConvTranspose` are nn.Conv2d / nn.ConvTranspose2d with the same arguments, parameters, state_dict and
results. Inside `torch.autocast("cpu", torch.bfloat16)` with gradients enabled, they compute the same sums with fewer
operations. The algorithm is chosen by shape alone, so that runs are reproducible bit for bit. In all other cases
(float32, no_grad, ONNX export, torch.compile, an accelerator) they are the ordinary layers. Second derivatives
(create_graph=True) work everywhere.

Algorithms, with tensors in channels-last order (NHWC) throughout:

* 4x4 kernel, stride 2, padding 1, both widths >= 128: Winograd's F(2x2, 2x2) (Lavin and Gray, arXiv:1509.09308).
  Grouped into blocks of 2x2 pixels with 4C channels, the padded image is the input of a 2x2 convolution with stride 1.
  A tile of 3x3 blocks gives 2x2 outputs and needs 9 matrix products instead of 16, so 1.78 times fewer
  multiplications. In one dimension, for the input d, the kernel g and the outputs y:

      m0 = (d0 + d1) g0,  m1 = d1 (g1 - g0),  m2 = (d1 + d2) g1;  y0 = m0 + m1,  y1 = m2 - m1

  The image is 2-D, so each transform is applied to the rows and then to the columns. The transposed transforms give
  both gradients, and the transposed convolution.
* Transposed convolution with few output channels (RGB): a 2x2 convolution to 4C channels, then a pixel shuffle.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BF16 = torch.bfloat16
GEOMETRY = ((2, 2), (1, 1), (1, 1))  # stride, padding and dilation of the layers that have a faster algorithm
MIN_WIDTH = 128  # with fewer channels, the transforms cost more than the saved products
MAX_SHUFFLE_CHANNELS = 4  # output channels up to which the pixel shuffle is faster than torch's transposed kernel


def transform_input(image: Tensor) -> Tensor:
    """Transform images (B,H,W,C) to the left factors of the 9 products, (9, tiles, 4C)."""
    batch, height, width, channels = image.shape
    tile_rows, tile_columns = height // 4, width // 4
    image = F.pad(image, (0, 0, 1, 1, 1, 1))
    batch_stride, row_stride, pixel_stride, _ = image.stride()
    # The first, second and third row of blocks of every tile. Tiles overlap by one block, so these are strided views.
    block_rows = [
        image.as_strided(
            (batch, tile_rows, 2, width + 2, channels),
            (batch_stride, 4 * row_stride, row_stride, pixel_stride, 1),
            2 * block * row_stride,
        )
        for block in range(3)
    ]
    transformed = image.new_empty(9, batch, tile_rows, tile_columns, 2, 2 * channels)
    out = transformed.permute(0, 1, 2, 4, 3, 5)  # pixel rows before tile columns, as in the image
    for row, sums in enumerate((block_rows[0] + block_rows[1], block_rows[1], block_rows[1] + block_rows[2])):
        strides = (*sums.stride()[:3], 4 * channels, 1)
        block_columns = [
            sums.as_strided(
                (batch, tile_rows, 2, tile_columns, 2 * channels),
                strides,
                sums.storage_offset() + 2 * block * channels,
            )
            for block in range(3)
        ]
        torch.add(block_columns[0], block_columns[1], out=out[3 * row])
        out[3 * row + 1].copy_(block_columns[1])
        torch.add(block_columns[1], block_columns[2], out=out[3 * row + 2])
    return transformed.view(9, batch * tile_rows * tile_columns, 4 * channels)


def transform_input_transposed(transformed: Tensor, batch: int, height: int, width: int) -> Tensor:
    """Apply the transpose of `transform_input`: (9, tiles, 4C) -> (B,H,W,C). Overlapping tiles are added."""
    tile_rows, tile_columns, channels = height // 4, width // 4, transformed.shape[2] // 4
    transformed = transformed.view(3, 3, batch, tile_rows, tile_columns, 2, 2 * channels)
    # Columns first. Every second column of blocks belongs to two tiles, except at the edges.
    columns = transformed.new_empty(3, batch, tile_rows, 2, 2 * tile_columns + 1, 2 * channels)
    out = columns.permute(0, 1, 2, 4, 3, 5)
    torch.add(transformed[:, 0] + transformed[:, 1], transformed[:, 2], out=out[:, :, :, 1::2])
    torch.add(transformed[:, 0, :, :, 1:], transformed[:, 2, :, :, :-1], out=out[:, :, :, 2:-1:2])
    out[:, :, :, 0], out[:, :, :, -1] = transformed[:, 0, :, :, 0], transformed[:, 2, :, :, -1]
    # Then rows, in the same way.
    image = transformed.new_empty(batch, 2 * tile_rows + 1, 2, 2 * tile_columns + 1, 2 * channels)
    torch.add(columns[0] + columns[1], columns[2], out=image[:, 1::2])
    torch.add(columns[0, :, 1:], columns[2, :, :-1], out=image[:, 2:-1:2])
    image[:, 0], image[:, -1] = columns[0, :, 0], columns[2, :, -1]
    # Remove the padding.
    return image.view(batch, height + 2, width + 2, channels)[:, 1:-1, 1:-1].contiguous()


def transform_output(products: Tensor, batch: int, height: int, width: int) -> Tensor:
    """Transform the 9 products (9, tiles, K) to the outputs of the layer (B, height, width, K)."""
    products = products.view(3, 3, batch, height // 2, width // 2, -1)
    output = products.new_empty(batch, height // 2, 2, width // 2, 2, products.shape[-1])
    for row, sums in enumerate((products[0] + products[1], products[2] - products[1])):
        torch.add(sums[0], sums[1], out=output[:, :, row, :, 0])
        torch.sub(sums[2], sums[1], out=output[:, :, row, :, 1])
    return output.view(batch, height, width, -1)


def transform_output_transposed(output: Tensor) -> Tensor:
    """Apply the transpose of `transform_output`: (B, height, width, K) -> (9, tiles, K)."""
    batch, height, width, channels = output.shape
    tiles = output.reshape(batch, height // 2, 2, width // 2, 2, channels)
    upper, lower = tiles[:, :, 0], tiles[:, :, 1]
    products = output.new_empty(3, 3, batch, height // 2, width // 2, channels)
    for row, values in enumerate((upper, upper - lower, lower)):
        left, right = values[:, :, :, 0], values[:, :, :, 1]
        products[row, 0], products[row, 2] = left, right
        torch.sub(left, right, out=products[row, 1])
    return products.view(9, -1, channels)


def transform_weight(weight: Tensor) -> Tensor:
    """Transform a weight (K,C,4,4) to the right factors of the 9 products, (9, K, 4C). Float32 becomes bfloat16."""
    outputs, channels = weight.shape[:2]
    blocks = weight.permute(0, 2, 3, 1).reshape(outputs, 2, 2, 2, 2 * channels)
    dtype = BF16 if weight.dtype == torch.float32 else weight.dtype
    transformed = weight.new_empty(3, 3, outputs, 2, 2 * channels, dtype=dtype)
    for row, values in enumerate((blocks[:, 0], blocks[:, 1] - blocks[:, 0], blocks[:, 1])):
        left, right = values[:, :, 0], values[:, :, 1]
        transformed[row, 0], transformed[row, 1], transformed[row, 2] = left, right - left, right
    return transformed.view(9, outputs, 4 * channels)


def transform_weight_transposed(gradient: Tensor, dtype: torch.dtype) -> Tensor:
    """Apply the transpose of `transform_weight`: (9, K, 4C) -> (K,C,4,4) in ``dtype``, channels last."""
    outputs, channels = gradient.shape[1], gradient.shape[2] // 4
    gradient = gradient.view(3, 3, outputs, 2, 2 * channels)
    blocks = gradient.new_empty(outputs, 2, 2, 2, 2 * channels, dtype=dtype)
    for row, sums in enumerate((gradient[0] - gradient[1], gradient[1] + gradient[2])):
        blocks[:, row, :, 0], blocks[:, row, :, 1] = sums[0] - sums[1], sums[1] + sums[2]
    return blocks.view(outputs, 4, 4, channels).permute(0, 3, 1, 2)


def _native_gradients(
    output_gradient: Tensor, x: Tensor, weight: Tensor, transposed: bool, needed: tuple[bool, bool]
) -> tuple[Any, Any]:
    """Return torch's own gradients of x and of the weight, where ``needed``; they can be differentiated again."""
    if not any(needed):
        return None, None
    x_gradient, weight_gradient, _ = torch.ops.aten.convolution_backward(
        output_gradient, x, weight.to(x.dtype), None, *GEOMETRY, transposed, (0, 0), 1, (*needed, False)
    )
    return x_gradient, None if weight_gradient is None else weight_gradient.to(weight.dtype)


_weight_gradients = True


@contextmanager
def no_weight_gradients() -> Iterator[None]:
    """Skip the weight gradients in autograd.grad(logits, images, create_graph=True), which does not use them."""
    global _weight_gradients
    before, _weight_gradients = _weight_gradients, False
    try:
        yield
    finally:
        _weight_gradients = before


def _differentiable_gradients(
    function: type[torch.autograd.Function], ctx: Any, output_gradient: Tensor, x: Tensor, weight: Tensor
) -> tuple[Any, ...]:
    """Return gradients under create_graph=True, that of x from ``function`` itself.

    The derivative of a convolution with respect to x is the transposed convolution with the same weight.
    """
    x_needed, weight_needed = ctx.needs_input_grad[0], ctx.needs_input_grad[1] and _weight_gradients
    x_gradient = function.apply(output_gradient, weight, not ctx.transposed) if x_needed else None
    _, weight_gradient = _native_gradients(output_gradient, x, weight, ctx.transposed, (False, weight_needed))
    return x_gradient, weight_gradient, None


class _Winograd(torch.autograd.Function):
    """The convolution, or with ``transposed`` the transposed one, by Winograd's algorithm."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, transposed: bool) -> Tensor:
        filters, (batch, _, height, width) = transform_weight(weight), x.shape
        image = x.permute(0, 2, 3, 1).contiguous()
        if transposed:
            factors = transform_output_transposed(image)
            y = transform_input_transposed(factors @ filters, batch, 2 * height, 2 * width)
        else:
            factors = transform_input(image)
            y = transform_output(factors @ filters.mT, batch, height // 2, width // 2)
        ctx.transposed = transposed
        ctx.save_for_backward(x, weight, filters, factors if ctx.needs_input_grad[1] else None)
        return y.permute(0, 3, 1, 2)

    @staticmethod
    def backward(ctx: Any, output_gradient: Tensor) -> tuple[Any, ...]:
        x, weight, filters, factors = ctx.saved_tensors
        if torch.is_grad_enabled():
            return _differentiable_gradients(_Winograd, ctx, output_gradient, x, weight)
        x_gradient, weight_gradient, (batch, _, height, width) = None, None, x.shape
        image = output_gradient.permute(0, 2, 3, 1).contiguous()
        transformed = transform_input(image) if ctx.transposed else transform_output_transposed(image)
        if ctx.needs_input_grad[0]:
            if ctx.transposed:
                x_gradient = transform_output(transformed @ filters.mT, batch, height, width)
            else:
                x_gradient = transform_input_transposed(transformed @ filters, batch, height, width)
            x_gradient = x_gradient.permute(0, 3, 1, 2)
        if ctx.needs_input_grad[1]:
            left, right = (factors, transformed) if ctx.transposed else (transformed, factors)
            weight_gradient = transform_weight_transposed(left.mT @ right, weight.dtype)
        return x_gradient, weight_gradient, None


def _transposed_convolution(x: Tensor, weight: Tensor) -> Tensor:
    """Return conv_transpose2d(x, weight, stride 2, padding 1)."""
    if weight.shape[1] > MAX_SHUFFLE_CHANNELS:
        return F.conv_transpose2d(x, weight, None, 2, 1)
    # Each of the 2x2 output parities is a 2x2 convolution; the index is [parity][tap] and gives the row of the kernel.
    taps = torch.tensor([[2, 0], [3, 1]])
    kernels = weight[:, :, taps][..., taps].permute(1, 2, 4, 0, 3, 5).flatten(0, 2)
    y = F.pixel_shuffle(F.conv2d(x, kernels, None, 1, 1), 2)
    return y[:, :, 1:-1, 1:-1].contiguous(memory_format=torch.channels_last)


class _Direct(torch.autograd.Function):
    """Torch's kernels, except where they are slow: RGB outputs, and the transposed tensors of second derivatives."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, transposed: bool) -> Tensor:
        ctx.transposed = transposed
        ctx.save_for_backward(x, weight)
        if transposed:
            return _transposed_convolution(x, weight.to(x.dtype))
        return F.conv2d(x, weight.to(x.dtype), None, 2, 1)

    @staticmethod
    def backward(ctx: Any, output_gradient: Tensor) -> tuple[Any, ...]:
        x, weight = ctx.saved_tensors
        if torch.is_grad_enabled():
            return _differentiable_gradients(_Direct, ctx, output_gradient, x, weight)
        x_needed, weight_needed = ctx.needs_input_grad[:2]
        shuffle = x_needed and not ctx.transposed and weight.shape[1] <= MAX_SHUFFLE_CHANNELS
        x_gradient, weight_gradient = _native_gradients(
            output_gradient, x, weight, ctx.transposed, (x_needed and not shuffle, weight_needed)
        )
        if shuffle:
            x_gradient = _transposed_convolution(output_gradient, weight.to(output_gradient.dtype))
        return x_gradient, weight_gradient, None


def _fast_output(layer: nn.Conv2d | nn.ConvTranspose2d, x: Tensor, transposed: bool) -> Tensor | None:
    """Return the layer's output without the bias, or None where the ordinary layer must be used."""
    if torch.compiler.is_compiling():  # a compiler optimises the ordinary layers and can differentiate them twice
        return None
    weight = layer.weight
    autocast = torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") == BF16
    if not (autocast and torch.is_grad_enabled() and x.device.type == "cpu" and weight.shape[2:] == (4, 4)):
        return None
    if layer.groups != 1 or layer.padding_mode != "zeros" or (layer.stride, layer.padding, layer.dilation) != GEOMETRY:
        return None
    height, width = x.shape[2:]
    if any(layer.output_padding) or height % 2 or width % 2:
        return None
    tile_side = 2 if transposed else 4  # in pixels of x, without the overlap
    winograd = min(weight.shape[:2]) >= MIN_WIDTH and height % tile_side == 0 and width % tile_side == 0
    y = (_Winograd if winograd else _Direct).apply(x.to(BF16), weight, transposed)  # type: ignore[no-untyped-call]
    return cast(Tensor, y)


class Conv(nn.Conv2d):
    """nn.Conv2d, faster in bfloat16 training on CPUs (see the module)."""

    def forward(self, x: Tensor) -> Tensor:
        y = _fast_output(self, x, transposed=False)
        if y is None:
            return super().forward(x)
        return y if self.bias is None else y + self.bias.to(y.dtype).view(1, -1, 1, 1)


class ConvTranspose(nn.ConvTranspose2d):
    """nn.ConvTranspose2d, faster in bfloat16 training on CPUs (see the module)."""

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        y = _fast_output(self, x, transposed=True) if output_size is None else None
        if y is None:
            return super().forward(x, output_size)
        return y if self.bias is None else y + self.bias.to(y.dtype).view(1, -1, 1, 1)


def widen(kernel: Tensor) -> Tensor:
    """Return kernels (A x B x k x k), each convolved with a 2x2 box: A x B x (k + 1) x (k + 1)."""
    rows = F.pad(kernel, (0, 0, 0, 1)) + F.pad(kernel, (0, 0, 1, 0))
    return F.pad(rows, (0, 1)) + F.pad(rows, (1, 0))


class SmoothToRGB(nn.Module):
    """A 5x5 transposed convolution of stride 2 before a 2x2 box blur, to few channels, as one convolution.

    The box is zero at the highest frequency, so a constant input gives a constant output whatever the weights: no
    checkerboard (Sugawara et al., arXiv:1806.02658). Computed as a 3x3 convolution to four times the channels and a
    pixel shuffle. ``weight`` is in x out x 5 x 5; ``missing`` rows and columns are added for odd target sides.
    """

    def __init__(self, before: int, after: int = 3, missing: tuple[int, int] = (0, 0)) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.empty(before, after, 5, 5)), nn.Parameter(torch.zeros(after))
        self.missing = missing

    def forward(self, x: Tensor, coarse: Tensor | None = None) -> Tensor:
        """Return an image of twice the grid, added to the image ``coarse`` of the grid, enlarged."""
        kernel = widen(self.weight)
        if any(self.missing):
            y = F.conv_transpose2d(x, kernel, self.bias, 2, 2, self.missing)
            return y if coarse is None else y + F.interpolate(coarse, y.shape[2:], mode="bilinear", align_corners=False)
        # Output row 2 i + p takes input row i + t with the kernel's row 2 + p - 2 t, for t of -1, 0 and 1.
        before, after = kernel.shape[:2]
        phases = kernel.view(before, after, 3, 2, 3, 2).flip(2, 4).permute(1, 3, 5, 0, 2, 4)
        y = F.conv2d(x, phases.reshape(4 * after, before, 3, 3), self.bias.repeat_interleave(4), 1, 1)
        return F.pixel_shuffle(y if coarse is None else y + _enlarged_phases(coarse), 2)


def _enlarged_phases(image: Tensor) -> Tensor:
    """Return an image enlarged twice, bilinearly, before the pixel shuffle.

    If the sum is computed after the shuffle, OpenVINO takes 1.35 times as long for a face of 128x128.
    """
    rows = image.new_tensor([[0.25, 0.75, 0.0], [0.0, 0.75, 0.25]])
    channels = torch.eye(image.shape[1], dtype=image.dtype, device=image.device)
    kernels = torch.einsum("pi,qj,ab->apqbij", rows, rows, channels)
    return F.conv2d(F.pad(image, (1, 1, 1, 1), mode="replicate"), kernels.flatten(0, 2))

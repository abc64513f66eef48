"""Faster bfloat16 training of DCGAN's 4x4 convolutions on CPUs, in plain torch.

`Conv` and `ConvTranspose` are nn.Conv2d / nn.ConvTranspose2d with the same arguments, parameters, state_dict and
results. Inside `torch.autocast("cpu", torch.bfloat16)` with gradients on, they compute the same sums in a cheaper way
(chosen by shape alone, so runs repeat bit for bit); anywhere else -- float32, no_grad, ONNX export, torch.compile, an
accelerator -- they are the ordinary layers. Second derivatives (create_graph=True) work everywhere.

Forms, tensors channels last (NHWC) throughout:
* 4x4 stride 2 pad 1, both widths >= 128: Winograd's F(2x2, 2x2), after Lavin and Gray, arXiv:1509.09308. Read in 2x2
  pixel blocks of 4C channels the layer is a 2x2 stride-1 convolution; a 2x2 tile of its outputs needs 9 products of
  matrices instead of 16 (1.78 times fewer multiplications). In one dimension: y0 = m0 + m1, y1 = m2 - m1 with
  m0 = (d0 + d1) g0,  m1 = d1 (g1 - g0),  m2 = (d1 + d2) g1.   Its transposes give both gradients.
* transposed with few output channels (RGB): 2x2 convolution to 4C channels, then pixel shuffle.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BF16 = torch.bfloat16
GEOMETRY = ((2, 2), (1, 1), (1, 1))  # stride, padding, dilation of the layers sped up
MIN_WIDTH = 128  # below this the tile transforms cost more than the saved products


def tiles(x: Tensor) -> Tensor:
    """Image (B,H,W,C) -> (9, tiles, 4C), the sums of 2x2 pixel blocks each of the 9 products takes."""
    b, h, w, c = x.shape
    t, s = h // 4, w // 4
    x = F.pad(x, (0, 0, 1, 1, 1, 1))
    sb, sh, sw, _ = x.stride()
    d = [x.as_strided((b, t, 2, w + 2, c), (sb, 4 * sh, sh, sw, 1), 2 * o * sh) for o in range(3)]
    v = x.new_empty(9, b, t, s, 2, 2 * c)
    out = v.permute(0, 1, 2, 4, 3, 5)  # block rows before tile columns, as in the image
    for a, r in enumerate((d[0] + d[1], d[1], d[1] + d[2])):
        p, q, u = r.stride()[:3]
        e = [r.as_strided((b, t, 2, s, 2 * c), (p, q, u, 4 * c, 1), r.storage_offset() + 2 * o * c) for o in range(3)]
        torch.add(e[0], e[1], out=out[3 * a])
        out[3 * a + 1].copy_(e[1])
        torch.add(e[1], e[2], out=out[3 * a + 2])
    return v.view(9, b * t * s, 4 * c)


def tiles_transpose(v: Tensor, b: int, h: int, w: int) -> Tensor:
    """Transpose of `tiles`: (9, tiles, 4C) -> (B,H,W,C), overlapping tiles added."""
    t, s, c = h // 4, w // 4, v.shape[2] // 4
    v = v.view(3, 3, b, t, s, 2, 2 * c)
    cols = v.new_empty(3, b, t, 2, 2 * s + 1, 2 * c)
    out = cols.permute(0, 1, 2, 4, 3, 5)
    torch.add(v[:, 0] + v[:, 1], v[:, 2], out=out[:, :, :, 1::2])
    torch.add(v[:, 0, :, :, 1:], v[:, 2, :, :, :-1], out=out[:, :, :, 2:-1:2])
    out[:, :, :, 0], out[:, :, :, -1] = v[:, 0, :, :, 0], v[:, 2, :, :, -1]
    x = v.new_empty(b, 2 * t + 1, 2, 2 * s + 1, 2 * c)
    torch.add(cols[0] + cols[1], cols[2], out=x[:, 1::2])
    torch.add(cols[0, :, 1:], cols[2, :, :-1], out=x[:, 2:-1:2])
    x[:, 0], x[:, -1] = cols[0, :, 0], cols[2, :, -1]
    return x.view(b, h + 2, w + 2, c)[:, 1:-1, 1:-1].contiguous()


def untile(m: Tensor, b: int, h: int, w: int) -> Tensor:
    """Products (9, tiles, K) -> the layer's outputs (B, h, w, K)."""
    m = m.view(3, 3, b, h // 2, w // 2, -1)
    y = m.new_empty(b, h // 2, 2, w // 2, 2, m.shape[-1])
    for r, n in enumerate((m[0] + m[1], m[2] - m[1])):
        torch.add(n[0], n[1], out=y[:, :, r, :, 0])
        torch.sub(n[2], n[1], out=y[:, :, r, :, 1])
    return y.view(b, h, w, -1)


def untile_transpose(y: Tensor) -> Tensor:
    """Transpose of `untile`: (B,h,w,K) -> (9, tiles, K)."""
    b, h, w, k = y.shape
    d = y.reshape(b, h // 2, 2, w // 2, 2, k)
    m = y.new_empty(3, 3, b, h // 2, w // 2, k)
    for a, r in enumerate((d[:, :, 0], d[:, :, 0] - d[:, :, 1], d[:, :, 1])):
        m[a, 0], m[a, 2] = r[:, :, :, 0], r[:, :, :, 1]
        torch.sub(r[:, :, :, 0], r[:, :, :, 1], out=m[a, 1])
    return m.view(9, -1, k)


def filters(w: Tensor) -> Tensor:
    """Weight (K,C,4,4) -> (9, K, 4C) in bf16, the filters of the 9 products."""
    k, c = w.shape[:2]
    g = w.permute(0, 2, 3, 1).reshape(k, 2, 2, 2, 2 * c)
    u = w.new_empty(3, 3, k, 2, 2 * c, dtype=BF16 if w.dtype == torch.float32 else w.dtype)
    for a, r in enumerate((g[:, 0], g[:, 1] - g[:, 0], g[:, 1])):
        u[a, 0], u[a, 1], u[a, 2] = r[:, :, 0], r[:, :, 1] - r[:, :, 0], r[:, :, 1]
    return u.view(9, k, 4 * c)


def filters_transpose(u: Tensor, dtype: torch.dtype) -> Tensor:
    """Transpose of `filters`: gradient (9, K, 4C) -> (K,C,4,4) in `dtype`, channels last."""
    k, c = u.shape[1], u.shape[2] // 4
    u = u.view(3, 3, k, 2, 2 * c)
    g = u.new_empty(k, 2, 2, 2, 2 * c, dtype=dtype)
    for a, r in enumerate((u[0] - u[1], u[1] + u[2])):
        g[:, a, :, 0], g[:, a, :, 1] = r[0] - r[1], r[1] + r[2]
    return g.view(k, 4, 4, c).permute(0, 3, 1, 2)


def _plain_grads(dy: Tensor, x: Tensor, w: Tensor, transposed: bool, mask: tuple[bool, bool]) -> tuple[Any, Any]:
    """Torch's own gradients of the bias-free layer; differentiable once more."""
    if not any(mask):
        return None, None
    dx, dw, _ = torch.ops.aten.convolution_backward(
        dy, x, w.to(x.dtype), None, *GEOMETRY, transposed, (0, 0), 1, (*mask, False)
    )
    return dx, None if dw is None else dw.to(w.dtype)


_weight_gradients = True


@contextmanager
def no_weight_gradients() -> Iterator[None]:
    """Around autograd.grad(logits, images, create_graph=True): leave out weight gradients, which nobody asks for."""
    global _weight_gradients
    before, _weight_gradients = _weight_gradients, False
    try:
        yield
    finally:
        _weight_gradients = before


def _gradient_graph(
    function: type[torch.autograd.Function], ctx: Any, dy: Tensor, x: Tensor, w: Tensor
) -> tuple[Any, ...]:
    """Gradients under create_graph=True: d/dx of a convolution is the transposed one with the same weight."""
    first, second = ctx.needs_input_grad[0], ctx.needs_input_grad[1] and _weight_gradients
    dx = function.apply(dy, w, not ctx.transposed) if first else None
    return dx, _plain_grads(dy, x, w, ctx.transposed, (False, second))[1], None


class _Winograd(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, transposed: bool) -> Tensor:
        u, (b, _, h, v) = filters(w), x.shape
        n = x.permute(0, 2, 3, 1).contiguous()
        m = untile_transpose(n) if transposed else tiles(n)
        y = tiles_transpose(m @ u, b, 2 * h, 2 * v) if transposed else untile(m @ u.mT, b, h // 2, v // 2)
        ctx.transposed = transposed
        ctx.save_for_backward(x, w, u, m if ctx.needs_input_grad[1] else None)
        return y.permute(0, 3, 1, 2)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Any, ...]:
        x, w, u, m = ctx.saved_tensors
        if torch.is_grad_enabled():
            return _gradient_graph(_Winograd, ctx, dy, x, w)
        dx, dw, (b, _, h, v) = None, None, x.shape
        g = dy.permute(0, 2, 3, 1).contiguous()
        g = tiles(g) if ctx.transposed else untile_transpose(g)
        if ctx.needs_input_grad[0]:
            dx = untile(g @ u.mT, b, h, v) if ctx.transposed else tiles_transpose(g @ u, b, h, v)
            dx = dx.permute(0, 3, 1, 2)
        if ctx.needs_input_grad[1]:
            a, c = (m, g) if ctx.transposed else (g, m)
            dw = filters_transpose(a.mT @ c, w.dtype)
        return dx, dw, None


def _up(x: Tensor, w: Tensor) -> Tensor:
    """conv_transpose2d(x, w, stride 2, pad 1); towards RGB as a 2x2 convolution to 4C channels and a pixel shuffle."""
    if w.shape[1] > 4:
        return F.conv_transpose2d(x, w, None, 2, 1)
    t = torch.tensor([[2, 0], [3, 1]])  # [output parity][tap]: the row of w
    k = w[:, :, t][..., t].permute(1, 2, 4, 0, 3, 5).flatten(0, 2)
    y = F.pixel_shuffle(F.conv2d(x, k, None, 1, 1), 2)
    return y[:, :, 1:-1, 1:-1].contiguous(memory_format=torch.channels_last)


class _Direct(torch.autograd.Function):
    """Torch's kernels, without their slow cases: RGB outputs, and the second derivatives' transposed tensors."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, transposed: bool) -> Tensor:
        ctx.transposed = transposed
        ctx.save_for_backward(x, w)
        return _up(x, w.to(x.dtype)) if transposed else F.conv2d(x, w.to(x.dtype), None, 2, 1)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Any, ...]:
        x, w = ctx.saved_tensors
        if torch.is_grad_enabled():
            return _gradient_graph(_Direct, ctx, dy, x, w)
        first, second = ctx.needs_input_grad[:2]
        up = first and not ctx.transposed and w.shape[1] <= 4
        dx, dw = _plain_grads(dy, x, w, ctx.transposed, (first and not up, second))
        return _up(dy, w.to(dy.dtype)) if up else dx, dw, None


def _fast(layer: nn.Conv2d | nn.ConvTranspose2d, x: Tensor, transposed: bool) -> Tensor | None:
    """The layer's output before the bias, or None where the ordinary layer is to be used."""
    if torch.compiler.is_compiling():  # a compiler knows the ordinary layers, and to differentiate them twice
        return None
    w = layer.weight
    autocast = torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") == BF16
    if not (autocast and torch.is_grad_enabled() and x.device.type == "cpu" and w.shape[2:] == (4, 4)):
        return None
    if layer.groups != 1 or layer.padding_mode != "zeros" or layer.dilation != (1, 1):
        return None
    side = 2 if transposed else 4  # of an input tile
    if (layer.stride, layer.padding) != GEOMETRY[:2] or any(layer.output_padding) or x.shape[2] % 2 or x.shape[3] % 2:
        return None
    winograd = min(w.shape[:2]) >= MIN_WIDTH and x.shape[2] % side == 0 and x.shape[3] % side == 0
    y = (_Winograd if winograd else _Direct).apply(x.to(BF16), w, transposed)  # type: ignore[no-untyped-call]
    return cast(Tensor, y)


class Conv(nn.Conv2d):
    """nn.Conv2d, faster in bfloat16 training on CPUs (see the module)."""

    def forward(self, x: Tensor) -> Tensor:
        y = _fast(self, x, False)
        if y is None:
            return super().forward(x)
        return y if self.bias is None else y + self.bias.to(y.dtype).view(1, -1, 1, 1)


class ConvTranspose(nn.ConvTranspose2d):
    """nn.ConvTranspose2d, faster in bfloat16 training on CPUs (see the module)."""

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        y = _fast(self, x, True) if output_size is None else None
        if y is None:
            return super().forward(x, output_size)
        return y if self.bias is None else y + self.bias.to(y.dtype).view(1, -1, 1, 1)

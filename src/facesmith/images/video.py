"""Write frames as an H.264 MP4 that plays in browsers, or as a looping GIF.

A frame is the path of an image file or a uint8 array (H, W, 3). All frames take the size of the last one. A target is a
path, which is written atomically, or an open binary file.
"""

import io
import math
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, ImageOps

from facesmith.arrays import ImageArray, Images
from facesmith.errors import FacesmithError
from facesmith.extras import require
from facesmith.files import atomic_file, new_file
from facesmith.images.grid import enlargement, make_grid, save_sheet
from facesmith.images.provenance import Marks

Frame = Path | ImageArray
Size = tuple[int, int]

MAX_GIF_FRAMES = 120
MAX_GIF_BYTES = 8_000_000
MAX_GIF_SIDE = 640  # pixels of the longer side, if the bytes are limited
PALETTE_FRAMES = 16
VIDEO_SUFFIXES = (".gif", ".mp4")
SERIES_HOLD = 0.5  # seconds that the video of a series shows its last image, unless it loops


def write_video(
    frames: Sequence[Frame], mp4: Path, gif: Path, fps: int = 8, hold: float = 1.5, comment: str = ""
) -> None:
    """Write frames both as an MP4 with all of them and as a GIF of limited size; the last is held ``hold`` seconds.

    The GIF has at most `MAX_GIF_FRAMES`, evenly spaced with the first and the last, and is reduced until it has at most
    `MAX_GIF_BYTES`. One frame is in memory at a time for the MP4. Raises `FacesmithError` if there are no frames or one
    cannot be read.
    """
    if not frames:
        raise FacesmithError(f"{mp4} cannot be written: there are no frames")
    write_mp4(frames, mp4, fps, hold, comment=comment)
    gif_frames = sample_evenly(frames, MAX_GIF_FRAMES)
    write_gif(gif_frames, gif, fps, hold, max_bytes=MAX_GIF_BYTES, dither=True, comment=comment)


def encode_video(images: Images, suffix: str, fps: int, *, hold: float = 0, scale: int = 1, comment: str = "") -> bytes:
    """Return images (N, H, W, 3) as the bytes of a file; ``suffix`` is "gif" or "mp4".

    ``hold`` is how many seconds the last frame is held, ``scale`` enlarges each pixel to a square, and ``comment`` is
    stored in the file. Raises `FacesmithError` for an mp4 if PyAV is missing, and for an invalid ``fps``.
    """
    check_fps(fps)
    target = io.BytesIO()
    write = write_gif if suffix == "gif" else write_mp4
    write(list(images), target, fps, hold, scale=scale, comment=comment)
    return target.getvalue()


def check_fps(fps: float) -> None:
    if not 1 <= fps <= 60:
        raise FacesmithError(f"invalid frame rate {fps}: expected 1 to 60 frames per second")


def save_series(images: Images, path: Path, marks: Marks, *, fps: int, loop: bool, columns: int | None = None) -> None:
    """Write faces (N x H x W x 3) as a video (.gif or .mp4, by the suffix of ``path``) or as a sheet, with ``marks``.

    A video that does not ``loop`` holds its last face for `SERIES_HOLD` seconds. A sheet has ``columns``.
    """
    scale, suffix = enlargement(images.shape[1]), path.suffix.lower()
    if suffix not in VIDEO_SUFFIXES:
        save_sheet(make_grid(images, columns, scale=scale), path, marks)
        return
    write = write_gif if suffix == ".gif" else write_mp4
    write(list(images), path, fps, 0 if loop else SERIES_HOLD, scale=scale, comment=marks.comment())


@contextmanager
def new_series(path: Path, suffixes: Collection[str]) -> Iterator[Path]:
    """Yield the file that becomes ``path``. Refuse, before any work, an existing file and a name of another suffix."""
    if path.suffix.lower() not in suffixes:
        *others, last = (suffix for suffix in (".png", *VIDEO_SUFFIXES) if suffix in suffixes)
        examples = f"{', '.join(others)} or {last}"
        raise FacesmithError(f"invalid output {str(path)!r}: expected a name that ends in {examples}")
    if path.suffix.lower() == ".mp4":
        require("av", "train", "writing an mp4")
    with new_file(path, "image") as file:
        yield file


def sample_evenly(frames: Sequence[Frame], count: int) -> list[Frame]:
    """Return at most ``count`` of the frames, evenly spaced, with the first and the last."""
    if len(frames) <= count:
        return list(frames)
    if count == 1:
        return [frames[-1]]
    return [frames[round(index * (len(frames) - 1) / (count - 1))] for index in range(count)]


def write_mp4(
    frames: Sequence[Frame], target: Path | BinaryIO, fps: int, hold: float = 0, *, scale: int = 1, comment: str = ""
) -> None:
    av = require("av", "train", "writing an mp4")
    size = _scaled_size(frames[-1], scale)
    if isinstance(target, Path):
        # The index is moved to the front, so that a browser can start to play before it has the whole file.
        flags, preset, threads = "+faststart", "medium", "0"
    else:
        # The index cannot be moved in a stream, so the video is written in fragments.
        flags, preset, threads = "+frag_keyframe+empty_moov+default_base_moof", "veryfast", "1"
    with (
        atomic_file(target) if isinstance(target, Path) else nullcontext(target) as file,
        av.open(str(file) if isinstance(file, Path) else file, "w", format="mp4", options={"movflags": flags}) as mp4,
    ):
        mp4.metadata["comment"] = comment
        stream = mp4.add_stream("libx264", rate=fps, options={"crf": "18", "preset": preset, "threads": threads})
        stream.width, stream.height = (side + side % 2 for side in size)  # yuv420p halves both sides
        stream.pix_fmt = "yuv420p"
        for image in _load_all([*frames, *[frames[-1]] * round(hold * fps)], size):
            pixels = np.pad(np.asarray(image), ((0, size[1] % 2), (0, size[0] % 2), (0, 0)), "edge")
            mp4.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")))
        mp4.mux(stream.encode(None))


def write_gif(
    frames: Sequence[Frame],
    target: Path | BinaryIO,
    fps: int,
    hold: float = 0,
    *,
    scale: int = 1,
    max_bytes: int | None = None,
    dither: bool = False,
    comment: str = "",
) -> None:
    width, height = _scaled_size(frames[-1], scale)
    factor = 1.0 if max_bytes is None else min(1.0, MAX_GIF_SIDE / max(width, height))
    duration = max(20, round(100 / fps) * 10)  # GIF counts hundredths, and browsers slow down what is under two of them
    options: dict[str, Any] = {"comment": comment.encode()} if comment else {}
    if len(frames) > 1:
        durations = [duration] * (len(frames) - 1) + [duration + round(hold * 100) * 10]
        options |= {"save_all": True, "duration": durations, "loop": 0, "optimize": False}
    with atomic_file(target) if isinstance(target, Path) else nullcontext(target) as file:
        while True:
            size = (max(1, round(width * factor)), max(1, round(height * factor)))
            images = _quantize_all(frames, size, dither)
            first = next(images)
            more_frames = {"append_images": images} if len(frames) > 1 else {}
            first.save(file, format="GIF", **options, **more_frames)
            file_size = file.stat().st_size if isinstance(file, Path) else file.tell()
            if max_bytes is None or file_size <= max_bytes or max(size) <= 64:
                return
            factor *= 0.95 * math.sqrt(max_bytes / file_size)


def _quantize_all(frames: Sequence[Frame], size: Size, dither: bool) -> Iterator[Image.Image]:
    """Yield the frames in one palette: a palette for each frame would flicker and cost 768 bytes a frame."""
    frame_size = _scaled_size(frames[-1], 1)
    small = frame_size if _is_multiple(size, frame_size) else size  # enlarged after quantizing, which is faster
    samples = sample_evenly(frames, PALETTE_FRAMES)
    strip = Image.new("RGB", (small[0], small[1] * len(samples)))
    for index, image in enumerate(_load_all(samples, small)):
        strip.paste(image, (0, index * small[1]))
    palette = strip.quantize(colors=256, method=Image.Quantize.MEDIANCUT)
    method = Image.Dither.FLOYDSTEINBERG if dither else Image.Dither.NONE
    for image in _load_all(frames, small):
        quantized = image.quantize(palette=palette, dither=method)
        yield quantized if quantized.size == size else quantized.resize(size, Image.Resampling.NEAREST)


def _load_all(frames: Sequence[Frame], size: Size) -> Iterator[Image.Image]:
    """Yield the frames one at a time at this size; a frame of other proportions is padded with bars."""
    for frame in frames:
        image = _load(frame)
        if image.size == size:
            yield image
        elif _is_multiple(size, image.size):
            yield image.resize(size, Image.Resampling.NEAREST)
        else:
            yield ImageOps.pad(image, size, Image.Resampling.LANCZOS)


def _load(frame: Frame) -> Image.Image:
    if isinstance(frame, np.ndarray):
        return Image.fromarray(frame)
    try:
        with Image.open(frame) as image:
            return image.convert("RGB")
    except (OSError, SyntaxError) as error:  # Pillow raises SyntaxError for some broken PNG files
        raise FacesmithError(
            f"{frame} cannot be read as an image ({error}): remove it and write the video again"
        ) from None


def _scaled_size(frame: Frame, scale: int) -> Size:
    width, height = _load(frame).size
    return scale * width, scale * height


def _is_multiple(size: Size, small: Size) -> bool:
    return size[0] % small[0] == 0 and (size[0] // small[0]) * small[1] == size[1]

"""The film of a run: its sample sheets as an MP4 that plays in browsers, and as a GIF that plays everywhere else."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image, ImageOps

from facesmith.errors import FacesmithError
from facesmith.extras import require
from facesmith.files import replacing

GIF_FRAMES = 120
GIF_BYTES = 8_000_000
_GIF_SIDE = 640  # pixels of the longer side of the first attempt
_PALETTE_FRAMES = 8


def write_video(frames: Sequence[Path], mp4: Path, gif: Path, fps: int = 8, hold: float = 1.5) -> None:
    """Write the pictures at ``frames``, in order, as an H.264 MP4 and as a looping GIF, the last held ``hold`` seconds.

    One picture is in memory at a time for the MP4, and at most `GIF_FRAMES` small ones for the GIF. All take the size
    of the last picture. The MP4 has every frame; the GIF has at most `GIF_FRAMES`, evenly chosen with the first and
    last among them, and is made smaller until it is under `GIF_BYTES`. Raises `FacesmithError` when there are no
    frames or one cannot be read.
    """
    if not frames:
        raise FacesmithError(f"{mp4} cannot be made: there are no sample sheets yet")
    if fps < 1 or hold < 0:
        raise ValueError("fps is at least 1 and hold is not negative")
    write_mp4(frames, mp4, fps, hold)
    write_gif(evenly(frames, GIF_FRAMES), gif, fps, hold)


def evenly(frames: Sequence[Path], most: int) -> list[Path]:
    """At most ``most`` of the frames, evenly spaced, the first and the last among them."""
    if len(frames) <= most:
        return list(frames)
    if most == 1:
        return [frames[-1]]
    return [frames[round(index * (len(frames) - 1) / (most - 1))] for index in range(most)]


def write_mp4(frames: Sequence[Path], mp4: Path, fps: int, hold: float) -> None:
    av = require("av", "train", "making a video")
    size = _read(frames[-1]).size
    even = (size[0] + size[0] % 2, size[1] + size[1] % 2)  # yuv420p halves both sides
    with (
        replacing(mp4) as beside,
        # The index goes to the front, so that a browser can begin to play before it has the whole file.
        av.open(str(beside), "w", format="mp4", options={"movflags": "+faststart"}) as container,
    ):
        stream = container.add_stream("libx264", rate=fps, options={"crf": "18", "preset": "medium"})
        stream.width, stream.height = even
        stream.pix_fmt = "yuv420p"
        for picture in _pictures([*frames, *[frames[-1]] * round(hold * fps)], size):
            border = (0, 0, even[0] - size[0], even[1] - size[1])
            padded = ImageOps.expand(picture, border)
            container.mux(stream.encode(av.VideoFrame.from_image(padded)))
        container.mux(stream.encode(None))


def write_gif(frames: Sequence[Path], gif: Path, fps: int, hold: float) -> None:
    width, height = _read(frames[-1]).size
    factor = min(1.0, _GIF_SIDE / max(width, height))
    with replacing(gif) as beside:
        while True:
            size = (max(1, round(width * factor)), max(1, round(height * factor)))
            _encode_gif(frames, beside, size, fps, hold)
            written = beside.stat().st_size
            if written <= GIF_BYTES or max(size) <= 64:
                return
            factor *= 0.95 * math.sqrt(GIF_BYTES / written)


def _encode_gif(frames: Sequence[Path], path: Path, size: tuple[int, int], fps: int, hold: float) -> None:
    palette = _palette(frames, size)
    tick = max(20, round(100 / fps) * 10)  # GIF counts hundredths, and browsers slow down what is under two of them
    durations = [tick] * (len(frames) - 1) + [tick + round(hold * 100) * 10]
    drawn = (picture.quantize(palette=palette) for picture in _pictures(frames, size))
    first = next(drawn)
    if len(frames) == 1:
        first.save(path, format="GIF")
    else:
        first.save(path, format="GIF", save_all=True, append_images=drawn, duration=durations, loop=0, optimize=False)


def _palette(frames: Sequence[Path], size: tuple[int, int]) -> Image.Image:
    """One palette for all frames, from several of them: a palette a frame would flicker and cost 768 bytes each."""
    chosen = evenly(frames, _PALETTE_FRAMES)
    strip = Image.new("RGB", (size[0], size[1] * len(chosen)))
    for index, picture in enumerate(_pictures(chosen, size)):
        strip.paste(picture, (0, index * size[1]))
    return strip.quantize(colors=256, method=Image.Quantize.MEDIANCUT)


def _pictures(frames: Sequence[Path], size: tuple[int, int]) -> Iterator[Image.Image]:
    """The frames one at a time, as RGB of ``size``; a sheet of other proportions is fitted in with bars."""
    for frame in frames:
        picture = _read(frame)
        yield picture if picture.size == size else ImageOps.pad(picture, size, Image.Resampling.LANCZOS)


def _read(path: Path) -> Image.Image:
    try:
        with Image.open(path) as picture:
            return picture.convert("RGB")
    except (OSError, SyntaxError) as error:  # Pillow raises SyntaxError for some broken PNG files
        raise FacesmithError(
            f"{path} cannot be read as a picture, remove it and write the video again: {error}"
        ) from None

"""Faces one after the other → the bytes of a GIF or an MP4, made in memory: what a visitor sent touches no disk."""

import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from PIL import Image

from facesmith.extras import require
from facesmith.studio.image_responses import Pictures, sentence

MEDIA = {"gif": "image/gif", "mp4": "video/mp4"}
HOLD = 1.5  # seconds for which a film that does not begin anew shows its last face
COLOURED = 16  # frames that the colours of a GIF are chosen from


def film(faces: Pictures, form: str, fps: int, loop: bool, scale: int, about: Mapping[str, Any]) -> bytes:
    """Faces (N x H x W x 3, uint8) as "gif" or "mp4", every pixel a square of ``scale``; it says what it is.

    Raises `FacesmithError` for an mp4 where PyAV is missing.
    """
    said = f"{sentence(about)} {json.dumps(about)}"
    return _gif(faces, fps, loop, scale, said) if form == "gif" else _mp4(faces, fps, loop, scale, said)


def _gif(faces: Pictures, fps: int, loop: bool, scale: int, said: str) -> bytes:
    # One palette for all: with one for each frame the colours flicker.
    chosen = faces[np.linspace(0, len(faces) - 1, min(COLOURED, len(faces))).astype(int)]
    strip = Image.fromarray(chosen.reshape(-1, *chosen.shape[2:]))
    palette = strip.quantize(256, Image.Quantize.MEDIANCUT)
    drawn = [Image.fromarray(face).quantize(palette=palette, dither=Image.Dither.NONE) for face in faces]
    drawn = [each.resize((scale * each.width, scale * each.height), Image.Resampling.NEAREST) for each in drawn]
    tick = max(20, round(100 / fps) * 10)  # GIF counts hundredths, and browsers slow down what is under two of them
    times = [tick] * (len(drawn) - 1) + [tick if loop else tick + round(1000 * HOLD)]
    out = io.BytesIO()
    drawn[0].save(
        out,
        "GIF",
        save_all=True,
        append_images=drawn[1:],
        duration=times,
        loop=0,
        optimize=False,
        comment=said.encode(),
    )
    return out.getvalue()


def _mp4(faces: Pictures, fps: int, loop: bool, scale: int, said: str) -> bytes:
    av = require("av", "train", "making an mp4")
    out = io.BytesIO()
    # In pieces, for the index of a whole one would be written to a place that was passed.
    options = {"movflags": "+frag_keyframe+empty_moov+default_base_moof"}
    with av.open(out, "w", format="mp4", options=options) as container:
        container.metadata["comment"] = said
        stream = container.add_stream("libx264", rate=fps, options={"crf": "18", "preset": "veryfast", "threads": "1"})
        height, width = (scale * side + scale * side % 2 for side in faces.shape[1:3])  # yuv420p halves both sides
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in _frames(faces, 0 if loop else round(HOLD * fps), scale, height, width):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    return out.getvalue()


def _frames(faces: Pictures, held: int, scale: int, height: int, width: int) -> Iterator[Pictures]:
    """The faces enlarged, with an edge repeated where a side is odd; the last again and again."""
    for face in [*faces, *[faces[-1]] * held]:
        large = face.repeat(scale, 0).repeat(scale, 1)
        yield np.ascontiguousarray(
            np.pad(large, ((0, height - len(large)), (0, width - large.shape[1]), (0, 0)), "edge")
        )

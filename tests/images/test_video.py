from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from facesmith.errors import FacesmithError
from facesmith.images import video
from facesmith.images.grid import save_image
from facesmith.images.video import sample_evenly, write_video


def frames(folder: Path, count: int, size: tuple[int, int] = (33, 21)) -> list[Path]:
    paths = [folder / f"{index:03d}.png" for index in range(count)]
    for index, path in enumerate(paths):
        level = 255 * index // max(1, count - 1)
        save_image(Image.new("RGB", size, (level, 40, 255 - level)), path)
    return paths


def test_an_mp4_plays_in_browsers_and_holds_its_last_frame(tmp_path: Path) -> None:
    paths = frames(tmp_path, 5)
    write_video(paths, tmp_path / "a.mp4", tmp_path / "a.gif", fps=4, hold=1.5)
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (stream.width, stream.height) == (34, 22)
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(pictures) == 5 + 6
    assert np.abs(pictures[0][10, 10].astype(int) - [0, 40, 255]).max() < 12
    assert np.abs(pictures[-1][10, 10].astype(int) - [255, 40, 0]).max() < 12
    content = (tmp_path / "a.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_a_gif_loops_with_its_first_and_last_frame(tmp_path: Path) -> None:
    write_video(frames(tmp_path, 5), tmp_path / "a.mp4", tmp_path / "a.gif", fps=4, hold=1.5)
    with Image.open(tmp_path / "a.gif") as gif:
        assert (gif.n_frames, gif.info["loop"], gif.size) == (5, 0, (33, 21))  # type: ignore[attr-defined]
        durations, colours = [], []
        for index in range(5):
            gif.seek(index)
            durations.append(gif.info["duration"])
            colours.append(gif.convert("RGB").getpixel((5, 5)))
    assert durations == [250, 250, 250, 250, 1750] or durations == [240, 240, 240, 240, 1740]
    assert np.abs(np.array(colours[0]) - [0, 40, 255]).max() < 12
    assert np.abs(np.array(colours[-1]) - [255, 40, 0]).max() < 12


def test_a_gif_stays_under_the_size_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video, "MAX_GIF_BYTES", 60_000)
    noise = np.random.default_rng(0)
    paths = [tmp_path / f"{index}.png" for index in range(3)]
    for path in paths:
        save_image(Image.fromarray(noise.integers(0, 256, (256, 256, 3), dtype=np.uint8)), path)
    write_video(paths, tmp_path / "a.mp4", tmp_path / "a.gif")
    assert (tmp_path / "a.gif").stat().st_size <= 60_000


def test_a_video_may_have_one_frame_or_mixed_sizes(tmp_path: Path) -> None:
    write_video(frames(tmp_path, 1), tmp_path / "one.mp4", tmp_path / "one.gif")
    odd = frames(tmp_path / "other", 1, (64, 64))
    write_video([*odd, *frames(tmp_path, 2)], tmp_path / "two.mp4", tmp_path / "two.gif")
    with Image.open(tmp_path / "two.gif") as gif:
        assert gif.size == (33, 21)


def test_an_unwritable_video_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(FacesmithError, match="no frames"):
        write_video([], tmp_path / "a.mp4", tmp_path / "a.gif")
    paths = frames(tmp_path / "sheets", 3)
    paths[1].write_bytes(paths[1].read_bytes()[:40])
    with pytest.raises(FacesmithError, match=r"001\.png cannot be read"):
        write_video(paths, tmp_path / "a.mp4", tmp_path / "a.gif")
    assert [path.name for path in tmp_path.iterdir()] == ["sheets"]


def test_frames_are_chosen_evenly_with_both_ends() -> None:
    paths = [Path(str(index)) for index in range(1000)]
    sampled = [int(str(path)) for path in sample_evenly(paths, 120)]
    assert len(sampled) == 120
    assert (sampled[0], sampled[-1]) == (0, 999)
    assert set(np.diff(sampled)) == {8, 9}
    assert sample_evenly(paths[:5], 120) == paths[:5]

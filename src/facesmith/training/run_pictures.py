"""What a run leaves to look at: the video of its sheets, and what its task adds."""

from facesmith.files import finished_files
from facesmith.images.grid import save_image
from facesmith.images.video import write_video
from facesmith.training.start import Start


def write_pictures(here: Start) -> None:
    """Write progress.mp4, progress.gif and the task's own pictures into the run folder."""
    write_video(
        finished_files(here.run.samples, ".png"), here.run.path / "progress.mp4", here.run.path / "progress.gif"
    )
    for name, picture in here.task.pictures(here.state).items():
        save_image(picture, here.run.path / name)

"""The images and the video that a run writes when it ends."""

from facesmith.files import finished_files
from facesmith.images.grid import save_image
from facesmith.images.video import write_video
from facesmith.training.context import TrainingContext


def write_final_images(context: TrainingContext) -> None:
    """Write the video of the sample sheets, as MP4 and GIF, and the images of the task."""
    write_video(finished_files(context.run.samples, ".png"), context.run.video, context.run.animation)
    for name, image in context.task.final_images(context.state).items():
        save_image(image, context.run.path / name)

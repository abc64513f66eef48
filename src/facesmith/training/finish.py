"""What a run leaves to look at: the video of its sheets, and real beside generated."""

import numpy as np
from PIL import Image

from facesmith.files import whole
from facesmith.reports.sheets import BACKGROUND, save_image, sheet
from facesmith.reports.video import write_video
from facesmith.training.batches import SHEET
from facesmith.training.record import SHEET_COUNT, SHEET_PIXELS, draw, sheet_latents
from facesmith.training.start import Start


def write_pictures(here: Start) -> None:
    """Write progress.mp4, progress.gif and real_beside_generated.png into the run folder."""
    write_video(whole(here.run.samples, ".png"), here.run.path / "progress.mp4", here.run.path / "progress.gif")
    generated = draw(here.players.average, sheet_latents(here))
    chosen = np.random.default_rng([here.recipe.seed, SHEET]).permutation(len(here.dataset))[:SHEET_COUNT]
    real = np.asarray(here.dataset.images[np.sort(chosen)])
    scale = max(1, SHEET_PIXELS // real.shape[1])
    left, right = sheet(real, scale=scale), sheet(generated, scale=scale)
    both = Image.new("RGB", (left.width + right.width + 24, max(left.height, right.height)), BACKGROUND)
    both.paste(left, (0, 0))
    both.paste(right, (both.width - right.width, 0))
    save_image(both, here.run.path / "real_beside_generated.png")

"""The section on the encoder in a model's README.md."""

from typing import Any

from facesmith.models.readme import data_section, training_section
from facesmith.training.settings import Recipe


def with_encoder(text: str, encoder: dict[str, Any], recipe: Recipe) -> str:
    """Return a model's README.md with a section on its encoder at the end, in place of an earlier one."""
    score = encoder["trained"]["score"]
    remarks = f" PSNR of {score['count']:,} held-out images: {score['psnr']:.2f} dB." if score else ""
    lines = [
        "## Encoder",
        "",
        "```python",
        "z = model.encode(faces)  # N x latent_size; model.generate(z) reconstructs them",
        "```",
        "",
        "Fitted to the generator above, which is unchanged. It learned from "
        f"{encoder['learned_from']:,} of the images below; {encoder['held_out']:,} were held out.",
        "",
        f"`encoder.safetensors` (SHA-256 `{encoder['digest']}`) and `encoder.onnx`, whose outputs differ by at most "
        f"{encoder['onnx_parity']:.1e}.",
        "",
        *data_section(encoder["dataset"], "encoder"),
        "",
        *training_section(encoder, recipe, remarks),
        "",
    ]
    before, _, _ = text.partition("## Encoder\n")
    return f"{before.rstrip()}\n\n" + "\n".join(lines)

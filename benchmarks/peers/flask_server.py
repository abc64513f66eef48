"""A plain Flask server of a generator: PyTorch, one latent per request, PNG.

    python flask_server.py MODEL PORT

`/generate_image?seed=7` returns the same face as the studio, so that both can be compared.
"""

import io
import sys

from flask import Flask, Response, request, send_file
from PIL import Image

import facesmith

model = facesmith.load(sys.argv[1], "torch", quiet=True)
app = Flask(__name__)


@app.get("/generate_image")
def generate_image() -> Response:
    face = model.generate(model.latents(1, int(request.args["seed"])))[0]
    file = io.BytesIO()
    Image.fromarray(face).save(file, "PNG")
    file.seek(0)
    return send_file(file, mimetype="image/png")


app.run(port=int(sys.argv[2]))

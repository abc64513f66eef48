"""Photo, edit, makeover, save: python round_trip.py ADDRESS PHOTO, beside the generated package ``client``."""

import sys
from pathlib import Path

from client import Client
from client.api.faces import edit, edit_faces, generate
from client.api.photos import makeover, upload_photo
from client.models import (
    EditFacesRequest,
    EditFacesRequestEditsItem,
    EditRequest,
    MakeoverRequest,
    UploadPhotoFilesBody,
)
from client.types import File

address, photo = sys.argv[1:]
with Client(base_url=address) as studio, Path(photo).open("rb") as file:
    uploaded = upload_photo.sync(client=studio, body=UploadPhotoFilesBody(File(file, "me.png", "image/png")))
    face = uploaded.faces[0].face
    smile = EditFacesRequestEditsItem.from_dict({"Smiling": 1.5})
    edited = edit_faces.sync(client=studio, body=EditFacesRequest([face], model="photographer", edits=[smile]))
    sheet = edit.sync(client=studio, body=EditRequest([edited.faces[0].face], model="photographer"))
    Path("edited.png").write_bytes(sheet.payload.read())
    made = makeover.sync(client=studio, body=MakeoverRequest(face, strength=0.8, whole=True))
    Path("made.png").write_bytes(made.payload.read())
    print(generate.sync(client=studio, model="nobody").error)

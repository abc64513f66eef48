import json
from collections.abc import Callable
from pathlib import Path

import httpx
from fastapi import FastAPI

Visit = Callable[..., None]
CARD = {
    "format": "facesmith-map",
    "version": 1,
    "dataset": {"name": "friends", "source": {"kind": "folder", "name": "friends"}},
    "model": {"name": "mine"},
    "judge": None,
    "count": 100,
    "of": 200,
    "photos": ["me.jpg"],
    "methods": {"pca": "1"},
    "attributes": ["Smiling"],
    "created": "2026-01-01T00:00:00+00:00",
}


def test_maps_are_listed_and_shown_in_a_box_of_their_own(visit: Visit, tmp_path: Path) -> None:
    for name, text in (("faces", json.dumps(CARD)), ("bare", json.dumps(CARD)), ("broken", "{"), ("empty", "{}")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "map.json").write_text(text)
    (tmp_path / "faces" / "map.html").write_text("<!doctype html><title>map</title>")

    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        bare, faces = (await client.get("/api/v1/maps")).json()
        assert (faces["name"], faces["dataset"], faces["judge"], faces["methods"]) == (
            "faces",
            "friends",
            False,
            ["pca"],
        )
        assert bare["page"] is None
        answer = await client.get(faces["page"])
        assert answer.text == "<!doctype html><title>map</title>"
        (policy,) = answer.headers.get_list("content-security-policy")
        assert policy.endswith("sandbox allow-scripts allow-downloads")  # and not of this origin
        assert "connect-src" not in policy
        for path in ("bare/map.html", "nothing/map.html", "..%2ffaces/map.html", "faces/coordinates.npz"):
            assert (await client.get(f"/api/v1/maps/{path}")).status_code == 404, path

    visit(ask, paths=(str(tmp_path),))

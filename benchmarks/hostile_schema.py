"""schemathesis over all of a studio's API, half of whose names and faces are there."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from hostile_files import uploads
from hostile_studio import HOST, Studio, say, written

PHOTOS = "/api/v1/photos"
KEPT = "/api/v1/session"  # whose DELETE would forget the photo that the others are asked about
CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
          "response_headers_conformance")  # fmt: skip
ENDLESS = ("/api/v1/watch", "/api/v1/runs/{name}/events")  # are asked by hand


def bring(here: Studio) -> tuple[str, list[str]]:
    """A session with an aligned photo: its name, and how its faces are called."""
    (photo,) = uploads(1, -1)
    head = written("POST", f"{PHOTOS}?aligned=true", {"Content-Type": "image/jpeg"}, len(photo.data))
    answer = say(here.port, [head, photo.data])
    return answer.header("x-session"), [json.loads(answer.body)["whole"], "seed:7", "seed:7:3:0.7"]


def schemathesis(here: Studio, folder: Path, examples: int, seed: int) -> dict[str, Any]:
    """What schemathesis finds: cases, operations, failures and errors. Half of the names it asks for are there."""
    session, faces = bring(here)
    names = [each["name"] for kind in ("models", "runs", "datasets", "maps") for each in here.listed(kind)]
    bound = {
        "name": "names",
        "model": "names",
        "dataset": "names",
        "face": "faces",
        "a": "faces",
        "b": "faces",
        "c": "faces",
    }
    lines = [f"[dictionaries]\nnames = {{ values = {json.dumps(names)} }}\nfaces = {{ values = {json.dumps(faces)} }}"]
    lines += ["[parameters]"]
    for key, values in bound.items():
        for place in ("path", "query", "body") if values == "names" else ("body",):
            lines.append(f'"{place}.{key}" = {{ dictionary = "{values}", probability = 0.5 }}')
    (folder / "schemathesis.toml").write_text("\n".join(lines) + "\n")
    report = folder / "report.json"
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(folder / "schemathesis.toml"), "run"]
    command += [f"http://{HOST}:{here.port}/api/v1/openapi.json", "--checks", ",".join(CHECKS), "--seed", str(seed)]
    command += ["--max-examples", str(examples), "--continue-on-failure", "--generation-database", "none", "--no-color"]
    command += ["--request-timeout", "120", "--report", "json", "--report-json-path", str(report)]
    command += [
        "-H",
        f"X-Session: {session}",
        *(word for path in (*ENDLESS, KEPT) for word in ("--exclude-path", path)),
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    say(here.port, [written("DELETE", KEPT, {"X-Session": session})])
    if not report.exists():
        sys.exit(done.stdout[-3000:] + done.stderr[-3000:])
    found = json.loads(report.read_text())
    if done.returncode:
        print("\n".join(line[:300] for line in done.stdout.splitlines() if line.strip())[:9000], flush=True)
    return {key: found[key] for key in ("operations", "test_cases", "failures", "errors", "running_time")}

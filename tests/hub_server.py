"""A hub on this machine: the few answers huggingface_hub's own client needs to fetch or push a dataset or a model."""

import base64
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

SHA = "0123456789abcdef0123456789abcdef01234567"


class Hub(ThreadingHTTPServer):
    """The few answers of the hub that an import needs."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.files: dict[str, dict[str, bytes]] = {}  # by repository, or repository@revision
        self.cards: dict[str, object] = {}
        self.errors: dict[str, tuple[int, str]] = {}
        self.asked: list[str] = []
        self.created: dict[str, dict[str, object]] = {}  # by repository, what was asked for
        self.uploads: dict[str, bytes] = {}  # large files by their SHA-256


class _Answers(BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        path, body = unquote(urlsplit(self.path).path), self._body()
        self.server.asked.append(f"POST {path}")
        address = f"http://127.0.0.1:{self.server.server_port}"
        if self.headers.get("authorization") == "Bearer wrong":
            self._send(401, b'{"error": "no"}', {})
        elif path == "/api/repos/create":
            facts = json.loads(body)
            repository = f"{facts['organization']}/{facts['name']}"
            self.server.created[repository] = facts
            self._json({"url": f"{address}/{repository}", "id": repository})
        elif path == "/api/validate-yaml":
            self._json({"errors": [], "warnings": []})
        elif "/preupload/" in path:
            files = json.loads(body)["files"]
            modes = [{"path": file["path"], "uploadMode": _mode(file["path"]), "shouldIgnore": False} for file in files]
            self._json({"files": modes})
        elif path.endswith("/info/lfs/objects/batch"):
            objects = json.loads(body)["objects"]
            for each in objects:
                each["actions"] = {"upload": {"href": f"{address}/upload/{each['oid']}"}}
            self._json({"transfer": "basic", "objects": objects})
        else:
            self._commit(path, body)

    def do_PUT(self) -> None:
        self.server.uploads[self.path.rpartition("/")[2]] = self._body()
        self._send(200, b"", {})

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("content-length", 0)))

    def _commit(self, path: str, body: bytes) -> None:
        repository, _, revision = path.split("/", 3)[3].partition("/commit/")
        key = repository if revision == "main" else f"{repository}@{revision}"
        files = self.server.files.setdefault(key, {})
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.server.uploads[value["oid"]]
        prefix = "datasets/" if path.startswith("/api/datasets/") else ""
        address = f"http://127.0.0.1:{self.server.server_port}/{prefix}{repository}/commit/{SHA}"
        self._json({"success": True, "commitOid": SHA, "commitUrl": address})

    def _json(self, body: object) -> None:
        self._send(200, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def log_message(self, *args: object) -> None: ...

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.server.asked.append(f"{self.command} {path}")
        if path.startswith(("/api/datasets/", "/api/models/")):
            repository, asks_for_tree, _ = path.split("/", 3)[3].partition("/tree/")
            if asks_for_tree:
                self._tree(repository)
                return
            repository, _, revision = repository.partition("/revision/")
            self._info(repository, "" if revision == "main" else revision)
            return
        repository, _, rest = path.removeprefix("/datasets").removeprefix("/").partition("/resolve/")
        name = rest.partition("/")[2]
        for key, files in self.server.files.items():
            if name in files and key.partition("@")[0] == repository:
                self._send(200, files[name], {"ETag": f'"{hash(files[name])}"', "X-Repo-Commit": SHA})
                return
        self._send(404, b"{}", {"X-Error-Code": "EntryNotFound"})

    def _info(self, repository: str, revision: str) -> None:
        if repository in self.server.errors:
            status, code = self.server.errors[repository]
            self._send(status, b'{"error": "no"}', {"X-Error-Code": code})
            return
        key = f"{repository}@{revision}" if revision else repository
        if key not in self.server.files:
            self._send(404, b'{"error": "no"}', {"X-Error-Code": "RevisionNotFound" if revision else "RepoNotFound"})
            return
        siblings = [{"rfilename": name} for name in self.server.files[key]]
        body = {"id": repository, "sha": SHA, "siblings": siblings, "cardData": self.server.cards.get(repository)}
        self._send(200, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def _tree(self, repository: str) -> None:
        files = self.server.files[repository]
        body = [{"type": "file", "path": name, "size": len(files[name]), "oid": SHA} for name in files]
        self._send(200, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _mode(path: str) -> str:
    return "lfs" if path.endswith((".safetensors", ".onnx", ".parquet", ".png")) else "regular"

"""Imports from addresses of fsspec equal those of the same files on this machine."""

import os
import shutil
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from facesmith.data.dataset import Dataset
from facesmith.data.export import export_dataset
from facesmith.data.importer import import_dataset
from facesmith.data.layouts import layout as layouts
from facesmith.data.ray_import import import_with_ray
from facesmith.errors import FacesmithError

fsspec = pytest.importorskip("fsspec", reason="the package fsspec is not installed")

LAYOUTS = ["imagefolder", "classes:Red", "webdataset", "parquet"]
OPTIONS: dict[str, Any] = {"size": "16", "crop": "none", "workers": 1, "quiet": True}


@pytest.fixture(scope="module")
def exports(labelled: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures in each layout, in shards of 100."""
    folder = tmp_path_factory.mktemp("exports")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layouts, "SHARD", 100)
        for layout in LAYOUTS:
            export_dataset(labelled, folder / layout.partition(":")[0], layout=layout, quiet=True)
    return folder


@pytest.fixture
def memory(exports: Path) -> Iterator[Any]:
    filesystem = fsspec.filesystem("memory")
    filesystem.put(str(exports), "/exports", recursive=True)
    yield filesystem
    filesystem.rm("/exports", recursive=True)


def assert_equal(one: Dataset, other: Dataset) -> None:
    assert one.fingerprint == other.fingerprint
    assert one.card["source"] == other.card["source"]
    assert (one.terms, one.card["notes"], one.card["made_with"]) == (
        other.terms,
        other.card["notes"],
        other.card["made_with"],
    )


@pytest.mark.parametrize("layout", [layout.partition(":")[0] for layout in LAYOUTS])
def test_every_layout_is_imported_from_an_address(memory: Any, exports: Path, layout: str, tmp_path: Path) -> None:
    local = import_dataset(exports / layout, tmp_path / "local", **OPTIONS)
    remote = import_dataset(f"memory://exports/{layout}", tmp_path / "remote", **OPTIONS)
    assert len(remote) == 240
    assert remote.attributes
    assert_equal(remote, local)


def test_selections_and_patterns_read_what_they_name(memory: Any, exports: Path, tmp_path: Path) -> None:
    chosen: dict[str, Any] = {**OPTIONS, "where": "Red", "limit": 20, "seed": 3}
    local = import_dataset(exports / "webdataset", tmp_path / "local", **chosen)
    remote = import_dataset("memory://exports/webdataset", tmp_path / "remote", **chosen)
    assert_equal(remote, local)
    names = ("faces-*1.tar", "faces-{00001..00001}.tar")
    parts = [
        import_dataset(f"memory://exports/webdataset/{name}", tmp_path / f"part{number}", **OPTIONS)
        for number, name in enumerate(names)
    ]
    assert parts[0].fingerprint == parts[1].fingerprint
    assert len(parts[0]) == 100


def test_a_zip_is_read_in_place(memory: Any, exports: Path, tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "faces"), "zip", exports / "imagefolder" / "00001")
    memory.put(archive, "/exports/faces.zip")
    remote = import_dataset("memory://exports/faces.zip", tmp_path / "remote", **OPTIONS)
    assert_equal(remote, import_dataset(archive, tmp_path / "local", **OPTIONS))


@pytest.mark.parametrize(
    ("address", "reason"), [("memory://nowhere", "check the address"), ("nosuch://x/y", "nosuch"), ("s3://", "s3")]
)
def test_addresses_that_cannot_be_read_are_one_sentence(address: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(FacesmithError, match=reason):
        import_dataset(address, tmp_path / "out", **OPTIONS)
    assert not list(tmp_path.iterdir())


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None: ...


class NoImages(Quiet):
    """Lists a folder, but has lost its images."""

    def do_GET(self) -> None:
        if self.path.endswith(".png"):
            self.send_error(500)
        else:
            super().do_GET()


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # of aiohttp's connections
def test_a_web_folder_is_imported(exports: Path, tmp_path: Path) -> None:
    pytest.importorskip("aiohttp", reason="the package aiohttp is not installed")
    folder = exports / "imagefolder" / "00001"
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        remote = import_dataset(f"http://127.0.0.1:{server.server_port}/", tmp_path / "remote", **OPTIONS)
        server.shutdown()
    assert remote.fingerprint == import_dataset(folder, tmp_path / "local", **OPTIONS).fingerprint


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")  # of moto and aiobotocore
def test_s3_equals_local_files(exports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server_module = pytest.importorskip("moto.server", reason="the package moto[server] is not installed")
    s3fs = pytest.importorskip("s3fs", reason="the package s3fs is not installed")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    server = server_module.ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        s3fs.S3FileSystem.clear_instance_cache()
        files = s3fs.S3FileSystem()
        files.mkdir("faces")
        for folder in ("webdataset", "imagefolder/00002"):
            files.put(str(exports / folder), f"faces/{folder}", recursive=True)
            local = import_dataset(exports / folder, tmp_path / "local" / folder, **OPTIONS)
            assert_equal(import_dataset(f"s3://faces/{folder}", tmp_path / "s3" / folder, **OPTIONS), local)
    finally:
        s3fs.S3FileSystem.clear_instance_cache()
        server.stop()


@pytest.mark.skipif("FACESMITH_SLOW" not in os.environ, reason="starts Ray: FACESMITH_SLOW=1 runs it")
@pytest.mark.filterwarnings("ignore")  # Ray's own
def test_an_import_with_ray_is_equal(exports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray", reason="the package ray is not installed")
    monkeypatch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    try:
        options = {key: value for key, value in OPTIONS.items() if key != "workers"}
        remote = import_with_ray(exports / "webdataset", tmp_path / "ray", where="Red", **options)
        folder = exports / "imagefolder" / "00001"
        with (
            ThreadingHTTPServer(("127.0.0.1", 0), partial(NoImages, directory=str(folder))) as server,
            pytest.raises(FacesmithError, match="import again to resume"),
        ):
            Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            import_with_ray(f"http://127.0.0.1:{server.server_port}/", tmp_path / "lost", **options)
    finally:
        ray.shutdown()
    assert_equal(remote, import_dataset(exports / "webdataset", tmp_path / "local", where="Red", **OPTIONS))

import asyncio
import json
import os
import shutil
import time
from pathlib import Path

import pytest

import facesmith
from facesmith import FacesmithError, Model, artefacts
from facesmith.studio import registry
from facesmith.studio.errors import NotFound
from facesmith.studio.registry import Registry
from tests.studio.conftest import write_model


def _names(registry_of_paths: Registry, *kinds: str) -> list[str]:
    return [item.name for item in registry_of_paths.items(*kinds)]


def _card(folder: Path, file: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / file).write_text("{}")
    return folder


def test_defaults_are_the_working_folder_and_included_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _card(tmp_path / "runs" / "first", "run.json")
    _card(tmp_path / "runs" / "first" / "inner", "model.json")
    _card(tmp_path / ".hidden", "run.json")
    _card(tmp_path / "a" / "b" / "c" / "d", "run.json")
    _card(tmp_path / "faces", "dataset.json")
    (tmp_path / "link").symlink_to(tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    registry_of_paths = Registry()
    assert _names(registry_of_paths, "run") == ["first"]
    assert _names(registry_of_paths, "dataset") == ["faces"]
    assert _names(registry_of_paths, "generator") == [
        facesmith.DEFAULT_MODEL,
        *sorted(set(facesmith.included_models()) - {facesmith.DEFAULT_MODEL}),
    ]
    assert registry_of_paths.find(None, "generator").name == facesmith.DEFAULT_MODEL


def test_only_configured_paths_are_listed_with_unique_names(tmp_path: Path) -> None:
    for folder, card in (("a/my faces", "model.json"), ("b/my faces", "judge.json"), ("c/my faces", "run.json")):
        _card(tmp_path / folder, card)
    registry_of_paths = Registry(
        [str(tmp_path / "b"), str(tmp_path / "a"), str(tmp_path / "c" / "my faces"), "drawn64"]
    )
    assert [(item.kind, item.name) for item in registry_of_paths.items()] == [
        ("classifier", "my-faces"),
        ("generator", "a-my-faces"),
        ("run", "my-faces"),
        ("generator", "drawn64"),
    ]
    for nowhere in (str(tmp_path / "d"), "../etc", "no-such-model"):
        with pytest.raises(FacesmithError, match="is not a folder"):
            Registry([nowhere])


@pytest.mark.parametrize("name", ["..", "../models/first", "/etc", "first/", "", "FIRST", "first\0"])
def test_clients_cannot_reach_folders_by_path(models: Path, name: str) -> None:
    with pytest.raises(NotFound, match="unknown model"):
        Registry([str(models)]).find(name, "generator") if name else Registry([str(models)]).find("\0", "generator")
    with pytest.raises(NotFound, match="unknown run 'first'"):
        Registry([str(models)]).find("first", "run")


def test_models_are_cached_and_reloaded_after_a_change(models: Path, tmp_path: Path) -> None:
    for name in ("first", "second"):
        shutil.copytree(models / name, tmp_path / name)

    async def ask() -> None:
        registry_of_paths = Registry([str(tmp_path)], max_loaded=1)
        first, simultaneous = await asyncio.gather(registry_of_paths.model("first"), registry_of_paths.model("first"))
        assert first is simultaneous
        assert first.threads == 1
        assert (await registry_of_paths.model("second")).name == "second"
        assert registry_of_paths.loaded_count == 1
        reloaded = await registry_of_paths.model("first")
        assert reloaded is not first
        card = tmp_path / "first" / "model.json"
        card.write_text(json.dumps(json.loads(card.read_text()) | {"digest": "f" * 64}))
        os.utime(card, ns=(1, 1))  # a clock may be too coarse to tell
        assert (await registry_of_paths.model("first")).digest == "f" * 64
        shutil.rmtree(tmp_path / "first")
        with pytest.raises(NotFound, match="no longer exists"):
            await registry_of_paths.model("first")

    asyncio.run(ask())


def test_batch_sizes_are_compared_once_for_each_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, batch_dependent in (("dependent", True), ("free", False)):
        write_model(tmp_path / name, batch_dependent=batch_dependent)
    changed = write_model(tmp_path.with_name("changed"), batch_dependent=True)  # the same weights, so the same digest
    measured, measure_block = list[str](), Model.measure_block

    def measure(model: Model) -> None:
        measure_block(model)
        measured.append(model.name)

    monkeypatch.setattr(Model, "measure_block", measure)

    async def block_of(loading: Registry, name: str, measurements: int) -> int:
        model = await loading.model(name)
        until = time.monotonic() + 30
        while len(measured) < measurements and time.monotonic() < until:
            await asyncio.sleep(0.01)
        return model.block

    async def ask() -> None:
        loading = Registry([str(tmp_path)], max_loaded=1)
        assert await block_of(loading, "dependent", 1) == 16
        assert await block_of(loading, "free", 2) == 1
        assert await block_of(loading, "dependent", 0) == 16
        assert await block_of(loading, "free", 0) == 1  # at once, though it was loaded again
        shutil.copytree(changed, tmp_path / "free", dirs_exist_ok=True)
        os.utime(tmp_path / "free" / "model.json", ns=(1, 1))  # a clock may be too coarse to tell
        assert await block_of(loading, "free", 3) == 16
        loading.close()

    asyncio.run(ask())
    assert measured == ["dependent", "free", "changed"]


def test_new_folders_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "MAX_AGE_SECONDS", 0.0)
    registry_of_paths = Registry([str(tmp_path)])
    assert _names(registry_of_paths) == []
    _card(tmp_path / "run", "run.json")
    assert registry_of_paths.find("run", "run").path == tmp_path / "run"


def test_a_search_of_a_very_large_folder_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artefacts, "MAX_FOLDERS", 4)
    for number in range(8):
        _card(tmp_path / str(number), "run.json")
    assert _names(Registry([str(tmp_path)])) == ["0", "1", "2"]

"""The manifests fit the clusters' schemas, and what they run fits torchrun and facesmith."""

import copy
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest
import yaml
from torch.distributed.run import parse_args

from facesmith.cli import facesmith
from facesmith.cli.train import train
from facesmith.tasks.recipes import RECIPES

TESTS = Path(__file__).parent
DEPLOY = TESTS.parent / "deploy" / "train"
KUBERNETES = json.loads((TESTS / "schemas" / "kubernetes.json").read_text())
SKYPILOT = json.loads((TESTS / "schemas" / "skypilot.json").read_text())
KINDS = {
    (version, kind): jsonschema.Draft202012Validator(KUBERNETES | {"$ref": f"#/$defs/{kind}"})
    for version, kind in (("trainer.kubeflow.org/v1alpha1", "TrainJob"), ("v1", "PersistentVolumeClaim"))
}
# What the clusters set for a process on the second of two nodes.
SKY = {"NUM_NODES": "2", "NUM_GPUS_PER_NODE": "4", "NODE_RANK": "1", "NODE_IPS": "10.0.0.1\n10.0.0.2"}


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DEPLOY / name).read_text()))


def check_kubernetes(document: dict[str, Any]) -> None:
    KINDS[document["apiVersion"], document["kind"]].validate(document)


def check_skypilot(task: dict[str, Any]) -> None:
    jsonschema.validate(task, SKYPILOT["task"])
    jsonschema.validate(task["resources"], SKYPILOT["resources"])
    for mount in task["file_mounts"].values():
        jsonschema.validate(mount, SKYPILOT["storage"])


def inner(value: Any) -> Iterator[dict[str, Any]]:
    """Every mapping in a document, itself first."""
    if isinstance(value, dict):
        yield value
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from inner(child)


@pytest.mark.parametrize("name", ["trainjob.yaml", "storage.yaml"])
def test_kubernetes_manifests_fit_strict_schemas(name: str) -> None:
    for document in documents(name):
        check_kubernetes(document)
        for index, mapping in enumerate(inner(document)):
            if set(mapping) <= {"cpu", "memory", "storage", "nvidia.com/gpu"}:
                continue  # names of resources are free
            spoiled = copy.deepcopy(document)
            list(inner(spoiled))[index]["odd"] = "x"
            with pytest.raises(jsonschema.ValidationError):
                check_kubernetes(spoiled)


@pytest.mark.parametrize(
    ("field", "value"), [("numNodes", "two"), ("command", "torchrun"), ("resourcesPerNode", {"limits": {"cpu": []}})]
)
def test_a_value_of_the_wrong_type_fails_the_schema(field: str, value: object) -> None:
    (job,) = documents("trainjob.yaml")
    job["spec"]["trainer"][field] = value
    with pytest.raises(jsonschema.ValidationError):
        check_kubernetes(job)


def test_the_skypilot_file_fits_a_strict_schema() -> None:
    (task,) = documents("skypilot.yaml")
    check_skypilot(task)
    for where in (task, task["resources"], *task["file_mounts"].values()):
        where["odd"] = "x"
        with pytest.raises(jsonschema.ValidationError):
            check_skypilot(task)
        del where["odd"]
    with pytest.raises(jsonschema.ValidationError):
        check_skypilot(task | {"num_nodes": "2"})


def test_the_volumes_of_the_job_exist() -> None:
    (job,) = documents("trainjob.yaml")
    (patch,) = job["spec"]["runtimePatches"]
    (node,) = patch["trainingRuntimeSpec"]["template"]["spec"]["replicatedJobs"]
    pod = node["template"]["spec"]["template"]["spec"]
    claims = [volume["persistentVolumeClaim"]["claimName"] for volume in pod["volumes"] if "emptyDir" not in volume]
    assert claims == [claim["metadata"]["name"] for claim in documents("storage.yaml")]
    (container,) = pod["containers"]
    assert [mount["name"] for mount in container["volumeMounts"]] == [volume["name"] for volume in pod["volumes"]]
    assert (node["name"], container["name"]) == ("node", "node")  # as torch-distributed calls them


def commands() -> list[Any]:
    (job,) = documents("trainjob.yaml")
    (task,) = documents("skypilot.yaml")
    trainer = job["spec"]["trainer"]
    return [
        pytest.param([*trainer["command"], *trainer["args"]], {}, id="kubeflow"),
        pytest.param(["bash", "-c", task["run"]], {f"SKYPILOT_{key}": value for key, value in SKY.items()}, id="sky"),
    ]


@pytest.mark.parametrize(("command", "variables"), commands())
def test_the_cluster_command_trains_and_resumes(command: list[str], variables: dict[str, str], tmp_path: Path) -> None:
    """Run as the cluster does, but for a torchrun that only says what it was asked: torch and click then parse that."""
    torchrun = tmp_path / "facesmith" / "bin" / "torchrun"
    torchrun.parent.mkdir(parents=True)
    torchrun.write_text('#!/bin/sh\nprintf "%s\\0" "$@"\n')
    torchrun.chmod(0o755)
    command = [argument.replace("/runs/first", f"{tmp_path}/run") for argument in command]
    environment = {"HOME": str(tmp_path), "PATH": f"{torchrun.parent}:/usr/bin:/bin"}

    root = click.Context(facesmith, info_name="facesmith", **facesmith.context_settings)

    def parsed_command() -> tuple[Any, dict[str, Any]]:
        process = subprocess.run(command, env=environment | variables, capture_output=True, text=True, check=True)
        launch = parse_args(process.stdout.split("\0")[:-1])
        assert (launch.module, launch.training_script, launch.training_script_args[0]) == (True, "facesmith", "train")
        return launch, train.make_context("train", launch.training_script_args[1:], parent=root).params

    launch, params = parsed_command()
    assert RECIPES[params["recipe"]].batch_size % 8 == 0, "two nodes of four processes share a batch evenly"
    assert (params["dataset"], params["run"]) == (Path("/data/celeba64"), tmp_path / "run")
    assert not params["resume"]
    if variables:
        assert (launch.nnodes, launch.nproc_per_node, launch.node_rank) == ("2", "4", 1)
        assert launch.master_addr == "10.0.0.1"

    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "recipe.toml").touch()
    assert parsed_command()[1]["resume"], "also if it was killed before its first checkpoint: then it begins anew"

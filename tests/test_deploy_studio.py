"""What the studio is deployed with fits its schemas, the studio, and each other."""

import asyncio
import copy
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
import yaml
from starlette.types import Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from facesmith.cli.studio import studio
from facesmith.models.folder import DEFAULT_MODEL
from facesmith.studio.app import create_app
from facesmith.studio.limits import PROBE_PATHS
from facesmith.studio.settings import Settings

TESTS = Path(__file__).parent
ROOT = TESTS.parent
DEPLOY = ROOT / "deploy" / "studio"
KUBERNETES = json.loads((TESTS / "schemas" / "kubernetes-1.37.json").read_text())
COMPOSE = jsonschema.Draft202012Validator(json.loads((TESTS / "schemas" / "compose.json").read_text()))
USER = 10001
Steps = list[tuple[str, str]]


def manifest(name: str) -> Any:
    return yaml.safe_load((DEPLOY / "kubernetes" / f"{name}.yaml").read_text())


def resources(folder: str) -> list[tuple[str, Any]]:
    """The manifests that a kustomization names, with their paths, those of what it builds on first."""
    kustomization = manifest(f"{folder}/kustomization")
    manifests = []
    for name in kustomization["resources"]:
        if name.startswith("../"):
            manifests += resources(name.removeprefix("../"))
        else:
            path = f"{folder}/{name.removesuffix('.yaml')}"
            manifests.append((path, manifest(path)))
    return manifests


PUBLIC = dict(resources("public"))
HUB = dict(resources("hub"))
PATCHES = {f"{folder}/deployment": manifest(f"{folder}/deployment") for folder in ("public", "hub")}
DEPLOYMENT = PUBLIC["base/deployment"]
POD = DEPLOYMENT["spec"]["template"]["spec"]
(STUDIO,) = POD["containers"]
(IMAGE,) = manifest("public/kustomization")["images"]
SERVICE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["studio"]


def inner(value: Any) -> Iterator[dict[str, Any]]:
    """Every mapping in a document, itself first."""
    if isinstance(value, dict):
        yield value
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from inner(child)


def check(document: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(KUBERNETES | {"$ref": f"#/$defs/{document['kind']}"}).validate(document)


def free(mapping: dict[str, Any]) -> bool:
    """Whether its names may be any: those of resources, labels and annotations."""
    return all(name in ("cpu", "memory", "storage") or "." in name for name in mapping)


@pytest.mark.parametrize("path", sorted(PUBLIC | HUB))
def test_manifests_fit_strict_schemas(path: str) -> None:
    document = (PUBLIC | HUB)[path]
    check(document)
    for index, mapping in enumerate(inner(document)):
        if not free(mapping):
            spoiled = copy.deepcopy(document)
            list(inner(spoiled))[index]["odd"] = "x"
            with pytest.raises(jsonschema.ValidationError):
                check(spoiled)


def merged(base: Any, patch: Any) -> Any:
    """A strategic merge of what our patches hold: mappings, and lists whose items have a name or a mountPath."""
    if isinstance(base, dict) and isinstance(patch, dict):
        return base | {key: merged(base[key], value) if key in base else value for key, value in patch.items()}
    if isinstance(base, list) and isinstance(patch, list):
        key = next(key for key in ("mountPath", "name") if all(key in item for item in [*base, *patch]))
        items = {item[key]: item for item in base}
        for item in patch:
            items[item[key]] = merged(items[item[key]], item) if item[key] in items else item
        return list(items.values())
    return patch


def patched(*folders: str) -> Any:
    document = DEPLOYMENT
    for folder in folders:
        document = merged(document, PATCHES[f"{folder}/deployment"])
    return document


@pytest.mark.parametrize("folders", [(), ("public",), ("public", "hub")])
def test_pods_are_read_only_and_unprivileged(folders: tuple[str, ...]) -> None:
    deployment = patched(*folders)
    check(deployment)
    pod = deployment["spec"]["template"]["spec"]
    assert (pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["runAsUser"]) == (True, USER)
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert pod["serviceAccountName"] == PUBLIC["base/account"]["metadata"]["name"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    for container in [*pod["containers"], *pod.get("initContainers", [])]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert set(container["resources"]) == {"requests", "limits"}
        assert container["image"] == IMAGE["name"], "or the overlay names another"
        for mount in container["volumeMounts"]:
            assert mount["name"] in volumes
            if "persistentVolumeClaim" in volumes[mount["name"]]:
                assert mount["readOnly"]
    assert all({"emptyDir", "persistentVolumeClaim"} & set(volume) for volume in volumes.values())
    assert volumes["tmp"]["emptyDir"]["medium"] == "Memory", "what visitors bring is never on a disk"


def test_probes_and_metrics_of_kubernetes_exist_in_the_studio() -> None:
    app = create_app(Settings(paths=(DEFAULT_MODEL,), host="0.0.0.0", token="something-long", quiet=True))
    port = {entry["name"]: entry["containerPort"] for entry in STUDIO["ports"]}
    assert port == {"http": Settings().port}
    for name, path in (("startup", "/healthz"), ("readiness", "/readyz"), ("liveness", "/healthz")):
        probe = STUDIO[f"{name}Probe"]["httpGet"]
        assert probe == {"path": path, "port": "http"}
        assert path in PROBE_PATHS, "the kubelet has no token"
    (endpoint,) = PUBLIC["public/monitor"]["spec"]["podMetricsEndpoints"]
    assert endpoint["port"] == "http"

    async def figures() -> str:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://10.1.2.3:8000") as client:
            assert (await client.get("/healthz")).status_code == 200
            assert (await client.get("/readyz")).json() == {"error": "the first model is still loading"}
            assert (await client.get(endpoint["path"])).status_code == 401
            return (await client.get(endpoint["path"], headers={"Authorization": "Bearer something-long"})).text

    exported = set(re.findall(r"^(facesmith_\w+)", asyncio.run(figures()), re.MULTILINE))
    scaled = {m["pods"]["metric"]["name"] for m in PUBLIC["base/autoscaler"]["spec"]["metrics"] if m["type"] == "Pods"}
    rules = manifest("prometheus-adapter")["rules"]["custom"]
    assert {rule["seriesQuery"].partition("{")[0] for rule in rules} <= exported
    assert scaled == {rule["name"]["as"] for rule in rules}


def test_references_between_manifests_resolve() -> None:
    name = {"app.kubernetes.io/name": "facesmith-studio"}
    assert DEPLOYMENT["spec"]["template"]["metadata"]["labels"] == name
    for selector in (
        DEPLOYMENT["spec"]["selector"]["matchLabels"],
        PUBLIC["base/service"]["spec"]["selector"],
        PUBLIC["base/disruption"]["spec"]["selector"]["matchLabels"],
        PUBLIC["base/network"]["spec"]["podSelector"]["matchLabels"],
        PUBLIC["public/monitor"]["spec"]["selector"]["matchLabels"],
        HUB["hub/network"]["spec"]["podSelector"]["matchLabels"],
    ):
        assert selector == name
    target = PUBLIC["base/autoscaler"]["spec"]["scaleTargetRef"]
    assert [DEPLOYMENT[key] for key in ("apiVersion", "kind")] == [target["apiVersion"], target["kind"]]
    assert target["name"] == DEPLOYMENT["metadata"]["name"]
    assert {patch["metadata"]["name"] for patch in PATCHES.values()} == {target["name"]}
    (service_port,) = PUBLIC["base/service"]["spec"]["ports"]
    (allowed,) = PUBLIC["base/network"]["spec"]["ingress"]
    assert (service_port["targetPort"], allowed["ports"]) == ("http", [{"port": "http"}])
    ingress = PUBLIC["public/ingress"]["spec"]
    (rule,) = ingress["rules"]
    (path,) = rule["http"]["paths"]
    assert path["backend"]["service"] == {"name": "facesmith-studio", "port": {"name": service_port["name"]}}
    assert PUBLIC["base/service"]["metadata"]["name"] == "facesmith-studio"
    assert ingress["tls"] == [{"hosts": [rule["host"]], "secretName": "facesmith-studio-tls"}]
    overlaid = patched("public")["spec"]["template"]["spec"]
    (token,) = (
        entry["valueFrom"]["secretKeyRef"] for entry in overlaid["containers"][0]["env"] if "valueFrom" in entry
    )
    (endpoint,) = PUBLIC["public/monitor"]["spec"]["podMetricsEndpoints"]
    assert endpoint["authorization"]["credentials"] == token
    claims = [v["persistentVolumeClaim"]["claimName"] for v in overlaid["volumes"] if "persistentVolumeClaim" in v]
    assert claims == [PUBLIC["public/models"]["metadata"]["name"]]
    assert PUBLIC["public/namespace"]["metadata"]["name"] == manifest("public/kustomization")["namespace"]


def test_the_grace_period_covers_the_shutdown() -> None:
    sleep = STUDIO["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert POD["terminationGracePeriodSeconds"] >= sleep + Settings().shutdown_seconds + 5
    assert int(SERVICE["stop_grace_period"].removesuffix("s")) >= Settings().shutdown_seconds + 5


def test_every_environment_variable_is_read(dockerfile: Steps) -> None:
    options = {f"FACESMITH_STUDIO_{parameter.name}".upper() for parameter in studio.params}
    options |= {variable for parameter in studio.params for variable in [parameter.envvar] if isinstance(variable, str)}
    pod = patched("public", "hub")["spec"]["template"]["spec"]
    used = {entry["name"] for container in [*pod["containers"], *pod["initContainers"]] for entry in container["env"]}
    used |= {*SERVICE["environment"], *(word.partition("=")[0] for word in dict(dockerfile)["ENV"].split())}
    used |= set(re.findall(r'environ\.get\("(\w+)"', (DEPLOY / "health.py").read_text()))
    system = {
        "PATH",
        "FORWARDED_ALLOW_IPS",
        "HF_HOME",
        "HF_HUB_CACHE",
        "HF_HUB_OFFLINE",
        "ORT_DISABLE_TELEMETRY",
    }
    assert used <= options | system
    # A service called facesmith-studio would set FACESMITH_STUDIO_PORT to an address, in every pod of its namespace.
    assert POD["enableServiceLinks"] is False


def test_only_a_proxy_in_the_cluster_can_name_the_client() -> None:
    clients: list[tuple[str, str]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        clients.append((scope["client"][0], scope["scheme"]))

    (kubernetes,) = (entry["value"] for entry in STUDIO["env"] if entry["name"] == "FORWARDED_ALLOW_IPS")
    assert SERVICE["environment"]["FORWARDED_ALLOW_IPS"] == kubernetes
    middleware = ProxyHeadersMiddleware(app, kubernetes)  # type: ignore[arg-type]
    # What a visitor writes into the header comes before what the proxy adds.
    headers = [(b"x-forwarded-for", b"198.51.100.1, 203.0.113.7"), (b"x-forwarded-proto", b"https")]
    for client in ("10.42.0.7", "172.18.0.3", "203.0.113.9"):
        scope = {"type": "http", "client": (client, 1), "headers": headers, "scheme": "http"}
        asyncio.run(middleware(scope, None, None))  # type: ignore[arg-type]
    assert clients == [("203.0.113.7", "https")] * 2 + [("203.0.113.9", "http")]


def test_the_compose_file_fits_a_strict_schema() -> None:
    document = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    COMPOSE.validate(document)
    for where in (document, *document["services"].values(), document["services"]["studio"]["deploy"]["resources"]):
        where["odd"] = {}
        assert not COMPOSE.is_valid(document)
        del where["odd"]


def test_compose_is_as_restricted_as_kubernetes() -> None:
    assert SERVICE["read_only"]
    assert SERVICE["cap_drop"] == ["ALL"]
    assert SERVICE["security_opt"] == ["no-new-privileges:true"]
    assert SERVICE["ports"] == [f"127.0.0.1:{Settings().port}:{Settings().port}"], "without a token, this machine alone"
    assert all(volume.endswith("/data:ro") for volume in SERVICE["volumes"])
    assert (DEPLOY / SERVICE["build"]["context"] / SERVICE["build"]["dockerfile"]).samefile(DEPLOY / "Dockerfile")
    assert f"reverse_proxy studio:{Settings().port}" in (DEPLOY / "Caddyfile").read_text()


def test_the_image_matches_the_manifests(dockerfile: Steps) -> None:
    last = dict(dockerfile)  # of each instruction the last counts
    assert last["USER"] == f"{USER}:{USER}"
    assert last["EXPOSE"] == str(Settings().port)
    (overlaid,) = patched("public")["spec"]["template"]["spec"]["containers"]
    assert {last["WORKDIR"], "/tmp"} == {mount["mountPath"] for mount in overlaid["volumeMounts"]}
    assert "FACESMITH_STUDIO_HOST=0.0.0.0" in last["ENV"].split()
    assert (json.loads(last["ENTRYPOINT"]), json.loads(last["CMD"])) == (["facesmith"], ["studio"])
    assert sum(word == "FROM" for word, _ in dockerfile) == 2
    assert f"-not -name {DEFAULT_MODEL} " in next(
        text for _, text in dockerfile if "src/facesmith/models/included" in text
    )


@pytest.mark.parametrize("hub", [False, True])
def test_kustomize_builds_the_tested_manifests(hub: bool, tmp_path: Path) -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed")
    folder = shutil.copytree(DEPLOY / "kubernetes", tmp_path / "kubernetes")
    kustomization = folder / "public" / "kustomization.yaml"
    if hub:  # as the documentation says it is switched on
        kustomization.write_text(kustomization.read_text().replace("# components:", "components:"))
    process = subprocess.run([kubectl, "kustomize", kustomization.parent], capture_output=True, text=True, check=True)
    built = {(d["kind"], d["metadata"]["name"]): d for d in yaml.safe_load_all(process.stdout)}
    expected = (PUBLIC | HUB if hub else PUBLIC).values()
    assert set(built) == {(d["kind"], d["metadata"]["name"]) for d in expected}
    for document in built.values():
        check(document)
        assert document["kind"] == "Namespace" or document["metadata"]["namespace"] == "facesmith"
    pod = built["Deployment", "facesmith-studio"]["spec"]["template"]["spec"]
    options = patched("public", *["hub"] * hub)["spec"]["template"]["spec"]
    for key in ("containers", "initContainers"):
        assert [c["name"] for c in pod.get(key, [])] == [c["name"] for c in options.get(key, [])]
        for container, own in zip(pod.get(key, []), options.get(key, []), strict=True):
            assert container.pop("image") == f"{IMAGE['newName']}:{IMAGE['newTag']}"
            for list_key, name in (("env", "name"), ("volumeMounts", "mountPath")):
                by_name = [{item[name]: item for item in c.get(list_key, [])} for c in (container, own)]
                assert by_name[0] == by_name[1]
            assert {k: v for k, v in container.items() if k not in ("env", "volumeMounts")} == {
                k: v for k, v in own.items() if k not in ("env", "volumeMounts", "image")
            }

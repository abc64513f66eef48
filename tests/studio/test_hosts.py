"""The host names that a studio accepts."""

from collections.abc import Callable

import httpx
import pytest
from fastapi import FastAPI

from facesmith import FacesmithError
from facesmith.studio.settings import Settings

Visit = Callable[..., None]


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_only_allowed_hosts_are_answered(visit: Visit, host: str) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        for name in ("faces.example.org", "FACES.example.org:8443", "[fe80::1]:8000", "localhost:8000", "127.0.0.1"):
            assert (await client.get("/", headers={"Host": name})).status_code == 200, name
        for name in ("elsewhere.example", "faces.example.org.elsewhere.example", "fe80::1", "[", ""):
            response = await client.get("/", headers={"Host": name})
            assert (response.status_code, list(response.json())) == (403, ["error"]), name
            assert (await client.get("/healthz", headers={"Host": name})).status_code == 200, name
        headers = {"Host": "faces.example.org", "Origin": "https://faces.example.org"}
        assert (await client.delete("/api/v1/session", headers=headers)).status_code == 200

    visit(ask, host=host, allowed_hosts=("Faces.example.org", "[fe80::1]"))


def test_a_public_studio_accepts_any_host(visit: Visit) -> None:
    async def ask(client: httpx.AsyncClient, _: FastAPI) -> None:
        assert (await client.get("/", headers={"Host": "whatever.example"})).status_code == 200

    visit(ask, host="0.0.0.0")


def test_allowed_hosts_make_a_studio_public() -> None:
    local, public = Settings(), Settings(allowed_hosts=("faces.example.org",))
    local_hosts = frozenset(["localhost", "127.0.0.1", "::1"])
    assert (local.hosts, public.hosts) == (local_hosts, local_hosts | {"faces.example.org"})
    assert (local.client_rate, public.client_rate) == (None, 50)
    with pytest.raises(FacesmithError, match=r"reaches faces.example.org .* give a --token$"):
        Settings(allowed_hosts=("faces.example.org",), allow_training=True)
    for name in ("faces.example.org:80", "https://faces.example.org", "", "a b", "*"):
        with pytest.raises(FacesmithError, match="invalid --allowed-host"):
            Settings(allowed_hosts=(name,))

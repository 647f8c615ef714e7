"""`docs/authentication.md`: what it shows works as it stands there."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import yaml

from gateway.building import _kinds
from gateway.config import load
from gateway.registry import Registry
from gateway.settings import Backend
from tests.process import ROOT
from tests.upstream import Request, Step, Upstream, reply

if TYPE_CHECKING:
    from pathlib import Path

TEXT = (ROOT / "docs" / "authentication.md").read_text("utf-8")
YAML = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
[PYTHON] = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
PLANTED = "planted-secret-0123456789"
# What must be installed; where it is not, the documentation says so.
NEEDS = {"google": "gcloud.aio.auth", "aws": "botocore"}


def shown(kind: str) -> list[str]:
    return [block for block in YAML if f"type: {kind}" in block]


@pytest.mark.parametrize("block", YAML, ids=range(len(YAML)))
def test_configuration(block: str, tmp_path: Path) -> None:
    """Each block is a whole file, and nothing in it is wrong."""
    for kind, package in NEEDS.items():
        if f"type: {kind}" in block:
            pytest.importorskip(package)
    for name in ("openai-key", "key-c", "llm-secret"):
        (tmp_path / name).write_text(PLANTED, "utf-8")
    file = tmp_path / "sluicegate.yaml"
    file.write_text(block.replace("/etc/sluicegate", str(tmp_path)), "utf-8")
    names = re.findall(r"\$\{(\w+)\}", block)
    environ = {n: "client" if n.endswith("_ID") else PLANTED for n in names}
    environ |= {"CREDENTIALS_DIRECTORY": str(tmp_path), "OPENAI_API_KEY": PLANTED}

    settings = load(file, environ)

    assert [*Registry().check(settings, environ)] == []
    assert settings.backends.keys() == yaml.safe_load(block)["backends"].keys()
    assert PLANTED not in repr(settings)


def test_every_type() -> None:
    """What can be named is in the table, and what takes options has an example."""
    rows = set(re.findall(r"^\| `([a-z-]+)` \|", TEXT, re.MULTILINE))

    assert rows == set(_kinds())
    assert [kind for kind in _kinds() if kind != "bearer" and not shown(kind)] == []


async def test_backend(tmp_path: Path) -> None:
    """The guide's way of OAuth: loaded at the start, renewed, and again after a 401."""
    scope: dict[str, Any] = {}
    exec(PYTHON, scope)
    path = tmp_path / "creds.json"

    def script(request: Request) -> list[Step]:
        if request.path.endswith("/token"):
            issued = f"new-{len(up.requests)}"
            return reply({"access_token": issued, "expires_in": 3600})
        first = request.header("authorization") == "Bearer new-1"
        return reply({}, 401) if first else reply({"model": request.json["model"]})

    async with Upstream(script) as up, aiohttp.ClientSession() as session:
        ended = {"access_token": "old", "refresh_token": "r", "expiry_date": 1000}
        path.write_text(json.dumps({**ended, "token_uri": f"{up.url}/token"}), "utf-8")
        backend = scope["MyOAuthBackend"](session, Backend(), None)
        await backend.initialize(api_base_url=up.url, oauth_creds_path=str(path))
        assert json.loads(path.read_text("utf-8"))["access_token"] == "new-1"
        envelope = await backend.chat_completions({}, [], "m")
        await backend.close()

    assert envelope.content == {"model": "m"}
    sent = [r.header("authorization") for r in up.requests]
    assert sent == [None, "Bearer new-1", None, "Bearer new-3"]
    assert json.loads(path.read_text("utf-8"))["expiry_date"] / 1000 > time.time()

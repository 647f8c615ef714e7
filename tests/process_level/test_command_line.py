"""``sluicegate serve`` and its settings: the file, the environment and flags."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest
from attrs import frozen

import gateway as package
from tests.client import ask
from tests.process import config_file, config_for, gateway, start

if TYPE_CHECKING:
    from pathlib import Path

EX_CONFIG = 78
NOBODY = "http://127.0.0.1:9/v1"
SECRET = "planted-caller-key-dddd"


@frozen
class Said:
    code: int
    text: str


async def sluicegate(*args: str, env: Mapping[str, str] | None = None) -> Said:
    """Run one command to its end; both of its streams in one text."""
    g = await start(*args, env=env)
    try:
        code = await g.exit_code(15)
    finally:
        await g.kill()
    text = "".join(g.text)
    assert "Traceback" not in text, text
    return Said(code, text)


async def test_version() -> None:
    assert await sluicegate("version") == Said(0, f"sluicegate {package.__version__}\n")


async def test_check() -> None:
    """What a person runs before a restart; a script looks at the code."""
    with config_file(config_for(NOBODY)) as good:
        right = await sluicegate("check", good)
    with config_file("backends: {up: {type: opnai}}") as bad:
        wrong = await sluicegate("check", bad)

    assert right.code == 0
    assert wrong.code == EX_CONFIG
    assert wrong.text.startswith(f"{bad}:1: ")


async def test_serve_with_a_bad_file(tmp_path: Path) -> None:
    """The same words as ``check``, and no secret in them."""
    file = tmp_path / "bad.yaml"
    file.write_text("backends:\n  up:\n    type: opnai\n    api_key: ${KEY}\n")

    said = await sluicegate("serve", "--config", str(file), env={"KEY": SECRET})

    assert said.code == EX_CONFIG
    assert said.text.count("\n") == 1
    assert f"{file}:3: backends.up.type: " in said.text
    assert "openai-compatible" in said.text
    assert SECRET not in said.text


async def test_rising_precedence() -> None:
    """The file's word, above it the environment's, above that the flag's."""
    config = config_for(NOBODY, server={"max_body": "1KiB"}, top={"log": {}})
    body = json.dumps({"model": "x" * 1500}).encode()
    env = {"SLUICEGATE_SERVER__MAX_BODY": "1MiB"}
    over = ["--set", "server.max_body=1KiB"]
    statuses = []
    for args, environ in (([], {}), ([], env), (over, env)):
        async with gateway(config, *args, env=environ) as g:
            statuses.append((await ask(g.port, body)).status)

    assert statuses == [413, 404, 413]


async def test_listen_flag_replaces_the_list() -> None:
    config = config_for(NOBODY, server={"listen": ["127.0.0.1:1"]})

    async with gateway(config, "--listen", "127.0.0.1:0") as g:
        assert g.port > 1
        (line,) = g.found("server.listening")

    assert len(line["addresses"]) == 1


async def test_config_from_the_environment() -> None:
    """``SLUICEGATE_CONFIG`` stands for ``--config``, which wins over it."""
    with config_file(config_for(NOBODY)) as path:
        env = {"SLUICEGATE_CONFIG": path}
        async with gateway(None, env=env) as g:
            models = (await ask(g.port, path="/v1/models", method="GET")).json
        said = await sluicegate("routes", "--config", "/nowhere.yaml", env=env)

    assert [row["id"] for row in models["data"]] == ["up:m1"]
    assert said.code == EX_CONFIG
    assert "/nowhere.yaml" in said.text


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--set", "server.max_body"], "PATH=VALUE"),
        (["--set", "server.max_bdy=1"], "max_body"),
        (["--set", "server.max_body=lots"], "server.max_body"),
        (["--workers", "none"], "--workers"),
        (["--listen", "nowhere"], "--listen"),
        (["--log-level", "loud"], "--log-level"),
    ],
)
async def test_bad_flags(args: list[str], told: str) -> None:
    """The flag is named as it was typed."""
    said = await sluicegate("serve", *args)

    assert said.code not in (0, None)
    assert told in said.text
    assert len(said.text) < 600


async def test_misspelt_setting() -> None:
    """A variable with a section in its name is meant for us, and must fit."""
    env = {"SLUICEGATE_SERVER__API_KEYZ": SECRET}

    said = await sluicegate("serve", env=env)

    assert said.code == EX_CONFIG
    assert "SLUICEGATE_SERVER__API_KEYZ" in said.text
    assert "api_keys" in said.text
    assert SECRET not in said.text


async def test_unknown_variable() -> None:
    """
    A variable that may be somebody else's is told, and harms nobody.

    As all that is told while serving, in JSON: a log collector is not handed a
    line that it cannot read. Its value may be a secret.
    """
    env = {"SLUICEGATE_API_KEYZ": SECRET}

    async with gateway(config_for(NOBODY), env=env) as g:
        (line,) = g.found("variable.ignored")

    assert line["variable"] == "SLUICEGATE_API_KEYZ"
    assert all(json.loads(line) for line in g.text)
    assert SECRET not in "".join(g.text)


async def test_default_backend_that_is_not_found() -> None:
    """Without a file too, a default that leads nowhere is told at the start."""
    args = ("serve", "--listen", "127.0.0.1:0")
    g = await start(*args, env={"SLUICEGATE_DEFAULT_BACKEND": "nope"})
    try:
        code = await g.exit_code(15)
    finally:
        await g.kill()

    assert code == 78
    assert "nope" in "".join(g.text)


async def test_models() -> None:
    """Without a file those that are found, with one those that it has."""
    found = await sluicegate("models")
    with config_file(config_for(NOBODY, models=[])) as file:
        nobody = await sluicegate("models", "--config", file)

    assert found.code == 0
    assert "demo:hello" in found.text
    assert nobody.code == 1
    assert nobody.text.startswith("sluicegate: up: ")
    assert nobody.text.count("\n") == 1


async def test_models_of_a_gateway() -> None:
    """With a caller's key, where the gateway asks for one."""
    async with gateway(config_for(NOBODY, server={"api_keys": [SECRET]})) as g:
        args = ("models", "--url", g.url, "--json")
        refused = await sluicegate(*args)
        told = await sluicegate(*args, "--key-env", "MY_KEY", env={"MY_KEY": SECRET})

    assert (refused.code, refused.text) == (1, f"sluicegate: {g.url} answers 401\n")
    assert told.code == 0
    assert [row["id"] for row in json.loads(told.text)] == ["up:m1"]


async def test_where_keys_come_from() -> None:
    """``check`` names the variable, never what is in it."""
    env = {"OPENAI_EU_API_KEY": SECRET}
    with config_file("backends:\n  openai.eu: {}\n") as file:
        said = await sluicegate("check", file, env=env)

    assert said.code == 0
    assert "\n    # api_key: from OPENAI_EU_API_KEY\n" in said.text
    assert SECRET not in said.text


async def test_place_of_a_mistake_in_auth() -> None:
    """What only the credentials themselves can tell still has its line."""
    text = "backends:\n  openai:\n    api_key: k\n    auth:\n      type: nonsense\n"
    with config_file(text) as file:
        said = await sluicegate("check", file)

    assert said.code == EX_CONFIG
    assert said.text.startswith(f"{file}:5: backends.openai.auth.type: ")

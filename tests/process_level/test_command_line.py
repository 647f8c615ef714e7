"""``sluicegate check | routes | version | serve``: what they print and return."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from attrs import frozen

import gateway as package
from tests.client import ask
from tests.process import config_file, config_for, gateway, start

EX_CONFIG = 78
NOBODY = "http://127.0.0.1:9/v1"
# Each where the file allows one, none of them shaped like a key.
SECRETS = {
    "PLANTED_API_KEY": "planted-backend-key-aaaa",
    "PLANTED_HEADER": "planted-header-value-bbbb",
    "PLANTED_PROXY": "planted-proxy-password-cccc",
    "PLANTED_CALLER": "planted-caller-key-dddd",
    "PLANTED_ADMIN": "planted-admin-key-eeee",
    "PLANTED_EXTRA": "planted-extra-token-ffff",
}
GOOD = """\
server:
  listen: ["127.0.0.1:0"]
  api_keys: ["${PLANTED_CALLER}"]
  admin_keys: ["${PLANTED_ADMIN}"]
  max_body: 1MiB
backends:
  up:
    type: openai-compatible
    api_base_url: http://127.0.0.1:9/v1
    api_key: ${PLANTED_API_KEY}
    models: [m1, m2]
    headers: {X-Team-Secret: "${PLANTED_HEADER}"}
    proxy: http://user:${PLANTED_PROXY}@127.0.0.1:3128
    timeouts: {connect: 1500ms}
  demo:
    extra: {api_token: "${PLANTED_EXTRA}"}
routes:
  - {model: fast, to: "up:m1"}
  - {model: "claude-*", to: "up:m2"}
default_backend: demo
"""


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


@pytest.fixture
def good(tmp_path: Path) -> str:
    file = tmp_path / "good.yaml"
    file.write_text(GOOD)
    return str(file)


def assert_no_secret(text: str) -> None:
    assert not [name for name, value in SECRETS.items() if value in text]


async def test_version() -> None:
    said = await sluicegate("version")

    assert said == Said(0, f"sluicegate {package.__version__}\n")


@pytest.mark.parametrize("args", [[], ["nonsense"], ["serve", "--nonsense"]])
async def test_usage(args: list[str]) -> None:
    """A slip in the command is told with the usage, as everywhere."""
    said = await sluicegate(*args)

    assert said.code == 2
    assert said.text.startswith("usage: sluicegate")


async def test_check(good: str) -> None:
    """A good file: the settings that will hold, defaults included, secrets masked."""
    said = await sluicegate("check", good, env=SECRETS)

    assert said.code == 0
    assert_no_secret(said.text)
    shown = yaml.safe_load(said.text)
    assert shown["server"]["max_body"] == "1MiB"
    assert shown["server"]["body_timeout"] == "30s"
    assert shown["backends"]["up"]["timeouts"]["connect"] == "1.5s"
    assert shown["backends"]["up"]["api_key"] == "***"
    assert shown["backends"]["up"]["models"] == ["m1", "m2"]
    assert shown["default_backend"] == "demo"


async def test_check_shows_what_the_environment_changes(good: str) -> None:
    env = {**SECRETS, "SLUICEGATE_SERVER__MAX_BODY": "2MiB"}

    said = await sluicegate("check", good, env=env)

    assert yaml.safe_load(said.text)["server"]["max_body"] == "2MiB"


BAD = """\
server:
  listen: ["127.0.0.1:99999"]
  max_bdy: 1MiB
  body_timeout: soon
backends:
  up:
    type: openai-compatible
    api_base_url: ftp://x
    api_key: ${PLANTED_API_KEY}
    headers: {X-Team-Secret: ["${PLANTED_HEADER}"]}
    proxy: socks9://user:${PLANTED_PROXY}@127.0.0.1
  other: {type: openai-compatible, api_base_url: "http://127.0.0.1:9/v1"}
routes:
  - {model: fast, to: "nobody:m1"}
default_backend: nobody
"""


async def test_check_of_a_bad_file(tmp_path: Path) -> None:
    """Every problem at once, each with file, line and path; no secret in any."""
    file = tmp_path / "bad.yaml"
    file.write_text(BAD)

    said = await sluicegate("check", str(file), env=SECRETS)

    assert said.code == EX_CONFIG
    assert_no_secret(said.text)
    lines = said.text.strip().split("\n")
    problems = {m[2]: int(m[1]) for line in lines if (m := located(file, line))}
    assert len(problems) == len(lines), said.text
    expected = {
        "server.listen[0]": 2,
        "server.max_bdy": 3,
        "server.body_timeout": 4,
        "backends.up.api_base_url": 8,
        "backends.up.headers.X-Team-Secret": 10,
        "backends.up.proxy": 11,
    }
    assert expected.items() <= problems.items()
    assert "max_body" in next(line for line in lines if "max_bdy" in line)


def located(file: Path, line: str) -> re.Match[str] | None:
    return re.match(rf"{re.escape(str(file))}:(\d+): ([\w.\[\]-]+): .+", line)


async def test_check_of_references(tmp_path: Path) -> None:
    """What names a backend that is not there is told, too."""
    file = tmp_path / "bad.yaml"
    file.write_text(
        "backends: {demo: {}}\n"
        "routes:\n  - {model: fast, to: 'nobody:m1'}\n"
        "default_backend: dmo\n"
    )

    said = await sluicegate("check", str(file))

    assert said.code == EX_CONFIG
    assert f"{file}:3: routes[0].to: " in said.text
    assert f"{file}:4: default_backend: " in said.text
    assert "demo" in said.text


@pytest.mark.parametrize("command", ["check", "serve", "routes"])
async def test_unknown_type(tmp_path: Path, command: str) -> None:
    """The connectors that there are, in one line, whichever command finds out."""
    file = tmp_path / "bad.yaml"
    file.write_text("backends:\n  up:\n    type: opnai\n")
    args = [str(file)] if command == "check" else ["--config", str(file)]

    said = await sluicegate(command, *args)

    assert said.code == EX_CONFIG
    assert said.text.count("\n") == 1
    assert f"{file}:3: backends.up.type: " in said.text
    for name in ("openai", "openai-compatible", "ollama", "demo"):
        assert name in said.text


async def test_backend_without_an_address(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("backends:\n  up: {type: openai-compatible}\n")

    said = await sluicegate("check", str(file))

    assert said.code == EX_CONFIG
    assert f"{file}:2: backends.up: " in said.text
    assert "api_base_url" in said.text


@pytest.mark.parametrize("content", [None, "[]", "\x00", "a: [", "server: 5", "'\t:"])
async def test_no_configuration_at_all(tmp_path: Path, content: str | None) -> None:
    """A missing file, and one that is something else, are told in a line."""
    file = tmp_path / "c.yaml"
    if content is not None:
        file.write_text(content)

    for args in (["check", str(file)], ["serve", "--config", str(file)]):
        said = await sluicegate(*args)
        assert said.code == EX_CONFIG
        assert str(file) in said.text
        assert len(said.text) < 1000


@pytest.mark.parametrize("command", ["serve", "routes"])
async def test_broken_file_tells_no_secret(tmp_path: Path, command: str) -> None:
    """Not even the line that is quoted from a file that is no YAML."""
    file = tmp_path / "bad.yaml"
    file.write_text(BAD + "  - {model: [, api_key: planted-backend-key-aaaa}\n")

    said = await sluicegate(command, "--config", str(file), env=SECRETS)

    assert said.code == EX_CONFIG
    assert_no_secret(said.text)


async def test_missing_variable(good: str) -> None:
    """The variable is named, and where it is asked for."""
    env = {name: value for name, value in SECRETS.items() if name != "PLANTED_API_KEY"}

    said = await sluicegate("check", good, env=env)

    assert said.code == EX_CONFIG
    assert f"{good}:10: backends.up.api_key: " in said.text
    assert "PLANTED_API_KEY" in said.text
    assert_no_secret(said.text)


async def test_routes(good: str) -> None:
    """All that can be asked for, in the order in which it is tried."""
    said = await sluicegate("routes", "--config", good, env=SECRETS)

    assert said.code == 0
    rows = [line.split("->") for line in said.text.strip().split("\n")]
    table = {left.strip(): right.strip() for left, right in rows}
    assert table["fast"] == "up:m1"
    assert table["claude-*"] == "up:m2"
    assert table["m1"] == "up:m1"
    assert table["*"] == "demo:*"
    assert list(table).index("fast") < list(table).index("m1")
    assert_no_secret(said.text)


@pytest.mark.parametrize(
    ("model", "target"),
    [
        ("fast", "up:m1"),
        ("claude-sonnet", "up:m2"),
        ("up:m2", "up:m2"),
        ("m1", "up:m1"),
        ("demo:hello", "demo:hello"),
        ("whatever", "demo:whatever"),
    ],
)
async def test_route_of_a_model(good: str, model: str, target: str) -> None:
    said = await sluicegate("routes", "--config", good, model, env=SECRETS)

    assert said == Said(0, f"{model} -> {target}\n")


async def test_no_route(good: str) -> None:
    """What would be answered, and a status that a script can ask for."""
    said = await sluicegate("routes", "--config", good, "up:m3", env=SECRETS)

    assert said.code == 1
    assert "up:m1" in said.text


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
        said = await sluicegate(
            "routes", "--config", "/nowhere.yaml", env=env
        )

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
    env = {"SLUICEGATE_SERVER__API_KEYZ": SECRETS["PLANTED_CALLER"]}

    said = await sluicegate("serve", env=env)

    assert said.code == EX_CONFIG
    assert "SLUICEGATE_SERVER__API_KEYZ" in said.text
    assert "api_keys" in said.text
    assert_no_secret(said.text)


async def test_unknown_variable() -> None:
    """
    A variable that may be somebody else's is told, and harms nobody.

    As all that is told while serving, in JSON: a log collector is not handed a
    line that it cannot read. Its value may be a secret.
    """
    env = {"SLUICEGATE_API_KEYZ": SECRETS["PLANTED_CALLER"]}

    async with gateway(config_for(NOBODY), env=env) as g:
        (line,) = g.found("variable.ignored")

    assert line["variable"] == "SLUICEGATE_API_KEYZ"
    assert all(json.loads(line) for line in g.text)
    assert_no_secret("".join(g.text))

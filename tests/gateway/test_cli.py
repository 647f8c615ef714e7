"""``sluicegate check | routes | version``: what they print and return."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

import pytest
import yaml
from attrs import frozen

import gateway as package
from gateway.cli import main

if TYPE_CHECKING:
    from pathlib import Path

EX_CONFIG = 78
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


Sluicegate: TypeAlias = Callable[..., Said]


@pytest.fixture
def sluicegate(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Sluicegate:
    """Run one command; both of its streams in one text."""

    def run(*args: str, env: Mapping[str, str] | None = None) -> Said:
        monkeypatch.setattr(os, "environ", dict(env or {}))
        try:
            code = main(args)
        except SystemExit as exc:
            code = int(exc.code or 0)
        out = capsys.readouterr()
        return Said(code, out.out + out.err)

    return run


@pytest.fixture
def good(tmp_path: Path) -> str:
    file = tmp_path / "good.yaml"
    file.write_text(GOOD)
    return str(file)


def assert_no_secret(text: str) -> None:
    assert not [name for name, value in SECRETS.items() if value in text]


def test_version(sluicegate: Sluicegate) -> None:
    said = sluicegate("version")

    assert said == Said(0, f"sluicegate {package.__version__}\n")


@pytest.mark.parametrize("args", [[], ["nonsense"], ["serve", "--nonsense"], ["check"]])
def test_usage(sluicegate: Sluicegate, args: list[str]) -> None:
    """A slip in the command is told with the usage, as everywhere."""
    said = sluicegate(*args)

    assert said.code == 2
    assert said.text.startswith("usage: sluicegate")


def test_check(sluicegate: Sluicegate, good: str) -> None:
    """A good file: the settings that will hold, defaults included, secrets masked."""
    said = sluicegate("check", good, env=SECRETS)

    assert said.code == 0
    assert_no_secret(said.text)
    shown = yaml.safe_load(said.text)
    assert shown["server"]["max_body"] == "1MiB"
    assert shown["server"]["body_timeout"] == "30s"
    assert shown["backends"]["up"]["timeouts"]["connect"] == "1.5s"
    assert shown["backends"]["up"]["api_key"] == "***"
    assert shown["backends"]["up"]["models"] == ["m1", "m2"]
    assert shown["default_backend"] == "demo"


def test_check_takes_what_serve_takes(sluicegate: Sluicegate, good: str) -> None:
    """The same flags are tried before the gateway is started with them."""
    flags = ["--set", "backends.up.api_key=key-of-a-flag", "--workers", "3"]

    said = sluicegate("check", "--config", good, *flags, env=SECRETS)

    assert said.code == 0
    assert "key-of-a-flag" not in said.text
    assert yaml.safe_load(said.text)["server"]["workers"] == 3


def test_check_shows_what_the_environment_changes(
    sluicegate: Sluicegate, good: str
) -> None:
    env = {**SECRETS, "SLUICEGATE_SERVER__MAX_BODY": "2MiB"}

    said = sluicegate("check", good, env=env)

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


def test_check_of_a_bad_file(sluicegate: Sluicegate, tmp_path: Path) -> None:
    """Every problem at once, each with file, line and path; no secret in any."""
    file = tmp_path / "bad.yaml"
    file.write_text(BAD)

    said = sluicegate("check", str(file), env=SECRETS)

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


def test_check_of_references(sluicegate: Sluicegate, tmp_path: Path) -> None:
    """What names a backend that is not there is told, too."""
    file = tmp_path / "bad.yaml"
    file.write_text(
        "backends: {demo: {}}\n"
        "routes:\n  - {model: fast, to: 'nobody:m1'}\n"
        "default_backend: dmo\n"
    )

    said = sluicegate("check", str(file))

    assert said.code == EX_CONFIG
    assert f"{file}:3: routes[0].to: " in said.text
    assert f"{file}:4: default_backend: " in said.text
    assert "demo" in said.text


@pytest.mark.parametrize("command", ["check", "routes"])
def test_unknown_type(sluicegate: Sluicegate, tmp_path: Path, command: str) -> None:
    """The connectors that there are, in one line, whichever command finds out."""
    file = tmp_path / "bad.yaml"
    file.write_text("backends:\n  up:\n    type: opnai\n")
    args = [str(file)] if command == "check" else ["--config", str(file)]

    said = sluicegate(command, *args)

    assert said.code == EX_CONFIG
    assert said.text.count("\n") == 1
    assert f"{file}:3: backends.up.type: " in said.text
    for name in ("openai", "openai-compatible", "ollama", "demo"):
        assert name in said.text


def test_backend_without_an_address(sluicegate: Sluicegate, tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("backends:\n  up: {type: openai-compatible}\n")

    said = sluicegate("check", str(file))

    assert said.code == EX_CONFIG
    assert f"{file}:2: backends.up: " in said.text
    assert "api_base_url" in said.text


@pytest.mark.parametrize("content", [None, "[]", "\x00", "a: [", "server: 5", "'\t:"])
def test_no_configuration_at_all(
    sluicegate: Sluicegate, tmp_path: Path, content: str | None
) -> None:
    """A missing file, and one that is something else, are told in a line."""
    file = tmp_path / "c.yaml"
    if content is not None:
        file.write_text(content)

    for args in (["check", str(file)], ["routes", "--config", str(file)]):
        said = sluicegate(*args)
        assert said.code == EX_CONFIG
        assert str(file) in said.text
        assert len(said.text) < 1000


def test_broken_file_tells_no_secret(sluicegate: Sluicegate, tmp_path: Path) -> None:
    """Not even the line that is quoted from a file that is no YAML."""
    file = tmp_path / "bad.yaml"
    file.write_text(BAD + "  - {model: [, api_key: planted-backend-key-aaaa}\n")

    said = sluicegate("routes", "--config", str(file), env=SECRETS)

    assert said.code == EX_CONFIG
    assert_no_secret(said.text)


def test_missing_variable(sluicegate: Sluicegate, good: str) -> None:
    """The variable is named, and where it is asked for."""
    env = {name: value for name, value in SECRETS.items() if name != "PLANTED_API_KEY"}

    said = sluicegate("check", good, env=env)

    assert said.code == EX_CONFIG
    assert f"{good}:10: backends.up.api_key: " in said.text
    assert "PLANTED_API_KEY" in said.text
    assert_no_secret(said.text)


def test_routes(sluicegate: Sluicegate, good: str) -> None:
    """All that can be asked for, in the order in which it is tried."""
    said = sluicegate("routes", "--config", good, env=SECRETS)

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
def test_route_of_a_model(
    sluicegate: Sluicegate, good: str, model: str, target: str
) -> None:
    said = sluicegate("routes", "--config", good, model, env=SECRETS)

    assert said == Said(0, f"{model} -> {target}\n")


def test_no_route(sluicegate: Sluicegate, good: str) -> None:
    """What would be answered, and a status that a script can ask for."""
    said = sluicegate("routes", "--config", good, "up:m3", env=SECRETS)

    assert said.code == 1
    assert "up:m1" in said.text

"""``docs/plugins.md`` is true: its code runs, and its errors are what is printed."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.config import ConfigError, load
from gateway.plugin import Connector
from gateway.registry import Registry, backend_registry, installed
from tests.plugins.installed import install
from tests.plugins.playing import ROOT, play

TEXT = (ROOT / "docs/plugins.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    return [text for kind, text in BLOCKS if kind == language]


DECLARATION, BACKEND, TESTING, PROGRAM = blocks("python")


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing that is registered here be so in another test."""
    monkeypatch.setattr(backend_registry, "_given", {})
    monkeypatch.setattr(backend_registry, "_offers", {})


def test_all_blocks_are_known() -> None:
    """A new block needs a test."""
    kinds = [kind for kind, _ in BLOCKS]

    assert sorted(kinds) == sorted(
        ["toml", "python", "python", "text", "yaml", "console", "python", "python"]
    )


def test_entry_points() -> None:
    """They are those of the examples."""
    (block,) = blocks("toml")
    said = tomllib.loads(block)["project"]["entry-points"]["llm_proxy_backends"]
    real: dict[str, str] = {}
    for file in (ROOT / "examples").glob("*/pyproject.toml"):
        project = tomllib.loads(file.read_text("utf-8"))["project"]
        real |= project["entry-points"]["llm_proxy_backends"]

    assert said == real


def test_tests(tmp_path: Path) -> None:
    """What the page defines passes what the page tests it with."""
    played = play(tmp_path, "\n".join([DECLARATION, BACKEND, TESTING]))

    assert played.failed == {}
    assert played.played > 70


@pytest.mark.usefixtures("registered")
def test_program() -> None:
    namespace: dict[str, Any] = {}

    exec("\n".join([BACKEND, PROGRAM]), namespace)

    kind = installed().get("my-provider")
    assert not isinstance(kind, Connector)
    assert kind.factory is namespace["MyProviderBackend"]


def test_definition_and_declaration() -> None:
    """Both are let in, by their own names."""
    namespace: dict[str, Any] = {}
    exec("\n".join([DECLARATION, BACKEND]), namespace)
    registry = Registry()

    assert registry.register("acme", namespace["ACME"])
    assert registry.register("my-provider", namespace["define"]())


def test_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error that is shown is the one that is printed."""
    (block,) = blocks("yaml")
    (error,) = blocks("text")
    install(
        tmp_path,
        "sluicegate-acme",
        "[llm_proxy_backends]\nacme = sluicegate_acme:ACME\n",
        "1.0.0",
    )
    (tmp_path / "sluicegate_acme.py").write_text("import acme_sdk\n", "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    file = Path("sluicegate.yaml")
    file.write_text(block, "utf-8")
    registry = Registry()

    with pytest.raises(ConfigError) as caught:
        load(file, {}, also=lambda settings: registry.check(settings, {}))

    assert f"{caught.value}\n" == error
    assert set(yaml.safe_load(block)["backends"]["up"]) == {"type", "package"}


@pytest.mark.parametrize("folder", ["plugin-declared", "plugin-backend"])
def test_readme_of_an_example(folder: str) -> None:
    """Its configuration can be used, and the files that it names are there."""
    text = (ROOT / "examples" / folder / "README.md").read_text("utf-8")
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    named = re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)
    project = (ROOT / "examples" / folder / "pyproject.toml").read_text("utf-8")
    points = tomllib.loads(project)["project"]["entry-points"]["llm_proxy_backends"]

    assert set(yaml.safe_load(block)["backends"]) == set(points)
    assert len(named) >= 3
    assert all((ROOT / "examples" / folder / name).is_file() for name in named)

"""Connectors from real distributions on the path, and what is made of settings."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from gateway.domain.errors import ConfigurationError
from gateway.fronts.base import Ask
from gateway.plugin import BackendPluginDefinition, Connector
from gateway.registry import Registry
from gateway.settings import Backend, Settings, Tls
from gateway.upstream import HttpBackend
from gateway.virtual_backend import VirtualBackend

if TYPE_CHECKING:
    from pathlib import Path

MODULE = """
    from connectors.auth import bearer
    from connectors.compatible import CHAT
    from connectors.demo.backend import DemoBackend
    from gateway.plugin import BackendPluginDefinition, Connector, PluginCompatibility

    def _connector(name):
        return Connector(name, "https://%s.example.com/v1" % name, (CHAT,), bearer,
                         ("ACME_API_KEY", "ACME_KEY"))

    ACME = _connector("acme")
    EVIL = _connector("evil")
    NUMBER = 5
    CALLS = []

    def virtual():
        CALLS.append(1)
        return BackendPluginDefinition("acme-virtual", DemoBackend, "acme-plugin",
                                       PluginCompatibility("0.1"))

    def wrong():
        return "a word"

    def fails():
        raise RuntimeError("no licence")
"""
ENTRY_POINTS = """
    [llm_proxy_backends]
    acme = acme_plugin:ACME
    acme-virtual = acme_plugin:virtual
    openai = acme_plugin:EVIL
    demo = acme_plugin:EVIL
    twice = acme_plugin:ACME
    no-module = acme_nowhere:ACME
    no-name = acme_plugin:MISSING
    number = acme_plugin:NUMBER
    wrong = acme_plugin:wrong
    fails = acme_plugin:fails

    [another.group]
    stranger = acme_plugin:ACME
"""
SECOND = """
    [llm_proxy_backends]
    twice = acme_plugin:EVIL
"""


def install(place: Path, name: str, points: str) -> None:
    """Put a distribution at *place*, as an installer would leave it."""
    info = place / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
    (info / "METADATA").write_text(metadata, "utf-8")
    (info / "entry_points.txt").write_text(dedent(points), "utf-8")


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """A registry where two plugins are found before our own distribution."""
    first, second = tmp_path / "first", tmp_path / "second"
    install(first, "acme-plugin", ENTRY_POINTS)
    (first / "acme_plugin.py").write_text(dedent(MODULE), "utf-8")
    install(second, "other-plugin", SECOND)
    monkeypatch.syspath_prepend(second)
    monkeypatch.syspath_prepend(first)
    importlib.invalidate_caches()
    yield Registry()
    sys.modules.pop("acme_plugin", None)


def test_names(registry: Registry) -> None:
    """Ours and the plugins', each once, broken ones too; other groups are not."""
    names = registry.names

    assert names == sorted(set(names))
    assert {"acme", "acme-virtual", "no-module", "openai", "ollama", "demo"} <= {*names}
    assert "stranger" not in names


def test_declaration(registry: Registry) -> None:
    kind = registry.get("acme")

    assert isinstance(kind, Connector)
    assert kind.base_url == "https://acme.example.com/v1"


def test_definition(registry: Registry) -> None:
    """The function of an entry point is called once, when it is first named."""
    kind = registry.get("acme-virtual")

    assert isinstance(kind, BackendPluginDefinition)
    assert registry.get("acme-virtual") is kind
    assert sys.modules["acme_plugin"].CALLS == [1]


def test_nothing_is_loaded_before_it_is_named(registry: Registry) -> None:
    """What is installed and not used costs nothing."""
    assert registry.names

    assert "acme_plugin" not in sys.modules


@pytest.mark.parametrize("name", ["openai", "demo"])
def test_plugin_cannot_replace_ours(registry: Registry, name: str) -> None:
    """A key must not go elsewhere because something was installed."""
    kind = registry.get(name)

    if isinstance(kind, Connector):
        assert kind.base_url == "https://api.openai.com/v1"
    else:
        assert kind.plugin_name == "sluicegate"


def test_first_plugin_wins(registry: Registry) -> None:
    kind = registry.get("twice")

    assert isinstance(kind, Connector)
    assert kind.name == "acme"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("no-module", "ModuleNotFoundError: No module named 'acme_nowhere'"),
        ("no-name", "AttributeError: .*MISSING"),
        ("number", "TypeError"),
        ("wrong", "its entry point gives a str"),
        ("fails", "RuntimeError: no licence"),
    ],
)
def test_broken(registry: Registry, name: str, reason: str) -> None:
    """One that does not work says why, and the others work."""
    for _ in range(2):
        with pytest.raises(ConfigurationError, match=reason) as caught:
            registry.get(name)
        assert caught.value.code == "broken_connector"

    assert registry.peek(name) is None
    assert registry.peek("acme") is not None


def test_unknown(registry: Registry) -> None:
    with pytest.raises(ConfigurationError, match=r"'acmee'.* acme, ") as caught:
        registry.get("acmee")

    assert caught.value.code == "unknown_backend_type"


def test_absent(registry: Registry) -> None:
    """Which of our own could be had for a key; plugins are not loaded for that."""
    absent = registry.absent(["groq", "acme-virtual"])

    assert absent["mistral"] == "set MISTRAL_API_KEY, or name it below backends"
    assert "openai" in absent
    assert not {"groq", "ollama", "demo", "openai-compatible"} & set(absent)
    assert not {"acme", "fails"} & set(absent)


async def test_build(registry: Registry) -> None:
    """An instance has its own name, address, key and list."""
    settings = Backend(type="acme", models=("m",), api_base_url="http://10.0.0.5:1/x")

    backend = registry.build("mine", settings, {"ACME_KEY": "k"})

    assert isinstance(backend, HttpBackend)
    assert (backend.name, backend.models, backend.closed_list) == ("mine", ("m",), True)
    target = backend.native("openai_chat", "chat", Ask("m", stream=False), "m")
    assert target is not None
    assert str(target.url) == ("http://10.0.0.5:1/x/v1/chat/completions")
    assert target.fixed == {"authorization": "Bearer k"}
    await backend.close()


async def test_build_by_its_own_name(registry: Registry) -> None:
    """The type is the name, where none is given; an open list may grow."""
    backend = registry.build("acme", Backend(), {})

    assert isinstance(backend, HttpBackend)
    assert backend.bases == {"openai_chat": "https://acme.example.com/v1"}
    assert backend.key is None
    assert not backend.closed_list
    await backend.close()


async def test_build_virtual(registry: Registry) -> None:
    backend = registry.build("v", Backend(type="acme-virtual"), {})

    assert isinstance(backend, VirtualBackend)
    assert backend.name == "v"
    await backend.close()


def test_check(registry: Registry) -> None:
    """All that is wrong is told, with the backend that it is wrong with."""
    settings = Settings(
        backends={
            "good": Backend(type="acme"),
            "virtual": Backend(type="acme-virtual"),
            "lab": Backend(type="openai-compatible"),
            "bad": Backend(type="fails"),
            "acmee": Backend(),
        }
    )

    problems = [str(problem) for problem in registry.check(settings, {})]

    assert len(problems) == 3
    for name, problem in zip(("lab", "bad", "acmee"), problems, strict=True):
        assert name in problem


def test_check_reads_certificates(registry: Registry, tmp_path: Path) -> None:
    """A file that cannot be used is found before the first request is."""
    (tmp_path / "ca.pem").write_text("no certificate", "utf-8")
    tls = Tls(ca_file=str(tmp_path / "ca.pem"), cert_file=str(tmp_path / "none.pem"))
    settings = Settings(backends={"acme": Backend(tls=tls)})

    places = [place for place, _ in registry.check(settings, {})]

    assert places == [
        ("backends", "acme", "tls", "ca_file"),
        ("backends", "acme", "tls", "cert_file"),
    ]

"""Connectors from real distributions on the path, and what is made of settings."""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Iterator
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve
from structlog.testing import capture_logs

from connectors.anthropic import ANTHROPIC
from connectors.demo import DEMO, DemoBackend
from gateway.domain.errors import ConfigurationError
from gateway.fronts.base import Ask
from gateway.plugin import (
    BackendPluginDefinition,
    Connector,
    LLMBackend,
    PluginCompatibility,
)
from gateway.registry import Registry, backend_registry, installed
from gateway.settings import Backend, Route, Settings, Tls
from gateway.upstream import HttpBackend
from gateway.virtual_backend import VirtualBackend
from tests.plugins.installed import install

if TYPE_CHECKING:
    from pathlib import Path

MODULE = """
    from connectors.auth import bearer
    from connectors.demo.backend import DemoBackend
    from connectors.openai_chat import DIALECT as CHAT
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
    assert (kind.name, kind.base_url) == ("twice", "https://acme.example.com/v1")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("no-module", "ModuleNotFoundError: No module named 'acme_nowhere'"),
        ("no-name", "AttributeError: .*MISSING"),
        ("number", "gives an int"),
        ("wrong", "its entry point returns a str"),
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
    with pytest.raises(ConfigurationError, match=r"'acmee'.* mean acme\? ") as caught:
        registry.get("acmee")

    assert caught.value.code == "unknown_backend_type"


def test_absent(registry: Registry) -> None:
    """Which of our own could be had for a key; plugins are not loaded for that."""
    absent = registry.absent(["groq", "acme-virtual"])

    assert absent["mistral"] == "set MISTRAL_API_KEY, or name it below backends"
    assert "openai" in absent
    assert absent["cloudflare"] == (
        "set CLOUDFLARE_API_TOKEN or CLOUDFLARE_API_KEY (and CLOUDFLARE_ACCOUNT_ID),"
        " or name it below backends"
    )
    assert not {"litellm", "sluicegate"} & set(absent)
    assert absent["hybrid"] == "add `hybrid: {}` below backends"
    assert not {"groq", "ollama", "openai-compatible"} & set(absent)
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


# -- what an operator is told


def mistakes(registry: Registry, **backends: Backend) -> list[str]:
    settings = Settings(backends=backends)
    return [message for _, message in registry.check(settings, {})]


def test_repair_of_a_broken_one(registry: Registry) -> None:
    """The package that brings it is named, with what to do."""
    (missing,) = mistakes(registry, a=Backend(type="no-module"))
    (raises,) = mistakes(registry, a=Backend(type="fails"))

    assert "acme-plugin 1.0 (acme_nowhere:ACME)" in missing
    assert "install the package that brings acme_nowhere" in missing
    assert raises.endswith("RuntimeError: no licence; repair or remove acme-plugin 1.0")


def test_package_of_a_broken_one(registry: Registry) -> None:
    (other,) = mistakes(registry, a=Backend(type="fails", package="acme-pro"))
    (same,) = mistakes(registry, a=Backend(type="fails", package="Acme_Plugin"))

    assert other.endswith("; install the package acme-pro")
    assert same.endswith("; repair or remove acme-plugin 1.0")


def test_package_of_a_missing_one(registry: Registry) -> None:
    (said,) = mistakes(registry, a=Backend(type="zyx", package="zyx-plugin"))

    assert "'zyx'; install the package zyx-plugin, which is to bring it" in said


def test_package_that_brings_others(registry: Registry) -> None:
    """To install what is installed would not help."""
    (said,) = mistakes(registry, a=Backend(type="zyx", package="other-plugin"))

    assert "other-plugin is installed (1.0) and brings twice" in said
    assert "another release" in said


def test_package_that_brings_nothing(registry: Registry) -> None:
    (said,) = mistakes(registry, a=Backend(type="zyx", package="attrs"))

    assert "attrs is installed" in said
    assert "brings no connector" in said


def test_missing_without_a_package(registry: Registry) -> None:
    (said,) = mistakes(registry, a=Backend(type="zyx"))

    assert "llm_proxy_backends" in said
    assert "install" in said


def test_missing_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the import itself says what to install, nothing is added."""
    install(tmp_path, "acme-plugin", "[llm_proxy_backends]\nx = acme_extra:X\n")
    wish = "raise ImportError('install it: pip install \"acme[fast]\"')"
    (tmp_path / "acme_extra.py").write_text(wish, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)

    (said,) = mistakes(Registry(), x=Backend())

    assert said.endswith('pip install "acme[fast]"')


def test_routes_to_connectors_without_a_backend(registry: Registry) -> None:
    """Where a route leads, if it is not what it should be, is told at its place."""
    settings = Settings(
        backends={"demo": Backend()},
        routes=(
            Route(model="a", to="fails:m"),
            Route(model="b", to="acme:m"),
            Route(model="c", to="demo:hello"),
            Route(model="d", to="unheard-of:m"),
        ),
        default_backend="number",
    )

    found = dict(registry.check(settings, {}))

    assert list(found) == [
        ("routes", 0, "to"),
        ("routes", 1, "to"),
        ("default_backend",),
    ]
    assert "no licence" in found["routes", 0, "to"]
    assert "add `acme: {}` below backends" in found["routes", 1, "to"]
    assert "acme_plugin:NUMBER" in found["default_backend",]


class Choosy(DemoBackend):
    def __init__(self, client: Any, config: Any, translation_service: Any) -> None:
        super().__init__(client, config, translation_service)
        if config.extra:
            raise ConfigurationError("expected nothing")


def test_extra_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a backend of ours says of its settings is told at their place."""
    module = __name__
    install(tmp_path, "sluicegate", f"[llm_proxy_backends]\nx = {module}:Choosy\n")
    monkeypatch.syspath_prepend(tmp_path)
    settings = Settings(backends={"a": Backend(type="x", extra={"b": 1})})

    assert list(Registry().check(settings, {})) == [
        (("backends", "a", "extra"), "expected nothing")
    ]


# -- registering


def test_register_class(registry: Registry) -> None:
    """As the guide has it."""
    assert registry.register("my-provider", DemoBackend)

    kind = registry.get("my-provider")
    assert isinstance(kind, BackendPluginDefinition)
    assert (kind.backend_name, kind.factory) == ("my-provider", DemoBackend)
    assert "my-provider" in registry.names


def test_register_connector(registry: Registry) -> None:
    assert registry.register("mine", ANTHROPIC)

    assert registry.get("mine") == evolve(ANTHROPIC, name="mine")


def test_register_definition(registry: Registry) -> None:
    assert registry.register("mine", DEMO())

    kind = registry.get("mine")
    assert isinstance(kind, BackendPluginDefinition)
    assert kind.backend_name == "mine"


async def test_register_factory(registry: Registry) -> None:
    def factory(client: Any, config: Any, translation_service: Any) -> LLMBackend:
        return DemoBackend(client, config, translation_service)

    assert registry.register("mine", factory)

    backend = registry.build("mine.2", Backend(), {})
    assert isinstance(backend, VirtualBackend)
    assert isinstance(backend.backend, DemoBackend)
    await backend.close()


def test_register_again(registry: Registry) -> None:
    """The same is no conflict, nor is what is installed already."""
    with capture_logs() as logs:
        assert registry.register("mine", DemoBackend)
        assert registry.register("mine", DemoBackend)
        assert registry.register("demo", DemoBackend)
        assert registry.register("anthropic", ANTHROPIC)

    assert logs == []


@pytest.mark.parametrize("name", ["mine", "demo", "acme", "acme-virtual"])
def test_register_taken(registry: Registry, name: str) -> None:
    """The first stays, and somebody is told."""
    registry.register("mine", DemoBackend)
    before = registry.get(name)

    with capture_logs() as logs:
        assert not registry.register(name, ANTHROPIC)

    assert registry.get(name) is before
    (log,) = logs
    assert (log["event"], log["log_level"]) == ("backend.name_taken", "warning")
    assert log["backend"] == name


def test_register_for_a_broken_one(registry: Registry) -> None:
    """It holds no name."""
    assert registry.register("fails", ANTHROPIC)

    assert isinstance(registry.get("fails"), Connector)


def test_register_for_a_broken_one_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name of ours never gets to mean something else."""
    points = "[llm_proxy_backends]\nours = no_such_module:X\n"
    install(tmp_path, "sluicegate", points)
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry()

    assert not registry.register("ours", ANTHROPIC)

    assert registry.peek("ours") is None


@pytest.mark.parametrize("name", ["", "  "])
def test_register_without_a_name(registry: Registry, name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        registry.register(name, DemoBackend)


@pytest.mark.parametrize(
    ("name", "given"),
    [("a", 5), ("a", None), ("a", "text"), (5, DemoBackend)],
    ids=str,
)
def test_register_what_is_none(registry: Registry, name: Any, given: Any) -> None:
    with pytest.raises(TypeError):
        registry.register(name, given)

    assert "a" not in registry.names


def test_register_definition_without_a_factory(registry: Registry) -> None:
    factory: Any = 5

    with pytest.raises(TypeError, match="factory"):
        registry.register("b", evolve(DEMO(), factory=factory))

    assert "b" not in registry.names


def test_register_for_another_version(registry: Registry) -> None:
    definition = evolve(DEMO(), compatibility=PluginCompatibility("99"))

    with pytest.raises(ValueError, match="is for sluicegate 99"):
        registry.register("mine", definition)


def test_register_from_threads(registry: Registry) -> None:
    """One wins, whoever it is, and only one is told so."""
    factories = [lambda *_, n=n: n for n in range(16)]
    barrier = threading.Barrier(16)
    won: list[Any] = []

    def register(factory: Any) -> None:
        barrier.wait()
        if registry.register("mine", factory):
            won.append(factory)

    threads = [threading.Thread(target=register, args=(f,)) for f in factories]
    with capture_logs() as logs:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    kind = registry.get("mine")
    assert isinstance(kind, BackendPluginDefinition)
    assert won == [kind.factory]
    assert len(logs) == 15


def test_registered_by_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a program registers is there for the commands that it calls."""
    monkeypatch.setattr(backend_registry, "_given", {})
    monkeypatch.setattr(backend_registry, "_offers", {})
    assert backend_registry.register("of-a-program", DemoBackend)

    assert "of-a-program" in installed().names
    assert "of-a-program" not in Registry().names


# -- somebody else's factories and hooks


def raising(*_: Any) -> Any:
    raise SystemExit(2)


@pytest.mark.parametrize(
    ("factory", "reason"),
    [
        (raising, "raised SystemExit: 2"),
        (lambda *_: "word", "returned a str, not an LLMBackend"),
    ],
)
async def test_factory_that_fails(
    registry: Registry, factory: Any, reason: str
) -> None:
    """The gateway does not start, and says whose it is."""
    registry.register("mine", evolve(DEMO(), factory=factory, plugin_name="acme-x"))
    settings = Settings(backends={"up": Backend(type="mine"), "demo": Backend()})

    with pytest.raises(ConfigurationError, match=reason) as caught:
        await registry.try_factories(settings, {})

    assert caught.value.message.startswith("backends.up: the factory of acme-x ")


async def test_factory_that_knows_why(registry: Registry) -> None:
    """An error of ours is told as it is."""
    error = ConfigurationError("extra.region is missing")

    def factory(*_: Any) -> LLMBackend:
        raise error

    registry.register("mine", factory)

    with pytest.raises(ConfigurationError) as caught:
        await registry.try_factories(Settings(backends={"mine": Backend()}), {})

    assert caught.value is error


async def test_factories_that_work(registry: Registry) -> None:
    settings = Settings(backends={"a": Backend(type="acme"), "acme-virtual": Backend()})

    await registry.try_factories(settings, {})


def test_hooks(registry: Registry) -> None:
    """Each accepted plugin's, once, with the provider; one that fails harms no one."""
    calls: list[Any] = []
    hook: dict[str, Any] = {
        "good": calls.append,
        "exits": raising,
        "later": calls.append,
    }

    async def coroutine(provider: Any) -> None:
        raise AssertionError

    hook["async"] = coroutine
    for name, call in hook.items():
        factory: Any = name.join
        registry.register(name, evolve(DEMO(), factory=factory, post_build_hook=call))
    provider: Any = object()

    with capture_logs() as logs:
        registry.run_hooks(provider)
        registry.run_hooks(provider)

    assert calls == [provider, provider]
    assert [(log["event"], log["backend"], log["reason"]) for log in logs] == [
        ("plugin.hook_failed", "exits", "SystemExit: 2"),
        (
            "plugin.hook_failed",
            "async",
            "TypeError: it is a coroutine function, and must be a plain one",
        ),
    ]


def test_hooks_of_what_is_not_loaded(registry: Registry) -> None:
    """Nothing is loaded for the sake of a hook."""
    registry.run_hooks(None)  # type: ignore[arg-type]

    assert "acme_plugin" not in sys.modules


def test_interrupted_hook(registry: Registry) -> None:
    def hook(_: Any) -> None:
        raise KeyboardInterrupt

    registry.register("mine", evolve(DEMO(), post_build_hook=hook))

    with pytest.raises(KeyboardInterrupt):
        registry.run_hooks(None)  # type: ignore[arg-type]

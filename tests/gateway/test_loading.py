"""What is let in of what entry points give, and why the rest is not."""

from __future__ import annotations

import re
import sys
import time
from contextlib import ExitStack
from importlib.metadata import EntryPoint
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

import gateway
from gateway import guard
from gateway.loading import Offer, Source
from gateway.plugin import BackendPluginDefinition, Connector
from gateway.registry import Registry
from tests.plugins.installed import install, plugin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HEAD = """
    from attrs import evolve
    from connectors.anthropic import ANTHROPIC
    from connectors.demo import DemoBackend
    from gateway.plugin import (
        BackendPluginDefinition, Connector, LLMBackend, PluginCompatibility
    )

    def good(**changes):
        definition = BackendPluginDefinition(
            "acme", DemoBackend, "acme-plugin", PluginCompatibility("0.1")
        )
        return evolve(definition, **changes)
"""
THIS = gateway.__version__


@pytest.fixture
def given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], Registry]]:
    """Install a plugin whose ``ACME`` is what the text defines."""
    with ExitStack() as stack:

        def make(text: str, *points: str) -> Registry:
            lines = points or ("acme = acme_plugin:ACME",)
            body = dedent(HEAD) + "\n" + dedent(text)
            stack.enter_context(plugin(tmp_path, monkeypatch, body, *lines))
            return Registry()

        yield make


def refusals(registry: Registry) -> list[dict[str, object]]:
    with capture_logs() as logs:
        registry.load_plugins()
    assert all(log["log_level"] == "warning" for log in logs)
    return [dict(log) for log in logs]


GOOD = {
    "definition": "ACME = good",
    "no upper end": "ACME = lambda: good(compatibility=PluginCompatibility('0.0.9'))",
    "both ends included": f"""
    ACME = lambda: good(compatibility=PluginCompatibility('{THIS}', '{THIS}'))""",
    "compared as versions": f"""
    ACME = lambda: good(compatibility=PluginCompatibility('0.0.9', '{THIS}.10'))""",
    "hook": "ACME = lambda: good(post_build_hook=print)",
    "connector": "ACME = evolve(ANTHROPIC, name='acme')",
    "callable connector": "ACME = lambda: evolve(ANTHROPIC, name='acme')",
    "backend class": """
    class ACME(DemoBackend):
        backend_type = 'acme'
    """,
}


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_let_in(given: Callable[[str], Registry], text: str) -> None:
    """Whatever form it has, by the contract it works, and nobody is warned."""
    registry = given(text)

    assert refusals(registry) == []
    kind = registry.get("acme")
    if isinstance(kind, Connector):
        assert kind.name == "acme"
    else:
        assert isinstance(kind, BackendPluginDefinition)
        assert kind.backend_name == "acme"
        assert kind.plugin_name


BAD = {
    "no module": ("import acme_nowhere", "does not load: ModuleNotFoundError"),
    "fails": ("1 / 0", "does not load: ZeroDivisionError: division by zero"),
    "no name": ("", "does not load: AttributeError: .*ACME"),
    "exits": ("import sys; sys.exit(3)", "does not load: SystemExit: 3"),
    "another base": ("raise BaseException", "does not load: BaseException$"),
    "syntax": ("def", "does not load: SyntaxError"),
    "translator": (
        """
        CHAT = evolve(ANTHROPIC.speaks[0], translator=lambda: 1 / 0)
        ACME = evolve(ANTHROPIC, speaks=(CHAT,))
        """,
        "has a translator that does not load: ZeroDivisionError",
    ),
    "number": ("ACME = 5", "gives an int, which is not callable"),
    "ready definition": (
        "ACME = good()",
        "gives a BackendPluginDefinition, which is not callable",
    ),
    "raises": ("ACME = lambda: 1 / 0", "cannot be called: ZeroDivisionError"),
    "exits when called": (
        "ACME = lambda: exec('raise SystemExit')",
        "cannot be called: SystemExit$",
    ),
    "wants arguments": ("ACME = lambda a, b: None", "cannot be called: TypeError"),
    "wrong type": ("ACME = lambda: 'word'", "returns a str, neither a Backend"),
    "nothing": ("ACME = lambda: None", "returns a NoneType, neither a Backend"),
    "coroutine": ("async def ACME(): return good()", "returns a coroutine, neither"),
    "blank name": ("ACME = lambda: good(backend_name=' ')", "^backend_name is blank"),
    "no name at all": (
        "ACME = lambda: good(backend_name=None)",
        "^backend_name is blank",
    ),
    "blank plugin": ("ACME = lambda: good(plugin_name='')", "^plugin_name is blank"),
    "compatibility": (
        "ACME = lambda: good(compatibility='0.1')",
        "compatibility is a str, not a PluginCompatibility",
    ),
    "blank least": (
        "ACME = lambda: good(compatibility=PluginCompatibility(''))",
        "^core_min_version is blank",
    ),
    "blank most": (
        "ACME = lambda: good(compatibility=PluginCompatibility('0.1', ' '))",
        "^core_max_version is blank",
    ),
    "unreadable least": (
        "ACME = lambda: good(compatibility=PluginCompatibility('first'))",
        "core_min_version 'first' is no version",
    ),
    "unreadable most": (
        "ACME = lambda: good(compatibility=PluginCompatibility('0.1', '1.*'))",
        r"core_max_version '1\.\*' is no version",
    ),
    "too new": (
        "ACME = lambda: good(compatibility=PluginCompatibility('99.0'))",
        f"is for sluicegate 99.0 or newer, and this is {THIS}",
    ),
    "too old": (
        "ACME = lambda: good(compatibility=PluginCompatibility('0.0.1', '0.0.9'))",
        f"is for sluicegate 0.0.1 to 0.0.9, and this is {THIS}",
    ),
    "factory": ("ACME = lambda: good(factory=5)", "^factory is not callable"),
    "hook": (
        "ACME = lambda: good(post_build_hook='x')",
        "^post_build_hook is not callable",
    ),
    "abstract": (
        "class ACME(LLMBackend): pass",
        "ACME lacks chat_completions, initialize",
    ),
    "no dialect": (
        "ACME = evolve(ANTHROPIC, name='acme', speaks=())",
        "speaks no dialect",
    ),
    "nameless connector": (
        "ACME = evolve(ANTHROPIC, name='')",
        "name of its Connector is blank",
    ),
}


@pytest.mark.parametrize(("text", "reason"), BAD.values(), ids=BAD)
def test_refused(given: Callable[[str], Registry], text: str, reason: str) -> None:
    """One warning with the reason, however often it is asked for; others work."""
    registry = given(text)

    warnings = refusals(registry)

    assert registry.peek("acme") is None
    assert registry.peek("mistral") is not None
    assert refusals(registry) == []
    (warning,) = warnings
    assert warning["event"] == "plugin.refused"
    assert warning["backend"] == "acme"
    assert warning["package"] == "acme-plugin 1.0"
    assert re.search(reason, str(warning["reason"]))


def test_this_version_with_local_part(
    given: Callable[[str], Registry], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A distributor's build of a release is that release."""
    monkeypatch.setattr(gateway, "__version__", "3.10+debian.1")
    registry = given(
        "ACME = lambda: good(compatibility=PluginCompatibility('3.9', '3.10'))"
    )

    assert registry.peek("acme") is not None


def test_broken_together(given: Callable[..., Registry]) -> None:
    """What one error keeps out is one warning; refusals of other kinds are each one."""
    registry = given(
        "import acme_nowhere", "one = acme_plugin:ONE", "two = acme_plugin:TWO"
    )

    (warning,) = refusals(registry)

    assert warning["backend"] == "one, two"


def test_same_fault_twice(given: Callable[..., Registry]) -> None:
    registry = given(
        "ACME = lambda: None", "one = acme_plugin:ACME", "two = acme_plugin:ACME"
    )

    assert [w["backend"] for w in refusals(registry)] == ["one", "two"]


@pytest.mark.parametrize(
    "text",
    ["ACME = good", "ACME = evolve(ANTHROPIC, name='acme')"],
    ids=["own", "declared"],
)
def test_entry_points_name_counts(given: Callable[..., Registry], text: str) -> None:
    """What the operator's tools show is what the configuration says."""
    registry = given(text, "other = acme_plugin:ACME")

    (warning,) = refusals(registry)

    assert warning["event"] == "plugin.renamed"
    assert "'other', which is used" in str(warning["reason"])
    assert "is 'acme'" in str(warning["reason"])
    kind = registry.get("other")
    assert getattr(kind, "name", "other") == "other"
    assert getattr(kind, "backend_name", "other") == "other"
    assert "acme" not in registry.names


def test_secret_in_an_exception(given: Callable[..., Registry]) -> None:
    """A plugin that quotes a key in its error does not get it into our log."""
    registry = given("raise ValueError('no access with sk-0123456789abcdef')")

    (warning,) = refusals(registry)

    assert "0123456789" not in str(warning)
    assert "no access with ***" in str(warning["reason"])


def test_long_exception(given: Callable[..., Registry]) -> None:
    registry = given("raise ValueError('x\\n' * 5000)")

    (warning,) = refusals(registry)

    assert len(str(warning["reason"])) < 400
    assert "\n" not in str(warning["reason"])


@pytest.mark.parametrize(
    "text",
    [
        "import time; time.sleep(60)",
        "while True: pass",
        """
    import time
    while True:
        try:
            time.sleep(60)
        except Exception:
            pass
    """,
    ],
    ids=["sleeps", "computes", "catches"],
)
def test_hangs(
    given: Callable[..., Registry], monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """The gateway starts without it, in bounded time."""
    monkeypatch.setattr("gateway.loading.guarded", lambda: guard.guarded(0.1))
    registry = given(text)
    began = time.monotonic()

    (warning,) = refusals(registry)

    assert time.monotonic() - began < 5
    assert "TooSlowError: not done after 0.1 s" in str(warning["reason"])


def test_interrupted_by_a_person(given: Callable[..., Registry]) -> None:
    registry = given("raise KeyboardInterrupt")

    with pytest.raises(KeyboardInterrupt):
        registry.load_plugins()


def test_what_it_prints(
    given: Callable[..., Registry], capsys: pytest.CaptureFixture[str]
) -> None:
    """Standard output is for the command's own words."""
    registry = given("print('hello'); ACME = good")

    registry.load_plugins()

    assert capsys.readouterr() == ("", "hello\n")


def test_the_second_where_the_first_is_broken(
    given: Callable[..., Registry],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name is taken by who works."""
    registry = given("ACME = lambda: None")
    lines = "[llm_proxy_backends]\nacme = connectors.demo:DEMO\n"
    install(tmp_path / "late", "late-plugin", lines)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "late")])

    first, second = refusals(registry)

    kind = registry.get("acme")
    assert isinstance(kind, BackendPluginDefinition)
    assert {first["package"], second["package"]} == {
        "acme-plugin 1.0",
        "late-plugin 1.0",
    }
    assert registry.offers()[0].source.package == "late-plugin 1.0"


def test_taken_name(
    given: Callable[..., Registry],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The later one is not even loaded, and is told."""
    registry = given("ACME = good")
    install(
        tmp_path / "late", "late-plugin", "[llm_proxy_backends]\nacme = late_plugin:A\n"
    )
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "late")])

    (warning,) = refusals(registry)

    assert warning["package"] == "late-plugin 1.0"
    assert warning["reason"] == "the name is taken by acme-plugin 1.0"


def test_built_in_names(given: Callable[..., Registry]) -> None:
    """A plugin cannot replace ours, and ours is not loaded to find that out."""
    registry = given("ACME = good", "openai = acme_plugin:ACME")

    (warning,) = refusals(registry)

    assert warning["reason"] == f"the name is taken by sluicegate {THIS}"
    assert "acme_plugin" not in sys.modules
    assert isinstance(registry.get("openai"), Connector)
    first = next(offer for offer in registry.offers() if offer.name == "openai")
    assert first.source.origin == "built-in"


def test_unreadable_list(
    given: Callable[..., Registry],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One package's broken list hides no other package."""
    registry = given("ACME = good")
    install(tmp_path / "bad", "bad-plugin", "[llm_proxy_backends]\nno equals sign\n")
    monkeypatch.syspath_prepend(tmp_path / "bad")

    with capture_logs() as logs:
        names = registry.names

    assert {"acme", "openai"} <= {*names}
    (log,) = logs
    assert (log["event"], log["package"]) == ("plugin.unreadable", "bad-plugin")


def test_the_same_twice(given: Callable[..., Registry]) -> None:
    """A line that a package repeats is no conflict."""
    line = "acme = acme_plugin:ACME"
    registry = given("ACME = good", line, line)

    assert refusals(registry) == []
    assert [o.source.origin for o in registry.offers() if o.name == "acme"] == [
        "plugin"
    ]


def test_entry_point_of_no_package() -> None:
    """Something made it up in this process; it is not ours in any case."""
    source = Source.of(EntryPoint("a", "b:c", "d"))

    assert (source.package, source.origin) == ("unknown", "plugin")


def test_nothing_to_load() -> None:
    with pytest.raises(AssertionError):
        _ = Offer("a", Source()).kind

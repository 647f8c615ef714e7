"""From names to backends; the table of the documentation is the first test."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import frozen

from gateway.domain.errors import RoutingError
from gateway.routes import LONGEST_SHOWN, Listed, Plan, RouteTable
from gateway.settings import Route


@frozen
class House:
    """A backend as far as routing sees one."""

    name: str
    models: tuple[str, ...] = ()
    closed_list: bool = False


OPENAI = House("openai", ("gpt-4o", "gpt-4o-mini"))
OLLAMA = House("ollama", ("qwen3:4b",))
LAB = House("lab", ("m1", "vendor/m2"), closed_list=True)
SILENT = House("silent")


def table(*routes: Route, default: str | None = None, **more: Any) -> RouteTable[House]:
    houses = {house.name: house for house in (OPENAI, OLLAMA, LAB, SILENT)}
    return RouteTable(routes, houses, default, **more)


@pytest.mark.parametrize(
    ("name", "plan"),
    [
        ("openai:gpt-4o", Plan(OPENAI, "gpt-4o")),
        ("openai:unheard-of", Plan(OPENAI, "unheard-of")),
        ("ollama:llama3:8b", Plan(OLLAMA, "llama3:8b")),
        ("silent:a/b:c?d", Plan(SILENT, "a/b:c?d")),
        ("lab:vendor/m2", Plan(LAB, "vendor/m2")),
        ("gpt-4o", Plan(OPENAI, "gpt-4o")),
        ("qwen3:4b", Plan(OLLAMA, "qwen3:4b")),
        ("vendor/m2", Plan(LAB, "vendor/m2")),
    ],
)
def test_without_routes(name: str, plan: Plan[House]) -> None:
    assert table().resolve(name) == plan


@pytest.mark.parametrize(
    ("name", "plan"),
    [
        ("fast", Plan(OPENAI, "gpt-4o-mini")),
        ("claude-x", Plan(SILENT, "anthropic/claude-x")),
        ("claude-", Plan(SILENT, "anthropic/claude-")),
        ("a-mid-z", Plan(SILENT, "mid")),
        ("gpt-4o", Plan(SILENT, "first")),
        ("openai:gpt-4o", Plan(SILENT, "caught")),
        ("bare", Plan(OPENAI, "gpt-4o")),
        ("any/thing", Plan(OLLAMA, "any/thing")),
    ],
)
def test_routes(name: str, plan: Plan[House]) -> None:
    """The first that matches wins, over ``backend:model`` and lists of models."""
    routes = table(
        Route("fast", "openai:gpt-4o-mini"),
        Route("fast", "silent:never"),
        Route("claude-*", "silent:anthropic/claude-*"),
        Route("a-*-z", "silent:*"),
        Route("gpt-4o", "silent:first"),
        Route("openai:gpt-4o", "silent:caught"),
        Route("bare", "gpt-4o"),
        Route("*", "ollama:*"),
    )

    assert routes.resolve(name) == plan


@pytest.mark.parametrize("name", ["a-z", "a-", "xa--z", "claude", "FAST", "fast "])
def test_no_route_matches(name: str) -> None:
    """A star stands between its neighbours, which must not overlap; case counts."""
    routes = table(Route("a-*-z", "silent:*"), Route("fast", "silent:x"))

    with pytest.raises(RoutingError):
        routes.resolve(name)


def test_star_is_put_in_once() -> None:
    assert table(Route("x*", "silent:*-*")).resolve("xy") == Plan(SILENT, "y-*")


def test_ask_usage_comes_from_the_route() -> None:
    routes = table(Route("counted", "openai:gpt-4o", ask_usage=True))

    assert routes.resolve("counted").ask_usage
    assert not routes.resolve("openai:gpt-4o").ask_usage


@pytest.mark.parametrize(
    "name",
    [
        "unheard-of",
        "vendor/unheard-of",
        "vendor/model:free",
        *("llama3:8b", "llama2:7b", "olmo:latest", "mixtral:8x7b", "qwen2.5:0.5b"),
        "silence:x",
        ":x",
    ],
)
def test_default_takes_the_rest(name: str) -> None:
    """A tag is not a slip in a backend's name, however close it comes to one."""
    mistral = House("mistral", ("mistral-large",))
    houses = {h.name: h for h in (OLLAMA, mistral, SILENT)}
    routes = RouteTable((), houses, default="ollama")

    assert routes.resolve(name) == Plan(OLLAMA, name)


def test_default_with_a_closed_list() -> None:
    """Who lists the models means these and no others."""
    with pytest.raises(RoutingError, match="backend 'lab' has no model 'm3'") as caught:
        table(default="lab").resolve("m3")

    assert caught.value.details["close"][0] == "lab:m1"


def test_slip_in_a_backends_name() -> None:
    """Where the close backend has that model, the default does not guess."""
    with pytest.raises(RoutingError, match="did you mean openai:gpt-4o") as caught:
        table(default="silent").resolve("opnai:gpt-4o")

    assert caught.value.status_code == 404
    assert caught.value.code == "model_not_found"
    assert caught.value.param == "model"


@pytest.mark.parametrize("default", [None, "ollama"])
def test_backend_that_is_not_configured(default: str | None) -> None:
    """The way to get it is the help that is needed."""
    routes = table(default=default, absent={"groq": "set GROQ_API_KEY"})

    with pytest.raises(RoutingError) as caught:
        routes.resolve("groq:llama-3")

    assert caught.value.message == "backend 'groq' is not configured: set GROQ_API_KEY"


@pytest.mark.parametrize(
    ("name", "close"),
    [
        ("gpt-4", ["openai:gpt-4o"]),
        ("openai/gpt-4o-mini", ["openai:gpt-4o-mini"]),
        ("gtp-4o-mini", ["openai:gpt-4o-mini"]),
        ("fsat", ["fast"]),
        ("qwen3:8b", ["ollama:qwen3:4b"]),
        ("zzzzzz", []),
    ],
)
def test_close_names(name: str, close: list[str]) -> None:
    """Of a typing mistake the right name is told first, at most three, none twice."""
    with pytest.raises(RoutingError) as caught:
        table(Route("fast", "openai:gpt-4o-mini")).resolve(name)

    found = caught.value.details["close"]
    assert found[: len(close)] == close
    assert bool(found) is bool(close)
    assert len(set(found)) == len(found) <= 3
    assert ("did you mean" in caught.value.message) is bool(close)


def test_closed_list() -> None:
    with pytest.raises(RoutingError, match="did you mean lab:m1") as caught:
        table().resolve("lab:m11")

    assert "lab:m1" in caught.value.details["close"]


@pytest.mark.parametrize("name", ["x" * 5000, "lab:" + "y" * 5000])
def test_long_name_is_not_repeated_whole(name: str) -> None:
    with pytest.raises(RoutingError) as caught:
        table().resolve(name)

    assert len(caught.value.message) < LONGEST_SHOWN + 200


def test_listed() -> None:
    """Aliases first; patterns are no names; the same model may stand in two places."""
    routes = table(Route("fast", "openai:gpt-4o-mini"), Route("claude-*", "silent:*"))

    assert routes.listed() == [
        Listed("fast", "openai", alias="openai:gpt-4o-mini"),
        Listed("openai:gpt-4o", "openai"),
        Listed("openai:gpt-4o-mini", "openai"),
        Listed("ollama:qwen3:4b", "ollama"),
        Listed("lab:m1", "lab"),
        Listed("lab:vendor/m2", "lab"),
    ]


def test_alias_to_a_bare_name_has_no_owner() -> None:
    assert table(Route("fast", "gpt-4o")).listed()[0].owner == ""


def test_listed_once() -> None:
    """A route that has the name of a listed model says who answers to it."""
    routes = table(
        Route("openai:gpt-4o", "lab:m1"), Route("openai:gpt-4o", "lab:vendor/m2")
    )

    names = [(one.id, one.owner) for one in routes.listed()]

    assert names[0] == ("openai:gpt-4o", "lab")
    assert len(set(names)) == len(names) == len(dict(names))


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("fast", "fast"),
        ("tag:7b", "tag:7b"),
        ("openai:gpt-4o", "openai:gpt-4o"),
        ("gpt-4o", "openai:gpt-4o"),
        ("qwen3:4b", "ollama:qwen3:4b"),
        ("vendor/m2", "lab:vendor/m2"),
        ("4b", None),
        ("7b", None),
        ("", None),
        ("other", None),
        ("any-m1", "lab:m1"),
        ("any-m3", None),
        ("any-never", "any-never"),
    ],
)
def test_find(name: str, found: str | None) -> None:
    """With or without its backend or by a pattern, but not by a part of its name."""
    routes = table(
        Route("fast", "openai:gpt-4o"),
        Route("tag:7b", "lab:m1"),
        Route("any-never", "silent:never"),
        Route("any-*", "lab:*"),
    )

    listed = routes.find(name)

    assert (listed.id if listed else None) == found


def test_lists_are_read_as_they_are_now() -> None:
    """A model that a local server has just got is there without a restart."""

    class Growing:
        name, closed_list = "g", False
        models: tuple[str, ...] = ()

    growing = Growing()
    routes = RouteTable((), {"g": growing})

    growing.models = ("new",)

    assert routes.resolve("new").backend is growing

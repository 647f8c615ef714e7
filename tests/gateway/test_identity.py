"""What a provider is told about the application that asks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from multidict import CIMultiDict

from gateway.config import ConfigError, load
from gateway.identity import OWN_USER_AGENT, CallerIdentity, fit, user_agent
from gateway.plugin import Dialect, Fixed
from gateway.settings import Identity, IdentityHeader
from gateway.targets import Target

CHAT = Dialect("openai_chat", {"chat": "/chat/completions"})
CALLER = {
    "User-Agent": "their-app/1",
    "HTTP-Referer": "https://theirs.example",
    "X-Title": "Theirs",
}
PASS = IdentityHeader("passthrough")


def sent(rules: Identity, caller: dict[str, str], **fixed: str) -> dict[str, str]:
    """Return the headers of a request, those of the session among them."""
    target = Target.of(CHAT, "https://h/v1", "chat", Fixed(fixed), rules)
    headers = target.headers(CIMultiDict(caller))
    del headers["content-type"]
    return {"user-agent": user_agent(rules), **headers}


def same(mode: Any, value: str | None = None) -> Identity:
    rule = IdentityHeader(mode, value)
    return Identity(rule, rule, rule)


def small(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


@pytest.mark.parametrize(
    ("rules", "caller", "agent", "referer", "title"),
    [
        (Identity(), CALLER, OWN_USER_AGENT, "https://theirs.example", "Theirs"),
        (Identity(), {}, OWN_USER_AGENT, None, None),
        (same("override", "Ours"), CALLER, "Ours", "Ours", "Ours"),
        (same("override", "Ours"), {}, "Ours", "Ours", "Ours"),
        (same("override"), CALLER, OWN_USER_AGENT, None, None),
        (
            same("passthrough"),
            CALLER,
            "their-app/1",
            "https://theirs.example",
            "Theirs",
        ),
        (same("passthrough"), {}, OWN_USER_AGENT, None, None),
        (
            same("default", "Ours"),
            CALLER,
            "their-app/1",
            "https://theirs.example",
            "Theirs",
        ),
        (same("default", "Ours"), {}, "Ours", "Ours", "Ours"),
    ],
)
def test_modes(
    rules: Identity,
    caller: dict[str, str],
    agent: str,
    referer: str | None,
    title: str | None,
) -> None:
    """The same for requests that the gateway sends and for those of a plugin."""
    wanted = {"user-agent": agent, "http-referer": referer, "x-title": title}
    wanted_headers = {name: value for name, value in wanted.items() if value}

    assert sent(rules, caller) == wanted_headers
    assert small(CallerIdentity(rules, caller).get_resolved_headers(None)) == (
        wanted_headers
    )


@pytest.mark.parametrize(
    ("mode", "title", "other"),
    [
        ("passthrough", None, "Theirs"),
        ("default", None, "Theirs"),
        ("override", "Ours", None),
    ],
)
def test_other_name_of_the_title(
    mode: Any, title: str | None, other: str | None
) -> None:
    """OpenRouter's newer header is never sent next to a title that differs."""
    rules = Identity(title=IdentityHeader(mode, None if mode == PASS.mode else "Ours"))

    headers = sent(rules, {"X-OpenRouter-Title": "Theirs"})

    assert (headers.get("x-title"), headers.get("x-openrouter-title")) == (title, other)


def test_both_titles_as_said() -> None:
    both = {"X-Title": "a", "X-OpenRouter-Title": "b"}

    for rules in (Identity(), Identity(title=IdentityHeader("default", "Ours"))):
        headers = sent(rules, both)
        assert (headers["x-title"], headers["x-openrouter-title"]) == ("a", "b")


@pytest.mark.parametrize(
    "bad", ["a\r\nX-Admin: 1", "a\r\n b", "a\x00", "\x7f", "\udce9"]
)
def test_unfit(bad: str) -> None:
    """What would break a head counts as if the caller had said nothing."""
    caller = dict.fromkeys(CALLER, bad)
    rules = same("default", "Ours")

    assert not fit(bad)
    assert sent(rules, caller) == sent(rules, {})
    assert CallerIdentity(rules, caller).get_resolved_headers(None) == dict.fromkeys(
        CALLER, "Ours"
    )
    assert sent(same("passthrough"), caller) == {"user-agent": OWN_USER_AGENT}


def test_who_wins() -> None:
    """Credentials and configured headers replace what identity says."""
    rules = same("override", "Ours")

    headers = sent(rules, CALLER, **{"x-title": "configured", "user-agent": "cfg"})

    assert headers == {
        "http-referer": "Ours",
        "x-title": "configured",
        "user-agent": "cfg",
    }


def test_of_other_headers() -> None:
    """A backend may ask for those of another request than the one being served."""
    who = CallerIdentity(Identity(user_agent=PASS), CALLER)

    assert who.get_resolved_headers({"user-agent": "x", "x-openrouter-title": "t"}) == {
        "User-Agent": "x",
        "X-Title": "t",
    }
    assert who.get_resolved_headers({}) == {"User-Agent": OWN_USER_AGENT}
    assert CallerIdentity(Identity()).get_resolved_headers(None) == {
        "User-Agent": OWN_USER_AGENT
    }
    assert "Theirs" not in repr(who)


# -- as it is written


def read(**members: Any) -> Identity:
    config = {"a": {"type": "demo", "identity": members}}
    return load(None, {}, [("backends", json.dumps(config))]).backends["a"].identity


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("My app/1", IdentityHeader("override", "My app/1")),
        ({"value": "My app"}, IdentityHeader("override", "My app")),
        ("passthrough", PASS),
        ("override", IdentityHeader("override")),
        ({"mode": "default", "value": "x"}, IdentityHeader("default", "x")),
        ({"mode": "passthrough"}, PASS),
    ],
)
def test_written(written: Any, rule: IdentityHeader) -> None:
    assert read(title=written) == Identity(title=rule)


def test_written_as_a_variable() -> None:
    """As a text, or as a section."""
    environ = {
        "SLUICEGATE_BACKENDS__A__TYPE": "demo",
        "SLUICEGATE_BACKENDS__A__IDENTITY__TITLE": "My app",
        "SLUICEGATE_BACKENDS__A__IDENTITY__REFERER": "{mode: default, value: b}",
        "SLUICEGATE_BACKENDS__A__IDENTITY__USER_AGENT__MODE": "passthrough",
    }

    assert load(None, environ).backends["a"].identity == Identity(
        user_agent=PASS,
        referer=IdentityHeader("default", "b"),
        title=IdentityHeader("override", "My app"),
    )


@pytest.mark.parametrize(
    ("member", "written", "said"),
    [
        ("title", {"value": "a\r\nb: c"}, "title.value: expected printable ASCII"),
        ("title", "a\nb", "title.value: expected printable ASCII"),
        ("referer", "h\u00e9", "referer.value: expected printable ASCII"),
        ("user_agent", " x", "user_agent.value: expected printable ASCII"),
        ("title", "", "title.value: expected text"),
        ("title", 7, "title: expected a section"),
        ("title", "default", "title: the mode default needs a value"),
        ("title", {"mode": "always"}, "title.mode: expected one of"),
        ("title", {"mode": "passthrough", "value": "x"}, "title.value: is never sent"),
        ("x_title", "x", "x_title: unknown key; did you mean title?"),
    ],
)
def test_mistakes(member: str, written: Any, said: str) -> None:
    """Nothing that is configured can break a head, or be without effect."""
    with pytest.raises(ConfigError) as caught:
        read(**{member: written})

    assert f"backends.a.identity.{said}" in str(caught.value)

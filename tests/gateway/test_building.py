"""Addresses, dialects and keys of one instance of a backend."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from connectors.auth import bearer
from gateway.building import api_keys, base_urls, spoken
from gateway.domain.errors import ConfigurationError
from gateway.plugin import Connector, Dialect
from gateway.secret import Secret
from gateway.settings import Backend


def connector(base: str = "", version: str = "v1") -> Connector:
    return Connector(
        "c", base, (Dialect("openai_chat", {}, version),), bearer, ("A_KEY", "B_KEY")
    )


@pytest.mark.parametrize(
    ("configured", "url"),
    [
        ("http://h", "http://h/v1"),
        ("http://h/", "http://h/v1"),
        ("http://h/v1", "http://h/v1"),
        ("http://h/v1/", "http://h/v1"),
        ("http://h//", "http://h/v1"),
        ("http://h/api", "http://h/api/v1"),
        ("http://h/openai/v1", "http://h/openai/v1"),
        ("http://h/v1beta/openai", "http://h/v1beta/openai"),
        ("http://h/api/paas/v4", "http://h/api/paas/v4"),
        ("http://h/client/v4/accounts/a/ai/v1", "http://h/client/v4/accounts/a/ai/v1"),
        ("http://v1.example.com", "http://v1.example.com/v1"),
        ("http://h/vendor", "http://h/vendor/v1"),
        ("http://[::1]:8000", "http://[::1]:8000/v1"),
    ],
)
def test_base_url(configured: str, url: str) -> None:
    """With or without the version segment, as the SDKs' own variables differ."""
    assert base_url(connector("https://own/v1"), configured) == url


def base_url(
    connector: Connector, configured: str | None, extra: dict[str, Any] | None = None
) -> str:
    (url,) = base_urls(connector, connector.speaks, configured, extra or {}).values()
    return url


def test_base_url_of_the_provider() -> None:
    assert base_url(connector("https://own"), None) == "https://own"
    assert base_url(connector("https://own/v1"), "") == "https://own/v1"
    assert base_url(connector(version="v2"), "http://h") == "http://h/v2"


def test_api_without_a_version() -> None:
    assert base_url(connector(), "https://h/serving", {"version": ""}) == (
        "https://h/serving"
    )


def test_no_base_url() -> None:
    with pytest.raises(ConfigurationError, match="c needs api_base_url"):
        base_url(connector(), None)


CHAT = Dialect("openai_chat", {"chat": "/c"})
NATIVE = Dialect("ollama", {"chat": "/api/chat"}, version="")
BETA = Dialect("gemini", {"chat": "/g"}, version="v1beta")


@pytest.mark.parametrize(
    ("speaks", "configured", "extra", "urls"),
    [
        ((CHAT, NATIVE), "http://h:1", {}, ("http://h:1/v1", "http://h:1")),
        ((CHAT, NATIVE), "http://h:1/v1", {}, ("http://h:1/v1", "http://h:1")),
        ((NATIVE, CHAT), "http://h:1", {}, ("http://h:1", "http://h:1/v1")),
        ((NATIVE, CHAT), "http://h:1/v1", {}, ("http://h:1", "http://h:1/v1")),
        ((CHAT, BETA), None, {}, ("https://own/v1", "https://own/v1beta")),
        ((BETA, CHAT), "http://h/x", {}, ("http://h/x/v1beta", "http://h/x/v1")),
        ((CHAT, BETA), "http://h", {"version": "v9"}, ("http://h/v9", "http://h/v9")),
    ],
)
def test_dialects_of_several_versions(
    speaks: tuple[Dialect, ...],
    configured: str | None,
    extra: dict[str, str],
    urls: tuple[str, ...],
) -> None:
    """Each is found below its own version, however the address is written."""
    kind = evolve(connector("https://own/v1"), speaks=speaks)

    found = base_urls(kind, speaks, configured, extra)

    assert tuple(found[dialect.protocol] for dialect in speaks) == urls


@pytest.mark.parametrize(
    ("extra", "names"),
    [
        ({}, ["openai_chat"]),
        ({"speaks": "gemini"}, ["gemini"]),
        ({"speaks": ["gemini", "openai_chat"]}, ["gemini", "openai_chat"]),
    ],
)
def test_what_an_instance_speaks(extra: dict[str, Any], names: list[str]) -> None:
    """Private endpoints differ in what they offer, so who configures them says it."""
    kind = evolve(connector("https://own/v1"), optional=(BETA,))

    assert [d.protocol for d in spoken(kind, extra)] == names


@pytest.mark.parametrize("names", [[], ["klingon"], {"gemini": 1}, None, 5])
def test_it_speaks_nothing_unknown(names: object) -> None:
    kind = evolve(connector("https://own/v1"), optional=(BETA,))

    with pytest.raises(ConfigurationError, match=r"extra.speaks must be a list of"):
        spoken(kind, {"speaks": names})


@pytest.mark.parametrize(
    ("configured", "environ", "keys"),
    [
        ("k", {"A_KEY": "a"}, ["k"]),
        (None, {"A_KEY": "a", "B_KEY": "b"}, ["a"]),
        (None, {"A_KEY": "", "B_KEY": "b"}, ["b"]),
        (None, {"C_KEY": "c"}, []),
        (None, {"MINE_API_KEY": "m", "A_KEY": "a"}, ["m"]),
        (None, {"A_KEY_1": "x", "A_KEY_20": "y", "A_KEY_21": "z"}, ["x", "y"]),
        (None, {"A_KEY": "a", "A_KEY_2": "b", "A_KEY_3": "a"}, ["a", "b"]),
    ],
)
def test_api_keys(
    configured: str | None, environ: dict[str, str], keys: list[str]
) -> None:
    """What is configured wins; of the usual variables the first that is not empty."""
    settings = Backend(api_key=Secret(configured) if configured else None)

    found = api_keys("mine", connector(), settings, environ)

    assert [each.reveal() for each in found] == keys

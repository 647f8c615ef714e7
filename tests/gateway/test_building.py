"""Addresses, dialects and keys of one instance of a backend."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from connectors.auth import bearer
from gateway.building import (
    addressed,
    base_urls,
    build_declared,
    check_declared,
    own_keys,
    spoken,
    stem,
)
from gateway.domain.errors import ConfigurationError
from gateway.keys import KeyPool
from gateway.plugin import Connector, Dialect, Fixed, Given, Parameter
from gateway.secret import Secret
from gateway.settings import Auth, Backend


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


@pytest.mark.parametrize(
    ("speaks", "patterns"),
    [("beta", [()]), (["beta"], [()]), (["beta", "openai_chat"], [("b-*",), ()])],
)
def test_lone_dialect_takes_every_model(speaks: object, patterns: list[object]) -> None:
    """Patterns tell apart which of several dialects a model speaks."""
    beta = Dialect("beta", {}, models=("b-*",))
    kind = evolve(connector("https://own/v1"), optional=(beta,))

    assert [d.models for d in spoken(kind, {"speaks": speaks})] == patterns


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

    found = own_keys("mine", settings, environ, connector().key_env)

    assert [each.reveal() for each in found] == keys


# -- what each instance has of its own


ACCOUNTS = Connector(
    "cloud",
    "https://{region}.cloud.example/accounts/{account}/v1",
    (Dialect("openai_chat", {"chat": "/chat"}),),
    bearer,
    ("CLOUD_KEY",),
    parameters=(
        Parameter("region", ("CLOUD_REGION", "REGION"), default="eu"),
        Parameter("account", ("CLOUD_ACCOUNT",)),
    ),
)


def where(
    connector: Connector,
    settings: Backend | None = None,
    environ: dict[str, str] | None = None,
) -> str:
    settings = settings or Backend()
    _, _, bases = addressed("my.cloud", connector, settings, environ or {})
    return bases["openai_chat"]


@pytest.mark.parametrize(
    ("extra", "environ", "url"),
    [
        ({"account": "a1"}, {}, "https://eu.cloud.example/accounts/a1/v1"),
        ({"account": 17}, {}, "https://eu.cloud.example/accounts/17/v1"),
        (
            {"account": "a1", "region": "us"},
            {"CLOUD_REGION": "no", "CLOUD_ACCOUNT": "no"},
            "https://us.cloud.example/accounts/a1/v1",
        ),
        (
            {},
            {"CLOUD_REGION": "", "REGION": "ap", "CLOUD_ACCOUNT": "a2"},
            "https://ap.cloud.example/accounts/a2/v1",
        ),
    ],
)
def test_parameters(extra: dict[str, Any], environ: dict[str, str], url: str) -> None:
    """Each account has its own part of the address, configured or in a variable."""
    assert where(ACCOUNTS, Backend(extra=extra), environ) == url


def test_missing_parameter() -> None:
    with pytest.raises(ConfigurationError, match=r"extra.account or CLOUD_ACCOUNT"):
        where(ACCOUNTS)


@pytest.mark.parametrize(
    "value", ["a/b", "a b", "evil.example/?", "@evil", "", "x" * 200]
)
def test_parameter_that_is_no_part_of_an_address(value: str) -> None:
    """Whoever sets it cannot lead the key to another host."""
    with pytest.raises(ConfigurationError):
        where(ACCOUNTS, Backend(extra={"account": value}))


def test_configured_address_needs_no_parameters() -> None:
    settings = Backend(api_base_url="http://10.0.0.5:1/v1")

    assert where(ACCOUNTS, settings) == "http://10.0.0.5:1/v1"


def test_address_from_the_variable_of_the_name() -> None:
    environ = {"MY_CLOUD_API_BASE_URL": "http://h:2", "CLOUD_API_BASE_URL": "http://no"}

    assert where(ACCOUNTS, environ=environ) == "http://h:2/v1"
    configured = Backend(api_base_url="http://file/v1")
    assert where(ACCOUNTS, configured, environ) == "http://file/v1"


def test_instance_with_another_address() -> None:
    """A connector may know better where an instance is, of what is configured too."""

    def instance(connector: Connector, given: Given) -> Connector:
        host = given.value("host", "CLOUD_HOST", default="usual")
        base = given.base_url or f"https://{host}.example"
        return evolve(connector, base_url=f"{base}/openai/v1")

    kind = evolve(ACCOUNTS, base_url="", parameters=(), instance=instance)

    assert where(kind) == "https://usual.example/openai/v1"
    assert where(kind, environ={"CLOUD_HOST": "env"}) == "https://env.example/openai/v1"
    assert (
        where(kind, Backend(extra={"host": "set"})) == "https://set.example/openai/v1"
    )
    configured = Backend(api_base_url="http://h:1")
    assert where(kind, configured) == "http://h:1/openai/v1"


def test_instance_that_leaves_the_address() -> None:
    def instance(connector: Connector, given: Given) -> Connector:
        del given
        return evolve(connector, models_path="")

    kind = evolve(ACCOUNTS, instance=instance, parameters=(), base_url="https://own/v1")

    assert where(kind, Backend(api_base_url="http://h:1")) == "http://h:1/v1"


@pytest.mark.parametrize(
    ("name", "beginning"),
    [("openai", "OPENAI"), ("openai.eu", "OPENAI_EU"), ("llama.cpp-2", "LLAMA_CPP_2")],
)
def test_stem(name: str, beginning: str) -> None:
    assert stem(name) == beginning


@pytest.mark.parametrize(
    ("auth", "why"),
    [
        (Auth(type="klingon"), "auth.type 'klingon' is none of .*bearer.*query"),
        (Auth(token_url="https://h"), "auth needs a type"),
        (Auth(type="bearer"), "auth.type 'bearer' needs api_key"),
    ],
)
def test_wrong_auth(auth: Auth, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        check_declared("mine", connector("https://own"), Backend(auth=auth), {})


@pytest.mark.parametrize(
    ("auth", "headers", "query"),
    [
        (Auth(type="bearer"), {"Authorization": "Bearer k"}, {}),
        (Auth(type="header"), {"x-api-key": "k"}, {}),
        (Auth(type="header", name="api-key"), {"api-key": "k"}, {}),
        (Auth(type="query"), {}, {"key": "k"}),
        (Auth(type="query", name="token"), {}, {"token": "k"}),
        (Auth(type="none"), {}, {}),
    ],
)
async def test_auth_with_a_key(
    auth: Auth, headers: dict[str, str], query: dict[str, str]
) -> None:
    """A private endpoint may want its key in another way than its type says."""
    settings = Backend(auth=auth, api_key=Secret("k"))
    backend = build_declared("mine", connector("https://own"), settings, {})

    assert backend.credentials == Fixed(headers, query)
    await backend.close()


def test_key_that_is_there_twice() -> None:
    """A pool of one key would send it again when it is refused."""
    settings = Backend(api_key=Secret("k1"), api_keys=(Secret("k2"), Secret("k1")))

    found = own_keys("mine", settings, {}, connector().key_env)

    assert [key.reveal() for key in found] == ["k1", "k2"]


async def test_pool_of_keys() -> None:
    settings = Backend(api_keys=(Secret("k1"), Secret("k2")))
    backend = build_declared("mine", connector("https://own"), settings, {})

    assert isinstance(backend.credentials, KeyPool)
    await backend.close()


@pytest.mark.parametrize(
    ("extra", "why"),
    [
        (
            {"acount": "a"},
            r"extra.acount means nothing to cloud; did you mean account\?",
        ),
        ({"account": "a", "": 1}, r"extra. means nothing"),
    ],
)
def test_misspelt_extra(extra: dict[str, Any], why: str) -> None:
    """What nothing reads is a slip, and silence would hide it."""
    with pytest.raises(ConfigurationError, match=why):
        check_declared("mine", ACCOUNTS, Backend(extra=extra), {})


@pytest.mark.parametrize("name", ["speaks", "version", "account", "own"])
def test_known_extra(name: str) -> None:
    extra = {"account": "a", name: "openai_chat"}

    check_declared("mine", evolve(ACCOUNTS, extras=("own",)), Backend(extra=extra), {})


def test_extra_of_other_credentials() -> None:
    """Who brings another kind of credentials knows what it reads."""
    settings = Backend(extra={"account": "a", "odd": 1}, auth=Auth(type="none"))

    check_declared("mine", ACCOUNTS, settings, {})

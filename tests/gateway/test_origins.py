"""``sluicegate check`` says where a key comes from, and never the key."""

from __future__ import annotations

import pytest
import yaml

from gateway.config import explain, load
from gateway.origins import notes
from gateway.registry import Registry
from gateway.upstream import HttpBackend

REGISTRY = Registry()
KEY = "planted-key-0123456789"


def said(
    environ: dict[str, str], *flags: tuple[str, str], name: str = "openai.eu"
) -> list[str]:
    settings = load(None, {}, [(f"backends.'{name}'", ""), *flags])
    return notes(settings, REGISTRY, environ)[name]


@pytest.mark.parametrize(
    ("environ", "lines"),
    [
        ({}, ["api_key: none; set OPENAI_EU_API_KEY or OPENAI_API_KEY"]),
        ({"OPENAI_API_KEY": KEY}, ["api_key: from OPENAI_API_KEY"]),
        (
            {"OPENAI_API_KEY": KEY, "OPENAI_EU_API_KEY": "other"},
            ["api_key: from OPENAI_EU_API_KEY"],
        ),
        (
            {"OPENAI_EU_API_KEY_2": KEY, "OPENAI_EU_API_KEY_7": "other"},
            ["api_keys: from OPENAI_EU_API_KEY_2, OPENAI_EU_API_KEY_7"],
        ),
        (
            {"OPENAI_EU_API_KEY": KEY, "OPENAI_EU_API_KEY_7": KEY},
            ["api_key: from OPENAI_EU_API_KEY"],
        ),
        (
            {"OPENAI_EU_API_KEY": KEY, "OPENAI_EU_API_BASE_URL": "http://h/v1"},
            [
                "api_key: from OPENAI_EU_API_KEY",
                "api_base_url: from OPENAI_EU_API_BASE_URL",
            ],
        ),
    ],
)
def test_keys(environ: dict[str, str], lines: list[str]) -> None:
    assert said(environ) == ["type: openai", *lines]


def test_configured() -> None:
    """What is in the settings is shown there."""
    environ = {"OPENAI_API_KEY": KEY, "OPENAI_EU_API_BASE_URL": "http://h/v1"}
    flags = [
        ("backends.'openai.eu'.api_key", "k"),
        ("backends.'openai.eu'.api_base_url", "http://other/v1"),
        ("backends.'openai.eu'.type", "openai"),
    ]

    assert said(environ, *flags) == []


@pytest.mark.parametrize("name", ["demo", "vllm"])
def test_no_key_needed(name: str) -> None:
    assert said({}, name=name) == []


def test_other_credentials() -> None:
    """Where no key is asked for, none is missed."""
    flag = ("backends.'openai.eu'.auth.type", "none")

    assert said({}, flag) == ["type: openai"]


def test_explained() -> None:
    """As comments, below the backend that they are about; the rest is as it was."""
    settings = load(
        None,
        {},
        [
            ("backends", "{openai.eu: {}, demo: {}, '1': {type: demo}}"),
            ("routes", "[{model: a, to: 'demo:a'}, {model: b, to: 'demo:b'}]"),
        ],
    )
    environ = {"OPENAI_API_KEY": KEY}

    text = explain(settings, notes(settings, REGISTRY, environ))

    assert yaml.safe_load(text) == yaml.safe_load(explain(settings))
    assert (
        "  openai.eu:\n    # type: openai\n    # api_key: from OPENAI_API_KEY\n" in text
    )
    assert text.count("#") == 2
    assert KEY not in text


def test_explained_without_notes() -> None:
    settings = load(None, {}, [])

    assert explain(settings, {"x": ["y"]}) == explain(settings)


def test_parts_of_the_address() -> None:
    """What an account's address needs may come out of the environment as well."""
    environ = {"CLOUDFLARE_ACCOUNT_ID": "acc", "CLOUDFLARE_API_TOKEN": KEY}
    own = ("backends.cloudflare.extra.account_id", "mine")

    lines = said(environ, name="cloudflare")

    assert lines == [
        "api_key: from CLOUDFLARE_API_TOKEN",
        "extra.account_id: from CLOUDFLARE_ACCOUNT_ID",
    ]
    assert said(environ, own, name="cloudflare") == lines[:1]


@pytest.mark.parametrize(
    ("environ", "reason"),
    [
        ({"OPENAI_API_KEY": "a\nX-Admin: 1"}, "OPENAI_API_KEY holds no key"),
        ({"OPENAI_API_KEY_3": "a\x00b"}, "OPENAI_API_KEY_3 holds no key"),
        ({"OPENAI_API_KEY": "a\udcffb"}, "OPENAI_API_KEY holds no key"),
        ({"OPENAI_API_BASE_URL": "lab:8000/v1"}, "OPENAI_API_BASE_URL: expected a URL"),
        (
            {"OPENAI_API_BASE_URL": "http://h/v1?a=b"},
            "OPENAI_API_BASE_URL: expected no",
        ),
    ],
)
def test_unfit_variables(environ: dict[str, str], reason: str) -> None:
    """What would fail at each request is told at the start, by its variable."""
    settings = load(None, {}, [("backends.openai", "")])

    mistakes = list(REGISTRY.check(settings, environ))

    assert [path for path, _ in mistakes] == [("backends", "openai")]
    assert mistakes[0][1].startswith(reason)


async def test_blanks_around_variables() -> None:
    """A line break at the end has slipped in with a file; what is blank is not set."""
    environ = {
        "OPENAI_API_KEY": " \n",
        "OPENAI_API_KEY_1": f"{KEY}\n",
        "OPENAI_API_BASE_URL": " http://h/v1\n",
    }
    settings = load(None, {}, [("backends.openai", "")])

    backend = REGISTRY.build("openai", settings.backends["openai"], environ)
    await backend.close()

    assert isinstance(backend, HttpBackend)
    assert backend.key is not None
    assert backend.key.reveal() == KEY
    assert set(backend.bases.values()) == {"http://h/v1"}

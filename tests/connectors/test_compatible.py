"""One contract for every declaration; what is special about one is listed here."""

from __future__ import annotations

from configparser import ConfigParser
from pathlib import Path

import pytest
from yarl import URL

from connectors import compatible
from gateway.plugin import ENTRY_POINT_GROUP, Connector

DECLARED = {
    name: value for name, value in vars(compatible).items() if type(value) is Connector
}
CONNECTORS = list(DECLARED.values())
HOSTED = [c for c in CONNECTORS if c.base_url and not c.ports]
LOCAL = [c for c in CONNECTORS if c.ports]
SETUP_CFG = Path(__file__).resolve().parents[2] / "setup.cfg"

# https://api-docs.deepseek.com: "/v1" is understood, and not the documented form.
WITHOUT_VERSION = {"deepseek"}
# The protocol offers more than these have: of Groq and DeepSeek only chat is
# compatible, and Mistral completes text by another path.
OFFERED = {
    "deepseek": {"chat"},
    "groq": {"chat"},
    "mistral": {"chat", "embeddings"},
}
EVERYTHING = {"chat", "completions", "embeddings"}

each = pytest.mark.parametrize("connector", CONNECTORS, ids=lambda c: c.name)
hosted = pytest.mark.parametrize("connector", HOSTED, ids=lambda c: c.name)
local = pytest.mark.parametrize("connector", LOCAL, ids=lambda c: c.name)


def entry_points() -> dict[str, str]:
    parser = ConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(SETUP_CFG)
    lines = parser["options.entry_points"][ENTRY_POINT_GROUP].split("\n")
    pairs = (line.split("=") for line in lines if line)
    return {name.strip(): value.strip() for name, value in pairs}


def test_entry_points() -> None:
    """Each declaration is installed by its own name, and none is forgotten."""
    ours = {
        name: value
        for name, value in entry_points().items()
        if value.startswith("connectors.compatible:")
    }

    assert ours == {
        connector.name: f"connectors.compatible:{variable}"
        for variable, connector in DECLARED.items()
    }


@pytest.mark.parametrize(
    "what", ["name", "base_url", "key_env", "ports", "docs"], ids=str
)
def test_nothing_twice(what: str) -> None:
    """Copied declarations are where wrong keys go to wrong places."""
    values = [value for c in CONNECTORS if (value := getattr(c, what))]

    assert len(set(values)) == len(values)


@hosted
def test_hosted(connector: Connector) -> None:
    """Keys travel encrypted, to an address with its version."""
    url = URL(connector.base_url)

    assert url.scheme == "https"
    assert str(url) == connector.base_url
    assert not connector.base_url.endswith("/")
    assert not url.query_string
    assert ("v1" in url.parts) is (connector.name not in WITHOUT_VERSION)
    assert not connector.key_optional


@local
def test_local(connector: Connector) -> None:
    """A server on this machine answers on its usual port, without a key."""
    (port,) = connector.ports

    assert connector.base_url == f"http://127.0.0.1:{port}/v1"
    assert connector.key_optional


@each
def test_key_variables(connector: Connector) -> None:
    """They are the providers' own names; `openai-compatible` must not take any."""
    assert all(name.isupper() and name.isidentifier() for name in connector.key_env)
    assert bool(connector.key_env) is bool(connector.base_url)


@each
def test_operations(connector: Connector) -> None:
    """What a provider does not have is refused here, not by its 404."""
    (dialect,) = connector.speaks

    assert dialect.protocol == "openai_chat"
    assert set(dialect.paths) == OFFERED.get(connector.name, EVERYTHING)
    assert all(path.startswith("/") for path in dialect.paths.values())
    assert connector.models_path == "/models"


@each
def test_docs(connector: Connector) -> None:
    """Whoever doubts a declaration finds the page it was written from."""
    if connector.base_url:
        assert URL(connector.docs).scheme == "https"


@each
def test_key_is_sent_as_a_bearer_token(connector: Connector) -> None:
    assert connector.auth("k") == {"Authorization": "Bearer k"}


def test_compatible_has_no_address() -> None:
    assert compatible.OPENAI_COMPATIBLE.base_url == ""
    assert compatible.OPENAI_COMPATIBLE.key_optional

"""Who may ask Azure: a key, or what signs in with Entra ID."""

from __future__ import annotations

from typing import Any, cast

import pytest

from connectors.auth.tokens import TokenSource
from connectors.azure.keys import credentials
from gateway.plugin import Account, ConfigurationError
from gateway.secret import Secret
from gateway.settings import Auth

ENTRA = {
    "AZURE_TENANT_ID": "t",
    "AZURE_CLIENT_ID": "c",
    "AZURE_CLIENT_SECRET": "s-0123456789",
}


def made(environ: dict[str, str], key: str | None = None, **auth: Any) -> Any:
    secret = None if key is None else Secret(key)
    return credentials(
        Account("azure", secret, Auth(**auth), {}, environ, cast("Any", None))
    )


def test_key() -> None:
    """A key is used as it is, whatever the environment has."""
    assert made(ENTRA, "key-0123456789") is None


@pytest.mark.parametrize("missing", sorted(ENTRA))
def test_half_of_entra(missing: str) -> None:
    """Who has not all of it set for another program is told that there is no key."""
    assert made({n: v for n, v in ENTRA.items() if n != missing}) is None


def test_entra() -> None:
    """Without a key Azure's own variables sign in."""
    assert isinstance(made(ENTRA), TokenSource)


def test_federated() -> None:
    """So does a workload's identity."""
    environ = {**ENTRA, "AZURE_FEDERATED_TOKEN_FILE": "/token"}
    del environ["AZURE_CLIENT_SECRET"]

    assert isinstance(made(environ), TokenSource)


def test_configured() -> None:
    """What is configured wins over a key, and half of it is a mistake."""
    auth = {"tenant": "t", "client_id": "c", "client_secret": Secret("s-0123456789")}

    assert isinstance(made({}, "key-0123456789", **auth), TokenSource)
    with pytest.raises(ConfigurationError, match="AZURE_CLIENT_ID"):
        made({}, tenant="t")

"""
How the gateway proves to a provider who it is.

Here are the ways that need nothing but a key. Those that fetch, renew or compute
something are in modules of their own, which are loaded when a backend uses them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.auth.options import header_name, only, query_name
from gateway.plugin import ConfigurationError, Fixed

if TYPE_CHECKING:
    from gateway.plugin import Account, Auth, Headers


def bearer(key: str) -> Headers:
    """Source: RFC 6750, section 2.1."""
    return {"Authorization": f"Bearer {key}"}


def api_key_header(name: str) -> Auth:
    """
    Return what sends the key, as it is, in a header called *name*.

    Source: https://docs.anthropic.com/en/api/overview (``x-api-key``),
    https://ai.google.dev/api (``x-goog-api-key``).
    """

    def header(key: str) -> Headers:
        return {name: key}

    return header


def api_key_query(name: str) -> Auth:
    """Return what sends the key in the query, as *name*."""

    def query(key: str) -> Fixed:
        return Fixed(query={name: key})

    return query


# -- the types of `auth` in the configuration that need nothing but a key


def make_bearer(account: Account) -> Fixed:
    only(account)
    return Fixed.of(bearer, _key(account))


def make_header(account: Account) -> Fixed:
    only(account, "name")
    name = header_name(account, "x-api-key")
    return Fixed.of(api_key_header(name), _key(account))


def make_query(account: Account) -> Fixed:
    only(account, "name")
    return Fixed.of(api_key_query(query_name(account, "key")), _key(account))


def make_none(account: Account) -> Fixed:
    """Return nothing at all, whatever key there may be."""
    only(account)
    return Fixed()


def _key(account: Account) -> str:
    if account.key is None:
        raise ConfigurationError(
            f"auth.type {account.auth.type!r} needs api_key",
            code="missing_api_key",
            param="auth.type",
        )
    return account.key.reveal()

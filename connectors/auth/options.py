"""Checks the ``auth`` section of a backend: what each kind takes, and no more."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import asdict

from gateway.plugin import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.plugin import Account

# Source: RFC 9110, section 5.6.2
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")
# What tells where a request goes and ends, and not who sends it.
_TAKEN = {"connection", "content-length", "content-type", "host", "transfer-encoding"}
_PARAMETER = re.compile(r"[A-Za-z0-9._~-]{1,128}")


def only(account: Account, *names: str) -> None:
    """
    See that of the ``auth`` section no more is set than *names* and ``type``.

    Raises:
        ConfigurationError: somebody expects more than this kind does.
    """
    auth = account.auth
    given = {n for n, value in asdict(auth, recurse=False).items() if value is not None}
    if extra := sorted(given - {"type", *names}):
        *rest, last = names or ("nothing more",)
        takes = f"{', '.join(rest)} and {last}" if rest else last
        kind = f"auth.type {auth.type!r}" if auth.type else "this type of backend"
        raise ConfigurationError(
            f"auth.{extra[0]} means nothing to {kind}, which takes {takes}",
            code="bad_credentials",
            param=f"auth.{extra[0]}",
        )


def header_name(account: Account, default: str) -> str:
    """
    Return the header that carries the key.

    Raises:
        ConfigurationError: it cannot be one.
    """
    name = account.auth.name or default
    if not _HEADER.fullmatch(name) or name.lower() in _TAKEN:
        raise ConfigurationError(
            "auth.name is no header that can carry a key",
            code="bad_credentials",
            param="auth.name",
        )
    return name


def query_name(account: Account, default: str) -> str:
    """
    Return the query parameter that carries the key.

    Raises:
        ConfigurationError: it cannot be one.
    """
    name = account.auth.name or default
    if not _PARAMETER.fullmatch(name):
        raise ConfigurationError(
            "auth.name is no query parameter: expected letters, digits, dots, hyphens"
            " and underscores",
            code="bad_credentials",
            param="auth.name",
        )
    return name


def absolute(path: Path, name: str) -> Path:
    """
    Return *path*, which must not depend on where the gateway was started.

    Raises:
        ConfigurationError: it does.
    """
    if not path.is_absolute():
        raise ConfigurationError(
            f"{name} must be an absolute path", code="bad_credentials", param=name
        )
    return path

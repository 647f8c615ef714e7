"""Durations, sizes, addresses, URLs: from what was written to what is meant."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gateway.config.addresses import read_address
from gateway.config.problems import RefusedError
from gateway.config.texts import read_text
from gateway.config.tree import Text
from gateway.loops import LOOP_GUARD
from gateway.selector import parse

if TYPE_CHECKING:
    from gateway.secret import Secret
    from gateway.settings import Kind

SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
BYTES = {
    "B": 1,
    "kB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
    "KiB": 1024,
    "MiB": 1024**2,
    "GiB": 1024**3,
}

_AMOUNT = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,6})?) ?([a-zA-Z]{1,3})")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_ORIGIN = re.compile(
    r"[a-z][a-z0-9+.-]*://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?"
)
# RFC 9110, section 5.1: a field name is a token.
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SHA256 = re.compile(r"sha256:[0-9a-f]{64}")
_SPACE = re.compile(r"[\x00-\x20\x7f]")

# They say where a message begins and ends: whoever sets them by hand splits one
# request into two.
_FRAMING = frozenset({"connection", "content-length", "transfer-encoding"})


def shown(value: Any) -> str:
    """Describe *value* in a message; never for what may be a secret."""
    match value:
        case Text(source=str(source)):
            return f"another thing from {source}"
        case str():
            return repr(value if len(value) <= 40 else value[:39] + "…")
        case bool():
            return f"the truth value {str(value).lower()}"
        case int() if abs(value) > 10**15:
            return "a huge number"
        case int() | float():
            return f"the number {value}"
        case _:
            return nature(value)


def nature(value: Any) -> str:
    """Say what kind of thing *value* is, and nothing of the value itself."""
    match value:
        case None:
            return "nothing"
        case str():
            return "text"
        case bool():
            return "a truth value"
        case int() | float():
            return "a number"
        case list():
            return "a list"
        case _:
            return "a section"


def typed(value: Any) -> Any:
    """Read untyped text as the YAML scalar that it is, if it is one."""
    if not isinstance(value, Text):
        return value
    try:
        read = read_text(value)
    except RefusedError:
        return value
    return value if isinstance(read, str) else read


def text(value: Any) -> str:
    if not isinstance(value, str):
        hint = "; quote it" if isinstance(value, bool | int | float) else ""
        raise RefusedError(f"expected text, got {shown(value)}{hint}")
    if not value:
        raise RefusedError("expected text, got an empty one")
    return str(value)


def truth(value: Any) -> bool:
    value = typed(value)
    if not isinstance(value, bool):
        raise RefusedError(f"expected true or false, got {shown(value)}")
    return value


def count(kind: Kind, value: Any) -> int:
    value = typed(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise RefusedError(f"expected a whole number, got {shown(value)}")
    if not kind.least <= value <= kind.most:
        raise RefusedError(
            f"expected a number from {kind.least:.0f} to {kind.most:.0f},"
            f" got {shown(value)}"
        )
    return value


def seconds(kind: Kind, value: Any) -> float:
    amount = _amount(typed(value), SECONDS)
    if amount is None:
        raise RefusedError(
            f"expected a duration such as 30s, 500ms or 2m, got {shown(value)}"
        )
    if not kind.least <= amount <= kind.most:
        raise RefusedError(
            f"expected a duration from {write_seconds(kind.least)}"
            f" to {write_seconds(kind.most)}, got {shown(value)}"
        )
    return float(amount)


def size(kind: Kind, value: Any) -> int:
    value = typed(value)
    amount = None if isinstance(value, float) else _amount(value, BYTES)
    if amount is None:
        raise RefusedError(
            f"expected a size such as 64MiB or a number of bytes, got {shown(value)}"
        )
    if not kind.least <= amount <= kind.most:
        raise RefusedError(
            f"expected a size from {write_size(int(kind.least))}"
            f" to {write_size(int(kind.most))}, got {shown(value)}"
        )
    return int(amount)


def _amount(value: Any, units: Mapping[str, float]) -> int | float | None:
    match value:
        case bool():
            return None
        case int() | float():
            return value
        case str() if (match := _AMOUNT.fullmatch(value)) and match[2] in units:
            # Rounded: 0.1 s is not quite 100 times 0.001 s.
            return round(float(match[1]) * units[match[2]], 6)
        case _:
            return None


def write_seconds(value: float) -> str:
    if 0 < value < 1:
        return f"{value * 1000:.12g}ms"
    if value and value % SECONDS["d"] == 0:
        return f"{value // SECONDS['d']:.12g}d"
    return f"{value:.12g}s"


def write_size(value: int) -> str:
    for unit in ("GiB", "MiB", "KiB"):
        if value % BYTES[unit] == 0:
            return f"{value // BYTES[unit]}{unit}"
    return f"{value}B"


def address(_: Kind, value: Any) -> str:
    written = text(value)
    try:
        read_address(written)
    except RefusedError as exc:
        raise RefusedError(f"{exc}, got {shown(value)}") from exc
    return written


def origin(_: Kind, value: Any) -> str:
    if text(value) != "*" and not _ORIGIN.fullmatch(value):
        raise RefusedError(
            "expected an origin as browsers send it, such as https://app.example.com"
            f" in lower case and without a path, or *; got {shown(value)}"
        )
    return str(value)


def url(_: Kind, value: Any) -> str:
    written = text(value)
    _check_url(written)
    parts = urlsplit(written)
    if "@" in parts.netloc:
        raise RefusedError("expected no user or password here; they go into `headers`")
    if parts.query or parts.fragment:
        raise RefusedError("expected no ? or #: the paths of the API are put behind it")
    return written


def secret_url(_: Kind, value: Secret) -> Secret:
    _check_url(value.reveal())
    return value


def _check_url(written: str) -> None:
    # The message does not quote it: there may be a password inside.
    try:
        parts = urlsplit(written)
        # Reading the port checks it.
        known = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        known = False
    if not known or _SPACE.search(written):
        raise RefusedError(
            "expected a URL such as https://host/v1 or http://host:8000/v1"
        )


def caller_key(_: Kind, value: Secret) -> Secret:
    key = value.reveal()
    if key.startswith("sha256:") and not _SHA256.fullmatch(key):
        raise RefusedError(
            "expected 64 hexadecimal digits in lower case after `sha256:`"
        )
    return value


def header_value(_: Kind, value: Any) -> str:
    written = text(value)
    if not written.isascii() or not written.isprintable() or written != written.strip():
        raise RefusedError(
            "expected printable ASCII on one line, without blanks around it:"
            f" it becomes an HTTP header; got {shown(value)}"
        )
    return written


def headers(_: Kind, value: dict[str, Secret]) -> dict[str, Secret]:
    seen: set[str] = set()
    for name in value:
        if not _TOKEN.fullmatch(name):
            raise RefusedError(f"expected the name of a header, got {shown(name)}")
        if name.lower() in _FRAMING:
            raise RefusedError(f"the header {name} is the gateway's own to set")
        if name.lower() == LOOP_GUARD:
            raise RefusedError(
                f"the header {name} is the gateway's own to set; `loop_guard: false`"
                " leaves it out"
            )
        if name.lower() in seen:
            raise RefusedError(f"the header {name} is there twice")
        seen.add(name.lower())
    return value


def backend_name(_: Kind, value: Any) -> str:
    if not _NAME.fullmatch(value):
        raise RefusedError(
            "expected a name of a-z 0-9 . _ - that begins with a letter or digit"
        )
    return str(value)


def pattern(_: Kind, value: Any) -> str:
    if text(value).count("*") > 1:
        raise RefusedError(f"expected one * at most, got {shown(value)}")
    return str(value)


def target(_: Kind, value: Any) -> str:
    pattern(_, value)
    if parse(value).backend is None:
        raise RefusedError(f"expected backend:model, got {shown(value)}")
    return str(value)


# What takes the value as it was read, and what takes it already as its Python type.
RAW: dict[str, Callable[[Kind, Any], Any]] = {
    "address": address,
    "backend_name": backend_name,
    "count": count,
    "header_value": header_value,
    "origin": origin,
    "pattern": pattern,
    "seconds": seconds,
    "size": size,
    "target": target,
    "url": url,
}
CHECKED: dict[str, Callable[[Kind, Any], Any]] = {
    "caller_key": caller_key,
    "headers": headers,
    "secret_url": secret_url,
}

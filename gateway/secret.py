"""Text that must not be seen, and the means to take it out of other text."""

from __future__ import annotations

import hmac
import re
from typing import NoReturn
from urllib.parse import quote
from weakref import WeakValueDictionary

MASK = "***"

# Shorter values are words: replacing "up" everywhere would spoil the log and
# would tell more about the secret than it hides.
SHORTEST = 6

# What a key looks like when nobody has told us about it: a caller's own, one in
# an upstream's error message. `keep` is the part that is left standing.
_SHAPES = r"""
    (?P<keep>
        \b[Bb][Ee][Aa][Rr][Ee][Rr]\s+
      | \b[Aa]uthorization["']?\s*[:=]\s*["']?(?:[Bb](?:asic|earer)\s+)?
      | [?&](?:[A-Za-z_-]*[Kk]ey|[A-Za-z_-]*[Tt]oken|sig|signature|secret|password)=
      | [Aa][Pp][Ii]-[Kk][Ee][Yy]["']?\s*[:=]\s*["']?
      | ://(?=[^\s/?\#@"']+@)
    )
    [^\s&"'<>,;@\\\}\]\)]+
  | (?<![A-Za-z0-9])(?:sk-|gsk_|xai-|AIza)[A-Za-z0-9_-]{8,}
"""
# In small letters; a text without any of these holds none of the shapes.
_HINTS = (
    *("bearer", "authorization", "key=", "token=", "sig=", "signature=", "secret="),
    *("password=", "api-key", "://", "sk-", "gsk_", "xai-", "aiza"),
)
_SHAPED = re.compile(_SHAPES, re.VERBOSE)
_SHAPED_BYTES = re.compile(_SHAPES.encode(), re.VERBOSE)


class Secret:
    """
    A text that shows itself only to who calls `reveal`.

    It has no way into logs: not by `repr`, ``str``, formatting, ``asdict``, JSON
    or pickle. While it lives, `redact` also knows its value and takes it out of
    any text, so that an upstream that quotes a key back does not spread it. This
    makes it the type for what the operator configures, not for what each
    request brings along.
    """

    __slots__ = ("__weakref__", "_value")

    def __init__(self, value: str) -> None:
        self._value = value
        _live[id(self)] = self
        _known.clear()

    def reveal(self) -> str:
        return self._value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(_encoded(self._value), _encoded(other._value))

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __repr__(self) -> str:
        return f"Secret({MASK!r})"

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled: it would be readable in the pickle")


def redact(text: str) -> str:
    """Return *text* with every known secret, and what looks like one, masked."""
    if known := _pattern():
        text = known[0].sub(MASK, text)
    if any(map(text.lower().__contains__, _HINTS)):
        text = _SHAPED.sub(rf"\g<keep>{MASK}", text)
    return text


def redact_bytes(data: bytes) -> bytes:
    """Do as `redact` does, for bytes that need not be text."""
    return _SHAPED_BYTES.sub(rf"\g<keep>{MASK}".encode(), without_known(data))


def without_known(data: bytes) -> bytes:
    """Return *data* with every known secret masked and nothing else changed."""
    known = _pattern()
    return known[1].sub(MASK.encode(), data) if known else data


_live: WeakValueDictionary[int, Secret] = WeakValueDictionary()
# Empty: to be made anew. A secret that has died may stay in a made pattern; that
# masks more than it must, which is the right side to err on.
_known: dict[str, tuple[re.Pattern[str], re.Pattern[bytes]] | None] = {}


def _pattern() -> tuple[re.Pattern[str], re.Pattern[bytes]] | None:
    try:
        return _known["pattern"]
    except KeyError:
        made = _known["pattern"] = _compiled()
        return made


def _compiled() -> tuple[re.Pattern[str], re.Pattern[bytes]] | None:
    spellings = {
        spelling
        for secret in list(_live.values())
        for spelling in _spellings(secret.reveal())
        if len(spelling) >= SHORTEST
    }
    if not spellings:
        return None
    # The longest first, or a key that begins with another would lose only its
    # beginning.
    longest_first = sorted(spellings, key=len, reverse=True)
    return (
        re.compile("|".join(map(re.escape, longest_first))),
        re.compile(b"|".join(re.escape(_encoded(s)) for s in longest_first)),
    )


def _spellings(value: str) -> tuple[str, ...]:
    """Give the forms a secret takes: as it is, in a URL, in a JSON text."""
    in_json = value.replace("\\", "\\\\").replace('"', '\\"')
    return value, quote(value, safe="", errors="surrogatepass"), in_json


def _encoded(value: str) -> bytes:
    # Bytes that are not UTF-8 come out of the environment as lone surrogates.
    return value.encode("utf-8", "surrogateescape")

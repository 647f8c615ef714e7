"""
Strict reading of a client's JSON: what is wrong is named by its path.

Whatever a reader does not take is left in `Fields.rest`, for ``extras``.
"""

from __future__ import annotations

import json as stdlib_json
import math
from typing import TYPE_CHECKING, NoReturn

from gateway.domain.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from gateway.domain.reply import Json


def parse(body: bytes) -> Json:
    """
    Return the JSON of *body*.

    The standard library reads what clients in JavaScript and Python can write
    and stricter readers refuse: lone surrogates and integers beyond 64 bits.

    Raises:
        InvalidRequestError: not UTF-8, or not JSON; it says where.
    """
    try:
        return stdlib_json.loads(body.decode(), parse_constant=_no_number)
    except UnicodeDecodeError as exc:
        why = f"byte {exc.start} is not UTF-8"
    except stdlib_json.JSONDecodeError as exc:
        why = str(exc)
    except RecursionError:
        why = "it is nested too deeply"
    except ValueError:  # Python's limit against quadratic time
        why = "a number has thousands of digits"
    raise _no_json(why)


def _no_number(word: str) -> NoReturn:
    raise _no_json(f"{word} is no number")


def _no_json(why: str) -> InvalidRequestError:
    return InvalidRequestError(f"the body is not JSON: {why}", code="invalid_json")


class Fields:
    """
    The members of one JSON object, taken one by one.

    The readers below return ``None`` for a member that is missing or null, and
    raise `InvalidRequestError` for one of another type.

    Args:
        json: what should be an object.
        path: where it stands in the request, such as ``messages[2]``.
    """

    def __init__(self, json: Json, path: str = "") -> None:
        if not isinstance(json, dict):
            raise unexpected(path, "an object", json)
        self.path = path
        self._left = dict(json)
        self._inner: dict[str, Fields] = {}

    def at(self, name: str) -> str:
        """Return the path of the member *name*."""
        return f"{self.path}.{name}" if self.path else name

    def text(self, name: str) -> str | None:
        value = self.json(name)
        if value is None or isinstance(value, str):
            return value
        raise unexpected(self.at(name), "a string", value)

    def flag(self, name: str) -> bool | None:
        value = self.json(name)
        if value is None or isinstance(value, bool):
            return value
        raise unexpected(self.at(name), "true or false", value)

    def integer(self, name: str, least: int | None = None) -> int | None:
        value = self.json(name)
        if value is None:
            return None
        expected = "an integer" if least is None else f"an integer from {least} up"
        if isinstance(value, bool) or not isinstance(value, int):
            raise unexpected(self.at(name), expected, value)
        if least is not None and value < least:
            raise unacceptable(self.at(name), expected, value)
        return value

    def number(self, name: str) -> float | None:
        value = self.json(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise unexpected(self.at(name), "a number", value)
        if not math.isfinite(value):
            raise unacceptable(self.at(name), "a finite number", "one too large")
        return value

    def items(self, name: str) -> Iterator[tuple[str, Json]]:
        """Yield path and JSON of each item of a list."""
        value = self.json(name)
        if value is not None and not isinstance(value, list):
            raise unexpected(self.at(name), "a list", value)
        for i, item in enumerate(value or ()):
            yield f"{self.at(name)}[{i}]", item

    def fields(self, name: str) -> Fields | None:
        """Return the members of an object; what is left of them joins `rest`."""
        return None if self._left.get(name) is None else self.needs_fields(name)

    def object(self, name: str) -> dict[str, Json] | None:
        value = self.json(name)
        if value is None or isinstance(value, dict):
            return value
        raise unexpected(self.at(name), "an object", value)

    def json(self, name: str) -> Json:
        """Take any JSON; a null is not taken, for it says nothing."""
        return None if self._left.get(name) is None else self._left.pop(name)

    def keep(self, name: str, json: Json) -> None:
        """Leave a member in the rest after all."""
        self._left[name] = json

    def needs(self, name: str, expected: str) -> Json:
        """Take a member that must be there; *expected* is for the message."""
        value = self.json(name)
        if value is not None:
            return value
        if name in self._left:
            raise unexpected(self.at(name), expected, None)
        path = self.at(name)
        message = f"{path}: expected {expected}, and it is missing"
        raise InvalidRequestError(
            message, code="missing_required_parameter", param=path
        )

    def needs_text(self, name: str) -> str:
        value = self.needs(name, "a string")
        if not isinstance(value, str):
            raise unexpected(self.at(name), "a string", value)
        return value

    def needs_name(self, name: str) -> str:
        value = self.needs_text(name)
        if not value:
            raise unacceptable(self.at(name), "a string that is not empty", value)
        return value

    def needs_word(self, name: str, words: Collection[str]) -> str:
        value = self.needs_text(name)
        if value not in words:
            raise unacceptable(self.at(name), f"one of {', '.join(words)}", value)
        return value

    def needs_fields(self, name: str) -> Fields:
        value = self.needs(name, "an object")
        self._inner[name] = fields = Fields(value, self.at(name))
        return fields

    def rest(self) -> dict[str, Json]:
        """Return the members that nobody took, nulls among them."""
        inner = {name: fields.rest() for name, fields in self._inner.items()}
        return self._left | {name: rest for name, rest in inner.items() if rest}


def unexpected(path: str, expected: str, json: Json) -> InvalidRequestError:
    """Return the error for a value of another type; the value is not shown."""
    message = f"{path or 'the body'}: expected {expected}, got {_kind(json)}"
    return InvalidRequestError(message, code="invalid_type", param=path or None)


def unacceptable(path: str, expected: str, value: str | int) -> InvalidRequestError:
    """Return the error for a value of the right type; a short one is shown."""
    shown = stdlib_json.dumps(value)
    got = shown if len(shown) <= 40 else f"{_kind(value)} of {len(shown)} characters"
    message = f"{path}: expected {expected}, got {got}"
    return InvalidRequestError(message, code="invalid_value", param=path)


def _kind(json: Json) -> str:
    match json:
        case None:
            return "null"
        case bool():
            return "true" if json else "false"
        case str():
            return "a string"
        case int() | float():
            return "a number"
        case list():
            return "a list"
        case _:
            return "an object"

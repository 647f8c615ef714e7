"""
The contents of a request, from the client's JSON to turns.

Source: https://ai.google.dev/api/caching#Content
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from gateway.domain.errors import InvalidRequestError
from gateway.domain.parts import Part, Text, ToolCall
from gateway.domain.request import Role, Turn
from gateway.fronts.fields import Fields, unacceptable, unexpected
from gateway.wire.gemini import extras_of, read_part
from gateway.wire.ids import make_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.domain.reply import Json

ROLES = {"user": Role.USER, "model": Role.ASSISTANT, "function": Role.USER}
PARTS = "a list of parts"


def read_turns(top: Fields) -> tuple[Turn, ...]:
    """
    Read ``systemInstruction`` and ``contents``, each into a turn of its own.

    Raises:
        InvalidRequestError: with the JSON path in ``param``.
    """
    system = top.json("systemInstruction")
    # An empty one, which some clients always send, says nothing.
    turns = [] if _is_empty(system) else [_read_system(system)]
    contents = top.json("contents")
    if isinstance(contents, dict):  # one value may stand for a list of one
        contents = [contents]
    if not isinstance(contents, list):
        raise unexpected("contents", "a list of contents", contents)
    if not contents:
        raise InvalidRequestError(
            "contents: expected a list of one content or more",
            code="missing_required_parameter",
            param="contents",
        )
    reading = _Reading()
    for i, json in enumerate(contents):
        fields = Fields(json, f"contents[{i}]")
        if json == _LAST_CHUNK and turns and turns[-1].role is Role.ASSISTANT:
            continue
        reading.answered(json.get("parts"))
        turns.append(reading.turn(fields, i))
    return tuple(turns)


# How streams end, and so what Google's clients keep of them. Others refuse it.
_LAST_PART = {"text": ""}
_LAST_CHUNK = {"role": "model", "parts": [_LAST_PART]}


def _is_empty(system: Json) -> bool:
    match system:
        case None | "" | {"parts": {"text": ""}} | {"parts": [{"text": ""}]}:
            return not isinstance(system, dict) or {*system} <= {"parts", "role"}
    return False


def _read_system(json: Json) -> Turn:
    mark: dict[str, Json] = {"systemInstruction": None}
    if isinstance(json, str):
        return Turn(Role.SYSTEM, (Text(json),), bare=True, extras=extras_of(mark))
    fields = Fields(json, "systemInstruction")
    fields.text("role")  # which Google does not heed here
    parts, bare = _parts(fields, lambda name: make_id("system", name))
    if bare:
        mark["parts"] = None
    return Turn(Role.SYSTEM, parts, extras=extras_of(mark | fields.rest()))


class _Reading:
    """
    Remembers the calls without an answer, so that results without an id find theirs.

    Google matches them by their names, in order.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, deque[str]] = {}
        self._calls = 0

    def turn(self, fields: Fields, position: int) -> Turn:
        role = fields.text("role")
        if role is not None and role not in ROLES:
            raise unacceptable(fields.at("role"), f"one of {', '.join(ROLES)}", role)
        mark: dict[str, Json] = {"contents": None}
        if role is None:
            mark["role"] = None
        if role == "function":
            mark["role"] = role
        model = role == "model"
        parts, bare = _parts(fields, self._call if model else self._result(position))
        if bare:
            mark["parts"] = None
        for part in parts:
            if isinstance(part, ToolCall):
                self._waiting.setdefault(part.name, deque()).append(part.id)
        extras = extras_of(mark | fields.rest())
        return Turn(ROLES[role or "user"], parts, extras=extras)

    def answered(self, parts: Json) -> None:
        """Strike out the calls whose results have an id; the others get the rest."""
        for part in parts if isinstance(parts, list) else ():
            result = part.get("functionResponse") if isinstance(part, dict) else None
            if isinstance(result, dict) and isinstance(result.get("name"), str):
                waiting = self._waiting.get(result["name"], ())
                if result.get("id") in waiting:
                    self._waiting[result["name"]].remove(result["id"])

    def _call(self, name: str) -> str:
        self._calls += 1
        return make_id("call", self._calls, name)

    def _result(self, position: int) -> Callable[[str], str]:
        def result(name: str) -> str:
            waiting = self._waiting.get(name)
            return waiting.popleft() if waiting else make_id("result", position, name)

        return result


def _parts(
    fields: Fields, call_id: Callable[[str], str]
) -> tuple[tuple[Part, ...], bool]:
    """Return the parts, and whether the only one came without a list."""
    value = fields.json("parts")
    bare = isinstance(value, dict)
    parts = [value] if bare else value
    if parts is None:
        return (), False
    if not isinstance(parts, list):
        raise unexpected(fields.at("parts"), PARTS, parts)
    if len(parts) > 1 and parts[-1] == _LAST_PART:
        parts = parts[:-1]
    read = []
    for i, json in enumerate(parts):
        path = fields.at("parts") if bare else f"{fields.at('parts')}[{i}]"
        _check(Fields(json, path))
        read.append(read_part(json, call_id))
    return tuple(read), bare


def _check(fields: Fields) -> None:
    """Raise for a part of a known kind that has not the shape it must have."""
    fields.text("text")
    fields.flag("thought")
    fields.text("thoughtSignature")
    for name in ("inlineData", "fileData"):
        _check_blob(fields, name)
    if (call := fields.fields("functionCall")) is not None:
        call.needs_name("name")
        call.text("id")
        call.object("args")
    if (result := fields.fields("functionResponse")) is not None:
        result.needs_name("name")
        result.text("id")
        result.object("response")
        for path, json in result.items("parts"):
            inner = Fields(json, path)
            for name in ("inlineData", "fileData"):
                _check_blob(inner, name)


def _check_blob(fields: Fields, name: str) -> None:
    if (blob := fields.fields(name)) is not None:
        blob.text("mimeType")
        blob.text("displayName")
        blob.needs_name("data" if name == "inlineData" else "fileUri")

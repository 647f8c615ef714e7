"""
The input of a request, from the client's items to turns.

Items of the model's that follow each other are one turn of the assistant, in
which the parts of one item share a ``group``. Each message of anybody else is a
turn, and so is each result of a tool. What we do not model is `Opaque`, at its
place; but items that hold tools are no turns: see `additional`.

Source: https://platform.openai.com/docs/api-reference/responses/create
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from gateway.domain.parts import Opaque, Text, ToolCall, ToolResult
from gateway.domain.request import Role, Turn
from gateway.fronts.fields import Fields, unacceptable, unexpected
from gateway.fronts.openai_responses.content import CONTENT, read_content
from gateway.wire.openai_responses.items import CALLS, kind_of, read_item
from gateway.wire.openai_responses.names import (
    ADDITIONAL_TOOLS,
    FORM,
    ITEM,
    PROTOCOL,
    extras_of,
)
from gateway.wire.openai_responses.seals import is_behind, read_seal
from gateway.wire.reading import SHAPE

if TYPE_CHECKING:
    from gateway.domain.parts import Part
    from gateway.domain.reply import Json

INPUT = "a string or a list of items"
ROLES = ("user", "assistant", "system", "developer")
RESULTS = ("function_call_output", "custom_tool_call_output")
_BOOKKEEPING = ("type", "id", "status")


def read_turns(top: Fields) -> tuple[Turn, ...]:
    """
    Read ``instructions`` and ``input``.

    Raises:
        InvalidRequestError: with the JSON path.
    """
    reading = _Reading()
    match top.json("instructions"):
        case None:
            pass
        case str(text):
            extras = extras_of({FORM: {"place": "instructions"}})
            turn = Turn(Role.SYSTEM, (Text(text),), bare=True, extras=extras)
            reading.turns.append(turn)
        case other:
            raise unexpected("instructions", "a string", other)
    match top.json("input"):
        case None:
            pass
        case str(text):
            extras = extras_of({FORM: {"place": "input"}})
            turn = Turn(Role.USER, (Text(text),), bare=True, extras=extras)
            reading.turns.append(turn)
        case list(items):
            for i, json in enumerate(items):
                reading.item(Fields(json, f"input[{i}]"), json)
            reading.close()
        case other:
            raise unexpected("input", INPUT, other)
    return tuple(reading.turns)


class _Reading:
    """Gathers the model's items until somebody else speaks."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self._parts: list[Part] = []
        self._groups = 0

    def item(self, fields: Fields, json: dict[str, Json]) -> None:
        kind = fields.text("type") or kind_of(json)
        if kind == "message":
            role = fields.needs_word("role", ROLES)
            if role != "assistant":
                self.close()
                self.turns.append(_message(Role(role), fields, json))
                return
        if kind in RESULTS:
            self._add_turn(_result(kind, fields, json))
        elif kind.endswith("_output") or kind == "mcp_approval_response":
            self._add_turn(Opaque(PROTOCOL, json))
        elif kind == "reasoning":
            self._reasoning(fields, json)
        elif kind == ADDITIONAL_TOOLS:
            pass  # read with the tools of the request; nobody speaks here
        else:
            _check(kind, fields)
            self._add(fields, json)

    def _add_turn(self, part: Part) -> None:
        self.close()
        self.turns.append(Turn(Role.TOOL, (part,)))

    def _reasoning(self, fields: Fields, json: dict[str, Json]) -> None:
        seal = fields.text("encrypted_content")
        last = self._parts[-1] if self._parts else None
        if seal and is_behind(seal) and isinstance(last, Text | ToolCall):
            self._parts[-1] = evolve(last, signature=read_seal(seal))
            return
        for name in ("summary", "content"):
            for at, part in fields.items(name):
                inner = Fields(part, at)
                inner.needs_text("text")
                inner.needs_text("type")
        self._add(fields, json)

    def _add(self, fields: Fields, json: dict[str, Json]) -> None:
        try:
            self._parts += read_item(json, self._groups)
        except SHAPE as exc:
            # What is told apart above is said better; this is for the depths.
            raise unacceptable(fields.path, "an item as documented", "another") from exc
        self._groups += 1

    def close(self) -> None:
        if self._parts:
            self.turns.append(Turn(Role.ASSISTANT, tuple(self._parts)))
        self._parts, self._groups = [], 0


def _check(kind: str, fields: Fields) -> None:
    """Raise for what a client most likely gets wrong in an item of the model's."""
    match kind:
        case "function_call" | "custom_tool_call":
            fields.needs_text("call_id")
            fields.needs_name("name")
            fields.needs_text(CALLS[kind])
        case "message":
            content = fields.needs("content", CONTENT)
            if isinstance(content, str):
                return
            if not isinstance(content, list):
                raise unexpected(fields.at("content"), CONTENT, content)
            for i, json in enumerate(content):
                part = Fields(json, f"{fields.at('content')}[{i}]")
                name = {"output_text": "text", "refusal": "refusal"}
                if (member := name.get(part.needs_text("type"))) is not None:
                    part.needs_text(member)
                for leaves in ("annotations", "logprobs"):
                    list(part.items(leaves))  # which says so if it is no list
        case _:
            pass


def _message(role: Role, fields: Fields, json: dict[str, Json]) -> Turn:
    parts, bare = read_content(fields, "content")
    name = fields.text("name")
    return Turn(role, parts, name, bare, _rest(fields, json))


def _result(kind: str, fields: Fields, json: dict[str, Json]) -> Part:
    call_id = fields.needs_text("call_id")
    parts, bare = read_content(fields, "output")
    name = fields.text("name")
    fields.keep("type", kind)
    extras = _rest(fields, json)
    return ToolResult(call_id, parts, name, bare=bare, extras=extras)


def _rest(fields: Fields, json: dict[str, Json]) -> dict[str, Json]:
    """Return what is not modelled, with the bookkeeping apart."""
    members = {k: v for k, v in fields.rest().items() if k not in _BOOKKEEPING}
    beside = {k: json[k] for k in _BOOKKEEPING if k in json}
    return extras_of({**members, ITEM: beside})

"""
The turns of a request, as items.

A turn of the assistant becomes as many items as it had, or as its parts need. Items
that hold tools are no turns; they stand again at the number they had. A thought
is shown to nobody but its issuer: here, that is one sealed by this protocol, or
one that came in an item of this dialect.

Source: https://platform.openai.com/docs/api-reference/responses/create
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from connectors.openai_responses.content import ContentWriter
from gateway.domain.loss import Loss, dropped, refused
from gateway.domain.parts import (
    Media,
    Opaque,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from gateway.domain.request import Role
from gateway.wire.openai_responses.items import split, write_item
from gateway.wire.openai_responses.names import (
    ITEM,
    PLACED,
    PROTOCOL,
    form_of,
    own,
    said,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.domain.reply import Json
    from gateway.domain.request import Request, Turn


class TurnWriter:
    def __init__(self, request: Request, losses: list[Loss]) -> None:
        self._turns = request.turns
        self._placed = own(request.extras).get(PLACED, ())
        self._losses = losses
        self._own = PROTOCOL in request.extras
        self._content = ContentWriter(losses, own=self._own)
        self._custom = {
            part.id
            for turn in request.turns
            for part in turn.parts
            if isinstance(part, ToolCall) and part.custom
        }

    def members(self) -> dict[str, Json]:
        """Return ``instructions`` and ``input``, where there are any."""
        json: dict[str, Json] = {}
        items: list[Json] = []
        places = [form_of(turn.extras).get("place") for turn in self._turns]
        for i, (turn, place) in enumerate(zip(self._turns, places, strict=True)):
            if place == "instructions":
                json["instructions"] = _text(turn)
            elif place == "input" and i == len(places) - 1 and not items:
                json["input"] = _text(turn)
            else:
                items += self._turn(turn, i)
        for placed in self._placed:
            items.insert(placed["at"], placed["item"])
        return json | {"input": items} if items else json

    def _turn(self, turn: Turn, number: int) -> Iterator[Json]:
        path = f"turns[{number}]"
        if turn.name is not None and not self._own:
            self._losses.append(dropped(f"{path}.name", "messages have no name"))
        if turn.role is Role.ASSISTANT:
            yield from self._assistant(turn.parts, f"{path}.parts")
            return
        said_now: list[Part] = []
        for i, part in enumerate(turn.parts):
            if isinstance(part, ToolResult):
                yield from self._message(turn, said_now, path)
                said_now = []
                yield self._result(part, f"{path}.parts[{i}]")
            elif turn.role is Role.TOOL and isinstance(part, Opaque):
                yield from self._opaque(part, f"{path}.parts[{i}]")
            else:
                said_now.append(part)
        if said_now or not turn.parts:
            yield from self._message(turn, said_now, path, whole=True)

    def _message(
        self, turn: Turn, parts: list[Part], path: str, *, whole: bool = False
    ) -> Iterator[Json]:
        if not parts and not whole:
            return
        content = self._content.write(parts, f"{path}.parts", bare=turn.bare)
        role = "user" if turn.role is Role.TOOL else turn.role.value
        known = own(turn.extras).get(ITEM, {})
        named = {"name": turn.name} if turn.name is not None and self._own else {}
        words = said(turn.extras)
        yield {**known, "role": role, "content": content, **named, **words}

    def _result(self, result: ToolResult, path: str) -> dict[str, Json]:
        if result.error:
            why = "no member says that a tool failed"
            self._losses.append(dropped(f"{path}.error", why))
        custom = result.call_id in self._custom
        kind = "custom_tool_call_output" if custom else "function_call_output"
        members = own(result.extras)
        known = members.get(ITEM, {"type": kind})
        named = {"name": result.name} if result.name and ITEM in members else {}
        output = self._content.write(result.parts, f"{path}.parts", bare=result.bare)
        words = said(result.extras)
        if not output and ITEM not in members:
            output = ""
        call = {"call_id": result.call_id, "output": output}
        return {**known, **call, **named, **words}

    def _opaque(self, part: Opaque, path: str) -> Iterator[Json]:
        if part.origin == PROTOCOL:
            yield part.json
        else:
            self._losses.append(refused(path, f"only {part.origin} knows it"))

    def _assistant(self, parts: tuple[Part, ...], path: str) -> Iterator[Json]:
        at = 0
        for group in split(parts):
            places = [f"{path}[{at + i}]" for i in range(len(group))]
            yield from self._group(group, places)
            at += len(group)

    def _group(self, parts: list[Part], places: list[str]) -> Iterator[Json]:
        match parts[0]:
            case ToolResult() as result:
                yield self._result(result, places[0])
            case Opaque(origin=origin) as foreign if origin != PROTOCOL:
                yield from self._opaque(foreign, places[0])
            case Media(kind=kind):
                why = f"no item of a request holds {kind} of the model's"
                self._losses.append(refused(places[0], why))
            case Thinking():
                if self._shown(parts, places):
                    yield write_item(parts)
            case ToolCall() as call:
                self._unsealed(call, places[0])
                # OpenAI wants JSON, and a model that said none meant none.
                plain = not call.input and not call.custom and not call.extras
                yield write_item([evolve(call, input="{}") if plain else call])
            case _:
                for part, place in zip(parts, places, strict=True):
                    self._unsealed(part, place)
                yield _plain(parts) or write_item(parts)

    def _shown(self, parts: list[Part], places: list[str]) -> bool:
        """Tell whether these thoughts may be shown to the upstream."""
        signature = getattr(parts[-1], "signature", None)
        if signature is None:
            why = "not sealed"
            shown = ITEM in own(parts[-1].extras)
        else:
            why = f"sealed by {signature.origin}"
            shown = signature.origin == PROTOCOL
        if not shown:
            self._losses += [dropped(place, f"a thought, {why}") for place in places]
        return shown

    def _unsealed(self, part: Part, place: str) -> None:
        if getattr(part, "signature", None) is not None:
            why = "only thoughts can be sealed"
            self._losses.append(dropped(f"{place}.signature", why))
        for i, citation in enumerate(getattr(part, "citations", ())):
            if citation.url is None and PROTOCOL not in citation.extras:
                path = f"{place}.citations[{i}]"
                self._losses.append(dropped(path, "annotations need a URL"))


def _text(turn: Turn) -> str:
    return "".join(part.text for part in turn.parts if isinstance(part, Text))


def _plain(parts: list[Part]) -> dict[str, Json] | None:
    """Return the short form of a message, which every server takes, if it will do."""
    match parts:
        case [Text(text=text, citations=(), extras=extras)] if PROTOCOL not in extras:
            return {"role": "assistant", "content": text}
        case _:
            return None

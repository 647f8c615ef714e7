"""
The conversation, from turns to ``systemInstruction`` and ``contents``.

Source: https://ai.google.dev/api/caching#Content and
https://ai.google.dev/gemini-api/docs/function-calling
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from connectors.gemini.media import fit
from connectors.gemini.models import asks_for_seals, sees_results
from gateway.domain.loss import approximate, dropped, refused
from gateway.domain.parts import (
    Media,
    Opaque,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from gateway.domain.request import Role
from gateway.wire.gemini import PROTOCOL, arguments, own, write_part
from gateway.wire.ids import is_made

if TYPE_CHECKING:
    from gateway.domain.loss import Loss
    from gateway.domain.reply import Json
    from gateway.domain.request import Request, Turn

# Google's own word for a call that it did not make: without it newer models refuse
# the history. Source: https://ai.google.dev/gemini-api/docs/thought-signatures
UNSEALED = "skip_thought_signature_validator"

_SYSTEM = (Role.SYSTEM, Role.DEVELOPER)
# What says a turn's form, and is no member of a content.
_FORMS = frozenset({"systemInstruction", "contents", "parts", "role"})


class Conversation:
    """
    Writes all turns.

    Attributes:
        system: the ``systemInstruction``, if there is one.
        contents: the rest.
    """

    def __init__(self, request: Request, losses: list[Loss]) -> None:
        self.system: dict[str, Json] | None = None
        self.contents: list[dict[str, Json]] = []
        self._model = request.model
        self._losses = losses
        self._names: dict[str, str] = {}
        self._last: Role | None = None
        for i, turn in enumerate(request.turns):
            self._turn(turn, f"turns[{i}]")

    def _turn(self, turn: Turn, path: str) -> None:
        if turn.name is not None:
            why = "Gemini's contents have no names"
            self._losses.append(dropped(f"{path}.name", why))
        if turn.role in _SYSTEM:
            self._system(turn, path)
            return
        role = "model" if turn.role is Role.ASSISTANT else "user"
        parts = self._parts(turn.parts, f"{path}.parts")
        ours = "contents" in own(turn.extras)
        if not ours:
            # Chat has an empty text beside calls, which Google refuses.
            parts = [part for part in parts if part != {"text": ""}] or parts[:1]
        # Google wants a call right after the user's turn, and as many results in
        # one content as there were calls.
        joins = turn.role is self._last and turn.role in (Role.ASSISTANT, Role.TOOL)
        if joins and not ours:
            self.contents[-1]["parts"] += parts
        elif parts or not turn.parts:
            self.contents.append(self._content(turn, role, parts))
            self._last = turn.role
        if turn.role is Role.ASSISTANT and not ours and asks_for_seals(self._model):
            self._seal()

    def _content(
        self, turn: Turn, role: str, parts: list[dict[str, Json]]
    ) -> dict[str, Json]:
        members = own(turn.extras)
        content: dict[str, Json] = {"parts": parts}
        if "role" not in members:
            content["role"] = role
        elif members["role"] is not None:
            content["role"] = members["role"]
        if "parts" in members and len(parts) == 1:
            content["parts"] = parts[0]
        rest = {name: json for name, json in members.items() if name not in _FORMS}
        return content | rest

    def _system(self, turn: Turn, path: str) -> None:
        parts = self._parts(turn.parts, f"{path}.parts")
        if self.contents:
            why = "Gemini has system instructions only before the conversation"
            self._losses.append(approximate(path, why))
        if self.system is None:
            self.system = self._content(turn, "system", parts)
            self.system.pop("role", None)
        else:
            before = self.system["parts"]
            before = before if isinstance(before, list) else [before]
            self.system["parts"] = before + parts

    def _seal(self) -> None:
        """
        Mark the first call of a turn as not Google's, if nothing sealed it.

        That loses nothing of what the client said; a foreign seal has a loss of
        its own.
        """
        parts = self.contents[-1]["parts"] if self.contents else []
        calls = [part for part in parts if "functionCall" in part]
        if calls and "thoughtSignature" not in calls[0]:
            calls[0]["thoughtSignature"] = UNSEALED

    def _parts(self, parts: tuple[Part, ...], path: str) -> list[dict[str, Json]]:
        return [
            json
            for i, part in enumerate(parts)
            for json in self._part(part, f"{path}[{i}]")
        ]

    def _part(self, part: Part, path: str) -> list[dict[str, Json]]:
        lose = self._losses.append
        match part:
            case Text(citations=citations) if citations:
                lose(dropped(f"{path}.citations", "Gemini's contents have none"))
            case Refusal():
                lose(approximate(path, "Gemini has no refusals, it is sent as text"))
            case Thinking():
                return self._thought(part, path)
            case ToolCall():
                return self._call(part, path)
            case ToolResult():
                return self._result(part, path)
            case Media():
                fitted, losses = fit(part, self._model, path)
                self._losses += losses
                return [] if fitted is None else self._written(fitted, path)
            case Opaque(origin=origin) if origin != PROTOCOL:
                lose(refused(path, f"only {origin} understands it"))
        return self._written(part, path)

    def _written(self, part: Part, path: str) -> list[dict[str, Json]]:
        json = write_part(part, self._seal_of(part, path))
        return [] if json is None else [json]

    def _seal_of(self, part: Part, path: str) -> str | None:
        signature = getattr(part, "signature", None)
        if signature is None:
            return None
        if signature.origin == PROTOCOL:
            return str(signature.value)
        why = f"only {signature.origin} can open it"
        self._losses.append(dropped(f"{path}.signature", why))
        return None

    def _thought(self, part: Thinking, path: str) -> list[dict[str, Json]]:
        origin = None if part.signature is None else part.signature.origin
        if origin == PROTOCOL or "thought" in own(part.extras):
            return self._written(part, path)
        why = "Gemini takes no thoughts that it did not have"
        self._losses.append(dropped(path, why))
        return []

    def _call(self, call: ToolCall, path: str) -> list[dict[str, Json]]:
        self._names[call.id] = call.name
        _, whole = arguments(call)
        if not whole:
            why = "Gemini's arguments are an object"
            self._losses.append(approximate(f"{path}.input", why))
        written = self._written(call, path)
        _without_made(written[0]["functionCall"])
        return written

    def _result(self, result: ToolResult, path: str) -> list[dict[str, Json]]:
        name = result.name or self._names.get(result.call_id)
        if name is None:
            why = "the result's call, which has the name, is not there"
            self._losses.append(approximate(f"{path}.name", why))
        kept, beside = self._result_parts(result, path)
        result = evolve(result, name=name or result.call_id, parts=tuple(kept))
        json = write_part(result, None) or {}
        _without_made(json["functionResponse"])
        return [json, *beside]

    def _result_parts(
        self, result: ToolResult, path: str
    ) -> tuple[list[Part], list[dict[str, Json]]]:
        """Return what goes into the result, and what must go beside it."""
        kept: list[Part] = []
        beside: list[dict[str, Json]] = []
        for i, part in enumerate(result.parts):
            at = f"{path}.parts[{i}]"
            match part:
                case Text():
                    kept.append(part)
                case Media():
                    fitted, losses = fit(part, self._model, at)
                    self._losses += losses
                    if fitted is None:
                        continue
                    if sees_results(self._model):
                        kept.append(fitted)
                        continue
                    why = "this model sees pictures only beside the result"
                    self._losses.append(approximate(at, why))
                    beside += self._written(fitted, at)
                case _:
                    why = "Gemini's results hold an object and media"
                    self._losses.append(dropped(at, why))
        if sum(isinstance(part, Text) for part in kept) > 1:
            why = "Gemini's results hold one object: the texts are joined"
            self._losses.append(approximate(f"{path}.parts", why))
        return kept, beside


def _without_made(inner: dict[str, Json]) -> None:
    """Take out an id that no provider gave."""
    if is_made(inner.get("id", "")):
        del inner["id"]

"""
The turns of a request, as messages of the Chat Completions protocol.

Source: https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from attrs import define, field, frozen

from gateway.domain.loss import Loss, approximate, dropped
from gateway.domain.parts import Media, Text, ToolResult
from gateway.domain.request import Role
from gateway.wire.openai_chat import own
from gateway.wire.openai_chat.parts import joined

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from connectors.openai_chat.words import Words
    from gateway.domain.parts import Extras, Part
    from gateway.domain.reply import Json
    from gateway.domain.request import Turn

Place: TypeAlias = "tuple[str, Part]"


@frozen
class Style:
    """
    How a dialect of this family writes what differs among them.

    Attributes:
        origin: the dialect's name, for its own extras.
        part: writes one part of a content; gives its JSON and what was lost.
        answer: writes the message of an assistant's turn.
        call_id: what a tool call's id becomes.
        tool_media: which media the result of a tool may hold.
        names: participants and tools may be named in messages.
    """

    origin: str
    words: Words
    part: Callable[[Part, str, Words], tuple[dict[str, Json] | None, Loss | None]]
    answer: Callable[[Messages, Turn, str], dict[str, Json]]
    call_id: Callable[[str], str] = lambda name: name
    tool_media: tuple[str, ...] = ()
    names: bool = True


@define
class Messages:
    """
    Writes the turns of one request, one by one, and then `end`.

    Attributes:
        json: the messages so far.
    """

    style: Style
    json: list[dict[str, Json]] = field(factory=list)
    losses: list[Loss] = field(factory=list)
    _moved: list[dict[str, Json]] = field(factory=list)

    def turn(self, turn: Turn, path: str) -> None:
        """
        Write one turn, which may be several messages.

        Each result of a tool is a message of its own, and they stand directly
        behind the calls.
        """
        results: list[tuple[str, ToolResult]] = []
        others: list[Place] = []
        for i, part in enumerate(turn.parts):
            at = f"{path}.parts[{i}]"
            if isinstance(part, ToolResult):
                results.append((at, part))
            else:
                others.append((at, part))
        if turn.name is not None and not self.style.names:
            why = "messages name nobody"
            self.losses.append(dropped(f"{path}.name", why))
        answers = turn.role is Role.ASSISTANT
        if answers:
            self.end()
            self.json.append(self.style.answer(self, turn, path))
        for at, result in results:
            json = self._result(result, at)
            # The extras are the message's, which here is the result's.
            self.json.append(json if others else joined(json, self.own(turn.extras)))
        if not answers and (others or not results):
            self.end()
            self.json.append(self._message(turn, others))

    def end(self) -> None:
        """Write what waited for the last result of a tool."""
        if self._moved:
            self.json.append({"role": "user", "content": [*self._moved]})
            self._moved.clear()

    def own(self, extras: Extras) -> dict[str, Json]:
        return own(extras, self.style.origin)

    def content(
        self, places: Iterable[Place], bare: bool | None, *, join: bool = False
    ) -> Json:
        """
        Return a string where one says the same, else a list of parts.

        Args:
            join: several texts may become one, if nobody said otherwise.
        """
        places = [*places]
        parts = [json for place in places if (json := self.part(*place)) is not None]
        if not parts and (places or join):
            return ""  # OpenAI refuses an empty list, which is none in other dialects
        if bare is False:
            return parts
        plain = all(part.keys() == {"type", "text"} for part in parts)
        if plain and (len(parts) < 2 or (join and bare is None)):
            return "".join(part["text"] for part in parts)
        return parts

    def part(self, path: str, part: Part) -> dict[str, Json] | None:
        json, loss = self.style.part(part, path, self.style.words)
        if loss is not None:
            self.losses.append(loss)
        return json

    def _message(self, turn: Turn, places: list[Place]) -> dict[str, Json]:
        members = self.own(turn.extras)
        role = turn.role.value
        if turn.role is Role.TOOL:  # with no result in it
            role = "user"
        elif turn.role is Role.DEVELOPER:
            known = self.style.words.developer or "role" in members
            role = "developer" if known else "system"
        json = {"role": role, "content": self.content(places, turn.bare)}
        if turn.name is not None and self.style.names:
            json["name"] = turn.name
        return joined(json, {k: v for k, v in members.items() if k != "role"})

    def _result(self, result: ToolResult, path: str) -> dict[str, Json]:
        members = dict(self.own(result.extras))
        content = self._content_of_result(result, path)
        if members.pop("role", None) == "function":
            legacy = {"role": "function", "name": result.name, "content": content}
            return joined(legacy, members)
        json = {
            "role": "tool",
            "tool_call_id": self.style.call_id(result.call_id),
            "content": content,
        }
        if result.name is not None and "name" in members:
            json["name"] = result.name
        return joined(json, {k: v for k, v in members.items() if k != "name"})

    def _content_of_result(self, result: ToolResult, path: str) -> Json:
        """Return the content; what it may not hold is moved behind the results."""
        stays: list[Place] = []
        moves: list[Place] = []
        for i, part in enumerate(result.parts):
            place = f"{path}.parts[{i}]", part
            (stays if self._may_stay(part) else moves).append(place)
        moved = [json for place in moves if (json := self.part(*place)) is not None]
        if moved:
            label = f"From the tool call {self.style.call_id(result.call_id)}:"
            self._moved += [{"type": "text", "text": label}, *moved]
            why = "a tool's message holds text only; a user's message has the rest"
            self.losses.append(approximate(f"{path}.parts", why))
        if result.error:
            self.losses.append(approximate(f"{path}.error", "the text says it"))
            stays.insert(0, (path, Text("Error: ")))
        return self.content(stays, result.bare, join=True)

    def _may_stay(self, part: Part) -> bool:
        if not isinstance(part, Media):
            return True
        own_form = "type" in self.own(part.extras)
        return own_form or part.kind in self.style.tool_media

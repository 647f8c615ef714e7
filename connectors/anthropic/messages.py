"""
The conversation, from turns to ``system`` and ``messages``.

Source: https://platform.claude.com/docs/en/build-with-claude/working-with-messages
and https://platform.claude.com/docs/en/agents-and-tools/tool-use/handle-tool-calls
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from connectors.anthropic.media import write_media
from gateway.domain.loss import Loss, approximate, dropped, refused
from gateway.domain.parts import (
    Media,
    Opaque,
    Refusal,
    Signature,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from gateway.domain.request import Role
from gateway.wire.anthropic import NAMES_ONLY, PROTOCOL, own
from gateway.wire.anthropic.blocks import write_input, write_thinking
from gateway.wire.anthropic.citations import is_foreign
from gateway.wire.ids import make_id

if TYPE_CHECKING:
    from gateway.domain.parts import Part
    from gateway.domain.reply import Json
    from gateway.domain.request import Request, Turn

CACHE = "cache_control"


@frozen
class Conversation:
    """
    Attributes:
        system: ``None`` if there is none.
        said: paths of other dialects' members that were said here.
    """

    system: Json
    messages: list[Json]
    losses: list[Loss]
    said: set[str]


def write_conversation(request: Request) -> Conversation:
    mine = PROTOCOL in request.extras
    writing = _Writing(mine)
    for i, turn in enumerate(request.turns):
        writing.turn(turn, f"turns[{i}]")
    return Conversation(writing.system, writing.messages, writing.losses, writing.said)


@define
class _Message:
    """One that is written; *joins*: what follows with the same role may join it."""

    role: str
    blocks: list[Json]
    bare: bool
    joins: bool
    members: dict[str, Json]

    def json(self) -> dict[str, Json]:
        content: Json = self.blocks
        if self.bare:
            content = self.blocks[0]["text"]
        return {"role": self.role, "content": content, **self.members}


@define
class _Writing:
    """
    Attributes:
        mine: the request was of this very dialect: it is said as it was.
    """

    mine: bool
    losses: list[Loss] = field(factory=list)
    said: set[str] = field(factory=set)
    _system: list[tuple[list[Json], bool]] = field(factory=list)
    _messages: list[_Message] = field(factory=list)

    @property
    def system(self) -> Json:
        """Return the instructions, as a string where they came as one."""
        if not self._system:
            return None
        blocks, bare = self._system[0]
        if len(self._system) == 1 and bare:
            return blocks[0]["text"]
        return [block for blocks, _ in self._system for block in blocks]

    @property
    def messages(self) -> list[Json]:
        return [message.json() for message in self._messages]

    def turn(self, turn: Turn, at: str) -> None:
        if turn.name is not None:
            self.losses.append(dropped(f"{at}.name", "Anthropic has no names"))
        if turn.role in (Role.SYSTEM, Role.DEVELOPER):
            self._instruct(turn, at)
            return
        blocks = list(self._blocks(turn.parts, f"{at}.parts", turn.role))
        bare = turn.bare is True and _is_bare(blocks)
        if not bare and not self.mine:
            blocks = _without_empty(blocks)
        if not blocks and not self.mine:
            return  # nothing was said
        role = "assistant" if turn.role is Role.ASSISTANT else "user"
        message = _Message(role, blocks, bare, turn.role is Role.TOOL, own(turn.extras))
        before = self._messages[-1] if self._messages else None
        joined = before is not None and before.role == role
        if before is not None and joined and (before.joins or message.joins):
            _join(before, message)
        else:
            self._messages.append(message)

    def _instruct(self, turn: Turn, at: str) -> None:
        members = own(turn.extras)
        blocks = list(self._instructions(turn, f"{at}.parts"))
        bare = turn.bare is True and _is_bare(blocks)
        if self.mine and "system" not in members:
            message = _Message("system", blocks, bare, joins=False, members=members)
            self._messages.append(message)
            return
        if not self.mine:
            blocks = _without_empty(blocks)
        if self._messages:
            why = "Anthropic's instructions stand before the messages"
            self.losses.append(approximate(at, why))
        if blocks or self.mine:
            self._system.append((blocks, bare))

    def _instructions(self, turn: Turn, at: str) -> Iterator[Json]:
        for i, part in enumerate(turn.parts):
            if isinstance(part, Text) or (self.mine and isinstance(part, Opaque)):
                yield from self._block(part, f"{at}[{i}]", turn.role)
            else:
                why = "Anthropic's instructions are text"
                self.losses.append(refused(f"{at}[{i}]", why))

    def _blocks(
        self, parts: tuple[Part, ...], at: str, role: Role
    ) -> Iterator[dict[str, Json]]:
        for i, part in enumerate(parts):
            for block in self._block(part, f"{at}[{i}]", role):
                yield {**self._cache(part, f"{at}[{i}]"), **block}

    def _cache(self, part: Part, at: str) -> dict[str, Json]:
        """Return the mark of the cache that OpenRouter's dialect has, too."""
        mark = part.extras.get("openai_chat", {}).get(CACHE)
        if mark is None or isinstance(part, Thinking | Opaque):
            return {}
        self.said.add(f"{at}.{CACHE}")
        return {CACHE: mark}

    def _block(self, part: Part, at: str, role: Role) -> Iterator[dict[str, Json]]:
        self._unsealed(part, at)
        match part:
            case Text(text=text):
                yield (
                    {"type": "text", "text": text}
                    | self._cited(part, at)
                    | own(part.extras)
                )
            case Refusal(text=text):
                self.losses.append(approximate(at, "Anthropic has refusals as text"))
                yield {"type": "text", "text": text}
            case Thinking():
                yield from self._thought(part, at)
            case ToolCall():
                yield self._call(part, at)
            case ToolResult():
                yield self._result(part, at, role)
            case Media():
                yield from self._media(part, at, role)
            case Opaque(origin=origin, json=json) if origin == PROTOCOL:
                yield json
            case _:
                why = f"only {part.origin} knows it"
                self.losses.append(refused(at, why))

    def _unsealed(self, part: Part, at: str) -> None:
        """Report the seal of what is no thought; Anthropic seals nothing else."""
        seal = getattr(part, "signature", None)
        if isinstance(seal, Signature) and not isinstance(part, Thinking):
            why = f"only {seal.origin} can use it"
            self.losses.append(dropped(f"{at}.signature", why))

    def _cited(self, part: Text, at: str) -> dict[str, Json]:
        found = [own(citation.extras) for citation in part.citations]
        mine = [json for json in found if json and not is_foreign(json)]
        if len(mine) < len(found):
            self.losses.append(dropped(f"{at}.citations", "not Anthropic's own"))
        return {"citations": mine} if mine else {}

    def _thought(self, part: Thinking, at: str) -> Iterator[dict[str, Json]]:
        seal = part.signature
        if seal is not None and seal.origin == PROTOCOL:
            yield write_thinking(part.text, seal) | own(part.extras)
            return
        why = "no seal" if seal is None else f"a seal of {seal.origin}"
        self.losses.append(dropped(at, f"Anthropic takes no thought with {why}"))

    def _call(self, part: ToolCall, at: str) -> dict[str, Json]:
        json, whole = write_input(part.input)
        if not whole:
            self.losses.append(approximate(f"{at}.input", "it is no JSON object"))
        block = {"type": "tool_use", "id": self._id(part.id), "name": part.name}
        return {**block, "input": json, **own(part.extras)}

    def _id(self, name: str) -> str:
        """Return an id as the provider takes it: other ones stand for theirs."""
        return name if self.mine or NAMES_ONLY.fullmatch(name) else make_id(name)

    def _result(self, part: ToolResult, at: str, role: Role) -> dict[str, Json]:
        block: dict[str, Json] = {"type": "tool_result"}
        block["tool_use_id"] = self._id(part.call_id)
        blocks = list(self._blocks(part.parts, f"{at}.parts", role))
        if part.bare and _is_bare(blocks):
            block["content"] = blocks[0]["text"]
        elif (self.mine and part.bare is not None) or (
            blocks := _without_empty(blocks)
        ):
            block["content"] = blocks
        if part.error:
            block["is_error"] = True
        return block | own(part.extras)

    def _media(self, part: Media, at: str, role: Role) -> Iterator[dict[str, Json]]:
        if role is Role.ASSISTANT and not self.mine:
            why = "Anthropic's own turns hold no media"
            self.losses.append(refused(at, why))
            return
        block, losses = write_media(part, at, mine=self.mine)
        self.losses += losses
        if block is not None:
            yield block


def _is_bare(blocks: list[Json]) -> bool:
    return len(blocks) == 1 and blocks[0].keys() == {"type", "text"}


def _without_empty(blocks: list[Json]) -> list[Json]:
    """Leave out texts without words, which the provider refuses."""
    return [b for b in blocks if b.get("type") != "text" or b["text"]]


def _join(before: _Message, message: _Message) -> None:
    """
    Make one message of two: the results of calls in the order they came, first.

    The provider wants those of parallel calls in one message, and nothing before.
    """
    both = [*before.blocks, *message.blocks]
    results = [block for block in both if block.get("type") == "tool_result"]
    before.blocks = results + [b for b in both if b.get("type") != "tool_result"]
    before.bare = False
    before.members |= message.members

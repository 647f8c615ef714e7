"""
The conversation, from turns to ``system`` and ``messages``.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html,
https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-call.html
and https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import define, field

from connectors.bedrock.media import write_media
from connectors.bedrock.models import CACHING, family_of
from connectors.plain import object_of, seals
from gateway.domain.loss import approximate, dropped, refused
from gateway.domain.parts import (
    Media,
    Opaque,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from gateway.domain.request import Role
from gateway.wire.bedrock import PROTOCOL, redacted
from gateway.wire.ids import make_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gateway.domain.loss import Loss
    from gateway.domain.parts import Extras, Part
    from gateway.domain.reply import Json
    from gateway.domain.request import Request, Turn

# Ids of calls; of others a name of our own stands for them.
_ID = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")
CACHE = "cache_control"
_CACHED_BY = ("anthropic", "openai_chat")


@define
class Conversation:
    """
    Attributes:
        said: paths of other dialects' members that were said here.
        called: names of the tools that the history calls.
    """

    system: list[Json] = field(factory=list)
    messages: list[dict[str, Json]] = field(factory=list)
    losses: list[Loss] = field(factory=list)
    said: set[str] = field(factory=set)
    called: dict[str, None] = field(factory=dict)


def write_conversation(request: Request) -> Conversation:
    writing = _Writing(family_of(request.model) in CACHING)
    for i, turn in enumerate(request.turns):
        writing.turn(turn, f"turns[{i}]")
    return writing.conversation


def cache_point(
    extras: Extras, at: str, said: set[str], *, caches: bool
) -> Iterator[dict[str, Json]]:
    """
    Yield what marks the end of what is to be cached, where *extras* say so.

    Args:
        caches: the model can; of another's mark nothing is said.
    """
    for dialect in _CACHED_BY:
        mark = extras.get(dialect, {}).get(CACHE)
        if caches and isinstance(mark, dict):
            said.add(f"{at}.{CACHE}")
            ttl = {"ttl": mark["ttl"]} if mark.get("ttl") else {}
            yield {"cachePoint": {"type": "default", **ttl}}
            return


@define
class _Writing:
    """*caches*: the model takes cache points."""

    caches: bool
    conversation: Conversation = field(factory=Conversation)

    def turn(self, turn: Turn, at: str) -> None:
        losses = self.conversation.losses
        if turn.name is not None:
            losses.append(dropped(f"{at}.name", "Bedrock has no names"))
        if turn.role in (Role.SYSTEM, Role.DEVELOPER):
            self._instruct(turn, at)
            return
        blocks = [*self._blocks(turn.parts, f"{at}.parts", turn.role)]
        if not blocks:
            return  # nothing was said
        role = "assistant" if turn.role is Role.ASSISTANT else "user"
        messages = self.conversation.messages
        if messages and messages[-1]["role"] == role:
            # Bedrock wants the roles to alternate.
            content = [*messages[-1]["content"], *blocks]
            messages[-1]["content"] = _results_first(content)
        else:
            messages.append({"role": role, "content": _results_first(blocks)})

    def _instruct(self, turn: Turn, at: str) -> None:
        conversation = self.conversation
        if conversation.messages:
            why = "Bedrock's instructions stand before the messages"
            conversation.losses.append(approximate(at, why))
        for i, part in enumerate(turn.parts):
            here = f"{at}.parts[{i}]"
            if not isinstance(part, Text):
                why = "Bedrock's instructions are text"
                conversation.losses.append(refused(here, why))
                continue
            conversation.losses += seals(here, part)
            if part.text:
                conversation.system.append({"text": part.text})
                conversation.system += self._cache(part, here)

    def _blocks(
        self, parts: Iterable[Part], at: str, role: Role
    ) -> Iterator[dict[str, Json]]:
        for i, part in enumerate(parts):
            here = f"{at}[{i}]"
            blocks = [*self._block(part, here, role)]
            yield from blocks
            if blocks:
                yield from self._cache(part, here)

    def _cache(self, part: Part, at: str) -> Iterator[dict[str, Json]]:
        said = self.conversation.said
        return cache_point(part.extras, at, said, caches=self.caches)

    def _block(self, part: Part, at: str, role: Role) -> Iterator[dict[str, Json]]:
        losses = self.conversation.losses
        losses += seals(at, part)
        match part:
            case Text() | Refusal():
                if isinstance(part, Refusal):
                    losses.append(approximate(at, "Bedrock has refusals as text"))
                if part.text.strip():  # blank ones are refused
                    yield {"text": part.text}
            case Thinking():
                yield from self._thought(part, at)
            case ToolCall():
                self.conversation.called[part.name] = None
                call = {"toolUseId": call_id(part.id), "name": part.name}
                yield {"toolUse": {**call, "input": object_of(part, at, losses)}}
            case ToolResult():
                yield self._result(part, at)
            case Media():
                yield from self._media(part, at, role)
            case Opaque(origin=origin, json=json) if origin == PROTOCOL:
                yield json
            case _:
                losses.append(refused(at, f"only {part.origin} knows it"))

    def _thought(self, part: Thinking, at: str) -> Iterator[dict[str, Json]]:
        seal = part.signature
        if seal is None or seal.origin != PROTOCOL:
            why = "no seal" if seal is None else f"a seal of {seal.origin}"
            loss = dropped(at, f"Bedrock takes no thought with {why}")
            self.conversation.losses.append(loss)
            return
        data = redacted(seal)
        thought = {"reasoningText": {"text": part.text, "signature": seal.value}}
        hidden = {"redactedContent": data}
        yield {"reasoningContent": thought if data is None else hidden}

    def _media(
        self, part: Media, at: str, role: Role | None
    ) -> Iterator[dict[str, Json]]:
        losses = self.conversation.losses
        if role is Role.ASSISTANT:
            losses.append(refused(at, "the model's own turns hold no media"))
            return
        block = write_media(part, at, losses)
        if block is not None:
            if "document" in block:
                block["document"] |= self._cited(part, at)
            yield block

    def _cited(self, part: Media, at: str) -> dict[str, Json]:
        """Return what Anthropic's documents have in nearly the same words."""
        own: dict[str, Json] = part.extras.get("anthropic", {})
        members: dict[str, Json] = {}
        if isinstance(own.get("citations"), dict):
            members["citations"] = {"enabled": bool(own["citations"].get("enabled"))}
        if isinstance(own.get("context"), str):
            members["context"] = own["context"]
        self.conversation.said |= {f"{at}.{name}" for name in members}
        return members

    def _result(self, part: ToolResult, at: str) -> dict[str, Json]:
        losses = self.conversation.losses
        content: list[Json] = []
        for i, inner in enumerate(part.parts):
            here = f"{at}.parts[{i}]"
            losses += seals(here, inner)
            match inner:
                case Text():
                    content += [{"text": inner.text}] if inner.text else []
                case Media():
                    content += self._media(inner, here, None)
                case _:
                    losses.append(refused(here, "not in a tool's result"))
        result: dict[str, Json] = {"toolUseId": call_id(part.call_id)}
        result["content"] = content
        if part.error:
            result["status"] = "error"
        return {"toolResult": result}


def call_id(name: str) -> str:
    """Return an id as Bedrock takes it: other ones stand for theirs."""
    return name if _ID.fullmatch(name) else make_id(name)


def _results_first(content: list[Json]) -> list[Json]:
    """Put the results of calls before all else, as most models want them."""
    if not any("toolResult" in block for block in content):
        return content
    moved = [*content]
    first: list[Json] = []
    for at, block in enumerate(content):
        if "toolResult" in block:
            first.append(block)
            moved[at] = None
            follows = content[at + 1] if at + 1 < len(content) else {}
            if "cachePoint" in follows:  # it marks the result
                first.append(follows)
                moved[at + 1] = None
    return [*first, *(block for block in moved if block is not None)]

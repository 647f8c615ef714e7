"""``anthropic``: messages."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, ClassVar

import anthropic
from anthropic import AsyncAnthropic

from tests.sdk.drivers.base import Ask, Driver, Got, Place, Turns

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ENDINGS = {"end_turn": "end", "max_tokens": "length", "tool_use": "tools"}


class Messages:
    dialect: ClassVar[str] = "anthropic"
    statuses: ClassVar[dict[int, type[Exception]]] = {
        401: anthropic.AuthenticationError,
        429: anthropic.RateLimitError,
        500: anthropic.InternalServerError,
    }
    broken: ClassVar[type[Exception]] = anthropic.APIError

    def __init__(self, client: AsyncAnthropic) -> None:
        self._ai = client

    def start(self, text: str, image: tuple[str, bytes] | None = None) -> Turns:
        content: list[dict[str, Any]] = [{"type": "text", "text": text}]
        if image is not None:
            kind, data = image
            source = {
                "type": "base64",
                "media_type": kind,
                "data": base64.b64encode(data).decode(),
            }
            content.append({"type": "image", "source": source})
        return [{"role": "user", "content": content}]

    def go_on(self, turns: Turns, got: Got, results: list[str]) -> Turns:
        answers = [
            {"type": "tool_result", "tool_use_id": name, "content": result}
            for name, result in zip(got.ids, results, strict=True)
        ]
        answer = {"role": "assistant", "content": got.message}
        return [*turns, answer, {"role": "user", "content": answers}]

    def reply(self, turns: Turns, got: Got, text: str) -> Turns:
        answer = {"role": "assistant", "content": got.message}
        return [*turns, answer, {"role": "user", "content": text}]

    async def whole(self, ask: Ask) -> Got:
        if ask.parse:
            done: Any = await self._ai.messages.parse(
                **_members(ask), output_format=Place
            )
        else:
            done = await self._ai.messages.create(**_members(ask))
        return _got(done, None)

    async def stream(self, ask: Ask) -> Got:
        form: Any = {"output_format": Place} if ask.parse else {}
        async with self._ai.messages.stream(**_members(ask), **form) as events:
            texts = [text async for text in events.text_stream]
            done = await events.get_final_message()
        return _got(done, texts)

    async def pieces(self, ask: Ask) -> AsyncIterator[str]:
        said = await self._ai.messages.create(**_members(ask), stream=True)
        async with said:
            async for event in said:
                if (
                    event.type == "content_block_delta"
                    and event.delta.type == "text_delta"
                ):
                    yield event.delta.text

    async def close(self) -> None:
        await self._ai.close()


def _members(ask: Ask) -> dict[str, Any]:
    members: dict[str, Any] = {
        "model": ask.model,
        "messages": ask.turns,
        "max_tokens": ask.most,
    }
    if ask.system:
        members["system"] = ask.system
    if ask.tools:
        members["tools"] = [
            {"name": name, "input_schema": schema} for name, schema in ask.tools.items()
        ]
    if ask.think:
        members["thinking"] = {"type": "enabled", "budget_tokens": 1024}
    return members


def _got(done: Any, texts: list[str] | None) -> Got:
    said = [block.text for block in done.content if block.type == "text"]
    calls = [block for block in done.content if block.type == "tool_use"]
    thoughts = [b.thinking for b in done.content if b.type == "thinking"]
    usage = done.usage
    cached = usage.cache_read_input_tokens or 0
    written = usage.cache_creation_input_tokens or 0
    return Got(
        texts=said if texts is None else texts,
        ending=ENDINGS[done.stop_reason],
        tokens=(usage.input_tokens + cached + written, usage.output_tokens),
        cached=cached,
        calls=[(call.name, call.input) for call in calls],
        ids=[call.id for call in calls],
        thought="".join(thoughts),
        message=done.content,
        parsed=getattr(done, "parsed_output", None),
    )


def make(client: AsyncAnthropic) -> Driver:
    return Messages(client)

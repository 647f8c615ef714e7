"""``openai``: chat completions."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, ClassVar

import openai
from openai import AsyncOpenAI

from tests.sdk.drivers.base import Ask, Driver, Got, Place, Turns

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from openai.lib.streaming.chat import AsyncChatCompletionStreamManager

ENDINGS = {"stop": "end", "length": "length", "tool_calls": "tools"}


class Chat:
    dialect: ClassVar[str] = "openai_chat"
    statuses: ClassVar[dict[int, type[Exception]]] = {
        401: openai.AuthenticationError,
        429: openai.RateLimitError,
        500: openai.InternalServerError,
    }
    broken: ClassVar[type[Exception]] = openai.APIError

    def __init__(self, client: AsyncOpenAI) -> None:
        self._ai = client

    def start(self, text: str, image: tuple[str, bytes] | None = None) -> Turns:
        if image is None:
            return [{"role": "user", "content": text}]
        kind, data = image
        url = f"data:{kind};base64,{base64.b64encode(data).decode()}"
        picture = {"type": "image_url", "image_url": {"url": url}}
        content = [{"type": "text", "text": text}, picture]
        return [{"role": "user", "content": content}]

    def go_on(self, turns: Turns, got: Got, results: list[str]) -> Turns:
        answers = [
            {"role": "tool", "tool_call_id": name, "content": result}
            for name, result in zip(got.ids, results, strict=True)
        ]
        return [*turns, got.message, *answers]

    def reply(self, turns: Turns, got: Got, text: str) -> Turns:
        return [*turns, got.message, {"role": "user", "content": text}]

    async def whole(self, ask: Ask) -> Got:
        if ask.parse:
            done = await self._ai.chat.completions.parse(
                **_members(ask), response_format=Place
            )
        else:
            done = await self._ai.chat.completions.create(**_members(ask))
        return _got(done, None)

    async def stream(self, ask: Ask) -> Got:
        async with self._manager(ask) as events:
            seen = [event async for event in events]
            texts = [event.delta for event in seen if event.type == "content.delta"]
            try:
                done: Any = await events.get_final_completion()
            except openai.LengthFinishReasonError as exc:
                done = exc.completion
        return _got(done, texts)

    async def pieces(self, ask: Ask) -> AsyncIterator[str]:
        said = await self._ai.chat.completions.create(**_members(ask), stream=True)
        async with said:
            async for chunk in said:
                for choice in chunk.choices:
                    if choice.delta.content:
                        yield choice.delta.content

    def _manager(self, ask: Ask) -> AsyncChatCompletionStreamManager[Any]:
        form: Any = {"response_format": Place} if ask.parse else {}
        return self._ai.chat.completions.stream(
            **_members(ask), **form, stream_options={"include_usage": True}
        )

    async def close(self) -> None:
        await self._ai.close()


def _members(ask: Ask) -> dict[str, Any]:
    system = [{"role": "system", "content": ask.system}] if ask.system else []
    members: dict[str, Any] = {
        "model": ask.model,
        "messages": [*system, *ask.turns],
        "max_completion_tokens": ask.most,
    }
    if ask.tools:
        members["tools"] = [
            {
                "type": "function",
                "function": {"name": name, "strict": True, "parameters": schema},
            }
            for name, schema in ask.tools.items()
        ]
    if ask.think:
        members["reasoning_effort"] = "medium"
    return members


def _got(done: Any, texts: list[str] | None) -> Got:
    choice = done.choices[0]
    message = choice.message
    calls = message.tool_calls or []
    usage = done.usage
    details = usage.prompt_tokens_details
    written = usage.completion_tokens_details
    whole = [message.content] if message.content else []
    return Got(
        texts=whole if texts is None else texts,
        ending=ENDINGS[choice.finish_reason],
        tokens=(usage.prompt_tokens, usage.completion_tokens),
        cached=(details.cached_tokens or 0) if details else 0,
        reasoning=written.reasoning_tokens if written else None,
        calls=[(c.function.name, json.loads(c.function.arguments)) for c in calls],
        ids=[call.id for call in calls],
        thought=getattr(message, "reasoning_content", None) or "",
        message=_message(message),
        parsed=getattr(message, "parsed", None),
    )


def _message(message: Any) -> dict[str, Any]:
    """Return what goes into the history: all that came, but what is parsed."""
    kept: dict[str, Any] = message.to_dict(warnings=False)
    kept.pop("parsed", None)
    for call in kept.get("tool_calls") or ():
        call.get("function", {}).pop("parsed_arguments", None)
        call.pop("index", None)
    return kept


def make(client: AsyncOpenAI) -> Driver:
    return Chat(client)

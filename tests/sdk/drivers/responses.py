"""``openai``: responses."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, ClassVar

import openai
from openai import AsyncOpenAI

from tests.sdk.drivers.base import Ask, Driver, Got, Place, Turns

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Responses:
    dialect: ClassVar[str] = "openai_responses"
    statuses: ClassVar[dict[int, type[Exception]]] = {
        401: openai.AuthenticationError,
        429: openai.RateLimitError,
        500: openai.InternalServerError,
    }
    broken: ClassVar[type[Exception]] = openai.APIError

    def __init__(self, client: AsyncOpenAI) -> None:
        self._ai = client

    def start(self, text: str, image: tuple[str, bytes] | None = None) -> Turns:
        content: list[dict[str, Any]] = [{"type": "input_text", "text": text}]
        if image is not None:
            kind, data = image
            url = f"data:{kind};base64,{base64.b64encode(data).decode()}"
            content.append({"type": "input_image", "image_url": url, "detail": "auto"})
        return [{"role": "user", "content": content}]

    def go_on(self, turns: Turns, got: Got, results: list[str]) -> Turns:
        answers = [
            {"type": "function_call_output", "call_id": name, "output": result}
            for name, result in zip(got.ids, results, strict=True)
        ]
        return [*turns, *got.message, *answers]

    def reply(self, turns: Turns, got: Got, text: str) -> Turns:
        return [*turns, *got.message, {"role": "user", "content": text}]

    async def whole(self, ask: Ask) -> Got:
        if ask.parse:
            done = await self._ai.responses.parse(**_members(ask), text_format=Place)
        else:
            done = await self._ai.responses.create(**_members(ask))
        return _got(done, None)

    async def stream(self, ask: Ask) -> Got:
        texts: list[str] = []
        form: Any = {"text_format": Place} if ask.parse else {}
        async with self._ai.responses.stream(**_members(ask), **form) as events:
            async for event in events:
                if event.type == "response.output_text.delta":
                    texts.append(event.delta)
                if event.type == "response.incomplete":
                    # The helper knows no other end than a complete one.
                    return _got(event.response, texts)
            done = await events.get_final_response()
        return _got(done, texts)

    async def pieces(self, ask: Ask) -> AsyncIterator[str]:
        said = await self._ai.responses.create(**_members(ask), stream=True)
        async with said:
            async for event in said:
                if event.type == "response.output_text.delta":
                    yield event.delta

    async def close(self) -> None:
        await self._ai.close()


def _members(ask: Ask) -> dict[str, Any]:
    members: dict[str, Any] = {
        "model": ask.model,
        "input": ask.turns,
        "max_output_tokens": ask.most,
        "store": False,
    }
    if ask.system:
        members["instructions"] = ask.system
    if ask.tools:
        kind = {"type": "function", "strict": True}
        members["tools"] = [
            {**kind, "name": name, "parameters": schema}
            for name, schema in ask.tools.items()
        ]
    if ask.think:
        members["reasoning"] = {"effort": "medium", "summary": "auto"}
        members["include"] = ["reasoning.encrypted_content"]
    return members


def _got(done: Any, texts: list[str] | None) -> Got:
    calls = [item for item in done.output if item.type == "function_call"]
    thoughts = [item for item in done.output if item.type == "reasoning"]
    ending = "tools" if calls else "end"
    if done.status == "incomplete":
        assert done.incomplete_details.reason == "max_output_tokens"
        ending = "length"
    usage = done.usage
    return Got(
        texts=[done.output_text] if texts is None else texts,
        ending=ending,
        tokens=(usage.input_tokens, usage.output_tokens),
        cached=usage.input_tokens_details.cached_tokens,
        reasoning=usage.output_tokens_details.reasoning_tokens,
        calls=[(call.name, json.loads(call.arguments)) for call in calls],
        ids=[call.call_id for call in calls],
        thought="".join(
            part.text
            for item in thoughts
            for part in item.summary or item.content or ()
        ),
        message=[_item(item) for item in done.output],
        parsed=getattr(done, "output_parsed", None),
    )


def _item(item: Any) -> dict[str, Any]:
    kept: dict[str, Any] = item.to_dict()
    kept.pop("parsed_arguments", None)
    for part in kept.get("content") or ():
        part.pop("parsed", None)
    return kept


def make(client: AsyncOpenAI) -> Driver:
    return Responses(client)

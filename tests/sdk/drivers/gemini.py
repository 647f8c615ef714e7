"""``google-genai``: generateContent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from google.genai import errors, types

from tests.sdk.drivers.base import Ask, Driver, Got, Place, Turns

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from google import genai


class Gemini:
    dialect: ClassVar[str] = "gemini"
    statuses: ClassVar[dict[int, type[Exception]]] = {
        401: errors.ClientError,
        429: errors.ClientError,
        500: errors.ServerError,
    }
    broken: ClassVar[type[Exception]] = errors.APIError

    def __init__(self, client: genai.Client) -> None:
        self._client = client
        self._ai = client.aio.models

    def start(self, text: str, image: tuple[str, bytes] | None = None) -> Turns:
        parts = [types.Part.from_text(text=text)]
        if image is not None:
            kind, data = image
            parts.append(types.Part.from_bytes(data=data, mime_type=kind))
        return [types.Content(role="user", parts=parts)]

    def go_on(self, turns: Turns, got: Got, results: list[str]) -> Turns:
        parts = [
            types.Part(
                function_response=types.FunctionResponse(
                    id=name or None, name=call[0], response={"result": result}
                )
            )
            for name, call, result in zip(got.ids, got.calls, results, strict=True)
        ]
        return [*turns, got.message, types.Content(role="user", parts=parts)]

    def reply(self, turns: Turns, got: Got, text: str) -> Turns:
        return [*turns, got.message, *self.start(text)]

    async def whole(self, ask: Ask) -> Got:
        done = await self._ai.generate_content(**_members(ask))
        return _got([done])

    async def stream(self, ask: Ask) -> Got:
        said = await self._ai.generate_content_stream(**_members(ask))
        return _got([piece async for piece in said])

    async def pieces(self, ask: Ask) -> AsyncIterator[str]:
        async for piece in await self._ai.generate_content_stream(**_members(ask)):
            for part in _parts(piece):
                if part.text:
                    yield part.text

    async def close(self) -> None:
        await self._client.aio.aclose()


def _members(ask: Ask) -> dict[str, Any]:
    config = types.GenerateContentConfig(max_output_tokens=ask.most)
    if ask.system:
        config.system_instruction = ask.system
    if ask.tools:
        tools = [
            types.FunctionDeclaration(name=name, parameters_json_schema=schema)
            for name, schema in ask.tools.items()
        ]
        config.tools = [types.Tool(function_declarations=tools)]
        config.automatic_function_calling = types.AutomaticFunctionCallingConfig(
            disable=True
        )
    if ask.parse:
        config.response_mime_type = "application/json"
        config.response_schema = Place
    if ask.think:
        config.thinking_config = types.ThinkingConfig(
            include_thoughts=True, thinking_budget=1024
        )
    return {"model": ask.model, "contents": ask.turns, "config": config}


def _parts(piece: types.GenerateContentResponse) -> list[types.Part]:
    content = piece.candidates[0].content if piece.candidates else None
    return (content.parts if content else None) or []


def _got(pieces: list[types.GenerateContentResponse]) -> Got:
    parts = [part for piece in pieces for part in _parts(piece)]
    calls = [part.function_call for part in parts if part.function_call]
    [reason] = [
        piece.candidates[0].finish_reason
        for piece in pieces
        if piece.candidates and piece.candidates[0].finish_reason
    ]
    ending = {"STOP": "tools" if calls else "end", "MAX_TOKENS": "length"}[reason.name]
    usage = pieces[-1].usage_metadata
    assert usage is not None
    thoughts = usage.thoughts_token_count or 0
    return Got(
        texts=[part.text for part in parts if part.text and not part.thought],
        ending=ending,
        tokens=(
            usage.prompt_token_count or 0,
            (usage.candidates_token_count or 0) + thoughts,
        ),
        cached=usage.cached_content_token_count or 0,
        reasoning=thoughts,
        calls=[(call.name or "", call.args or {}) for call in calls],
        ids=[call.id or "" for call in calls],
        thought="".join(part.text or "" for part in parts if part.thought),
        message=types.Content(role="model", parts=parts),
        parsed=pieces[0].parsed,
    )


def make(client: genai.Client) -> Driver:
    return Gemini(client)

"""The four dialects of clients, in their plainest requests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attrs import frozen

from tests.client import ask
from tests.contract.oracle import DIALECTS, words_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.client import Answer

CLIENTS = ("openai_chat", "openai_responses", "anthropic", "gemini")


def request(
    client: str, model: str, *, stream: bool, **more: Any
) -> tuple[str, dict[str, Any]]:
    """Return path and body of a request for *model*."""
    words = [{"role": "user", "content": "hello there"}]
    if client == "gemini":
        verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
        contents = [{"role": "user", "parts": [{"text": "hello there"}]}]
        return f"/v1beta/models/{model}:{verb}", {"contents": contents, **more}
    named = {"model": model, "stream": stream, **more}
    if client == "openai_responses":
        return "/v1/responses", {"input": "hello there", **named}
    if client == "anthropic":
        return "/v1/messages", {"messages": words, "max_tokens": 99, **named}
    return "/v1/chat/completions", {"messages": words, **named}


@frozen
class Told:
    """What a client of one dialect was told."""

    client: str
    stream: bool
    answer: Answer

    @property
    def words(self) -> str:
        (choice,) = self._said.choices
        return words_of(choice)

    @property
    def whole(self) -> bool:
        return bool(self._said.whole and not self._said.error)

    @property
    def failed(self) -> bool:
        return bool(self._said.error)

    @property
    def error(self) -> dict[str, Any]:
        """The error of an answer that is one."""
        found: dict[str, Any] = self.answer.json["error"]
        return found

    @property
    def code(self) -> str:
        """The gateway's word for the error, wherever the dialect has it."""
        if self.client == "gemini":
            reason: str = self.error["details"][0]["reason"]
            return reason.lower()
        code: str = self.error["code"]
        return code

    @property
    def _said(self) -> Any:
        dialect = DIALECTS[self.client]
        return (dialect.stream if self.stream else dialect.whole)(self.answer.body)


async def told(
    port: int,
    client: str,
    model: str,
    *,
    stream: bool = False,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> Told:
    path, body = request(client, model, stream=stream, **more)
    answer = await ask(port, json.dumps(body).encode(), path, headers=headers)
    return Told(client, stream, answer)

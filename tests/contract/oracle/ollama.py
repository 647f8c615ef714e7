"""
Ollama's own chat: one JSON object, or one a line.

Source: https://github.com/ollama/ollama/blob/main/docs/api.md
"""

from __future__ import annotations

import json
from typing import Any

from tests.contract.oracle.said import Account, Drafted, Said

FINISHES = {"stop": "end", "length": "length", None: ""}  # older ones give none


def of_whole(body: bytes) -> Said:
    return of_stream(json.dumps(json.loads(body)).encode())


def of_stream(body: bytes) -> Said:
    account = Account()
    for line in body.split(b"\n"):
        if not line.strip():
            continue
        try:
            chunk = json.loads(line)
        except ValueError:
            account.error = True
            break
        if chunk.get("error"):
            account.error = True
            break
        _take(account, chunk.get("message") or {})
        if chunk.get("done"):
            account.whole = True
            account.at(0).finish = FINISHES.get(chunk.get("done_reason"), "other")
            account.count(
                prompt=chunk.get("prompt_eval_count"), output=chunk.get("eval_count")
            )
            break
    return account.said()


def _take(account: Account, message: dict[str, Any]) -> None:
    draft = account.at(0)
    draft.text += message.get("content") or ""
    draft.thinking += message.get("thinking") or ""
    for call in message.get("tool_calls") or ():
        inner = call["function"]
        arguments = inner.get("arguments")
        drafted = Drafted(inner["name"], json={} if arguments is None else arguments)
        draft.calls[len(draft.calls)] = drafted

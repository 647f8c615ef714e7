"""
A whole reply, from the domain to the client's ``chat.completion``.

What this dialect has no word for (seals of thoughts, parts that only another
protocol understands) is not written.

Source: https://platform.openai.com/docs/api-reference/chat/object
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.domain.parts import Media, Refusal, Text, Thinking, ToolCall
from gateway.domain.reply import Finish, Stop
from gateway.wire.json import encode
from gateway.wire.openai_chat import PROTOCOL, write_finish, write_usage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.domain.parts import Citation, Extras, Logprob, Part
    from gateway.domain.reply import Choice, Json, Reply


def write_reply(reply: Reply, *, created: int) -> bytes:
    """
    Return the body of a whole answer.

    Args:
        reply: what the model answered.
        created: unix seconds, for a reply that does not know.
    """
    json = write_head("chat.completion", reply, created)
    json["choices"] = [_write_choice(i, c) for i, c in enumerate(reply.choices)]
    if reply.usage is not None:
        json["usage"] = write_usage(reply.usage)
    return encode(json | own(reply.extras))


def write_head(kind: str, reply: Reply, created: int) -> dict[str, Json]:
    created = created if reply.created is None else reply.created
    return {
        "id": reply.id or f"chatcmpl-{created}",
        "object": kind,
        "created": created,
        "model": reply.model or "",
    }


def own(extras: Extras) -> dict[str, Json]:
    """Return the members of this dialect."""
    members: dict[str, Json] = extras.get(PROTOCOL, {})
    return members


def _write_choice(index: int, choice: Choice) -> dict[str, Json]:
    logprobs = [
        token
        for part in choice.parts
        if isinstance(part, Text)
        for token in part.logprobs
    ]
    return {
        "index": index,
        "message": _write_message(choice.parts),
        "logprobs": write_logprobs(logprobs) if logprobs else None,
        "finish_reason": write_finish(choice.finish or Finish(Stop.OTHER)),
        **own(choice.extras),
    }


def _write_message(parts: tuple[Part, ...]) -> dict[str, Json]:
    texts = [part for part in parts if isinstance(part, Text)]
    refusals = [part.text for part in parts if isinstance(part, Refusal)]
    thoughts = [part.text for part in parts if isinstance(part, Thinking)]
    sounds = [p for p in parts if isinstance(p, Media) and p.kind == "audio"]
    optional = {
        "reasoning_content": "".join(thoughts),
        "annotations": [write_citation(c) for text in texts for c in text.citations],
        "audio": write_audio(sounds[0]) if sounds else None,
        "tool_calls": [write_tool_call(p) for p in parts if isinstance(p, ToolCall)],
    }
    return {
        "role": "assistant",
        "content": "".join(text.text for text in texts) if texts else None,
        "refusal": "".join(refusals) if refusals else None,
        **{name: json for name, json in optional.items() if json},
    }


def write_tool_call(call: ToolCall) -> dict[str, Json]:
    kind, text = ("custom", "input") if call.custom else ("function", "arguments")
    inner = {"name": call.name, text: call.input}
    return {"id": call.id, "type": kind, kind: inner, **own(call.extras)}


def write_audio(sound: Media) -> dict[str, Json]:
    return {
        "id": sound.file_id or "",
        "data": sound.data,
        "transcript": sound.transcript,
        **own(sound.extras),
    }


def write_citation(citation: Citation) -> dict[str, Json]:
    """Return an annotation: the provider's own if it is of this dialect."""
    return own(citation.extras) or {
        "type": "url_citation",
        "url_citation": {
            "start_index": citation.start or 0,
            "end_index": citation.end or 0,
            "title": citation.title or "",
            "url": citation.url or "",
        },
    }


def write_logprobs(logprobs: Iterable[Logprob]) -> dict[str, Json]:
    return {
        "content": [
            _write_logprob(token)
            | {"top_logprobs": [_write_logprob(top) for top in token.top]}
            for token in logprobs
        ],
        "refusal": None,
    }


def _write_logprob(token: Logprob) -> dict[str, Json]:
    return {"token": token.token, "logprob": token.logprob, "bytes": token.bytes}

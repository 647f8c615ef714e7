"""
The same conversation in four dialects, ready made: for what is translated.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from attrs import frozen

from bench import canned

Members: TypeAlias = dict[str, Any]

_MARK = "0" * 20


@frozen
class Speech:
    """
    How an upstream says a stream of words.

    Attributes:
        opening: what comes before the first word, in one write with the head.
        word: makes the event of one word.
        closing: the last events, one write each.
        wordless: how many events of a whole stream are no words.
    """

    opening: bytes
    word: Callable[[str], bytes]
    closing: tuple[bytes, ...]
    wordless: int

    def stamped(self) -> tuple[bytes, bytes]:
        """Return what stands before and after the time in a timed event's chunk."""
        before, _, after = canned.chunk(self.word(f"t={_MARK}")).partition(
            _MARK.encode()
        )
        return before, after

    def events(self, words: int) -> list[bytes]:
        """Return a whole stream of *words* words, an event each."""
        said = [self.word(word) for word in spoken(words)]
        return [*([self.opening] if self.opening else []), *said, *self.closing]

    def words_of(self, count: int) -> int:
        """Return how many of a stream's *count* events are words."""
        return count - self.wordless


def spoken(words: int) -> list[str]:
    return [f" {canned.WORDS[n % len(canned.WORDS)]}" for n in range(words)]


def of_path(path: bytes) -> Speech:
    """Return the dialect that a request for *path* is answered in."""
    if b"/messages" in path:
        return ANTHROPIC
    if b":streamGenerateContent" in path:
        return GEMINI
    if path.endswith(b"/responses"):
        return RESPONSES
    return CHAT


def request(
    dialect: str, script: str, model: str, headers: Mapping[str, str] = {}
) -> bytes:
    """Return one whole HTTP request for a stream, in the client's *dialect*."""
    prompt = f"{canned.PROMPT}[[{script}]]"
    message = {"role": "user", "content": prompt}
    path, members = _ASKING[dialect](message)
    members = {"model": model, "stream": True, **members}
    return canned.post(path, members, headers)


def _chat(message: Members) -> tuple[str, Members]:
    usage = {"include_usage": True}
    return "/v1/chat/completions", {"messages": [message], "stream_options": usage}


def _messages(message: Members) -> tuple[str, Members]:
    return "/v1/messages", {"messages": [message], "max_tokens": 4096}


def _responses(message: Members) -> tuple[str, Members]:
    return "/v1/responses", {"input": [message], "store": False}


_ASKING: dict[str, Callable[[Members], tuple[str, Members]]] = {
    "openai_chat": _chat,
    "anthropic": _messages,
    "openai_responses": _responses,
}


def _dump(json_: object) -> bytes:
    return json.dumps(json_, separators=(",", ":")).encode()


def _named(kind: str, **members: object) -> bytes:
    data = _dump({"type": kind, **members})
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), data)


def _data(json_: object) -> bytes:
    return b"data: %b\r\n\r\n" % _dump(json_)  # Google ends lines so


def _chat_word(text: str) -> bytes:
    return canned.word_event(text)


CHAT = Speech(b"", _chat_word, tuple(canned.events(5)[-3:]), 4)


def _anthropic_word(text: str) -> bytes:
    delta = {"type": "text_delta", "text": text}
    return _named("content_block_delta", index=0, delta=delta)


_CLAUDE: Members = {
    "id": "msg_01XFDUDYJgAACzvnptvVoYEL",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5-20250929",
    "content": [],
    "stop_reason": None,
    "stop_sequence": None,
    "usage": {"input_tokens": 212, "output_tokens": 1},
}
_ENDED = {"stop_reason": "end_turn", "stop_sequence": None}
ANTHROPIC = Speech(
    _named("message_start", message=_CLAUDE)
    + _named(
        "content_block_start", index=0, content_block={"type": "text", "text": ""}
    ),
    _anthropic_word,
    (
        _named("content_block_stop", index=0),
        _named("message_delta", delta=_ENDED, usage={"output_tokens": 199}),
        _named("message_stop"),
    ),
    wordless=5,
)


def _gemini_chunk(text: str, **more: object) -> bytes:
    content = {"parts": [{"text": text}], "role": "model"}
    return _data(
        {
            "candidates": [{"content": content, "index": 0, **more}],
            "usageMetadata": {"promptTokenCount": 212, "totalTokenCount": 212},
            "modelVersion": "gemini-2.5-flash",
            "responseId": "mIbAaNDLJ5qSvdIPqNbv8A8",
        }
    )


GEMINI = Speech(b"", _gemini_chunk, (_gemini_chunk("", finishReason="STOP"),), 1)


def _responses_word(text: str) -> bytes:
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    return _named(
        "response.output_text.delta",
        **place,
        delta=text,
        logprobs=[],
        sequence_number=7,
        obfuscation="Xk3f9",
    )


_PART = {"type": "output_text", "annotations": [], "logprobs": [], "text": ""}
_ITEM = {"id": "msg_1", "type": "message", "role": "assistant", "content": []}
_RESPONSE = {
    "id": "resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b",
    "object": "response",
    "created_at": 1741476542,
    "status": "in_progress",
    "model": "gpt-4o-mini-2024-07-18",
    "output": [],
    "usage": None,
}
_COUNTED = {"input_tokens": 212, "output_tokens": 199, "total_tokens": 411}
_PLACE = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
RESPONSES = Speech(
    _named("response.created", response=_RESPONSE, sequence_number=0)
    + _named(
        "response.output_item.added", output_index=0, item=_ITEM, sequence_number=1
    )
    + _named("response.content_part.added", **_PLACE, part=_PART, sequence_number=2),
    _responses_word,
    (
        _named("response.content_part.done", **_PLACE, part=_PART, sequence_number=8),
        _named(
            "response.output_item.done", output_index=0, item=_ITEM, sequence_number=9
        ),
        _named(
            "response.completed",
            response=_RESPONSE | {"status": "completed", "usage": _COUNTED},
            sequence_number=10,
        ),
    ),
    wordless=6,
)

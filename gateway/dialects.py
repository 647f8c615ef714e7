"""
Which dialect is spoken at which path, and who speaks it.

A front is imported when somebody first speaks its dialect: most gateways hear one
or two of them.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote

from attrs import frozen

from gateway.fronts.base import Ask

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.fronts.base import Front

OPENAI_CHAT = "openai_chat"
OPENAI_RESPONSES = "openai_responses"
ANTHROPIC = "anthropic"
GEMINI = "gemini"


@frozen
class Door:
    """
    What a path is for.

    Attributes:
        ask: what the path itself says of the request, in dialects where it does.
    """

    dialect: str
    operation: str
    ask: Ask | None = None

    @property
    def kind(self) -> str:
        """The operation, for the log: to embed one text is to embed."""
        return "embeddings" if self.operation == "embed_one" else self.operation


# Base URLs are written with and without the version.
DOORS = {
    prefix + path: door
    for path, door in {
        "/chat/completions": Door(OPENAI_CHAT, "chat"),
        "/completions": Door(OPENAI_CHAT, "completions"),
        "/embeddings": Door(OPENAI_CHAT, "embeddings"),
        "/responses": Door(OPENAI_RESPONSES, "chat"),
        "/messages": Door(ANTHROPIC, "chat"),
        "/messages/count_tokens": Door(ANTHROPIC, "count_tokens"),
    }.items()
    for prefix in (
        *("/v1", ""),
        *(("/anthropic/v1", "/anthropic") if door.dialect == ANTHROPIC else ()),
    )
}

# https://ai.google.dev/api/all-methods; google-genai says v1, others v1beta.
_VERBS = {
    "generateContent": "chat",
    "streamGenerateContent": "chat",
    "countTokens": "count_tokens",
    "embedContent": "embed_one",
    "batchEmbedContents": "embeddings",
}
GEMINI_PATH = (r"/v1(?:beta|alpha)?/models/.+(?::|%3[Aa])(?:" + "|".join(_VERBS)) + ")"
_GEMINI_PATH = re.compile(GEMINI_PATH)
_OF_DIALECT = (
    (re.compile(r"/v1(beta|alpha)(/|$)|" + GEMINI_PATH), GEMINI),
    (re.compile(r"/anthropic(/|$)|(/v1)?/messages(/|$)"), ANTHROPIC),
    (re.compile(r"(/v1)?/responses(/|$)"), OPENAI_RESPONSES),
)


def gemini_door(raw_path: str) -> Door | None:
    """
    Return what Gemini's *raw_path* is for, with its query; ``None``: nothing.

    A model's own name may hold ``:`` and ``/``, bare or escaped.
    """
    path, _, query = raw_path.partition("?")
    if _GEMINI_PATH.fullmatch(path) is None:
        return None
    name, _, verb = unquote(path).rpartition(":")
    model = name.split("/", 3)[3]
    if verb != "streamGenerateContent":
        return Door(GEMINI, _VERBS[verb], Ask(model, stream=False))
    sse = parse_qs(query).get("alt") == ["sse"]
    return Door(
        GEMINI, "chat", Ask(model, stream=True, framing="sse" if sse else "array")
    )


def dialect_of(path: str, headers: Mapping[str, str]) -> str:
    """Return the dialect in which who calls *path* wants to be answered."""
    for pattern, dialect in _OF_DIALECT:
        if pattern.match(path):
            return dialect
    if "anthropic-version" in headers:
        return ANTHROPIC
    return GEMINI if "x-goog-api-key" in headers else OPENAI_CHAT


@cache
def front(dialect: str) -> Front:
    """Return the front that speaks *dialect*."""
    found: Front = import_module(f"gateway.fronts.{dialect}.front").FRONT
    return found

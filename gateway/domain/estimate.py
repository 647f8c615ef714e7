"""
How many tokens a prompt may have, where nobody can count them.

Every tokenizer differs; this one number serves all. It is meant to be a little too
high for prose, since callers use it to see whether a prompt still fits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gateway.domain.parts import (
    Media,
    Opaque,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

if TYPE_CHECKING:
    from gateway.domain.reply import Json
    from gateway.domain.request import OfferedTool, Request

# OpenAI's rule of thumb for English, https://help.openai.com/en/articles/4936856.
PER_TOKEN = 4
# A guess for scripts of which a tokenizer has few whole words. Cyrillic, Greek,
# Hebrew and Arabic come to about one token for two letters; Chinese, Korean, Thai
# and what lies beyond to one each.
PER_FOREIGN = 2
_FOREIGN = bytes(range(0xCA, 0xE0))  # first bytes in UTF-8: U+0280 to U+07FF
_WIDE = bytes(range(0xE0, 0xF5))  # U+0800 and beyond
# What chat templates put around a message, and a definition of a tool.
MESSAGE = 4
TOOL = 8
# What a picture of middle size costs at most of the providers that say so
# (OpenAI 765, Anthropic 1,600 at most, Gemini 258 a tile).
PICTURE = 1000
# Of media whose length nobody knows without decoding them. Base64 of a compressed
# sound: 32 kbit/s at 25 tokens a second are 160 characters a token; of a PDF: a
# page of some 100 KB has about 1,500.
PER_TOKEN_OF_DATA = {"audio": 160, "video": 320, "file": 90}


def estimate(request: Request) -> int:
    """
    Return a rough number of tokens of the prompt, at least 1.

    It counts what all providers put before the model: messages, tools, and the
    schema of the answer. The same request always gives the same number.
    """
    tokens = sum(
        MESSAGE + sum(_of_part(part) for part in turn.parts) for turn in request.turns
    )
    tokens += sum(TOOL + _of_tool(tool) for tool in request.tools)
    if request.output_format is not None:
        tokens += _of_json(request.output_format.schema)
    return max(1, tokens)


def _of_part(part: Part) -> int:
    match part:
        case Text() | Thinking() | Refusal():
            return _of_text(part.text)
        case ToolCall():
            return TOOL + _of_text(part.name) + _of_text(part.input)
        case ToolResult():
            return MESSAGE + sum(_of_part(inner) for inner in part.parts)
        case Media():
            return _of_media(part)
        case _:
            return _of_json(part.json)


def _of_media(media: Media) -> int:
    per_token = PER_TOKEN_OF_DATA.get(media.kind)
    if per_token is None or not media.data:
        return PICTURE
    return max(1, len(media.data) // per_token)


def _of_tool(tool: OfferedTool) -> int:
    if isinstance(tool, Opaque):
        return _of_json(tool.json)
    words = _of_text(tool.name) + _of_text(tool.description or "")
    return words + _of_json(tool.schema) + _of_json(tool.format)


def _of_json(json: Json) -> int:
    if json is None:
        return 0
    try:
        text = msgspec.json.encode(json).decode()
    except UnicodeEncodeError:  # a lone surrogate
        text = str(json)
    return _of_text(text)


def _of_text(text: str) -> int:
    """Return a number for *text*, rounded up."""
    if text.isascii():
        return -(-len(text) // PER_TOKEN)
    encoded = text.encode("utf-8", "surrogatepass")
    wide = len(encoded) - len(encoded.translate(None, _WIDE))
    foreign = len(encoded) - len(encoded.translate(None, _FOREIGN))
    latin = len(text) - wide - foreign
    return wide - (-latin // PER_TOKEN) - (-foreign // PER_FOREIGN)

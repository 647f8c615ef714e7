"""
Parts and answers of a request, as Mistral's messages have them.

Source: https://docs.mistral.ai/api/endpoint/chat
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.openai_chat import parts as chat_parts
from connectors.openai_chat.messages import Style
from connectors.openai_chat.words import Words
from gateway.domain.loss import Loss, approximate, dropped, refused
from gateway.domain.parts import (
    Media,
    Opaque,
    Refusal,
    Text,
    Thinking,
    ToolCall,
)
from gateway.wire import openai_chat
from gateway.wire.mistral import PROTOCOL, call_id
from gateway.wire.openai_chat import own
from gateway.wire.openai_chat.parts import write_url

if TYPE_CHECKING:
    from connectors.openai_chat.messages import Messages, Place
    from gateway.domain.parts import Part
    from gateway.domain.reply import Json
    from gateway.domain.request import Turn

WORDS = Words(efforts=("none", "minimal", "low", "medium", "high", "xhigh"))
# Parts of Mistral's that its own clients write when they call the gateway.
_KNOWN = ("document_url", "reference", "thinking")


def write_part(
    part: Part, path: str, words: Words
) -> tuple[dict[str, Json] | None, Loss | None]:
    """Return one part of a content, or what became of it."""
    match part:
        case Text():
            return {"type": "text", "text": part.text} | own(
                part.extras, PROTOCOL
            ), None
        case Media():
            return _media(part, path, words)
        case Thinking():
            return _thought(part), None
        case Refusal():
            loss = approximate(path, "a refusal is a text to Mistral")
            return {"type": "text", "text": part.text}, loss
        case Opaque(origin="mistral", json=json):
            return json, None
        case Opaque(origin=openai_chat.PROTOCOL, json=json) if (
            json.get("type") in _KNOWN
        ):
            return json, None
    return None, refused(path, "Mistral has no such part here")


def _media(
    media: Media, path: str, words: Words
) -> tuple[dict[str, Json] | None, Loss | None]:
    match media.kind:
        case "audio" if media.data or media.url:
            return {"type": "input_audio", "input_audio": media.data or media.url}, None
        case "file" if media.url or (media.data and not _is_text(media)):
            url = write_url(media)["url"]
            named = {} if media.name is None else {"document_name": media.name}
            return {"type": "document_url", "document_url": url} | named, None
        case "image" | "file":
            return chat_parts.write_part(media, path, words)
    return None, refused(path, f"Mistral takes no {media.kind} like this")


def _is_text(media: Media) -> bool:
    return (media.media_type or "").startswith("text/")


def _thought(thought: Thinking) -> dict[str, Json]:
    words = [{"type": "text", "text": thought.text}] if thought.text else []
    json: dict[str, Json] = {"type": "thinking", "thinking": words}
    if thought.signature is not None:
        json["signature"] = thought.signature.value
    return json | own(thought.extras, PROTOCOL)


def write_answer(messages: Messages, turn: Turn, path: str) -> dict[str, Json]:
    """Return the message of an assistant's *turn*."""
    content: list[Place] = []
    calls: list[dict[str, Json]] = []
    for i, part in enumerate(turn.parts):
        at = f"{path}.parts[{i}]"
        match part:
            case ToolCall():
                calls.append(_call(part, at, messages))
            case Thinking() if _is_foreign(part):
                why = "only its issuer can read a sealed thought"
                messages.losses.append(dropped(at, why))
            case Text() if part.text or turn.bare is not None:
                _check(part, at, messages)
                content.append((at, part))
            case Text():  # nothing but a seal
                _check(part, at, messages)
            case Media():
                why = "an assistant's message holds no media"
                messages.losses.append(refused(at, why))
            case Thinking() | Refusal() | Opaque():
                content.append((at, part))
    json: dict[str, Json] = {"role": "assistant"}
    if content or not calls or turn.bare is not None:
        json["content"] = messages.content(content, turn.bare, join=True)
    if calls:
        json["tool_calls"] = calls
    # With it the answer goes on where this one ends.
    prefix = own(turn.extras).get("prefix")
    return json | ({} if prefix is None else {"prefix": prefix})


def _call(call: ToolCall, path: str, messages: Messages) -> dict[str, Json]:
    if call.signature is not None:
        why = "only its issuer can read it"
        messages.losses.append(dropped(f"{path}.signature", why))
    function = {"name": call.name, "arguments": call.input}
    return {"id": call_id(call.id), "type": "function", "function": function}


def _check(text: Text, path: str, messages: Messages) -> None:
    if text.citations:
        why = "answers cite, requests do not"
        messages.losses.append(dropped(f"{path}.citations", why))
    if text.signature is not None:
        why = "only its issuer can read it"
        messages.losses.append(dropped(f"{path}.signature", why))


def _is_foreign(thought: Thinking) -> bool:
    return thought.signature is not None and thought.signature.origin != PROTOCOL


STYLE = Style(
    PROTOCOL,
    WORDS,
    write_part,
    write_answer,
    call_id,
    tool_media=("image", "audio", "file"),
    names=False,
)

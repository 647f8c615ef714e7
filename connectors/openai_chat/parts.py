"""
Parts of messages that a user or a tool says.

Source: https://platform.openai.com/docs/api-reference/chat/create; ``video_url``
and ``audio_url``: https://docs.vllm.ai/en/latest/features/multimodal_inputs.html
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from gateway.domain.loss import Loss, approximate, dropped, refused
from gateway.domain.parts import Media, Opaque, Refusal, Text, Thinking
from gateway.wire.dataurl import write_data_url
from gateway.wire.openai_chat import PROTOCOL, own
from gateway.wire.openai_chat.parts import joined, write_sound_format, write_url

if TYPE_CHECKING:
    from connectors.openai_chat.words import Words
    from gateway.domain.parts import Part
    from gateway.domain.reply import Json


def write_part(
    part: Part, path: str, words: Words
) -> tuple[dict[str, Json] | None, Loss | None]:
    """Return *part*, or what became of it."""
    match part:
        case Text():
            return _text(part, words), None
        case Media():
            json, loss = _media(part, path, words)
            more = {k: v for k, v in own(part.extras).items() if k != "type"}
            return (json if json is None else joined(json, more)), loss
        case Refusal():
            said = {k: v for k, v in own(part.extras).items() if k != "type"}
            return {"type": "refusal", "refusal": part.text} | said, None
        case Opaque(origin=origin, json=json) if origin == PROTOCOL:
            return json, None
        case Thinking():
            return None, dropped(path, "only answers have thoughts")
    return None, refused(path, "Chat Completions has no such part here")


def is_own(part: Part) -> bool:
    """Tell a medium that a client of this dialect sent, in this form."""
    return "type" in own(part.extras)


def _text(text: Text, words: Words) -> dict[str, Json]:
    json: dict[str, Json] = {"type": "text", "text": text.text}
    marks = text.extras.get("anthropic") or {}
    if words.cache_control and marks.get("cache_control") is not None:
        json["cache_control"] = marks["cache_control"]
    return json | own(text.extras)


def _media(
    media: Media, path: str, words: Words
) -> tuple[dict[str, Json] | None, Loss | None]:
    said, has = is_own(media), bool(media.url or media.data)
    match media.kind:
        case "image" if has:
            return {"type": "image_url", "image_url": write_url(media)}, None
        case "audio" if media.data and media.media_type:
            form = write_sound_format(media.media_type)
            sound = {"data": media.data, "format": form}
            return {"type": "input_audio", "input_audio": sound}, None
        case "audio" | "video" as kind if has and (said or words.video):
            return {"type": f"{kind}_url", f"{kind}_url": write_url(media)}, None
        case "file" if media.data and not said and _is_text(media):
            return _document(media, path)
        case "file" if media.data or (media.file_id and said):
            return {"type": "file", "file": _file(media)}, None
    if media.file_id:
        return None, refused(path, "it is stored at another provider")
    return None, refused(path, f"Chat Completions takes no such {media.kind}")


def _file(media: Media) -> dict[str, Json]:
    data = media.data
    if data and media.media_type:
        data = write_data_url(media.media_type, data)
    # OpenAI asks for a name beside data.
    name = media.name or ("document.pdf" if data and not is_own(media) else None)
    members = {"filename": name, "file_data": data or None, "file_id": media.file_id}
    return {name: value for name, value in members.items() if value is not None}


def _is_text(media: Media) -> bool:
    return (media.media_type or "").startswith("text/")


def _document(media: Media, path: str) -> tuple[dict[str, Json] | None, Loss | None]:
    try:
        text = base64.b64decode(media.data).decode()
    except (binascii.Error, ValueError):
        return None, refused(path, "its data is no base64 of a text")
    named = f"{media.name}:\n\n{text}" if media.name else text
    loss = approximate(path, "the document became a text")
    return {"type": "text", "text": named}, loss

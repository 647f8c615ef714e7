"""
A whole reply, from the domain to the client's ``chat.completion``.

Beside OpenAI's own members it has those of compatible servers that clients know:
``reasoning_content`` and ``reasoning_details`` for thoughts and their seals,
``images`` for pictures (OpenRouter), ``extra_content`` for the seals of calls and
texts (Gemini's compatible endpoint), ``stop_reason`` for the stop sequence that was
hit (vLLM).

Source: https://platform.openai.com/docs/api-reference/chat/object
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.domain.parts import Media, Refusal, Text, Thinking, ToolCall
from gateway.domain.reply import Finish, Stop
from gateway.fronts.base import Rendered
from gateway.fronts.losses import Losses
from gateway.fronts.openai_chat.losses import part_losses
from gateway.wire.json import encode
from gateway.wire.openai_chat import PROTOCOL, own, write_finish, write_usage
from gateway.wire.openai_chat.parts import (
    joined,
    write_citation,
    write_logprobs,
    write_signature,
    write_tool_call,
    write_url,
)
from gateway.wire.openai_chat.thoughts import write_thoughts

if TYPE_CHECKING:
    from gateway.domain.parts import Part
    from gateway.domain.reply import Choice, Json, Reply
    from gateway.fronts.base import Context


def write_reply(reply: Reply, context: Context) -> Rendered:
    """Return a whole answer."""
    losses = Losses(PROTOCOL)
    losses.members("", reply.extras)
    json = write_head("chat.completion", reply, context)
    json["choices"] = [
        _write_choice(i, choice, losses) for i, choice in enumerate(reply.choices)
    ]
    if reply.usage is not None:
        json["usage"] = write_usage(reply.usage)
    json |= own(reply.extras)
    return Rendered(encode(json), json, tuple(losses.found))


def write_head(kind: str, reply: Reply, context: Context) -> dict[str, Json]:
    created = context.created if reply.created is None else reply.created
    return {
        "id": reply.id or f"chatcmpl-{context.name}",
        "object": kind,
        "created": created,
        "model": reply.model or context.ask.model,
    }


def write_end(finish: Finish) -> dict[str, Json]:
    """Return the members of a choice that say how it ended."""
    json: dict[str, Json] = {"finish_reason": write_finish(finish)}
    if finish.sequence is not None:
        json["stop_reason"] = finish.sequence
    return json


def _write_choice(index: int, choice: Choice, losses: Losses) -> dict[str, Json]:
    path = f"choices[{index}]"
    losses.members(path, choice.extras)
    for i, part in enumerate(choice.parts):
        losses.note(*part_losses(f"{path}.parts[{i}]", part))
    texts = [part for part in choice.parts if isinstance(part, Text)]
    logprobs = [token for text in texts for token in text.logprobs]
    json = {
        "index": index,
        "message": _write_message(choice.parts),
        "logprobs": write_logprobs(logprobs) if logprobs else None,
        **write_end(choice.finish or Finish(Stop.OTHER)),
    }
    return joined(json, own(choice.extras))


def _write_message(parts: tuple[Part, ...]) -> dict[str, Json]:
    texts = [part for part in parts if isinstance(part, Text)]
    refusals = [part.text for part in parts if isinstance(part, Refusal)]
    calls = [part for part in parts if isinstance(part, ToolCall)]
    media = [part for part in parts if isinstance(part, Media)]
    sounds = [write_audio(part) for part in media if part.kind == "audio"]
    words = "".join(text.text for text in texts)
    optional: dict[str, Json] = {
        "annotations": [write_citation(c) for text in texts for c in text.citations],
        "audio": sounds[0] if sounds else None,
        "images": [write_picture(part) for part in media if part.kind == "image"],
        "tool_calls": [write_tool_call(call) for call in calls if not is_legacy(call)],
        "function_call": next(map(write_function, filter(is_legacy, calls)), None),
    }
    return {
        "role": "assistant",
        "content": words if texts or not parts else None,
        "refusal": "".join(refusals) if refusals else None,
        **write_thoughts([part for part in parts if isinstance(part, Thinking)]),
        **{name: json for name, json in optional.items() if json},
        **_signature(texts),
    }


def _signature(texts: list[Text]) -> dict[str, Json]:
    seals = [text.signature for text in texts if text.signature is not None]
    return write_signature(seals[-1] if seals else None)


def is_legacy(call: ToolCall) -> bool:
    """Tell a call that came as ``function_call``, which has no id."""
    return "function_call" in own(call.extras)


def write_function(call: ToolCall) -> dict[str, Json]:
    return {"name": call.name, "arguments": call.input}


def write_picture(picture: Media) -> dict[str, Json]:
    return {"type": "image_url", "image_url": write_url(picture)}


def write_audio(sound: Media) -> dict[str, Json]:
    return {
        "id": sound.file_id or "",
        "data": sound.data,
        "transcript": sound.transcript,
        **own(sound.extras),
    }

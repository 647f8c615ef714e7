"""
An assistant's turn in a request, as a message.

Source: https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from connectors.openai_chat.parts import is_own
from gateway.domain.loss import dropped, refused
from gateway.domain.parts import (
    Media,
    Opaque,
    Refusal,
    Text,
    Thinking,
    ToolCall,
)
from gateway.wire.openai_chat import PROTOCOL, own
from gateway.wire.openai_chat.parts import (
    joined,
    write_signature,
    write_tool_call,
    write_url,
)
from gateway.wire.openai_chat.thoughts import write_thoughts

if TYPE_CHECKING:
    from connectors.openai_chat.messages import Messages, Place
    from gateway.domain.parts import Part, Signature
    from gateway.domain.reply import Json
    from gateway.domain.request import Turn


def write_answer(messages: Messages, turn: Turn, path: str) -> dict[str, Json]:
    """Return the message of an assistant's *turn*."""
    answer = _Answer(messages)
    for i, part in enumerate(turn.parts):
        answer.part(part, f"{path}.parts[{i}]")
    return joined(answer.json(turn), own(turn.extras))


class _Answer:
    def __init__(self, messages: Messages) -> None:
        self._messages = messages
        self._lost = messages.losses.append
        self._content: list[Place] = []
        self._refusals: list[str] = []
        self._thoughts: list[Thinking] = []
        self._calls: list[dict[str, Json]] = []
        self._pictures: list[dict[str, Json]] = []
        self._more: dict[str, Json] = {}

    def part(self, part: Part, path: str) -> None:
        match part:
            case Text():
                self._text(part, path)
            case Refusal() if "type" in own(part.extras):
                self._content.append((path, part))
            case Refusal():
                self._refusals.append(part.text)
            case Thinking():
                self._thought(part, path)
            case ToolCall():
                self._call(part, path)
            case Media():
                self._media(part, path)
            case Opaque(origin=origin) if origin == PROTOCOL:
                self._content.append((path, part))
            case Opaque(origin=origin):
                self._lost(refused(path, f"only {origin} knows it"))
            case _:  # results of tools have messages of their own
                pass

    def json(self, turn: Turn) -> dict[str, Json]:
        json: dict[str, Json] = {"role": "assistant"}
        if self._content or turn.bare:
            json["content"] = self._messages.content(
                self._content, turn.bare, join=True
            )
        optional = {
            "name": turn.name if self._messages.style.names else None,
            "refusal": "".join(self._refusals) if self._refusals else None,
            "tool_calls": self._calls or None,
            "images": self._pictures or None,
        }
        json |= {name: value for name, value in optional.items() if value is not None}
        json |= write_thoughts(self._thoughts) | self._more
        # What only thoughts were left of is an answer still: without it the turns
        # would be others, and OpenAI refuses one that has nothing.
        return json if json.keys() - {"role", "name"} else {**json, "content": ""}

    def _text(self, text: Text, path: str) -> None:
        if text.citations:
            self._lost(dropped(f"{path}.citations", "answers cite, requests do not"))
        self._more |= write_signature(self._ours(text.signature, path))
        if "content" not in own(text.extras):  # nothing but a seal
            self._content.append((path, text))

    def _thought(self, thought: Thinking, path: str) -> None:
        said = own(thought.extras)
        if thought.signature is not None and thought.signature.origin != PROTOCOL:
            why = "only its issuer can read a sealed thought"
            self._lost(dropped(path, why))
        elif said or self._messages.style.words.thoughts:
            self._thoughts.append(thought)
        else:
            self._lost(dropped(path, "the server takes no thoughts"))

    def _call(self, call: ToolCall, path: str) -> None:
        if "function_call" in own(call.extras):
            function = {"name": call.name, "arguments": call.input}
            self._more["function_call"] = function
            return
        signature = self._ours(call.signature, path)
        name = self._messages.style.call_id(call.id)
        self._calls.append(write_tool_call(evolve(call, id=name, signature=signature)))

    def _media(self, media: Media, path: str) -> None:
        if media.kind == "audio" and media.file_id:
            self._more["audio"] = {"id": media.file_id}
        elif media.kind == "image" and is_own(media):
            said = {k: v for k, v in own(media.extras).items() if k != "type"}
            picture = {"type": "image_url", "image_url": write_url(media)}
            self._pictures.append(joined(picture, said))
        else:
            self._lost(refused(path, "an assistant's message holds no media"))

    def _ours(self, signature: Signature | None, path: str) -> Signature | None:
        if signature is None or signature.origin == PROTOCOL:
            return signature
        self._lost(dropped(f"{path}.signature", "only its issuer can read it"))
        return None

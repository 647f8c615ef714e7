"""
The content blocks of a stream, from events to frames.

Source: https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from gateway.domain.events import (
    BlockEnd,
    BlockStart,
    CitationDelta,
    Delta,
    OpaqueDelta,
    RefusalDelta,
    SignatureDelta,
    TextDelta,
    ThinkingDelta,
    ToolInputDelta,
)
from gateway.domain.loss import approximate, dropped
from gateway.domain.parts import Refusal, Thinking, ToolCall
from gateway.fronts.anthropic.response import losses_of, write_start
from gateway.wire.anthropic import own
from gateway.wire.anthropic.blocks import (
    FREE_TEXT,
    NO_JSON,
    write_carrier,
    write_thinking,
)
from gateway.wire.anthropic.citations import write_citation
from gateway.wire.json import JSON_SPACE, encode

if TYPE_CHECKING:
    from gateway.domain.parts import Part, Signature
    from gateway.domain.reply import Json

_SLOTS: dict[type, bytes] = {
    TextDelta: b'{"type":"text_delta","text":',
    RefusalDelta: b'{"type":"text_delta","text":',
    ThinkingDelta: b'{"type":"thinking_delta","thinking":',
    ToolInputDelta: b'{"type":"input_json_delta","partial_json":',
}
CLOSE = b"}}\n\n"


def frame(name: str, members: dict[str, Json]) -> bytes:
    """Return an event; *name* may be an upstream's, and must stay on its line."""
    data = encode({"type": name, **members})
    line = b" ".join(name.encode("utf-8", "replace").split())
    return b"event: " + line + b"\ndata: " + data + b"\n\n"


class BlockWriter:
    """
    Writes one block after the other and counts them.

    Most frames differ from the one before in nothing but a string. A block's
    start therefore prepares *slots*, the bytes before that string; `CLOSE` is
    what follows it.

    Attributes:
        open: the number that the events give the block; ``None``: none is open,
            or one that cannot be said.
        refused: there were words of refusal.
    """

    def __init__(self, note: Callable[..., None]) -> None:
        self.open: int | None = None
        self.slots: dict[type, bytes] = {}
        self.refused = False
        self._note = note
        self._index = -1
        self._part: Part | None = None
        self._seal: Signature | None = None
        self._behind: Signature | None = None
        self._held: dict[str, Json] | None = None
        self._kept = ""
        self._wrapped = False

    @property
    def at(self) -> str:
        """The path of the part that comes next."""
        return f"choices[0].parts[{self._index + 1}]"

    def start(self, event: BlockStart, seal: Signature | None) -> bytes:
        """
        Return the frames that begin a block.

        Args:
            event: with the part.
            seal: the part's, if it is known already.
        """
        part = event.part
        self._note(*losses_of(part, self.at))
        block = write_start(part)
        if block is None:
            return b""
        self.refused = self.refused or isinstance(part, Refusal)
        frames = b""
        if seal is not None and not isinstance(part, Thinking):
            frames = self._carrier(seal, ahead=True)
            self._seal = seal
        self.open, self._part, self._kept = event.block, part, ""
        self._held = block
        return frames if isinstance(part, Thinking) else frames + self.flush()

    def flush(self) -> bytes:
        """
        Return the frame that begins the block, if it still is to come.

        A thought that is nothing but a seal has another type, and only what
        follows tells.
        """
        block, self._held = self._held, None
        if block is None:
            return b""
        frames = self._start(block)
        for kind in (TextDelta, RefusalDelta, ThinkingDelta):
            self.slots[kind] = self._slot(kind)
        if isinstance(self._part, ToolCall) and self._part.custom:
            frames += self._wrap(FREE_TEXT)
        return frames

    def delta(self, event: Delta) -> bytes:
        """Return the frame of a delta for which there is no slot."""
        if event.block != self.open:
            return b""
        if self._held is not None and isinstance(event, SignatureDelta):
            data = write_thinking("", event.signature)
            if data["type"] != "thinking":
                members = own(self._part.extras) if self._part else {}
                self._held = {**data, **members}
                self._seal = event.signature
        return self.flush() + self._continue(event)

    def _continue(self, event: Delta) -> bytes:
        match event:
            case ThinkingDelta(text=text):
                return self.slots[ThinkingDelta] + encode(text) + CLOSE
            case TextDelta(text=text):
                at = f"choices[0].parts[{self._index}].logprobs"
                self._note(dropped(at, "Anthropic has no logprobs"))
                return self.slots[TextDelta] + encode(text) + CLOSE
            case ToolInputDelta(text=text):
                return self._tool_input(text)
            case SignatureDelta(signature=signature):
                return self._signature(signature)
            case CitationDelta(citation=citation):
                json = write_citation(citation)
                if json is not None:
                    return self._delta({"type": "citations_delta", "citation": json})
                at = f"choices[0].parts[{self._index}].citations"
                self._note(dropped(at, "a source without a URL"))
            case OpaqueDelta(json=json):
                return self._delta(json)
        return b""

    def end(self, event: BlockEnd) -> bytes:
        if event.block != self.open:
            return b""
        frames = self.flush() + (self._input('"}') if self._wrapped else b"")
        frames += self._stop()
        if self._behind is not None:
            frames += self._carrier(self._behind, ahead=False)
        self.open, self._part, self.slots = None, None, {}
        self._seal = self._behind = None
        self._wrapped = False
        return frames

    def _slot(self, kind: type) -> bytes:
        head = b"event: content_block_delta\ndata: "
        event = b'{"type":"content_block_delta","index":%d,"delta":' % self._index
        return head + event + _SLOTS[kind]

    def _tool_input(self, text: str) -> bytes:
        if self._wrapped:
            return self._input(encode(text)[1:-1].decode())
        if (slot := self.slots.get(ToolInputDelta)) is not None:
            return slot + encode(text) + CLOSE
        if text == "{}" and not self._kept:
            # What readers say of a call without input has no delta here.
            self._kept = text
            return b""
        text, self._kept = self._kept + text, ""
        begun = text.lstrip(JSON_SPACE)
        if begun and not begun.startswith("{"):
            at = f"choices[0].parts[{self._index}].input"
            self._note(approximate(at, "it is no JSON object"))
            return self._wrap(NO_JSON) + self._tool_input(text)
        if begun:
            self.slots[ToolInputDelta] = self._slot(ToolInputDelta)
        return self._input(text)

    def _wrap(self, name: str) -> bytes:
        """Begin an object that has the input, which is none, as a member."""
        self._wrapped = True
        return self._input(f'{{"{name}":"')

    def _signature(self, signature: Signature) -> bytes:
        if signature == self._seal:
            return b""
        if not isinstance(self._part, Thinking):
            self._behind = signature
            return b""
        block = write_thinking("", signature)
        value = block.get("signature") or signature.value
        return self._delta({"type": "signature_delta", "signature": value})

    def _carrier(self, seal: Signature, *, ahead: bool) -> bytes:
        block = write_carrier(seal, ahead=ahead)
        value = block["signature"]
        return (
            self._start({**block, "signature": ""})
            + self._delta({"type": "signature_delta", "signature": value})
            + self._stop()
        )

    def _start(self, block: dict[str, Json]) -> bytes:
        self._index += 1
        members = {"index": self._index, "content_block": block}
        return frame("content_block_start", members)

    def _delta(self, delta: Json) -> bytes:
        members = {"index": self._index, "delta": delta}
        return frame("content_block_delta", members)

    def _input(self, text: str) -> bytes:
        return self._delta({"type": "input_json_delta", "partial_json": text})

    def _stop(self) -> bytes:
        return frame("content_block_stop", {"index": self._index})

"""What a chunk is put together from: blocks, and the candidates they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import Factory, define

from gateway.domain.events import (
    BlockEnd,
    BlockStart,
    ChoiceEnd,
    CitationDelta,
    Event,
    ReplyEnd,
    SignatureDelta,
    TextDelta,
)
from gateway.domain.fold import Fold
from gateway.domain.parts import Refusal, Text, Thinking
from gateway.fronts.gemini.response import (
    FEEDBACK,
    citation_losses,
    part_losses,
    seal_of,
    write_reply_part,
)
from gateway.wire.gemini import own, write_finish
from gateway.wire.gemini.candidates import LOGPROBS, write_sources
from gateway.wire.gemini.sources import GROUNDING, LISTS, write_logprobs

if TYPE_CHECKING:
    from gateway.domain.parts import Citation, Logprob
    from gateway.domain.reply import Json
    from gateway.fronts.losses import Losses


@define
class Candidate:
    """
    What waits to be written of a candidate.

    Attributes:
        texts: all of its text so far, which sources point into.
        blocks: how many have begun.
        members: beside its parts, from its own dialect.
        ending: how it ends, until that is written.
    """

    index: int
    texts: list[str] = Factory(list)
    blocks: int = 0
    parts: list[dict[str, Json]] = Factory(list)
    members: dict[str, Json] = Factory(dict)
    citations: list[Citation] = Factory(list)
    logprobs: list[Logprob] = Factory(list)
    ending: ChoiceEnd | None = None

    def feedback(self) -> Json:
        """Take the word on a prompt that was not let through; no candidate has it."""
        if self.ending is None:
            return None
        feedback = own(self.ending.extras).get(FEEDBACK)
        if feedback is not None:
            self.ending = None
        return feedback

    def write(self, *, sure: bool) -> dict[str, Json] | None:
        """
        Return what waits, or ``None``.

        Args:
            sure: the end may be written.
        """
        ending = self.ending if sure else None
        cited = any(_is_own(citation) for citation in self.citations)
        if not (self.parts or self.members or self.logprobs or ending or cited):
            return None
        json: dict[str, Json] = {}
        if self.parts:
            json["content"] = {"parts": self.parts, "role": "model"}
        elif ending is not None and self.blocks:
            # As Google's do: its clients go through the parts of every chunk.
            json["content"] = {"parts": [{"text": ""}], "role": "model"}
        if ending is not None:
            json["finishReason"] = write_finish(ending.finish)
        json["index"] = self.index
        members = self.members
        if ending is not None:
            members = {**members, **own(ending.extras)}
        json |= self._sources(members, ended=ending is not None)
        if self.logprobs and LOGPROBS not in members:
            json[LOGPROBS] = write_logprobs(self.logprobs)
        self.parts, self.members, self.logprobs = [], {}, []
        if ending is not None:
            self.ending = None
        return json | members

    def _sources(self, members: dict[str, Json], *, ended: bool) -> dict[str, Json]:
        """Return Google's own sources at once, those of others with the end."""
        ready = [c for c in self.citations if ended or own(c.extras)]
        self.citations = [c for c in self.citations if not ended and not own(c.extras)]
        if not ready:
            return {}
        text = "".join(self.texts)
        return write_sources(ready, text, grounded=GROUNDING in members)


def _is_own(citation: Citation) -> bool:
    return any(name in LISTS for name in own(citation.extras))


class Block:
    """
    A part that is being said: texts go out piece by piece, all else when it ends.

    Attributes:
        plain: the members beside ``text``, for a block that can be said with a
            template; ``None`` for the others.
    """

    def __init__(self, start: BlockStart, candidate: Candidate, losses: Losses) -> None:
        part = start.part
        self._candidate = candidate
        self._losses = losses
        self._path = f"choices[{candidate.index}].parts[{candidate.blocks}]"
        candidate.blocks += 1
        losses.members(self._path, part.extras)
        self._gathered: Fold | None = None
        self._json: dict[str, Json] = {}
        self.plain: bytes | None = None
        if isinstance(part, Text | Thinking | Refusal):
            self._begin_text(part)
        else:
            self._gathered = Fold()
            self._gathered.feed(start)

    def _begin_text(self, part: Text | Thinking | Refusal) -> None:
        self._losses.note(*part_losses(self._path, part))
        self._head = write_reply_part(part) or {}
        self._says = isinstance(part, Text)
        if self._head.keys() <= {"text", "thought"}:
            self.plain = b',"thought":true' if "thought" in self._head else b""

    @property
    def texts(self) -> list[str] | None:
        """Where its text is to be remembered."""
        return self._candidate.texts if self._says else None

    def take(self, event: Event) -> None:
        """Take a delta."""
        if self._gathered is not None:
            self._gathered.feed(event)
        elif isinstance(event, SignatureDelta):
            self._part()["thoughtSignature"] = seal_of(event.signature)
        elif isinstance(event, CitationDelta):
            self._candidate.citations.append(event.citation)
            self._losses.note(*citation_losses(self._path, event.citation))
        else:
            self._text(event)

    def _text(self, event: Json) -> None:
        if isinstance(event, TextDelta):
            self._candidate.logprobs += event.logprobs
        if self._says:
            self._candidate.texts.append(event.text)
        if event.text:
            self._part()["text"] += event.text

    def _part(self) -> dict[str, Json]:
        """Return the part of this chunk that the block's words go into."""
        parts = self._candidate.parts
        if not parts or parts[-1] is not self._json:
            self._json = dict(self._head)
            parts.append(self._json)
        return self._json

    def end(self, event: BlockEnd) -> None:
        """Say what has been gathered."""
        self._losses.members(self._path, event.extras)
        if self._gathered is None:
            return
        self._gathered.feed(event)
        self._gathered.feed(ReplyEnd())
        *_, choice = self._gathered.reply().choices
        for part in choice.parts:
            self._losses.note(*part_losses(self._path, part))
            if (json := write_reply_part(part)) is not None:
                self._candidate.parts.append(json)

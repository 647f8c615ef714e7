"""What a model answered, as a whole, and how it ended."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import field, frozen

if TYPE_CHECKING:
    from gateway.domain.parts import Part

Json: TypeAlias = Any


@frozen
class Usage:
    """
    Token counts, in disjoint columns so that partial reports can be merged.

    ``None`` means "not reported", zero means zero. Providers disagree on
    whether input includes the cache; readers split it, writers add it up.

    Attributes:
        input: prompt tokens read afresh (neither from nor into a cache).
        cache_read: prompt tokens served from a cache.
        cache_write: prompt tokens stored into a cache.
        output: generated tokens, reasoning included.
        reasoning: the part of *output* spent on reasoning.
        raw: the provider's own object, for the bill and for bug reports.
    """

    input: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    output: int | None = None
    reasoning: int | None = None
    raw: Json = field(default=None, eq=False)

    @property
    def input_total(self) -> int | None:
        known = [
            n for n in (self.input, self.cache_read, self.cache_write) if n is not None
        ]
        return sum(known) if known else None

    def merged(self, later: Usage) -> Usage:
        """Return this report overlaid with the columns that *later* knows."""
        # By hand: some providers count anew in every event, all that they count.
        if (
            (later.input is not None or self.input is None)
            and (later.output is not None or self.output is None)
            and (later.cache_read is not None or self.cache_read is None)
            and (later.cache_write is not None or self.cache_write is None)
            and (later.reasoning is not None or self.reasoning is None)
            and later.raw is not None
        ):
            return later
        return Usage(
            self.input if later.input is None else later.input,
            self.cache_read if later.cache_read is None else later.cache_read,
            self.cache_write if later.cache_write is None else later.cache_write,
            self.output if later.output is None else later.output,
            self.reasoning if later.reasoning is None else later.reasoning,
            self.raw if later.raw is None else later.raw,
        )


def latest(earlier: Usage | None, later: Usage) -> Usage:
    """Return *later* laid over what was reported before it, if anything was."""
    return later if earlier is None else earlier.merged(later)


class Stop(Enum):
    """Why a choice ended, in words of our own; ``Finish.raw`` has the provider's."""

    END = "end"
    LENGTH = "length"
    TOOLS = "tools"
    SEQUENCE = "sequence"
    FILTER = "filter"
    REFUSAL = "refusal"
    ERROR = "error"
    OTHER = "other"


@frozen
class Finish:
    """
    How one choice ended.

    Attributes:
        stop: the reason, in the neutral vocabulary.
        raw: the provider's own word.
        sequence: the stop sequence that was hit, where the provider tells.
    """

    stop: Stop
    raw: str | None = None
    sequence: str | None = None


@frozen
class Choice:
    parts: tuple[Part, ...] = ()
    finish: Finish | None = None
    extras: dict[str, Json] = field(factory=dict)


@frozen
class Reply:
    """
    A whole answer.

    Attributes:
        id: the provider's name for it.
        model: the model that answered, as the provider calls it.
        created: unix seconds, upstream clock.
    """

    id: str | None = None
    model: str | None = None
    created: int | None = None
    choices: tuple[Choice, ...] = ()
    usage: Usage | None = None
    extras: dict[str, Json] = field(factory=dict)

    def model_dump(self) -> Reply:
        """
        Return the reply: an envelope takes it as it is.

        Guides for models that have to be made dictionaries first call it.
        """
        return self

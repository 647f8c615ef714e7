"""What a test asks of an SDK, and what its user gets from it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, ClassVar, Protocol, TypeAlias

from attrs import field, frozen
from pydantic import BaseModel

Turns: TypeAlias = list[Any]

WEATHER = {
    "weather": {
        "type": "object",
        "properties": {"city": {"type": "string", "description": "where"}},
        "required": ["city"],
    }
}


class Place(BaseModel):
    """What an answer is parsed into."""

    city: str
    people: int


@frozen
class Ask:
    """
    Attributes:
        turns: in the SDK's own form; see `Driver.start` and `Driver.go_on`.
        tools: name to schema, of those on offer.
        parse: whether the answer is to be a `Place`.
        think: whether the model is to think first, and show it.
        most: tokens.
    """

    model: str
    turns: Turns
    system: str = ""
    tools: Mapping[str, Any] = field(factory=dict)
    parse: bool = False
    think: bool = False
    most: int = 2048


@frozen
class Got:
    """
    An answer as the SDK hands it over.

    Attributes:
        texts: in the pieces that came.
        calls: name and arguments, as the SDK reads them.
        ids: of the calls.
        ending: ``end``, ``length`` or ``tools``.
        tokens: read (from the cache, too) and written.
        reasoning: tokens of the thought, where the SDK shows them.
        message: what goes into the history.
        parsed: where that was asked for.
    """

    texts: list[str]
    ending: str
    tokens: tuple[int, int]
    cached: int = 0
    reasoning: int | None = None
    calls: list[tuple[str, dict[str, Any]]] = field(factory=list)
    ids: list[str] = field(factory=list)
    thought: str = ""
    message: Any = None
    parsed: Any = None

    @property
    def words(self) -> str:
        return "".join(self.texts)


class Driver(Protocol):
    """
    Attributes:
        dialect: in which the SDK speaks, by the gateway's name for it.
        statuses: the SDK's exception for 401, 429 and 500.
        broken: its exception for a stream that fails.
    """

    dialect: ClassVar[str]
    statuses: ClassVar[dict[int, type[Exception]]]
    broken: ClassVar[type[Exception]]

    def start(self, text: str, image: tuple[str, bytes] | None = None) -> Turns:
        """Return the first turn of a conversation."""

    def go_on(self, turns: Turns, got: Got, results: list[str]) -> Turns:
        """Return *turns* with the answer and what the tools said to its calls."""

    def reply(self, turns: Turns, got: Got, text: str) -> Turns:
        """Return *turns* with the answer and another text of the user's."""

    async def whole(self, ask: Ask) -> Got: ...

    async def stream(self, ask: Ask) -> Got: ...

    def pieces(self, ask: Ask) -> AsyncIterator[str]:
        """Yield the texts of a stream as they come."""

    async def close(self) -> None: ...

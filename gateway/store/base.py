"""What a store of answers is, whatever it is made of."""

from __future__ import annotations

from typing import Protocol

from attrs import field, frozen

from gateway.domain.errors import LLMProxyError


class StoreError(LLMProxyError):
    """
    The store cannot be read or written.

    Attributes:
        reason: for the operator; it may tell of files and the like.
    """

    default_status = 503
    default_code = "response_store_failed"

    def __init__(self, reason: str) -> None:
        super().__init__("the store of responses does not work")
        self.reason = reason


class MissingError(Exception):
    """An answer is not there, or not for this caller: nobody may tell which."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class TooLongError(Exception):
    """A conversation that no request could hold."""


@frozen
class Stored:
    """
    One answer, and what it was the answer to.

    Attributes:
        id: as the client knows it.
        caller: whose it is: a digest of their key, never the key.
        backend: which answered.
        created: unix seconds, our clock.
        input: the request's own input items, without those of earlier answers,
            as a JSON list.
        response: the response object, as JSON.
        previous: id of the answer that this one follows.
        native: the provider keeps it, too, under the same id.
    """

    id: str
    caller: str
    backend: str
    model: str
    created: int
    input: bytes = field(repr=False)
    response: bytes = field(repr=False)
    previous: str | None = None
    native: bool = field(default=False, converter=bool)


class ResponseStore(Protocol):
    """
    Keeps answers; several processes may share what is behind it.

    What belongs to another caller is missing. Each method raises `StoreError`
    where the store itself fails.
    """

    async def put(self, stored: Stored, /) -> None:
        """Keep *stored*; one of the same caller and id is replaced."""

    async def get(self, caller: str, name: str, /) -> Stored:
        """
        Return one answer.

        Raises:
            MissingError: it is not there.
        """

    async def thread(self, caller: str, name: str, most: int, /) -> list[Stored]:
        """
        Return an answer and all that it follows, oldest first.

        Args:
            most: bytes of input and answers together.

        Raises:
            MissingError: one of them is not there; a history with a hole is none.
            TooLongError: they exceed *most*.
        """

    async def delete(self, caller: str, name: str, /) -> None:
        """
        Forget one answer; those that follow it stay.

        Raises:
            MissingError: it is not there.
        """

    async def close(self) -> None:
        """Let go of what is behind the store."""


class NoStore:
    """Keeps nothing."""

    async def put(self, _stored: Stored, /) -> None:
        pass

    async def get(self, _caller: str, name: str, /) -> Stored:
        raise MissingError(name)

    async def thread(self, _caller: str, name: str, _most: int, /) -> list[Stored]:
        raise MissingError(name)

    async def delete(self, _caller: str, name: str, /) -> None:
        raise MissingError(name)

    async def close(self) -> None:
        pass

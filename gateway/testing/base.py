"""What an author says of a backend, and how its tests are played."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from gateway.testing.guards import expect
from gateway.testing.scripts import PROTOCOLS, Script
from gateway.testing.stage import run, staged
from gateway.testing.upstream import Answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from gateway.plugin import LLMBackend
    from gateway.testing.stage import Stage
    from gateway.testing.upstream import End
    from gateway.testing.upstream import Request as Asked


class Base:
    """See `BackendContract`, whose attributes these are."""

    model: ClassVar[str] = "model-1"
    protocol: ClassVar[str] = "openai_chat"
    base_path: ClassVar[str] = "/v1"
    extra: ClassVar[Mapping[str, Any]] = {}
    talks: ClassVar[bool] = True
    keyless: ClassVar[bool] = False
    keeps_code: ClassVar[bool] = True
    tells_usage: ClassVar[bool] = True
    hanging_model: ClassVar[str] = ""
    promptly: ClassVar[float] = 2.0

    def make(self, client: Any, config: Any, translation_service: Any) -> LLMBackend:
        """Return a new backend, as the plugin's factory does."""
        raise NotImplementedError("a contract needs make()")

    # -- the provider's words; for protocols of which these are not known, override

    def answer(self) -> bytes:
        """Return the body of a whole answer."""
        return self._script().answer()

    def pieces(self) -> list[bytes]:
        """Return the same answer as a stream, about a word in each piece."""
        return self._script().pieces()

    def error(self, status: int, code: str, message: str) -> bytes:
        """Return the body of an error answer."""
        return self._script().error(status, code, message)

    def broken(self, message: str) -> list[bytes] | None:
        """Return a stream that ends in an error; ``None`` if there is no such."""
        return self._script().broken(message)

    def text(self) -> str | None:
        """Return what the answer says; ``None``: nobody knows."""
        return self._script().text if self.talks else None

    def models_answer(self) -> Answer:
        """Return the answer to a ``GET``, which asks for the models."""
        listed = {"object": "list", "data": [{"id": self.model, "object": "model"}]}
        return Answer((json.dumps(listed).encode(),))

    def _script(self) -> Script:
        if self.protocol not in PROTOCOLS:
            raise NotImplementedError(
                f"protocol {self.protocol!r} is none of {', '.join(PROTOCOLS)}:"
                " override answer(), pieces(), error(), broken(), text() and streams()"
            )
        return Script(self.protocol, self.model)

    # -- playing

    def play(
        self,
        main: Callable[[Stage], Awaitable[None]],
        script: Callable[[Asked], Answer] | None = None,
        *,
        size: int = 0,
        **given: Any,
    ) -> None:
        """
        Run *main* with the backend ready to be asked.

        Args:
            script: what the provider says; else a complete answer.
            size: the stream comes in reads of so many bytes.
            given: see `staged`.
        """

        async def test() -> None:
            async with staged(self, script or self.scripted(size), **given) as stage:
                await main(stage)

        run(test())

    def scripted(self, size: int = 0) -> Callable[[Asked], Answer]:
        """Return a provider that answers as it should, in a stream if asked to."""

        def play(request: Asked) -> Answer:
            if not self.streams(request):
                return Answer((self.answer(),))
            return Answer(tuple(cut(self.pieces(), size)), stream=True)

        return play

    def stopping(
        self, pieces: int, end: End, rest: bytes = b""
    ) -> Callable[[Asked], Answer]:
        """Return a provider whose stream stops after some pieces and some bytes."""

        def play(_: Asked) -> Answer:
            said = [*self.pieces()[:pieces], rest]
            return Answer(tuple(filter(None, said)), stream=True, end=end)

        return play

    def streams(self, request: Asked) -> bool:
        """
        Tell whether *request* asks for a stream.

        It is taken to if its path or a true ``stream`` in its JSON says so.
        """
        if "stream" in request.path.lower():
            return True
        try:
            return bool(request.json.get("stream"))
        except (ValueError, AttributeError):
            return False

    def needs_provider(self) -> None:
        if not self.talks:
            pytest.skip("this backend asks nobody")

    def same_text(self, text: str) -> None:
        wanted = self.text()
        if wanted is None:
            expect(text, "the answer is empty")
        else:
            expect(text == wanted, f"the provider said {wanted!r}, it became {text!r}")


def cut(pieces: list[bytes], size: int) -> list[bytes]:
    """Return the same bytes in pieces of *size*; 0: as they are."""
    if not size:
        return pieces
    whole = b"".join(pieces)
    return [whole[at : at + size] for at in range(0, len(whole), size)]

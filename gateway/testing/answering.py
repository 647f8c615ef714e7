"""What a backend's answers must be, and its requests."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from gateway.domain.events import ReplyEnd
from gateway.domain.fold import fold
from gateway.domain.grammar import check
from gateway.domain.parts import Text
from gateway.domain.request import Role, Turn
from gateway.loops import LOOP_GUARD
from gateway.plugin import (
    ProcessedResponse,
    ResponseEnvelope,
    StreamingResponseEnvelope,
)
from gateway.testing.base import Base
from gateway.testing.guards import expect
from gateway.testing.stage import (
    KEY,
    QUESTION,
    gateway_before,
    run,
    settings_of,
    text_of,
    whole,
    with_models,
)
from gateway.testing.upstream import Upstream

if TYPE_CHECKING:
    from gateway.domain.reply import Reply
    from gateway.plugin import LLMBackend
    from gateway.testing.stage import Stage

OTHER = "another question 3358"


class Answering(Base):
    """Part of `BackendContract`."""

    def test_whole_answer(self) -> None:
        """Asked for no stream, it returns a `ResponseEnvelope` with the answer."""

        async def main(stage: Stage) -> None:
            envelope = await stage.ask()
            expect(
                isinstance(envelope, ResponseEnvelope),
                f"chat_completions returned a {type(envelope).__name__}",
            )
            reply = whole(envelope)
            self.same_text(_words(reply))
            expect(reply.choices[0].finish, "the answer does not say how it ended")

        self.play(main)

    @pytest.mark.parametrize("size", [1, 7, 4096])
    def test_streamed_answer(self, size: int) -> None:
        """However the network cuts the stream, nothing of it is lost or doubled."""

        async def main(stage: Stage) -> None:
            events = await stage.streamed()
            self.same_text(text_of(events))
            expect(
                any(isinstance(event, ReplyEnd) for event in events),
                "the provider was done, and no ReplyEnd says so",
            )

        self.play(main, size=size)

    def test_stream_keeps_to_the_grammar(self) -> None:
        """Events come in the order that `gateway.domain.grammar` has."""

        async def main(stage: Stage) -> None:
            check(await stage.streamed())

        self.play(main)

    def test_stream_folds_to_the_answer(self) -> None:
        """How it ended, and what it cost, are in a stream as in a whole answer."""

        async def main(stage: Stage) -> None:
            events = await stage.streamed()
            last = [n for n, e in enumerate(events) if isinstance(e, ReplyEnd)]
            reply = fold(events[: last[0] + 1] if last else events)
            self.same_text(_words(reply))
            expect(reply.choices[0].finish, "the stream does not say how it ended")
            if self.tells_usage:
                expect(reply.usage, "the stream brings no token counts")

        self.play(main)

    def test_stream_is_what_is_declared(self) -> None:
        """
        Asked for a stream, it returns a `StreamingResponseEnvelope`.

        Its content is an asynchronous iterator that can be closed, of pieces that
        are `ProcessedResponse`; and it can be cancelled.
        """

        async def main(stage: Stage) -> None:
            envelope = await stage.ask(stream=True)
            expect(
                isinstance(envelope, StreamingResponseEnvelope),
                f"chat_completions returned a {type(envelope).__name__}; a handle has"
                " an envelope()",
            )
            expect(envelope.cancel_callback, "the envelope has no cancel_callback")
            expect(
                hasattr(envelope.content, "aclose"),
                "the envelope's content cannot be closed: it has no aclose()",
            )
            pieces = [piece async for piece in envelope.content]
            kinds = {type(piece) for piece in pieces}
            expect(
                kinds == {ProcessedResponse},
                f"the pieces are {sorted(kind.__name__ for kind in kinds)}",
            )

        self.play(main)

    def test_streams_side_by_side(self) -> None:
        """Two answers at the same time do not get into each other."""

        async def main(stage: Stage) -> None:
            three = (stage.streamed(), stage.streamed(), stage.streamed())
            for events in await asyncio.gather(*three):
                self.same_text(text_of(events))

        self.play(main, size=7)

    def test_request_asks_for_the_model(self) -> None:
        """``effective_model`` is what goes to the provider, with the question."""
        self.needs_provider()

        async def main(stage: Stage) -> None:
            await stage.ask()
            (asked,) = stage.upstream.asked
            said = asked.path.encode() + asked.body
            expect(
                self.model.encode() in said,
                f"the request does not name the model {self.model}",
            )
            expect(QUESTION.encode() in said, "the question is not in the request")

        self.play(main)

    def test_processed_messages_win(self) -> None:
        """They take the place of those in the request."""
        self.needs_provider()

        async def main(stage: Stage) -> None:
            turn = Turn(Role.USER, (Text(OTHER),))
            await stage.ask(processed_messages=[turn])
            (asked,) = stage.upstream.asked
            expect(OTHER.encode() in asked.body, "processed_messages do not arrive")
            expect(
                QUESTION.encode() not in asked.body,
                "the request's own messages are sent along with processed_messages",
            )

        self.play(main)

    def test_requests_carry_the_loop_guard(self) -> None:
        """The session that the backend is given sends it; another would not."""
        self.needs_provider()

        async def main(stage: Stage) -> None:
            await stage.ask()
            for request in stage.upstream.requests:
                expect(
                    LOOP_GUARD in request.headers,
                    f"{request.method} {request.path} lacks {LOOP_GUARD}: use the"
                    " session that the backend is given",
                )

        self.play(main)

    def test_through_the_gateway(self) -> None:
        """A client of the gateway gets the answer in its own dialect."""

        def factory(client: object, config: object, service: object) -> LLMBackend:
            return self.make(client, config, service)

        async def main() -> None:
            async with Upstream(with_models(self, self.scripted())) as upstream:
                settings = settings_of(self, upstream.url)
                async with gateway_before("up", factory, settings) as client:
                    body = {
                        "model": f"up:{self.model}",
                        "stream": True,
                        "messages": [{"role": "user", "content": QUESTION}],
                    }
                    answer = await client.post("/v1/chat/completions", json=body)
                    said = await answer.text()
            expect(answer.status == 200, f"status {answer.status}: {said[:300]}")
            expect(
                said.rstrip().endswith("data: [DONE]"),
                f"the client's stream does not end as it should: {said[-300:]}",
            )
            expect(KEY not in said, "the client is shown the key")

        run(main())


def _words(reply: Reply) -> str:
    parts = reply.choices[0].parts
    return "".join(part.text for part in parts if isinstance(part, Text))

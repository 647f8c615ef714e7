"""A declaration that keeps to the contract, and others with one mistake each."""

from __future__ import annotations

import logging
import socket
from typing import TYPE_CHECKING, Any

from attrs import evolve

from connectors import anthropic, openai_chat, openai_responses
from connectors.auth import api_key_header, bearer
from gateway.plugin import Account, Connector, Fixed, Outbound, Written
from gateway.testing import ConnectorContract
from gateway.testing.scripts import Script

if TYPE_CHECKING:
    from gateway.plugin import Headers

LOG = logging.getLogger(__name__)
CHAT = openai_chat.DIALECT.only("chat")
GOOD = Connector(
    name="good",
    base_url="https://api.good.example/v1",
    speaks=(CHAT, anthropic.DIALECT.only("chat")),
    auth=bearer,
    key_env=("GOOD_API_KEY",),
    docs="https://good.example/docs",
)


TRANSLATOR = CHAT.translator
assert TRANSLATOR is not None


def with_chat(**changes: Any) -> Connector:
    return evolve(GOOD, speaks=(evolve(CHAT, **changes), *GOOD.speaks[1:]))


def opening(account: Account) -> None:
    socket.socket().close()


def raising(body: bytes, headers: Headers, operation: str) -> bytes:
    raise ValueError("a mistake")


def logging_headers(body: bytes, headers: Headers, operation: str) -> bytes:
    LOG.debug("sending %s", headers)
    return body


def saying_nothing(request: Any) -> Written:
    assert TRANSLATOR is not None
    written = TRANSLATOR.write_request(request)
    return evolve(written, body={**written.body, "messages": []})


class Losing:
    """A decoder that takes an event a read."""

    def feed(self, chunk: bytes) -> bytes:
        return chunk if chunk.endswith(b"\n\n") else b""

    def eof(self) -> bytes:
        return b""


class Completing:
    """A decoder that ends what was cut."""

    def __init__(self) -> None:
        self.ended = False

    def feed(self, chunk: bytes) -> bytes:
        self.ended = self.ended or b"[DONE]" in chunk
        return chunk

    def eof(self) -> bytes:
        if self.ended:
            return b""
        return b"".join(Script("openai_chat").pieces()[-4:])


class Stumbling:
    async def sign(self, request: Outbound) -> None:
        Fixed.of(request.auth, "contract-key-5b0c2f9ae1d74c83").put(request)

    async def refused(
        self, request: Outbound, status: int, retry_after: float | None
    ) -> bool:
        raise RuntimeError("a mistake")

    async def close(self) -> None:
        pass


DECLARATIONS: dict[str, tuple[Connector, set[str]]] = {
    "good": (GOOD, set()),
    "without_docs": (evolve(GOOD, docs=""), {"test_declaration"}),
    "nameless": (evolve(GOOD, name=" good"), {"test_declaration"}),
    "in_the_clear": (
        evolve(GOOD, base_url="http://api.good.example/v1"),
        {"test_declaration"},
    ),
    "with_a_slash": (
        evolve(GOOD, base_url="https://api.good.example/v1/"),
        {"test_declaration"},
    ),
    "no_variable": (evolve(GOOD, key_env=("good-key",)), {"test_declaration"}),
    "opening": (evolve(GOOD, credentials=opening), {"test_check_does_no_io"}),
    "undocumented": (
        evolve(GOOD, speaks=(*GOOD.speaks, openai_responses.DIALECT.only("chat"))),
        {
            "test_request_passes",
            "test_answer_passes",
            "test_stream_passes",
            "test_cut_stream_is_told",
            "test_error_passes",
        },
    ),
    "elsewhere": (
        with_chat(paths={"chat": "/completions/chat"}),
        {"test_request_passes"},
    ),
    "other_header": (
        evolve(GOOD, auth=api_key_header("x-key")),
        {"test_request_passes", "test_others_are_translated"},
    ),
    "raising": (
        with_chat(edits=(raising,)),
        {
            "test_request_passes",
            "test_answer_passes",
            "test_stream_passes",
            "test_error_passes",
            "test_others_are_translated",
        },
    ),
    "losing": (
        with_chat(decoder=Losing),
        {"test_stream_passes"},
    ),
    "completing": (with_chat(decoder=Completing), {"test_cut_stream_is_told"}),
    "stumbling": (
        evolve(GOOD, credentials=lambda _: Stumbling()),
        {"test_error_passes"},
    ),
    "speechless": (
        with_chat(translator=evolve(TRANSLATOR, write_request=saying_nothing)),
        {"test_others_are_translated"},
    ),
    "presumptuous": (
        evolve(
            with_chat(headers={"authorization": "Bearer anonymous"}), key_optional=True
        ),
        {"test_missing_key"},
    ),
    "telling": (with_chat(edits=(logging_headers,)), {"test_no_secret_is_shown"}),
}


def contract(name: str) -> type[ConnectorContract]:
    """Return the contract's tests of one of these."""
    members = {
        "connector": DECLARATIONS[name][0],
        "paths": {"openai_chat": "/v1/chat/completions", "anthropic": "/v1/messages"},
        "sent": {"Authorization": "Bearer {key}"},
    }
    return type(f"Test_{name}", (ConnectorContract,), members)

"""The contract of a declaration, a `Connector`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from attrs import frozen
from yarl import URL

from gateway.building import check_declared
from gateway.plugin import ConfigurationError, Fixed
from gateway.secret import Secret
from gateway.settings import Backend
from gateway.testing.base import cut
from gateway.testing.guards import expect, no_io, overheard
from gateway.testing.scripts import PROTOCOLS, Script
from gateway.testing.stage import KEY, QUESTION, gateway_before, run
from gateway.testing.upstream import Answer, Upstream

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.plugin import Connector, Dialect
    from gateway.testing.upstream import End, Request

TYPE = "connector-under-test"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
# Who asks in what none of these speaks, has to be translated for.
_CLIENTS = ("anthropic", "openai_chat", "gemini", "openai_responses")
_MESSAGES = [{"role": "user", "content": QUESTION}]
_BODIES: dict[str, dict[str, Any]] = {
    "openai_chat": {"messages": _MESSAGES},
    "openai_responses": {"input": QUESTION, "store": False},
    "anthropic": {"max_tokens": 64, "messages": _MESSAGES},
    "gemini": {"contents": [{"role": "user", "parts": [{"text": QUESTION}]}]},
}
_DOORS = {
    "openai_chat": "/v1/chat/completions",
    "openai_responses": "/v1/responses",
    "anthropic": "/v1/messages",
}


@frozen
class Exchange:
    """What a client got, and what of it the provider heard."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    asked: list[Request]


class ConnectorContract:
    """
    Tests that every declaration must pass: inherit them, and say which.

        class TestAcme(ConnectorContract):
            connector = ACME
            paths = {"openai_chat": "/v1/chat/completions"}

    Each test serves the connector by a gateway in this process, before a scripted
    provider.

    Attributes:
        connector: the declaration.
        paths: where, as the provider's documentation says, each of its dialects is
            asked; ``{model}`` in it is the model's name. A client's own words go
            there untouched.
        sent: the headers that identify the caller, with ``{key}`` for the key;
            ``None`` takes the word of the declaration's ``auth`` for it.
        model: the name that is asked for.
        extra: the instance's ``extra`` settings.
    """

    connector: ClassVar[Connector]
    paths: ClassVar[Mapping[str, str]] = {}
    sent: ClassVar[Mapping[str, str] | None] = None
    model: ClassVar[str] = "model-1"
    extra: ClassVar[Mapping[str, Any]] = {}

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Play what is about a dialect with each that the connector speaks."""
        if "dialect" in metafunc.fixturenames:
            speaks = metafunc.cls.connector.speaks if metafunc.cls else ()
            talked = [dialect for dialect in speaks if "chat" in dialect.paths]
            metafunc.parametrize("dialect", talked, ids=lambda d: d.protocol)

    # -- the provider's words; override them where they are wrapped in something

    def answer(self, dialect: Dialect) -> bytes:
        """Return the body of a whole answer."""
        return self._script(dialect).answer()

    def pieces(self, dialect: Dialect) -> list[bytes]:
        """Return the same as a stream."""
        return self._script(dialect).pieces()

    def unwrapped(self, dialect: Dialect) -> bytes:
        """Return what a client gets of the stream, where it is wrapped."""
        return b"".join(self.pieces(dialect))

    def passed(self, dialect: Dialect, body: bytes) -> bytes | None:
        """Return what becomes of a client's *body*; ``None``: it is edited somehow."""
        return None if dialect.edits else body

    # -- the declaration

    def test_declaration(self) -> None:
        """It has all that its users, and the documentation, need."""
        c = self.connector
        expect(c.name == c.name.strip() != "", "the name is blank")
        expect(c.speaks, "it speaks no dialect")
        expect(c.speaks[0].translator, "its first dialect has no translator")
        expect(c.docs.startswith("https://"), "docs names no page")
        expect(
            all(name.isidentifier() and name.isupper() for name in c.key_env),
            f"key_env holds what is no variable: {c.key_env}",
        )
        if c.base_url:
            url = URL(c.base_url)
            expect(not c.base_url.endswith("/"), "base_url ends in a slash")
            expect(
                url.scheme == "https" or url.host in LOOPBACK,
                f"a key for {c.base_url} would travel in the clear",
            )
        for dialect in (*c.speaks, *c.optional):
            for path in dialect.paths.values():
                expect(path.startswith("/"), f"{path} does not begin with a slash")

    def test_check_does_no_io(self) -> None:
        """`sluicegate check` builds what it can, and asks nobody."""
        with no_io() as seen:
            try:
                check_declared("up", self.connector, self._settings(""), {})
            except ConfigurationError as exc:
                expect(KEY not in str(exc), "the key is in the error")
        expect(not seen, f"it touches the system: {seen}")

    # -- what passes

    def test_request_passes(self, dialect: Dialect) -> None:
        """A client's bytes go to the documented path, with the key as it wants it."""
        body, rest = self._asked(dialect, stream=False)
        exchange = self._exchange(dialect, body, rest)
        (asked,) = exchange.asked
        path = self._path(dialect)
        expect(
            asked.path.partition("?")[0] == path,
            f"{dialect.protocol} is asked at {asked.path}, not {path}",
        )
        self._is_identified(asked, dialect)
        wanted = self.passed(dialect, body)
        if wanted is None:
            expect(QUESTION.encode() in asked.body, "the question does not arrive")
        else:
            wanted = wanted.replace(b"up:" + self.model.encode(), self.model.encode())
            expect(asked.body == wanted, f"{wanted!r} arrives as {asked.body!r}")

    def test_answer_passes(self, dialect: Dialect) -> None:
        """The client gets the provider's own bytes."""
        exchange = self._exchange(dialect, *self._asked(dialect, stream=False))
        self._is_same(exchange, self.answer(dialect))

    def test_stream_passes(self, dialect: Dialect) -> None:
        """So it does where they come one by one."""
        exchange = self._exchange(dialect, *self._asked(dialect, stream=True))
        self._is_same(exchange, self.unwrapped(dialect))

    def test_cut_stream_is_told(self, dialect: Dialect) -> None:
        """A stream that breaks off is not passed off as complete."""
        body, rest = self._asked(dialect, stream=True)
        whole = self._exchange(dialect, body, rest)
        last = whole.body.rstrip().rpartition(b"\n")[2]
        ends: tuple[End, ...] = ("cut", "whole")  # HTTP may break off, or what is in it
        for end in ends:
            short = self._exchange(dialect, body, rest, end=end, most=3)
            expect(
                short.status != 200 or last not in short.body,
                "the cut stream looks whole",
            )

    def test_error_passes(self, dialect: Dialect) -> None:
        """Its status, its message and when to try again are the provider's."""
        error = self._script(dialect).error(429, "slow_down", "contract says wait")
        answer = Answer((error,), status=429, headers={"retry-after": "7"})
        body, rest = self._asked(dialect, stream=False)
        exchange = self._exchange(dialect, body, rest, answer=answer)
        expect(exchange.status == 429, f"429 becomes {exchange.status}")
        expect(b"contract says wait" in exchange.body, "the message is lost")
        expect(exchange.headers.get("retry-after") == "7", "retry-after is lost")
        if dialect.own_errors:
            expect(exchange.body == error, f"{error!r} becomes {exchange.body!r}")

    # -- what is translated, and what is refused

    def test_others_are_translated(self) -> None:
        """A client of a dialect that the provider does not speak gets its answer."""
        first = self.connector.speaks[0]
        spoken = {dialect.protocol for dialect in self.connector.speaks}
        foreign = next((p for p in _CLIENTS if p not in spoken), None)
        if foreign is None:
            pytest.skip("it speaks every client's dialect")
        body, rest = _question(foreign, self.model, stream=False)
        exchange = self._exchange(first, body, rest)
        expect(exchange.status == 200, f"{exchange.status}: {exchange.body[:300]!r}")
        (asked,) = exchange.asked
        expect(QUESTION.encode() in asked.body, "the question does not arrive")
        self._is_identified(asked, first)
        if first.protocol in PROTOCOLS:
            text = self._script(first).text
            said = json.dumps(json.loads(exchange.body), ensure_ascii=False)
            expect(text in said, f"the answer {text!r} does not come back")

    def test_missing_key(self) -> None:
        """Without a key nobody is asked, unless the provider needs none."""
        first = self.connector.speaks[0]
        body, rest = _question("openai_chat", self.model, stream=False)
        exchange = self._exchange(first, body, rest, key=None)
        if self.connector.key_optional:
            (asked,) = exchange.asked
            for name in Fixed.of(first.auth or self.connector.auth, KEY).headers:
                expect(name.lower() not in asked.headers, f"without a key, {name}")
        elif self.connector.credentials is None:
            expect(exchange.status == 401, f"without a key: {exchange.status}")
            expect(not exchange.asked, "it asks the provider without a key")

    def test_no_secret_is_shown(self) -> None:
        """The key is in no line of the log, and in nothing that a client sees."""
        first = self.connector.speaks[0]
        quoted = json.dumps({"error": {"message": f"bad key {KEY}"}}).encode()
        body, rest = _question("openai_chat", self.model, stream=False)
        with overheard() as lines:
            answer = Answer((quoted,), status=401)
            exchange = self._exchange(first, body, rest, answer=answer)
        expect(KEY not in repr(self.connector), "the key is in the declaration")
        expect(KEY.encode() not in exchange.body, "the client is shown the key")
        for line in lines:
            expect(KEY not in line, f"the key is logged: {line[:200]}")

    # -- playing

    def _script(self, dialect: Dialect) -> Script:
        if dialect.protocol not in PROTOCOLS:
            pytest.skip(f"no words of {dialect.protocol} here: override answer()")
        return Script(dialect.protocol, self.model)

    def _settings(self, url: str, key: str | None = KEY) -> Backend:
        base = URL(self.connector.base_url or "http://127.0.0.1/v1")
        return Backend(
            type=TYPE,
            api_base_url=f"{url}{base.path.rstrip('/')}" if url else None,
            api_key=None if key is None else Secret(key),
            models=(self.model,),
            extra=dict(self.extra),
        )

    def _asked(self, dialect: Dialect, *, stream: bool) -> tuple[bytes, str]:
        if dialect.protocol not in PROTOCOLS:
            pytest.skip(f"no client speaks {dialect.protocol}")
        if dialect.protocol not in self.paths:
            raise pytest.fail.Exception(f"paths lacks {dialect.protocol}")
        return _question(dialect.protocol, self.model, stream=stream)

    def _exchange(
        self,
        dialect: Dialect,
        body: bytes,
        path: str,
        *,
        answer: Answer | None = None,
        key: str | None = KEY,
        end: End = "whole",
        most: int | None = None,
    ) -> Exchange:
        """Send *body* through a gateway."""
        script = self._player(dialect, answer, end, most)

        async def main() -> Exchange:
            async with Upstream(script) as upstream:
                settings = self._settings(upstream.url, key)
                async with gateway_before(TYPE, self.connector, settings) as client:
                    response = await client.post(
                        URL(path, encoded=True),
                        data=body,
                        headers={"content-type": "application/json"},
                    )
                    said = await _read(response)
                headers = {n.lower(): v for n, v in response.headers.items()}
                return Exchange(response.status, headers, said, upstream.asked)

        return run(main())

    def _player(
        self, dialect: Dialect, answer: Answer | None, end: End, most: int | None
    ) -> Callable[[Request], Answer]:
        def play(request: Request) -> Answer:
            if answer is not None:
                return answer
            if b'"stream"' in request.body or "stream" in request.path:
                said = cut(self.pieces(dialect)[:most], 7)
                return Answer(tuple(said), stream=True, end=end)
            return Answer((self.answer(dialect),))

        return play

    def _path(self, dialect: Dialect) -> str:
        return self.paths[dialect.protocol].replace("{model}", self.model)

    def _is_identified(self, asked: Request, dialect: Dialect) -> None:
        if self.sent is not None:
            wanted = {n: text.replace("{key}", KEY) for n, text in self.sent.items()}
        elif self.connector.credentials is not None:
            return  # it depends on the request; `sent` may say how
        else:
            fixed = Fixed.of(dialect.auth or self.connector.auth, KEY)
            wanted = dict(fixed.headers)
            for name, value in fixed.query.items():
                expect(f"{name}={value}" in asked.path, f"{name} is not in the query")
        for name, value in wanted.items():
            sent = asked.headers.get(name.lower())
            expect(sent == value, f"the key is not sent as {name}")

    def _is_same(self, exchange: Exchange, wanted: bytes) -> None:
        expect(exchange.status == 200, f"{exchange.status}: {exchange.body[:300]!r}")
        expect(
            exchange.body == wanted,
            f"the provider's {wanted[:300]!r} becomes {exchange.body[:300]!r}",
        )


async def _read(response: Any) -> bytes:
    """Return as much of a body as comes."""
    said = b""
    try:
        async for chunk in response.content.iter_any():
            said += chunk
    except Exception as exc:  # a cut answer is what some tests are about
        return said + type(exc).__name__.encode()
    return said


def _question(protocol: str, model: str, *, stream: bool) -> tuple[bytes, str]:
    """Return a client's body, spaced as nobody else would, and the path it goes to."""
    members = dict(_BODIES[protocol])
    name = f"up:{model}"
    if protocol == "gemini":
        verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
        path = f"/v1beta/models/{name}:{verb}"
    else:
        members = {"model": name, **members} | ({"stream": True} if stream else {})
        path = _DOORS[protocol]
    text = json.dumps(members, separators=(" , ", " :  "))
    return text.encode(), path

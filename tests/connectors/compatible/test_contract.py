"""
One contract for all declared providers, each against a scripted upstream.

They are asked through the whole gateway, at an address that differs from their own
in its host alone.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from yarl import URL

from gateway.loops import LOOP_GUARD, OWN_ID
from gateway.registry import Registry
from gateway.secret import Secret
from gateway.settings import Backend
from tests.connectors.compatible.answers import STREAM, TEXT, WHOLE
from tests.connectors.compatible.bench import (
    DECLARED,
    DOORS,
    KEY,
    door,
    elsewhere,
    model_of,
    moved,
    question,
    site,
)
from tests.connectors.compatible.table import EXTRA, TABLE
from tests.upstream import SSE_HEADERS, Request, Upstream, reply, stream

if TYPE_CHECKING:
    from tests.connectors.compatible.bench import Bench

pytestmark = pytest.mark.asyncio(loop_scope="module")

# What is documented to be changed in a body on its way, beside the model's name.
CHANGED: dict[tuple[str, str], list[tuple[bytes, bytes]]] = {
    ("minimax", "openai_chat"): [(b"{ ", b'{"reasoning_split":true, ')],
    ("nvidia", "openai_chat"): [(b' "stream_options": {"include_usage": true},', b"")],
}
# Who refuses headers that it does not know.
UNGUARDED = {"kimi-code", "zai-coding"}
ERROR = b'{"error": {"message": "Slow down", "type": "rate_limited", "code": 7}}\n'

each = pytest.mark.parametrize("name", sorted(TABLE))
spoken = pytest.mark.parametrize(
    ("name", "protocol"),
    [(name, p) for name in sorted(TABLE) for p in TABLE[name].chat if p in DOORS],
)


def expected_body(name: str, protocol: str, *, streams: bool) -> bytes:
    body = question(protocol, model_of(name, protocol), streams=streams)
    for old, new in CHANGED.get((name, protocol), []):
        body = body.replace(old, new, 1)
    return body


def expected_path(name: str, protocol: str, *, streams: bool = False) -> str:
    url = TABLE[name].chat[protocol].replace("{model}", "m1")
    if streams and protocol == "gemini":
        url = url.replace(":generateContent", ":streamGenerateContent") + "?alt=sse"
    return URL(url).raw_path_qs


def expected_key(name: str, protocol: str) -> dict[str, str]:
    header = TABLE[name].key.get(protocol)
    return {header: KEY} if header else {"authorization": f"Bearer {KEY}"}


def keys_in(request: Request) -> dict[str, str]:
    """Return every header and every part of the address that holds the key."""
    found = {name: value for name, value in request.headers if KEY in value}
    return found | ({"url": request.path} if KEY in request.path else {})


@spoken
async def test_passes(bench: Bench, name: str, protocol: str) -> None:
    """A request in a protocol that is spoken arrives as it is, and so its answer."""
    model = f"{name}:{model_of(name, protocol)}"
    whole = json.dumps(WHOLE[protocol], indent=1).encode()

    answer, said, request = await bench.post(
        reply(whole), door(protocol, model), question(protocol, model)
    )

    assert (answer.status, said) == (200, whole)
    assert (request.method, request.path) == ("POST", expected_path(name, protocol))
    assert request.body == expected_body(name, protocol, streams=False)
    assert keys_in(request) == expected_key(name, protocol)
    guard = None if name in UNGUARDED else OWN_ID
    assert request.header(LOOP_GUARD) == guard


@spoken
async def test_stream_passes(bench: Bench, name: str, protocol: str) -> None:
    """A stream is the provider's own, byte for byte, comments and all."""
    model = f"{name}:{model_of(name, protocol)}"
    pieces = [STREAM[protocol][:50], STREAM[protocol][50:]]

    answer, said, request = await bench.post(
        stream(pieces),
        door(protocol, model, streams=True),
        question(protocol, model, streams=True),
    )

    assert (answer.status, said) == (200, STREAM[protocol])
    assert answer.headers["content-type"] == SSE_HEADERS["content-type"]
    assert request.path == expected_path(name, protocol, streams=True)
    assert request.body == expected_body(name, protocol, streams=True)
    assert keys_in(request) == expected_key(name, protocol)


@spoken
async def test_error_passes(bench: Bench, name: str, protocol: str) -> None:
    """What a provider refuses is told in its own words, with its time to wait."""
    model = f"{name}:{model_of(name, protocol)}"
    head = {"retry-after": "7", "content-type": "application/json"}

    answer, said, _ = await bench.post(
        reply(ERROR, 429, head), door(protocol, model), question(protocol, model)
    )

    assert (answer.status, said) == (429, ERROR)
    assert answer.headers["retry-after"] == "7"


# What else a client may ask for: its door, where the answer is, and a part of one.
OTHERS = {
    "completions": ("/completions", b'"prompt": "hi"', {"choices": []}),
    "embeddings": ("/embeddings", b'"input": "hi"', {"data": []}),
    "count_tokens": (
        "/messages/count_tokens",
        b'"messages": [{"role": "user", "content": "hi"}]',
        {"input_tokens": 3},
    ),
}


@pytest.mark.parametrize(
    ("name", "protocol", "operation"),
    [
        (name, protocol, operation)
        for name in sorted(TABLE)
        for protocol in ("openai_chat", "anthropic")
        for operation in TABLE[name].more.get(protocol, [])
    ],
)
async def test_other_operations(
    bench: Bench, name: str, protocol: str, operation: str
) -> None:
    """What is offered beside chat passes in the same way, next to it."""
    path, members, answered = OTHERS[operation]
    body = b'{ "model": "%b:m1" , "odd": 1e400 , %b }' % (name.encode(), members)
    whole = json.dumps(answered, indent=1).encode()
    # Mistral's chat is a dialect of its own, and stands where OpenAI's does.
    url = TABLE[name].chat.get(protocol) or TABLE[name].chat["mistral"]
    chat = "/chat/completions" if protocol == "openai_chat" else "/messages"

    answer, said, request = await bench.post(reply(whole), f"/v1{path}", body)

    assert (answer.status, said) == (200, whole)
    assert request.path == URL(url).raw_path.removesuffix(chat) + path
    assert request.body == body.replace(b"%b:" % name.encode(), b"")
    assert keys_in(request) == expected_key(name, protocol)


def foreign_door(name: str) -> str:
    """Return the protocol of a client that the provider does not speak."""
    return next(p for p in ("anthropic", "gemini") if p not in TABLE[name].chat)


translated = pytest.mark.parametrize(
    "name", sorted(n for n in TABLE if not {*DOORS} <= TABLE[n].chat.keys())
)


@translated
@pytest.mark.parametrize("streams", [False, True], ids=["whole", "stream"])
async def test_translated(bench: Bench, name: str, streams: bool) -> None:
    """Who speaks another protocol is heard in the preferred one, and answered."""
    ours, theirs = foreign_door(name), next(iter(TABLE[name].chat))
    model = f"{name}:m1"
    kind = {"content-type": "application/x-ndjson"} if theirs == "ollama" else {}
    script = (
        stream([STREAM[theirs]], kind or SSE_HEADERS)
        if streams
        else reply(WHOLE[theirs])
    )

    answer, said, request = await bench.post(
        script,
        door(ours, model, streams=streams),
        question(ours, model, streams=streams),
    )

    assert answer.status == 200, said
    assert TEXT in said.decode()
    assert request.path == expected_path(name, theirs, streams=streams)
    assert theirs == "gemini" or request.json["model"] == "m1"
    assert keys_in(request) == expected_key(name, theirs)
    if streams:
        end = {"anthropic": b"message_stop", "gemini": b"STOP"}[ours]
        assert end in said


@pytest.mark.parametrize("name", sorted(n for n in TABLE if TABLE[n].models))
async def test_models(name: str) -> None:
    """The list of models is asked for where the page says, with the key."""
    async with Upstream(reply({"data": [{"id": "m1"}, {"id": "m2"}]})) as up:
        backend: Any = Registry().build(name, moved(name, up), {})
        try:
            await backend.discover()
        finally:
            await backend.close()

    assert backend.models == ("m1", "m2")
    [request] = up.requests
    documented = URL(TABLE[name].models).raw_path_qs
    assert (request.method, request.path) == ("GET", documented)
    assert keys_in(request) == expected_key(name, next(iter(TABLE[name].chat)))


@pytest.mark.parametrize("name", sorted(n for n in TABLE if not TABLE[n].models))
async def test_no_models(name: str) -> None:
    """Who lists no models is not asked for them."""
    async with Upstream() as up:
        backend: Any = Registry().build(name, moved(name, up), {})
        try:
            await backend.discover()
        finally:
            await backend.close()

    assert (backend.models, up.requests) == ((), [])


@each
async def test_no_key(name: str) -> None:
    """Without a key nothing is sent to a provider, and the answer says what to set."""
    first = next(iter(TABLE[name].chat))
    body = question("openai_chat", f"{name}:m1")
    async with Upstream(reply(WHOLE[first])) as up:
        async with site({name: moved(name, up, api_key=None)}) as client:
            answer = await client.post(DOORS["openai_chat"], data=body)
            said = await answer.json()
        sent = len(up.requests)

    if DECLARED[name].key_optional:
        assert (answer.status, sent) == (200, 1)
        assert keys_in(up.requests[0]) == {}
        assert up.requests[0].header("authorization") is None
    else:
        assert (answer.status, sent) == (401, 0)
        assert said["error"]["code"] == "missing_api_key"
        for variable in TABLE[name].keys:
            assert variable in said["error"]["message"]


@each
async def test_secrecy(name: str) -> None:
    """A key is in no backend's picture of itself."""
    async with Upstream() as up:
        backend: Any = Registry().build(name, moved(name, up), {})
        shown = repr(backend) + repr(backend.settings) + repr(backend.connector)
        await backend.close()

    assert KEY not in shown


@each
async def test_environment(name: str) -> None:
    """``NAME_API_KEY`` and ``NAME_API_BASE_URL`` work for each, whatever its own."""
    stem = name.upper().replace("-", "_").replace(".", "_")
    own = f"{stem}_API_KEY"
    others = [variable for variable in TABLE[name].keys if variable != own]
    async with Upstream() as up:
        environ = {
            f"{own}_2": KEY,
            f"{stem}_API_BASE_URL": moved(name, up).api_base_url or "",
            **dict.fromkeys(others, "sk-of-the-provider"),
        }
        settings = Backend(extra=EXTRA.get(name, {}))
        backend: Any = Registry().build(name, settings, environ)
        await backend.close()

    for protocol, url in TABLE[name].chat.items():
        assert elsewhere(url, up).startswith(backend.bases[protocol])
    assert backend.key == Secret(KEY)

"""A body passes as the caller wrote it; only a name that must change does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.client import Caller, ask
from tests.upstream import chunk, reply

if TYPE_CHECKING:
    from tests.stage import Stage
    from tests.upstream import Request

pytestmark = pytest.mark.asyncio(loop_scope="module")

WHOLE = reply({"choices": [{"index": 0, "finish_reason": "stop"}]})

# Each is the inside of an object; CASE and MODEL are filled in.
STRANGE: dict[str, str] = {
    "64-bit integers": '"seed":9223372036854775807,"n":1,"x":-9223372036854775808',
    "bigger integers": '"seed":18446744073709551616,"x":1' + "0" * 400,
    "lone surrogates": r'"messages":[{"role":"user","content":"\ud800 \udfff \uD83D"}]',
    "escapes": r'"messages":[{"content":"\u0000\u001f\/\"\\ \ud83d\ude00"}]',
    "duplicate members": '"temperature":0.1,"temperature":0.2,"x":{"a":1,"a":2}',
    "odd whitespace": '\r\n\t "temperature"  :\n 1.0 \t,"x" : [ 1 , 2 ] \n',
    "numbers as written": '"temperature":1.00,"x":[1e400,-0.0,1E+2,0.1e-7,-1e-999]',
    "unicode": '"messages":[{"content":"žluťoučký 🐎 \u2028\u2029 é e\u0301"}]',
    "deep": '"x":' + "[" * 150 + "]" * 150,
    "names like ours": '"x":{"model":"MODEL","stream":1},"y":"\\"model\\":\\"MODEL\\""',
    "model last and first": '"x":1',
    "empty values": '"x":null,"y":{},"z":[],"":"","w":false',
}


def body_of(inside: str, case: str, model: str) -> bytes:
    inside = inside.replace("MODEL", model)
    text = f'{{ "user":"{case}",{inside}, "model" : "{model}" }}\n'
    return text.encode("utf-8", "surrogatepass")


async def sent_on(stage: Stage, case: str, body: bytes) -> Request:
    """Return the request that the upstream got for *body*."""
    answer = await ask(stage.gateway.port, body)

    assert answer.status == 200, answer
    return await stage.upstream.request(case)


@pytest.mark.parametrize("name", STRANGE)
async def test_verbatim(stage: Stage, name: str) -> None:
    """No number is rounded, no escape resolved, no space lost."""
    case = stage.add(WHOLE)
    body = body_of(STRANGE[name], case, "m1")

    request = await sent_on(stage, case, body)

    assert request.body == body


@pytest.mark.parametrize("name", STRANGE)
async def test_spliced(stage: Stage, name: str) -> None:
    """With a backend in the model's name nothing but that value changes."""
    case = stage.add(WHOLE)
    body = body_of(STRANGE[name], case, "up:m1")
    head, _, tail = body.rpartition(b'"up:m1"')

    request = await sent_on(stage, case, body)

    assert request.body == head + b'"m1"' + tail


@pytest.mark.parametrize(
    "model", [r'"\u006dodel":"up:m1"', r'"model":"u\u0070:m1"', '"model":"\\u0075p:m1"']
)
async def test_spliced_through_escapes(stage: Stage, model: str) -> None:
    """JSON has many spellings of one name; the upstream sees the right value."""
    case = stage.add(WHOLE)

    request = await sent_on(stage, case, f'{{"user":"{case}",{model}}}'.encode())

    assert request.json["model"] == "m1"


async def test_model_twice(stage: Stage) -> None:
    """Routed by one, served by another: what is asked for is what is routed."""
    case = stage.add(WHOLE)
    body = f'{{"user":"{case}","model":"secret-model","model":"up:m1"}}'.encode()

    answer = await ask(stage.gateway.port, body)

    if answer.status == 200:
        (request,) = stage.upstream.of(case)
        pairs = json.loads(request.body, object_pairs_hook=list)
        assert [value for name, value in pairs if name == "model"][-1:] == ["m1"]
    else:
        assert answer.status == 400


async def test_very_deep(stage: Stage) -> None:
    """A hundred thousand brackets are refused or passed, and break nothing."""
    body = b'{"model":"up:m1","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    stage.upstream.scripts[""] = WHOLE

    answer = await ask(stage.gateway.port, body)

    assert answer.status in (200, 400)
    assert (await ask(stage.gateway.port, path="/livez", method="GET")).status == 200


async def test_large(stage: Stage) -> None:
    """Images travel in bodies of megabytes."""
    case = stage.add(WHOLE)
    body = body_of(f'"x":"{"QUJD" * 2_000_000}"', case, "up:m1")

    request = await sent_on(stage, case, body)

    assert len(request.body) == len(body) - len("up:")


@pytest.mark.parametrize("size", [1, 1000])
async def test_chunked_upload(stage: Stage, size: int) -> None:
    """Callers that do not tell a length are callers, too."""
    case = stage.add(WHOLE)
    body = body_of('"x":"' + "y" * 3000 + '"', case, "m1")
    chunks = [body[at : at + size] for at in range(0, len(body), size)]

    answer = await upload(stage, [*chunks, b""])

    assert answer.status == 200
    assert (await stage.upstream.request(case)).body == body


async def upload(stage: Stage, chunks: list[bytes]) -> Any:
    headers = {"transfer-encoding": "chunked", "content-type": "application/json"}
    async with Caller(stage.gateway.port) as caller:
        await caller.send_head(headers=headers)
        for piece in chunks:
            caller.writer.write(chunk(piece))
        return await caller.answer()


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/json; charset=utf-8"]
)
async def test_content_type(stage: Stage, content_type: str) -> None:
    """What the body is says the path; some callers send any type or none."""
    case = stage.add(WHOLE)
    body = body_of('"x":1', case, "m1")

    answer = await ask(stage.gateway.port, body, headers={"content-type": content_type})

    assert answer.status == 200


async def test_stream_options_are_the_callers(stage: Stage) -> None:
    """Usage is asked for only where the caller or the route says so."""
    _, line = await stage.exchange(WHOLE, stream=True)

    request = await stage.upstream.request(line["request_id"])
    assert "stream_options" not in request.json

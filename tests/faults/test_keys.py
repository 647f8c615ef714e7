"""Who may call, and who may not even try too often."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import statistics
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.client import Caller, ask, chat
from tests.process import config_file, config_for, start
from tests.upstream import reply

if TYPE_CHECKING:
    from tests.stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY = "right-key-0123456789"
HASHED = "hashed-key-987654321"
ADMIN = "admin-key-1122334455"
STAGE: dict[str, Any] = {
    "server": {
        "api_keys": [KEY, "sha256:" + hashlib.sha256(HASHED.encode()).hexdigest()],
        "admin_keys": [ADMIN],
    }
}
NUMBERS = itertools.count(2)
WHOLE = reply({"choices": [{"index": 0, "finish_reason": "stop"}]})


def stranger() -> str:
    """Return an address that has not tried a wrong key yet."""
    return f"127.0.0.{next(NUMBERS)}"


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {KEY}"},
        {"authorization": f"bearer {KEY}"},
        {"authorization": f"Bearer {HASHED}"},
        {"x-api-key": KEY},
        {"api-key": KEY},
    ],
    ids=["bearer", "lower case", "hashed", "x-api-key", "api-key"],
)
async def test_right_key(stage: Stage, headers: dict[str, str]) -> None:
    """Every SDK's way to send a key is understood."""
    case = stage.add(WHOLE)

    answer = await ask(stage.gateway.port, chat(case, stream=False), headers=headers)

    assert answer.status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": f"Basic {KEY}"},
        {"authorization": "Bearer "},
        {"authorization": f"Bearer {KEY[:-1]}"},
        {"authorization": f"Bearer {KEY}x"},
        {"x-api-key": "wrong"},
        {"api-key": "\xe9\xff"},
    ],
)
async def test_no_or_wrong_key(stage: Stage, headers: dict[str, str]) -> None:
    """A 401 in OpenAI's shape, and the upstream is not asked."""
    before = len(stage.upstream.requests)

    answer = await ask(stage.gateway.port, chat(), headers=headers, source=stranger())

    assert answer.status == 401
    assert answer.error["code"] in ("invalid_api_key", "missing_api_key")
    assert len(stage.upstream.requests) == before
    assert "wrong" not in answer.error["message"]


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/m1", "/v1/embeddings"])
async def test_every_endpoint_of_the_api(stage: Stage, path: str) -> None:
    method = "POST" if path.endswith("embeddings") else "GET"

    answer = await ask(stage.gateway.port, path=path, method=method, source=stranger())

    assert answer.status == 401


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/health", "/version"])
async def test_health_needs_none(stage: Stage, path: str) -> None:
    """A balancer has no key."""
    answer = await ask(stage.gateway.port, path=path, method="GET")

    assert answer.status == 200


async def test_keys_are_not_logged(stage: Stage) -> None:
    for key in (KEY, HASHED, ADMIN, "wrong-planted-key"):
        headers = {"authorization": f"Bearer {key}", "x-request-id": f"log-{key[:5]}"}
        await ask(stage.gateway.port, chat(), headers=headers, source=stranger())
        await stage.gateway.done(f"log-{key[:5]}")

    said = "".join(stage.gateway.text)
    assert not [key for key in (KEY, HASHED, ADMIN, "wrong-planted-key") if key in said]


async def test_repeated_bad_keys(stage: Stage, figure: Callable[[str], None]) -> None:
    """Guessing gets slow; callers with a key notice nothing, from the same address."""
    good = {"authorization": f"Bearer {KEY}"}

    async def timed(headers: dict[str, str], status: int) -> float:
        begun = time.monotonic()
        case = stage.add(WHOLE)
        body = chat(case, stream=False)
        answer = await ask(stage.gateway.port, body, headers=headers)
        assert answer.status in (status, 429 if status == 401 else status)
        return time.monotonic() - begun

    guesses = [
        asyncio.create_task(timed({"authorization": f"Bearer guess-{n}"}, 401))
        for n in range(8)
    ]
    await asyncio.sleep(0.1)
    served = [await timed(good, 200) for _ in range(10)]
    waited = await asyncio.gather(*guesses)

    figure(
        f"8 wrong keys: last answered after {max(waited) * 1e3:.0f} ms; "
        f"right key meanwhile {statistics.median(served) * 1e3:.1f} ms"
    )
    assert max(waited) > 0.5  # the first few are slips
    assert statistics.median(served) < 0.1
    assert max(served) < 0.5


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", ":0"])
async def test_open_to_the_world_needs_keys(address: str) -> None:
    """Without keys only loopback may be listened on: start-up refuses."""
    config = config_for("http://127.0.0.1:9/v1", server={"listen": [address]})
    with config_file(config) as path:
        process = await start("serve", "--config", path)
        try:
            code = await process.exit_code(10)
        finally:
            await process.kill()

    said = "".join(process.text)
    assert code not in (0, -9)
    assert "api_keys" in said
    assert "Traceback" not in said
    assert len(said) < 1000


async def test_key_and_expectation(stage: Stage) -> None:
    """With keys the busiest paths take a short cut; curl's question is answered."""
    body = json.dumps(chat(stage.add(WHOLE), stream=False)).encode()
    async with Caller(stage.gateway.port) as caller:
        headers = {"authorization": f"Bearer {KEY}", "expect": "100-continue"}
        headers["content-length"] = str(len(body))
        await caller.send_head(headers=headers)
        interim, _ = await caller.head(timeout=1)
        caller.writer.write(body)
        answer = await caller.answer()

    assert (interim, answer.status) == (100, 200)

"""TLS towards backends: whom to trust, who we are, and through a proxy."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import subprocess
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from attrs import define, field, frozen

from tests.client import Answer, ask, chat
from tests.process import UPSTREAM_KEY, Gateway, Line, backend, gateway
from tests.process_level.proxy import PASSWORD, Proxy, joined
from tests.stage import Stage
from tests.streams import chat_stream
from tests.upstream import End, Upstream, reply, stream

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.needs("openssl")]

WHOLE = {"choices": [{"index": 0, "finish_reason": "stop"}]}
REFUSALS = (407, 403, 502)
_EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")


@define
class Authority:
    """Certificates made for one run; `trusted` is the file of the authority."""

    folder: Path
    trusted: Path = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.trusted = self.folder / "ca.pem"
        self._openssl(
            *("req", "-x509", "-subj", "/CN=test authority", "-days", "2"),
            *(*_EC, "-noenc", "-keyout", "ca.key", "-out", "ca.pem"),
            *("-addext", "basicConstraints=critical,CA:TRUE"),
            *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        )

    def server(self, name: str, names: str) -> ssl.SSLContext:
        """Return the context of a server whose certificate is for *names*."""
        self._openssl(
            *("req", "-x509", "-subj", f"/CN={name}", "-days", "2"),
            *(*_EC, "-noenc", "-CA", "ca.pem", "-CAkey", "ca.key"),
            *("-keyout", f"{name}.key", "-out", f"{name}.pem"),
            *("-addext", f"subjectAltName={names}"),
            *("-addext", "basicConstraints=critical,CA:FALSE"),
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(
            self.folder / f"{name}.pem", self.folder / f"{name}.key"
        )
        return context

    def _openssl(self, *args: str) -> None:
        subprocess.run(
            ["openssl", *args], cwd=self.folder, check=True, capture_output=True
        )


@contextlib.asynccontextmanager
async def tls(upstream: Upstream, context: ssl.SSLContext) -> AsyncIterator[str]:
    """Give the URL of *upstream* behind TLS."""

    async def link(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection("127.0.0.1", upstream.port)
        await joined((reader, writer), there)

    server = await asyncio.start_server(link, "127.0.0.1", 0, ssl=context)
    async with server:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


@frozen
class World:
    """One gateway before many backends, all of which lead to one upstream."""

    stage: Stage
    proxy: Proxy

    @property
    def gateway(self) -> Gateway:
        return self.stage.gateway

    @property
    def asked(self) -> int:
        return len(self.stage.upstream.requests)

    async def ask(self, name: str, script: Any = None) -> tuple[Answer, Line]:
        """Ask the backend called *name* for a whole answer."""
        return await self.stage.exchange(
            script or reply(WHOLE), model=f"{name}:m1", stream=False
        )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    ours = Authority(tmp_path_factory.mktemp("ours"))
    other = Authority(tmp_path_factory.mktemp("other"))
    right = ours.server("right", "IP:127.0.0.1")
    wrong_name = ours.server("wrong", "DNS:elsewhere.example")
    mutual = ours.server("mutual", "IP:127.0.0.1")
    mutual.verify_mode = ssl.CERT_REQUIRED
    mutual.load_verify_locations(ours.trusted)
    trust = {"ca_file": str(ours.trusted)}
    known = {name: str(ours.folder / f"mutual.{end}") for name, end in _MUTUAL}
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        up = await enter(Upstream())
        plain = await enter(Upstream([b"HTTP/1.1 400 No\r\n\r\n", End.FIN], raw=True))
        at = {
            "right": await enter(tls(up, right)),
            "wrong_name": await enter(tls(up, wrong_name)),
            "mutual": await enter(tls(up, mutual)),
        }
        proxy = await enter(Proxy())
        refusing = {n: (await enter(Proxy(n))).url for n in REFUSALS}
        backends = {
            "trusted": backend(at["right"], tls=trust),
            "public": backend(at["right"]),
            "stranger": backend(at["right"], tls={"ca_file": str(other.trusted)}),
            "wrong-name": backend(at["wrong_name"], tls=trust),
            "unverified": backend(at["wrong_name"], tls={"verify": False}),
            "known": backend(at["mutual"], tls={**trust, **known}),
            "unknown": backend(at["mutual"], tls=trust),
            "tls-on-plain": backend(f"https://127.0.0.1:{plain.port}/v1"),
            "plain-on-tls": backend(at["right"].replace("https", "http")),
            "tunnel": backend(at["right"], tls=trust, proxy=proxy.url),
            **{
                f"proxy-{n}": backend(at["right"], tls=trust, proxy=url)
                for n, url in refusing.items()
            },
        }
        running = await enter(gateway({"backends": backends}))
        yield World(Stage(up, running), proxy)


_MUTUAL = (("cert_file", "pem"), ("key_file", "key"))


async def test_trusted_authority(world: World) -> None:
    """A certificate of the authority in ``ca_file`` is as good as a public one."""
    answer, _ = await world.stage.exchange(
        stream(chat_stream("safe")), model="trusted:m1"
    )

    assert answer.status == 200
    assert answer.body == b"".join(chat_stream("safe"))


@pytest.mark.parametrize("name", ["public", "stranger", "wrong-name"])
async def test_distrusted(world: World, name: str) -> None:
    """
    A clear error with its reason, and not one byte of the request was sent.

    The certificate is of an authority that nobody knows, of another one than
    the configured one, or for another host.
    """
    before = world.asked

    answer, line = await world.ask(name)

    assert answer.status in (502, 503)
    assert answer.error["code"] == line["error_code"] == "upstream_tls"
    assert "certificate" in answer.error["message"]
    assert line["outcome"] == "upstream_failed"
    assert world.asked == before


async def test_unverified(world: World) -> None:
    """``verify: false`` takes any certificate."""
    answer, _ = await world.ask("unverified")

    assert answer.status == 200


async def test_our_own_certificate(world: World) -> None:
    """An upstream that wants to know us gets the certificate in ``cert_file``."""
    known, _ = await world.ask("known")
    before = world.asked
    unknown, _ = await world.ask("unknown")

    assert known.status == 200
    assert unknown.status == 502
    assert world.asked == before


@pytest.mark.parametrize("name", ["tls-on-plain", "plain-on-tls"])
async def test_wrong_scheme(world: World, name: str) -> None:
    """TLS where there is none, and none where there is: told, not waited for."""
    answer, line = await world.ask(name)

    assert answer.status in (502, 503)
    assert answer.error["code"] == line["error_code"]
    assert line["outcome"] == "upstream_failed"


async def test_tunnel(world: World) -> None:
    """Towards TLS the proxy sees a host and a port, and no key of ours."""
    case = world.stage.add(stream(chat_stream("deep")))

    answer = await ask(world.gateway.port, chat(case, model="tunnel:m1"))

    assert answer.body == b"".join(chat_stream("deep"))
    (head, *_) = world.proxy.heads
    assert head[0].startswith("CONNECT 127.0.0.1:")
    assert UPSTREAM_KEY not in json.dumps(world.proxy.heads)
    (request,) = world.stage.upstream.of(case)
    assert request.header("proxy-authorization") is None


@pytest.mark.parametrize("status", REFUSALS)
async def test_proxy_refuses(world: World, status: int) -> None:
    """Its refusal is not taken for the upstream's, and tells no password."""
    answer, line = await world.ask(f"proxy-{status}")

    assert answer.status in (502, 503)
    assert answer.error["code"] == "upstream_proxy"
    assert str(status) in answer.error["message"]
    assert line["outcome"] == "upstream_failed"
    assert PASSWORD not in "".join(world.gateway.text) + answer.body.decode()

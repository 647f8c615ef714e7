"""
The yardstick: the least that relays with aiohttp, written as an expert would.

No keys, no routes, no log, no time-outs, no errors of its own. Every option that
makes aiohttp faster is used; PERFORMANCE figures of the gateway are ratios to this.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import signal
import ssl
import sys

import uvloop
from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector, web
from yarl import URL

_STREAM = "text/event-stream"


class Relay:
    def __init__(self, session: ClientSession, upstream: str) -> None:
        self._session = session
        self._urls = {path: URL(upstream + path) for path in ("/v1/chat/completions",)}
        self._headers = {
            "Authorization": "Bearer sk-upstream",
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
        }

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        url = self._urls[request.path]
        body = await request.read()
        async with self._session.post(url, data=body, headers=self._headers) as up:
            kind = up.headers["Content-Type"]
            if not kind.startswith(_STREAM):
                return web.Response(
                    body=await up.read(),
                    status=up.status,
                    headers={"Content-Type": kind},
                )
            response = web.StreamResponse(
                status=up.status, headers={"Content-Type": kind}
            )
            await response.prepare(request)
            read = up.content.readany
            while chunk := await read():
                await response.write(chunk)
            await response.write_eof()
            return response


async def main(upstream: str, authority: str | None) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    trusted = ssl.create_default_context(cafile=authority) if authority else True
    session = ClientSession(
        connector=TCPConnector(limit=0, ssl=trusted),
        timeout=ClientTimeout(total=None),
        auto_decompress=False,
        cookie_jar=DummyCookieJar(),
    )
    relay = Relay(session, upstream)
    # A bare Server spares what an Application does per request: 8 us here.
    server = web.Server(relay.handle, handler_cancellation=True, access_log=None)
    runner = web.ServerRunner(server)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=4096, shutdown_timeout=1)
    await site.start()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)
    host, port = runner.addresses[0][:2]
    line = {"event": "server.listening", "addresses": [f"{host}:{port}"]}
    print(json.dumps(line), file=sys.stderr, flush=True)
    await stopped.wait()
    await runner.cleanup()
    await session.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("upstream", help="http://host:port, or https")
    parser.add_argument("--authority", help="whom to trust, as a PEM file")
    options = parser.parse_args()
    uvloop.run(main(options.upstream, options.authority))

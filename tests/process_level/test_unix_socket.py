"""A socket file: who may connect, what is replaced, what is left behind."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from typing import TYPE_CHECKING, Any

import pytest

from tests.process import config_file, config_for, gateway, start
from tests.stage import Stage
from tests.streams import text_chunk
from tests.upstream import LAST_CHUNK, Script, Upstream, open_stream

if TYPE_CHECKING:
    from pathlib import Path

NOBODY = "http://127.0.0.1:9/v1"


def settings(path: Path, url: str = NOBODY, **server: Any) -> dict[str, Any]:
    return config_for(url, server={"listen": [f"unix:{path}"], **server})


async def refused(path: Path, *args: str) -> str:
    """Return what the gateway says when it cannot listen on *path*."""
    with config_file(settings(path)) as config:
        g = await start("serve", "--config", config, *args)
        try:
            code = await g.exit_code(10)
        finally:
            await g.kill()
    assert code == 1
    return "".join(g.text)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
async def test_mode(tmp_path: Path, umask: int) -> None:
    """Its owner and group may connect and nobody else, whatever the umask."""
    path = tmp_path / "http.sock"
    before = os.umask(umask)
    try:
        async with gateway(settings(path)):
            mode = path.stat().st_mode
    finally:
        os.umask(before)

    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o660


async def test_live_one_is_refused(tmp_path: Path) -> None:
    """A second gateway does not take the socket of the first one away."""
    path = tmp_path / "http.sock"
    async with gateway(settings(path)):
        said = await refused(path)
        assert await answers(path)

    assert said.startswith(f"sluicegate: cannot listen on unix:{path}: ")
    assert "in use" in said
    assert said.count("\n") == 1


async def test_full_queue_is_no_dead_one(tmp_path: Path) -> None:
    """A process that hangs has not gone, and asking it must not hang us, too."""
    path = tmp_path / "http.sock"
    with (
        socket.socket(socket.AF_UNIX) as hangs,
        socket.socket(socket.AF_UNIX) as first,
    ):
        hangs.bind(str(path))
        hangs.listen(0)
        first.connect(str(path))

        said = await refused(path)

    assert "cannot listen" in said
    assert path.is_socket()


@pytest.mark.parametrize("kind", ["file", "folder", "link to a file"])
async def test_what_is_no_socket(tmp_path: Path, kind: str) -> None:
    """A slip in the path costs nobody a file."""
    path = tmp_path / "precious"
    if kind == "folder":
        path.mkdir()
    else:
        (tmp_path / "target").write_text("precious")
        path.write_text("precious") if kind == "file" else path.symlink_to("target")

    said = await refused(path)

    assert "not a socket" in said
    assert path.exists()
    assert kind == "folder" or path.read_text() == "precious"


async def test_no_such_folder(tmp_path: Path) -> None:
    said = await refused(tmp_path / "missing" / "http.sock")

    assert said.startswith("sluicegate: cannot listen on unix:")
    assert "Traceback" not in said


async def test_nothing_is_left_of_a_failed_start(tmp_path: Path) -> None:
    """Where the second address is taken, the first one's file is removed again."""
    path = tmp_path / "http.sock"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = await refused(
            path, "--listen", f"unix:{path}", "--listen", f"127.0.0.1:{port}"
        )

    assert f"127.0.0.1:{port}" in said
    assert not path.exists()


@pytest.mark.parametrize("workers", [1, 2])
async def test_successor_while_draining(tmp_path: Path, workers: int) -> None:
    """
    The next gateway may start while the old one lets its streams finish.

    Its socket has the same path, and must survive the end of the old one.
    """
    path = tmp_path / "http.sock"
    go_on = asyncio.Event()
    script: Script = [*open_stream(text_chunk("a")), go_on, LAST_CHUNK]
    listen = ["127.0.0.1:0", f"unix:{path}"]
    async with Upstream() as up:
        config = config_for(up.url, server={"listen": listen, "workers": workers})
        async with gateway(config) as old:
            for worker in range(workers):
                await old.event("server.listening", worker=worker)
            async with Stage(up, old).scene(script) as scene:
                await scene.caller.head()
                old.signal()
                await old.event("server.draining")
                async with gateway(settings(path)):
                    go_on.set()
                    await scene.caller.rest()
                    assert await old.exit_code(5) == 0
                    assert await answers(path)
    assert not path.exists()


async def test_local_by_its_socket(tmp_path: Path) -> None:
    """Whoever may open the socket may look at the status without a key."""
    path = tmp_path / "http.sock"
    async with gateway(settings(path)):
        assert b" 200 " in await asked(path, "/admin/status")
        proxied = await asked(path, "/admin/status", "x-forwarded-for: 203.0.113.7")

    assert b" 401 " in proxied


async def test_removed_by_somebody_else(tmp_path: Path) -> None:
    """A socket file that is gone already is no reason to fail at the end."""
    path = tmp_path / "http.sock"
    async with gateway(settings(path)):
        path.unlink()


async def answers(path: Path) -> bool:
    return b" 200 " in await asked(path, "/livez")


async def asked(path: Path, what: str, *headers: str) -> bytes:
    """Return the status line for a GET over the socket."""
    reader, writer = await asyncio.open_unix_connection(path)
    lines = [f"GET {what} HTTP/1.1", "host: g", "connection: close", *headers]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    async with asyncio.timeout(5):
        line = await reader.readline()
        await reader.read()
    writer.close()
    await writer.wait_closed()
    return line


async def test_caller_gone_over_unix(tmp_path: Path) -> None:
    """A caller that leaves frees the upstream, over a socket file as over a port."""
    path = tmp_path / "http.sock"
    script: Script = [*open_stream(text_chunk("a")), asyncio.Event()]
    async with Upstream(script) as up, gateway(settings(path, up.url)) as g:
        body = b'{"model": "up:m1", "stream": true, "messages": []}'
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\n"
            b"content-length: %d\r\n\r\n%b" % (len(body), body)
        )
        assert b" 200 " in await reader.readline()
        request = await up.request()
        writer.close()
        await writer.wait_closed()
        await request.gone(2)
        line = await g.event("exchange.done")

    assert line["outcome"] == "client_gone"

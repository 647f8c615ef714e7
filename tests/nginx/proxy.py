"""An nginx with the least configuration, in front of one gateway."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

# Nothing here is for the sake of streams: no `proxy_buffering off`, no `gzip off`.
# What a stream needs from nginx, the gateway must ask for.
CONFIG = """
daemon off;
master_process off;  # one process, and no change of user
pid {folder}/nginx.pid;
error_log stderr error;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream gateway {{
        server {address};
        keepalive 4;
    }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://gateway;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_read_timeout 1s;
        }}
    }}
}}
"""


@contextlib.asynccontextmanager
async def nginx(folder: Path, address: str) -> AsyncIterator[int]:
    """
    Run nginx in front of *address*; yields its port on 127.0.0.1.

    Args:
        folder: an empty one, for its files.
        address: ``127.0.0.1:port`` or ``unix:/path``.
    """
    with _reserved_port() as port:
        file = folder / "nginx.conf"
        file.write_text(CONFIG.format(folder=folder, address=address, port=port))
        process = await asyncio.create_subprocess_exec(
            "nginx",
            *("-p", str(folder), "-c", str(file), "-e", "stderr"),
            stdin=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            await _accepting(process, port)
            yield port
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.communicate()


@contextlib.contextmanager
def _reserved_port() -> Iterator[int]:
    """
    Yield a free port that stays ours.

    nginx cannot choose one and say which. A port that is bound but not listened
    on is given to nobody else, and nginx may still take it (SO_REUSEADDR).
    """
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


async def _accepting(process: asyncio.subprocess.Process, port: int) -> None:
    async with asyncio.timeout(10):
        while process.returncode is None:
            with contextlib.suppress(ConnectionError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                await writer.wait_closed()
                return
            await asyncio.sleep(0.01)
        _, said = await process.communicate()
    raise RuntimeError(f"nginx did not start: {said.decode()}")

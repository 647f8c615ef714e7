"""The page at ``/`` and the files it needs, held in memory."""

from __future__ import annotations

from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING

from aiohttp import web

from gateway.http import SERVER

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
# Nothing but what this server sends itself, nothing inline, in no frame.
_HEADERS = {
    "Server": SERVER,
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cache-Control": "no-cache",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def routes() -> list[web.RouteDef]:
    found = []
    for file in files("gateway").joinpath("web").iterdir():
        suffix = file.name[file.name.rfind(".") :]
        if suffix in _TYPES:
            path = "/" if file.name == "index.html" else f"/web/{file.name}"
            found.append(web.get(path, _page(file.read_bytes(), _TYPES[suffix])))
    return found


def _page(
    body: bytes, content_type: str
) -> Callable[[web.Request], Awaitable[web.Response]]:
    tag = sha256(body).hexdigest()[:16]
    etag = f'"{tag}"'
    headers = {**_HEADERS, "Content-Type": content_type, "ETag": etag}

    async def page(request: web.Request) -> web.Response:
        # A proxy that compresses makes the tag weak, which does not matter here.
        if any(known.value in {tag, "*"} for known in request.if_none_match or ()):
            return web.Response(status=304, headers={**_HEADERS, "ETag": etag})
        return web.Response(body=body, headers=headers)

    return page

"""
Lets pages of allowed origins read answers, errors and streams included.

Source: https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp.web import Response

from gateway.http import ESTIMATE, LOSS, REQUEST_ID, TO_CLIENT, UPSTREAM_REQUEST_ID

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp.web import Request, StreamResponse

    from gateway.access import Access

_LIMITS = [
    f"x-ratelimit-{what}-{of}"
    for what in ("limit", "remaining", "reset")
    for of in ("requests", "tokens")
]
# Browsers hide all other headers of an answer from a page.
_OURS = (REQUEST_ID, UPSTREAM_REQUEST_ID, LOSS, ESTIMATE)
EXPOSED = ", ".join(sorted({*TO_CLIENT, *_OURS, *_LIMITS}))
PREFLIGHT_LASTS = "7200"  # seconds; Chromium's limit


def marker(access: Access) -> Callable[[Request, StreamResponse], Awaitable[None]]:
    """
    Return the hook that marks answers.

    It runs before the head of a stream goes out; a middleware would come late.
    """

    async def mark(request: Request, response: StreamResponse) -> None:
        origin = request.headers.get("Origin")
        # Also where there is none: a cache must not give that answer to a page.
        response.headers.add("Vary", "Origin")
        if origin is not None and access.allows(origin):
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = EXPOSED

    return mark


async def preflight(request: Request) -> Response:
    """Answer the question a browser asks first; `marker` adds the permission."""
    headers = {
        "Access-Control-Allow-Methods": "GET, POST, DELETE, OPTIONS",
        "Access-Control-Max-Age": PREFLIGHT_LASTS,
    }
    wanted = request.headers.get("Access-Control-Request-Headers")
    if wanted is not None:
        headers["Access-Control-Allow-Headers"] = wanted
    return Response(status=204, headers=headers)

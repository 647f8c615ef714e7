"""``sluicegate tail``: finished exchanges in a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import aiohttp
import msgspec

from gateway.wire.sse import SseFramer

if TYPE_CHECKING:
    from collections.abc import Mapping


async def follow(url: str, key: str | None, *, as_json: bool) -> int:
    """
    Print exchanges until the gateway ends the feed.

    Returns:
        The exit status; 1 if the feed cannot be had.
    """
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
    try:
        async with (
            aiohttp.ClientSession(headers=headers, timeout=timeout) as session,
            session.get(url.rstrip("/") + "/admin/events") as response,
        ):
            if response.status != 200:
                print(f"sluicegate: {url} answers {response.status}", file=sys.stderr)
                return 1
            framer = SseFramer()
            async for chunk in response.content.iter_any():
                for frame in framer.feed(chunk):
                    print(_line(frame.data, as_json=as_json), flush=True)
    except aiohttp.ClientError as exc:
        print(f"sluicegate: {url}: {exc}", file=sys.stderr)
        return 1
    return 0


def _line(data: bytes, *, as_json: bool) -> str:
    if as_json:
        return data.decode()
    return line(msgspec.json.decode(data))


def line(fields: Mapping[str, Any]) -> str:
    """Return an exchange as one line for a person."""

    def show(name: str, unit: str = "") -> str:
        value = fields.get(name)
        return "-" if value is None else f"{value}{unit}"

    reason = fields.get("error_code") or ",".join(fields.get("finish") or ()) or "-"
    text = (
        f"{fields['status']:>3}  {fields['outcome']:<15} {reason:<18} "
        f"{fields.get('backend') or '-'}  {fields.get('model') or '-'}  "
        f"in {show('input_tokens')} out {show('output_tokens')}  "
        f"first {show('first_event_ms', ' ms')}  all {show('duration_ms', ' ms')}  "
        f"{fields['request_id']}"
    )
    # Callers choose names; a terminal must not take them for orders.
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)

"""``sluicegate models``: which models there are, whose, and how that is known."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import TYPE_CHECKING

import aiohttp
from attrs import asdict, frozen

from gateway.discovery import completed
from gateway.gauges import Board
from gateway.refreshing import CONFIGURED, FAILED, UNLISTED, Learned, at_first, learn
from gateway.server import make_site
from gateway.tables import aligned

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gateway.building import Backend
    from gateway.registry import Registry
    from gateway.settings import Settings
    from gateway.state import Gateway

# For what a provider or a plugin may do at most before its models are given up.
DEADLINE = 10.0

ALIAS = "alias"
DISCOVERED = "discovered"


@frozen
class Row:
    """
    Attributes:
        id: what a client says.
        owner: the backend that answers.
        type: the kind of backend; ``None`` where another gateway was asked.
        source: `CONFIGURED`, `DISCOVERED` or `ALIAS`; likewise.
        alias: what an alias stands for.
    """

    id: str
    owner: str
    type: str | None = None
    source: str | None = None
    alias: str | None = None


async def show(settings: Settings, registry: Registry, *, as_json: bool) -> int:
    """
    Ask all backends at once, and print the models.

    Returns:
        The exit status; 1 if there is none.
    """
    settings = await completed(settings, registry, os.environ)
    site = make_site(settings, registry, Board(1), 0)
    try:
        names = list(site.backends)
        learned = await asyncio.gather(*map(_ask, site.backends.values()))
        site.learned.update(zip(names, learned, strict=True))
        rows = list(_rows(site, registry))
    finally:
        await site.close()
    for name, told in site.learned.items():
        if told.outcome in (FAILED, UNLISTED):
            print(f"sluicegate: {name}: {printable(told.reason)}", file=sys.stderr)
    return _print(rows, as_json=as_json)


async def show_of(url: str, key: str | None, *, as_json: bool) -> int:
    """
    Ask the gateway at *url*, and print its models.

    Args:
        key: of a caller.

    Returns:
        The exit status; 1 if there is none.
    """
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    address = url.rstrip("/").removesuffix("/v1") + "/v1/models"
    timeout = aiohttp.ClientTimeout(total=DEADLINE)
    try:
        async with (
            aiohttp.ClientSession(headers=headers, timeout=timeout) as session,
            session.get(address) as response,
        ):
            if response.status != 200:
                print(f"sluicegate: {url} answers {response.status}", file=sys.stderr)
                return 1
            listed = json.loads(await response.read())["data"]
            rows = [Row(str(m["id"]), str(m.get("owned_by", "-"))) for m in listed]
    except (aiohttp.ClientError, TimeoutError) as exc:
        reason = str(exc) or "no answer"
        print(f"sluicegate: {url}: {printable(reason)}", file=sys.stderr)
        return 1
    except (ValueError, LookupError, TypeError, AttributeError):
        print(f"sluicegate: {url} gives no list of models", file=sys.stderr)
        return 1
    return _print(rows, as_json=as_json)


async def _ask(backend: Backend) -> Learned:
    first = at_first(backend)
    if first.outcome in (CONFIGURED, UNLISTED):
        return first
    try:
        async with asyncio.timeout(DEADLINE):
            return await learn(backend)
    except TimeoutError:
        return Learned(FAILED, reason=f"no answer in {DEADLINE:g} s")


def _rows(site: Gateway, registry: Registry) -> Iterable[Row]:
    for listed in site.table.listed():
        owner = site.backends.get(listed.owner)
        kind = registry.type_of(owner.name, owner.settings) if owner else None
        if listed.alias is not None:
            source = ALIAS
        else:
            source = CONFIGURED if owner and owner.settings.models else DISCOVERED
        yield Row(listed.id, listed.owner, kind, source, listed.alias)


def _print(rows: Sequence[Row], *, as_json: bool) -> int:
    if as_json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
    else:
        print(table(rows), end="")
    return 0 if rows else 1


def table(rows: Sequence[Row]) -> str:
    """Return *rows* below each other, for a person; nothing for none."""
    if not rows:
        return ""
    lines = [("MODEL", "OWNER", "FROM"), *map(_cells, rows)]
    if not any(row.source for row in rows):
        lines = [line[:2] for line in lines]
    return aligned(lines)


def _cells(row: Row) -> tuple[str, ...]:
    source = f"alias of {row.alias}" if row.alias else row.source or "-"
    return printable(row.id), printable(row.owner or "-"), printable(source)


def printable(text: str | None) -> str:
    """Return *text* as a terminal may see it: others choose the models' names."""
    return "".join(
        c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text or ""
    )

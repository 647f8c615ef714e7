"""``sluicegate connectors``: what is installed, and what of it works."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gateway.loading import Broken
from gateway.plugin import Connector
from gateway.refusals import explained
from gateway.tables import aligned

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.loading import Offer

_COLUMNS = ("NAME", "ORIGIN", "PACKAGE", "KIND", "DIALECTS", "STATE")


def show(offers: Iterable[Offer], *, as_json: bool) -> str:
    """Return a table, or a JSON array with one object for each connector."""
    rows = [_row(offer) for offer in offers]
    if as_json:
        return json.dumps(rows, indent=2) + "\n"
    return aligned([_COLUMNS, *map(_cells, rows)])


def _row(offer: Offer) -> dict[str, Any]:
    kind = offer.kind
    source = offer.source
    if isinstance(kind, Broken):
        what, state, reason = None, "broken", explained(offer, kind)
    else:
        # A backend of one's own speaks in events, from and to every dialect.
        what = "declared" if isinstance(kind, Connector) else "backend"
        state, reason = "ok", "; ".join(offer.notes)
    return {
        "name": offer.name,
        "origin": source.origin,
        "package": source.distribution or None,
        "version": source.version or None,
        "entry_point": source.value or None,
        "kind": what,
        # One may be there twice, for models that want it elsewhere.
        "dialects": [*dict.fromkeys(d.protocol for d in getattr(kind, "speaks", ()))],
        "state": state,
        "reason": reason or None,
    }


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    package = " ".join(filter(None, (row["package"], row["version"])))
    state = ": ".join(filter(None, (row["state"], row["reason"])))
    dialects = ", ".join(row["dialects"])
    return (
        row["name"],
        row["origin"],
        package or "-",
        row["kind"] or "-",
        dialects or "-",
        state,
    )

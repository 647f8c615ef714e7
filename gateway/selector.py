"""
The grammar of model names: ``[backend:]model[?query]``.

A backend is named only where the first ``:`` comes before the first ``/``, so
that ``vendor/model:free`` stays the name of a model.
"""

from __future__ import annotations

from functools import lru_cache

from attrs import frozen


@frozen
class Leaf:
    """A parsed name; *query* keeps its ``?``, so the parts joined are the name."""

    backend: str | None
    model: str
    query: str = ""


@lru_cache(maxsize=1024)
def parse(name: str) -> Leaf:
    path, mark, query = name.partition("?")
    head, colon, tail = path.partition(":")
    if colon and "/" not in head and head and tail:
        return Leaf(head, tail, mark + query)
    return Leaf(None, path, mark + query)

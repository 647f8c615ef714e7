"""
Settings that come as text, outside a file.

PyYAML takes a while to load. Who has no file, and says only plain things by flags and
variables, does not wait for it.
"""

from __future__ import annotations

from typing import Any


def read_text(text: str) -> Any:
    """
    Read the YAML of a variable or flag.

    Raises:
        RefusedError: it is no YAML; the message does not quote it.
    """
    from gateway.config import source

    return source.read_text(text)

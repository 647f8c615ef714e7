"""
Ollama's own protocol, which says more than its compatible endpoints.

``/api/chat`` takes thinking on, off and by level, the model's own options
(``num_ctx``), and how long the model stays loaded. No client of the gateway speaks
it, so it is always translated to; clients who speak what the compatible endpoints
take are passed on untouched.

Source: https://docs.ollama.com/api
"""

from __future__ import annotations

from gateway.plugin import Dialect, Translator
from gateway.wire.ollama import PROTOCOL


def _translator() -> Translator:
    from connectors.ollama.translator import TRANSLATOR

    return TRANSLATOR


DIALECT = Dialect(
    protocol=PROTOCOL,
    paths={"chat": "/api/chat", "embeddings": "/api/embed"},
    version="",
    translator=_translator,
)

"""
Ollama's own protocol, which says more than its compatible endpoints.

``/api/chat`` takes thinking on, off and by level, the model's own options
(``num_ctx``), and how long the model stays loaded. No client of the gateway speaks
it, so it is always translated to; clients who speak what the compatible endpoints
take are passed on untouched.

Source: https://docs.ollama.com/api
"""

from __future__ import annotations

from connectors.ollama.embeddings import read_embeddings, write_embeddings
from connectors.ollama.request import write_request
from connectors.ollama.response import read_reply
from connectors.ollama.stream import reader
from gateway.plugin import Dialect, Translator
from gateway.wire.ndjson import NdjsonFramer
from gateway.wire.ollama import PROTOCOL

TRANSLATOR = Translator(
    write_request=write_request,
    read_reply=read_reply,
    reader=reader,
    framer=NdjsonFramer,
    write_embeddings=write_embeddings,
    read_embeddings=read_embeddings,
)

DIALECT = Dialect(
    protocol=PROTOCOL,
    paths={"chat": "/api/chat", "embeddings": "/api/embed"},
    version="",
    translator=TRANSLATOR,
)

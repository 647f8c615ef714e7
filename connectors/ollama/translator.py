"""Ollama's protocol, read and written; loaded for who is translated to it."""

from __future__ import annotations

from connectors.ollama.embeddings import read_embeddings, write_embeddings
from connectors.ollama.request import write_request
from connectors.ollama.response import read_reply
from connectors.ollama.stream import reader
from gateway.plugin import Translator
from gateway.wire.ndjson import NdjsonFramer

TRANSLATOR = Translator(
    write_request=write_request,
    read_reply=read_reply,
    reader=reader,
    framer=NdjsonFramer,
    write_embeddings=write_embeddings,
    read_embeddings=read_embeddings,
)

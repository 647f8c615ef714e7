"""Gemini's protocol, read and written; loaded for who is translated to it."""

from __future__ import annotations

from connectors.gemini.embeddings import read_embeddings, write_embeddings
from connectors.gemini.request import write_count, write_request
from connectors.gemini.response import read_count, read_reply
from connectors.gemini.stream import reader
from gateway.plugin import Translator
from gateway.wire.gemini import GeminiFramer

TRANSLATOR = Translator(
    write_request=write_request,
    read_reply=read_reply,
    reader=reader,
    framer=GeminiFramer,
    write_count=write_count,
    read_count=read_count,
    write_embeddings=write_embeddings,
    read_embeddings=read_embeddings,
)

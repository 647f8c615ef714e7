"""Cohere's protocol, read and written; loaded for who is translated to it."""

from __future__ import annotations

from connectors.cohere.embeddings import read_embeddings, write_embeddings
from connectors.cohere.request import write_request
from connectors.cohere.response import read_reply
from connectors.cohere.stream import reader
from gateway.plugin import Translator

TRANSLATOR = Translator(
    write_request=write_request,
    read_reply=read_reply,
    reader=reader,
    write_embeddings=write_embeddings,
    read_embeddings=read_embeddings,
)

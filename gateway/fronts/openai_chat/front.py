"""The front as one object."""

from __future__ import annotations

from gateway.fronts import custom
from gateway.fronts.base import Front
from gateway.fronts.openai_chat.embeddings import read_embeddings, write_embeddings
from gateway.fronts.openai_chat.errors import write_break, write_error
from gateway.fronts.openai_chat.peek import peek
from gateway.fronts.openai_chat.request import read_request
from gateway.fronts.openai_chat.response import write_reply
from gateway.fronts.openai_chat.stream import ChatWriter
from gateway.wire.openai_chat import PATHS, PROTOCOL, WATCHING

FRONT = Front(
    dialect=PROTOCOL,
    peek=peek,
    read_request=read_request,
    write_reply=custom.writing(write_reply),
    writer=custom.streaming(ChatWriter),
    write_error=write_error,
    write_break=write_break,
    watching=WATCHING,
    paths=PATHS,
    read_embeddings=read_embeddings,
    write_embeddings=write_embeddings,
)

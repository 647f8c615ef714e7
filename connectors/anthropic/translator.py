"""Anthropic's Messages, read and written; loaded for who is translated to it."""

from __future__ import annotations

from connectors.anthropic.request import write_count, write_request
from connectors.anthropic.response import read_count, read_reply
from connectors.anthropic.stream import reader
from gateway.plugin import Translator

TRANSLATOR = Translator(
    write_request=write_request,
    read_reply=read_reply,
    reader=reader,
    write_count=write_count,
    read_count=read_count,
)

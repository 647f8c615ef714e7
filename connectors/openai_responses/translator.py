"""OpenAI's Responses, read and written; loaded for who is translated to it."""

from __future__ import annotations

from connectors.openai_responses.request import write_request
from connectors.openai_responses.response import read_reply
from connectors.openai_responses.stream import reader
from gateway.plugin import Translator

TRANSLATOR = Translator(write_request, read_reply, reader)

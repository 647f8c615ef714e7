"""The front as one object."""

from __future__ import annotations

from gateway.fronts import custom
from gateway.fronts.base import Front
from gateway.fronts.openai_responses.errors import write_break, write_error
from gateway.fronts.openai_responses.peek import peek
from gateway.fronts.openai_responses.request import read_request
from gateway.fronts.openai_responses.response import write_reply
from gateway.fronts.openai_responses.stream import ResponsesWriter
from gateway.wire.openai_responses import PROTOCOL, WATCHING

# Where members of the domain stand; turns are told by the numbers of the domain.
PATHS = {
    "turns": "input",
    "sampling.logprobs": "include",
    "sampling.max_tokens": "max_output_tokens",
    "sampling.temperature": "temperature",
    "sampling.top_logprobs": "top_logprobs",
    "sampling.top_p": "top_p",
    "sampling.verbosity": "text.verbosity",
    "output_format": "text.format",
    "parallel_tools": "parallel_tool_calls",
}

FRONT = Front(
    dialect=PROTOCOL,
    peek=peek,
    read_request=read_request,
    write_reply=custom.writing(write_reply),
    writer=custom.streaming(ResponsesWriter),
    write_error=write_error,
    write_break=write_break,
    watching=WATCHING,
    paths=PATHS,
)

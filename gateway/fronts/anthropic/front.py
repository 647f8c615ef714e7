"""The front as one object."""

from __future__ import annotations

from gateway.fronts.anthropic.errors import write_break, write_error
from gateway.fronts.anthropic.peek import peek
from gateway.fronts.anthropic.request import read_count, read_request, write_count
from gateway.fronts.anthropic.response import write_reply
from gateway.fronts.anthropic.stream import PING, MessageWriter
from gateway.fronts.base import Front
from gateway.wire.anthropic import PROTOCOL, WATCHING

PATHS = {
    "model": "model",
    "turns": "messages",
    "tools": "tools",
    "tool_choice": "tool_choice",
    "parallel_tools": "tool_choice.disable_parallel_tool_use",
    "sampling.max_tokens": "max_tokens",
    "sampling.temperature": "temperature",
    "sampling.top_p": "top_p",
    "sampling.top_k": "top_k",
    "sampling.stop": "stop_sequences",
    "reasoning": "thinking",
    "reasoning.effort": "output_config.effort",
    "output_format": "output_config.format",
    "user": "metadata.user_id",
    "metadata": "metadata",
    "service_tier": "service_tier",
}
FRONT = Front(
    dialect=PROTOCOL,
    peek=peek,
    read_request=read_request,
    write_reply=write_reply,
    writer=MessageWriter,
    write_error=write_error,
    write_break=write_break,
    watching=WATCHING,
    paths=PATHS,
    keep_alive=lambda _: PING,
    read_count=read_count,
    write_count=write_count,
)

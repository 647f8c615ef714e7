"""What servers of the dialect differ in, where a request must be put into words."""

from __future__ import annotations

from typing import Literal

from attrs import frozen


@frozen
class Words:
    """
    What a server understands, beyond what all of them do.

    It matters for what another dialect's client says; a client of this dialect is
    taken at its word.

    Attributes:
        limit: the member for the most tokens. OpenAI's reasoning models refuse
            ``max_tokens``; many servers (Ollama, LM Studio, DeepSeek, Mistral)
            know nothing else and would ignore the newer name.
        developer: knows the role ``developer``; elsewhere it is ``system``.
        thoughts: takes ``reasoning_content`` in the history. DeepSeek and others
            need it between tool calls; strict ones refuse unknown members.
        allowed_tools: knows that form of ``tool_choice``; elsewhere the other
            tools are not offered.
        custom: knows custom tools; elsewhere they are functions.
        top_k: knows that member.
        video: takes films, and sounds by their URL.
        metadata: takes it with answers that are not stored.
        cache_control: takes Anthropic's marks on parts, as OpenRouter does.
        efforts: the words of ``reasoning_effort``, weakest first.
        thinking: the member that switches thinking off; elsewhere the effort
            ``none`` does. Who has ``enable_thinking`` has ``thinking_budget`` in
            place of efforts.
        lacks: members that it refuses, and that are left out therefore.
    """

    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    developer: bool = False
    thoughts: bool = True
    allowed_tools: bool = False
    custom: bool = False
    top_k: bool = True
    video: bool = True
    cache_control: bool = False
    metadata: bool = True
    efforts: tuple[str, ...] = ("none", "minimal", "low", "medium", "high")
    thinking: Literal["", "thinking", "reasoning", "enable_thinking"] = ""
    lacks: tuple[str, ...] = ()


COMPATIBLE = Words()

# Source: https://platform.openai.com/docs/api-reference/chat/create
OPENAI = Words(
    limit="max_completion_tokens",
    developer=True,
    thoughts=False,
    allowed_tools=True,
    custom=True,
    top_k=False,
    video=False,
    metadata=False,
    efforts=("none", "minimal", "low", "medium", "high", "xhigh", "max"),
)

"""What clients ask, ``{dialect: {feature: body}}``; ``PLAIN`` is a bare question."""

from __future__ import annotations

from tests.contract.probes.asked import anthropic, gemini, openai_chat, openai_responses

_DIALECTS = {
    "openai_chat": openai_chat,
    "openai_responses": openai_responses,
    "anthropic": anthropic,
    "gemini": gemini,
}
REQUESTS = {name: module.REQUESTS for name, module in _DIALECTS.items()}
PLAIN = {name: module.PLAIN for name, module in _DIALECTS.items()}

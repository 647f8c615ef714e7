"""Whole answers of Mistral's chat; what reads OpenAI's reads them as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.openai_chat import response
from gateway.wire.mistral import PROTOCOL

if TYPE_CHECKING:
    from gateway.domain.reply import Json, Reply


def read_reply(json: Json) -> Reply:
    """
    Read a whole answer.

    Raises:
        BackendError: it is none.
    """
    return response.read_reply(json, PROTOCOL)

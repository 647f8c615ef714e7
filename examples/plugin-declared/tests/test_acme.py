"""The contract that every declaration must keep."""

from __future__ import annotations

from typing import ClassVar

from gateway.testing import ConnectorContract

from sluicegate_acme import ACME

pytest_plugins = ["gateway.testing"]


class TestAcme(ConnectorContract):
    connector = ACME
    # As Acme's documentation has them, not as the declaration does.
    paths: ClassVar = {
        "openai_chat": "/v1/chat/completions",
        "anthropic": "/v1/anthropic/messages",
    }

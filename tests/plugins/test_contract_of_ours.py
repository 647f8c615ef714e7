"""Our own backends keep the contract that plugins are held to."""

from __future__ import annotations

from typing import Any, ClassVar

from attrs import evolve

from connectors.anthropic import ANTHROPIC
from connectors.auth import api_key_query
from connectors.compatible import OPENAI, OPENAI_COMPATIBLE, VLLM
from connectors.demo import DemoBackend
from connectors.gemini import GEMINI
from connectors.ollama import DIALECT as OLLAMA
from gateway.plugin import Fixed
from gateway.testing import BackendContract, ConnectorContract


class TestDemo(BackendContract):
    talks = False
    keyless = True
    model = "hello?rate=0"
    hanging_model = "hang"

    def make(self, client: Any, config: Any, translation_service: Any) -> DemoBackend:
        return DemoBackend(client, config, translation_service)


class TestAnthropic(ConnectorContract):
    connector = ANTHROPIC
    paths: ClassVar = {"anthropic": "/v1/messages"}
    sent: ClassVar = {"x-api-key": "{key}"}


class TestOpenAI(ConnectorContract):
    connector = OPENAI
    paths: ClassVar = {
        "openai_chat": "/v1/chat/completions",
        "openai_responses": "/v1/responses",
    }
    sent: ClassVar = {"authorization": "Bearer {key}"}


class TestGemini(ConnectorContract):
    connector = GEMINI
    model = "gemini-1"
    paths: ClassVar = {
        "gemini": "/v1beta/models/{model}:generateContent",
        "openai_chat": "/v1beta/openai/chat/completions",
    }


class TestForeignWords(ConnectorContract):
    """A dialect that no client speaks is skipped where its words are needed."""

    connector = evolve(ANTHROPIC, name="words", speaks=(OLLAMA,))


class TestLocalServer(ConnectorContract):
    """It needs no key, and gets the one that there is."""

    connector = VLLM
    paths: ClassVar = {
        "openai_chat": "/v1/chat/completions",
        "openai_responses": "/v1/responses",
        "anthropic": "/v1/messages",
    }


class TestEveryDialect(ConnectorContract):
    """Nobody has to be translated, and the key is in the query."""

    connector = evolve(
        OPENAI_COMPATIBLE,
        speaks=(*OPENAI_COMPATIBLE.speaks, *OPENAI_COMPATIBLE.optional[:3]),
        auth=api_key_query("key"),
        docs="https://example.com",
    )
    paths: ClassVar = {
        **TestLocalServer.paths,
        "gemini": "/v1beta/models/{model}:generateContent",
    }


class TestSigned(ConnectorContract):
    """What identifies the gateway is not the key as such."""

    connector = evolve(
        ANTHROPIC, credentials=lambda account: Fixed({"x-account": account.backend})
    )
    paths: ClassVar = {"anthropic": "/v1/messages"}

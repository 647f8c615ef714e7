"""A backend that does everything itself, with the gateway's translation at hand."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from gateway.plugin import (
    AuthenticationError,
    LLMBackend,
    LLMProxyError,
    ResponseEnvelope,
    network_errors,
    raise_for_status,
    stream_handle,
)

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession
    from gateway.plugin import (
        Headers,
        Identity,
        Request,
        StreamingResponseEnvelope,
        TranslationService,
    )

logger = logging.getLogger(__name__)


class MyProviderBackend(LLMBackend):
    """Asks MyProvider, which speaks OpenAI's protocol in all but its list of models."""

    backend_type = "my-provider"

    def __init__(
        self,
        client: ClientSession,
        config: Any,
        translation_service: TranslationService,
    ) -> None:
        super().__init__(config)
        self.client = client
        self.translation_service = translation_service
        self.available_models: list[str] = []
        self.api_key: str | None = None
        self.api_base_url = "https://api.myprovider.example/v1"

    async def initialize(self, **kwargs: Any) -> None:
        self.api_key = kwargs.get("api_key")
        self.api_base_url = kwargs.get("api_base_url") or self.api_base_url
        if self.api_key:
            try:
                await self._fetch_models()
            except LLMProxyError as e:  # it may be there when somebody asks
                logger.warning("my-provider does not list its models: %s", e.message)

    def get_available_models(self) -> list[str]:
        return self.available_models

    async def chat_completions(
        self,
        request_data: Request,
        processed_messages: list[Any],
        effective_model: str,
        identity: Identity | None = None,
        **kwargs: Any,  # noqa: ARG002 - room for what the gateway may add
    ) -> ResponseEnvelope | StreamingResponseEnvelope:
        if not self.api_key:
            raise AuthenticationError(
                message="MyProvider's API key is not configured",
                code="missing_api_key",
            )
        payload = self.translation_service.from_domain_request(
            request_data, "openai", messages=processed_messages
        )
        payload["model"] = effective_model
        payload["stream"] = request_data.stream
        response = await self._post(payload, self._get_headers(identity))
        if request_data.stream:
            reader = self.translation_service.stream_reader("openai")
            return stream_handle(response, reader).envelope()
        with network_errors(self.backend_type):
            data = await response.json() or {}
        reply = self.translation_service.to_domain_response(data, "openai")
        return ResponseEnvelope(
            content=reply, headers=dict(response.headers), usage=reply.usage
        )

    async def _post(self, payload: dict[str, Any], headers: Headers) -> ClientResponse:
        url = f"{self.api_base_url}/chat/completions"
        with network_errors(self.backend_type):
            response = await self.client.post(url, json=payload, headers=headers)
            await raise_for_status(response, self.backend_type)
        return response

    async def _fetch_models(self) -> None:
        url = f"{self.api_base_url}/models"
        with network_errors(self.backend_type):
            response = await self.client.get(url, headers=self._get_headers())
            await raise_for_status(response, self.backend_type)
            listed = await response.json() or {}
        self.available_models = [model["id"] for model in listed.get("data", ())]

    def _get_headers(self, identity: Identity | None = None) -> Headers:
        headers = {"Authorization": f"Bearer {self.api_key}"}
        if identity is not None:
            headers |= identity.get_resolved_headers(None)
        return headers

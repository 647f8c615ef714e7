"""
A backend as other guides have it, with their names and their shortcuts.

Written anew after such a guide: only imports and the HTTP client are ours.
"""
# mypy: allow-untyped-calls, allow-untyped-defs, allow-untyped-globals
# mypy: disable-error-code="arg-type,no-any-return,union-attr"
# No `annotations` from the future: the names are to be there when this is loaded.

from typing import Any

import aiohttp

from gateway.plugin import (
    AppConfig,
    BackendError,
    ChatRequest,
    DomainModel,
    IAppIdentityConfig,
    InternalDTO,
    IResponseProcessor,
    LLMBackend,
    ProcessedResponse,
    ResponseEnvelope,
    ServiceUnavailableError,
    StreamingResponseEnvelope,
    StreamingResponseHandle,
    TranslationService,
    backend_registry,
    ensure_loop_guard_header,
)


class LiteralBackend(LLMBackend):
    backend_type: str = "literal"

    def __init__(
        self,
        client: aiohttp.ClientSession,
        config: AppConfig,
        translation_service: TranslationService,
        response_processor: IResponseProcessor | None = None,
    ) -> None:
        super().__init__(config, response_processor)
        self.client = client
        self.translation_service = translation_service
        self.api_key: str | None = None
        self.api_base_url: str = "https://api.myprovider.com/v1"

    async def initialize(self, **kwargs: Any) -> None:
        self.api_key = kwargs.get("api_key")
        if "api_base_url" in kwargs:
            self.api_base_url = kwargs["api_base_url"]

    async def chat_completions(
        self,
        request_data: DomainModel | InternalDTO | dict[str, Any],
        processed_messages: list[Any],
        effective_model: str,
        identity: IAppIdentityConfig | None = None,
        **kwargs: Any,
    ) -> ResponseEnvelope | StreamingResponseEnvelope:
        payload = self._prepare_payload(request_data, effective_model)
        headers = self._get_headers(identity)
        if request_data.stream:
            return await self._handle_streaming(payload, headers)
        return await self._handle_non_streaming(payload, headers)

    def _prepare_payload(
        self, request_data: ChatRequest, effective_model: str
    ) -> dict[str, Any]:
        payload = self.translation_service.from_domain_request(request_data, "openai")
        payload["model"] = effective_model
        payload["stream"] = bool(request_data.stream)
        if request_data.temperature is not None:
            payload["temperature"] = request_data.temperature
        return payload

    def _get_headers(self, identity: IAppIdentityConfig | None) -> dict[str, str]:
        headers = {
            "Authorization": f"Bearer {self.api_key}",
            "Content-Type": "application/json",
        }
        if identity:
            headers.update(identity.get_resolved_headers(None))
        return ensure_loop_guard_header(headers)

    async def _handle_non_streaming(self, payload, headers) -> ResponseEnvelope:
        url = f"{self.api_base_url}/chat/completions"
        try:
            response = await self.client.post(url, json=payload, headers=headers)
            response.raise_for_status()
        except aiohttp.ClientConnectionError as e:
            raise ServiceUnavailableError(f"Could not connect to provider: {e}") from e
        data = await response.json()
        domain_response = self.translation_service.to_domain_response(data, "openai")
        return ResponseEnvelope(
            content=domain_response.model_dump(),
            status_code=response.status,
            headers=dict(response.headers),
            usage=domain_response.usage,
        )

    async def _handle_streaming(self, payload, headers):
        url = f"{self.api_base_url}/chat/completions"
        response = await self.client.post(url, json=payload, headers=headers)
        if response.status >= 400:
            response.close()
            raise BackendError(f"Provider returned {response.status}")

        async def event_stream():
            try:
                async for chunk in response.content.iter_any():
                    domain_chunk = self.translation_service.to_domain_stream_chunk(
                        chunk, "openai"
                    )
                    yield ProcessedResponse(content=domain_chunk)
            finally:
                response.close()

        async def cancel_stream():
            response.close()

        return StreamingResponseHandle(
            iterator=event_stream(),
            cancel_callback=cancel_stream,
            headers=dict(response.headers),
        )


backend_registry.register("literal-too", LiteralBackend)

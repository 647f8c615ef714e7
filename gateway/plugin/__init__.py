"""
The public contract for backend authors.

Two ways lead to a backend. A *declaration* (`Connector`) suffices where the
provider speaks a protocol that the gateway knows; it is what makes passthrough
possible. An `LLMBackend` subclass does everything itself and speaks in domain
events; the ``demo`` backend is one. ``docs/adding-a-backend.md`` leads through
both.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gateway.domain.errors import (
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    BackendError,
    CommandCreationError,
    ConfigurationError,
    ContextLengthExceededError,
    DuplicateRequestError,
    InitializationError,
    InvalidRequestError,
    JSONParsingError,
    LLMProxyError,
    LoopDetectionError,
    ParsingError,
    PermissionDeniedError,
    ProviderAuthenticationError,
    ProviderPermissionError,
    ProviderRequestError,
    RateLimitExceededError,
    RequestLoopError,
    RequestTimeoutError,
    RequestTooLargeError,
    ResponsesError,
    ResponsesLimitationError,
    ResponsesStateError,
    RoutingError,
    ServiceResolutionError,
    ServiceUnavailableError,
    SessionCancelledError,
    ToolCallError,
    ToolCallLoopError,
    ToolCallParsingError,
    TranslationError,
    ValidationError,
)
from gateway.loops import LOOP_GUARD, ensure_loop_guard_header
from gateway.plugin.backend import (
    CancelCallback,
    Headers,
    Identity,
    LLMBackend,
    ProcessedResponse,
    Provider,
    ResponseEnvelope,
    StreamingResponseEnvelope,
)
from gateway.plugin.connector import (
    Auth,
    Connector,
    Decoder,
    Dialect,
    Edit,
    Given,
    MakeCredentials,
    Parameter,
    Translator,
    Written,
)
from gateway.plugin.credentials import Account, Credentials, Fixed, Outbound
from gateway.plugin.definition import (
    BACKEND_PLUGIN_ENTRY_POINT_GROUP,
    ENTRY_POINT_GROUP,
    BackendPluginDefinition,
    BackendPluginProvider,
    PluginCompatibility,
    PluginPostBuildHook,
)
from gateway.plugin.handle import StreamingResponseHandle
from gateway.wire.ndjson import NdjsonFramer
from gateway.wire.sse import Frame, SseFramer

if TYPE_CHECKING:
    from gateway.asking import network_errors, raise_for_status, stream_handle
    from gateway.chunks import StreamReader
    from gateway.domain.reply import Reply, Usage
    from gateway.domain.request import Request, Role, Turn
    from gateway.plugin.names import (
        AppConfig,
        ChatRequest,
        DomainModel,
        IAppIdentityConfig,
        InternalDTO,
        IResponseProcessor,
    )
    from gateway.registry import backend_registry
    from gateway.translation import TranslationService

__all__ = [
    "BACKEND_PLUGIN_ENTRY_POINT_GROUP",
    "ENTRY_POINT_GROUP",
    "LOOP_GUARD",
    "APIConnectionError",
    "APITimeoutError",
    "Account",
    "AppConfig",
    "Auth",
    "AuthenticationError",
    "BackendError",
    "BackendPluginDefinition",
    "BackendPluginProvider",
    "CancelCallback",
    "ChatRequest",
    "CommandCreationError",
    "ConfigurationError",
    "Connector",
    "ContextLengthExceededError",
    "Credentials",
    "Decoder",
    "Dialect",
    "DomainModel",
    "DuplicateRequestError",
    "Edit",
    "Fixed",
    "Frame",
    "Given",
    "Headers",
    "IAppIdentityConfig",
    "IResponseProcessor",
    "Identity",
    "InitializationError",
    "InternalDTO",
    "InvalidRequestError",
    "JSONParsingError",
    "LLMBackend",
    "LLMProxyError",
    "LoopDetectionError",
    "MakeCredentials",
    "NdjsonFramer",
    "Outbound",
    "Parameter",
    "ParsingError",
    "PermissionDeniedError",
    "PluginCompatibility",
    "PluginPostBuildHook",
    "ProcessedResponse",
    "Provider",
    "ProviderAuthenticationError",
    "ProviderPermissionError",
    "ProviderRequestError",
    "RateLimitExceededError",
    "Reply",
    "Request",
    "RequestLoopError",
    "RequestTimeoutError",
    "RequestTooLargeError",
    "ResponseEnvelope",
    "ResponsesError",
    "ResponsesLimitationError",
    "ResponsesStateError",
    "Role",
    "RoutingError",
    "ServiceResolutionError",
    "ServiceUnavailableError",
    "SessionCancelledError",
    "SseFramer",
    "StreamReader",
    "StreamingResponseEnvelope",
    "StreamingResponseHandle",
    "ToolCallError",
    "ToolCallLoopError",
    "ToolCallParsingError",
    "TranslationError",
    "TranslationService",
    "Translator",
    "Turn",
    "Usage",
    "ValidationError",
    "Written",
    "backend_registry",
    "ensure_loop_guard_header",
    "network_errors",
    "raise_for_status",
    "stream_handle",
]


# Translators import this package, and must not pull in what does I/O; nor need what
# starts read all that a backend's author may want.
_LATER = {
    "AppConfig": "gateway.plugin.names",
    "ChatRequest": "gateway.plugin.names",
    "DomainModel": "gateway.plugin.names",
    "IAppIdentityConfig": "gateway.plugin.names",
    "IResponseProcessor": "gateway.plugin.names",
    "InternalDTO": "gateway.plugin.names",
    "Reply": "gateway.domain.reply",
    "Request": "gateway.domain.request",
    "Role": "gateway.domain.request",
    "StreamReader": "gateway.chunks",
    "TranslationService": "gateway.translation",
    "Turn": "gateway.domain.request",
    "Usage": "gateway.domain.reply",
    "backend_registry": "gateway.registry",
    "network_errors": "gateway.asking",
    "raise_for_status": "gateway.asking",
    "stream_handle": "gateway.asking",
}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

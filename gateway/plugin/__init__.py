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
    ConfigurationError,
    InvalidRequestError,
    LLMProxyError,
    RateLimitExceededError,
    RoutingError,
    ServiceUnavailableError,
    TranslationError,
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

if TYPE_CHECKING:
    from gateway.translation import TranslationService

__all__ = [
    "BACKEND_PLUGIN_ENTRY_POINT_GROUP",
    "ENTRY_POINT_GROUP",
    "LOOP_GUARD",
    "APIConnectionError",
    "APITimeoutError",
    "Account",
    "Auth",
    "AuthenticationError",
    "BackendError",
    "BackendPluginDefinition",
    "BackendPluginProvider",
    "CancelCallback",
    "ConfigurationError",
    "Connector",
    "Credentials",
    "Decoder",
    "Dialect",
    "Edit",
    "Fixed",
    "Given",
    "Headers",
    "Identity",
    "InvalidRequestError",
    "LLMBackend",
    "LLMProxyError",
    "MakeCredentials",
    "Outbound",
    "Parameter",
    "PluginCompatibility",
    "PluginPostBuildHook",
    "ProcessedResponse",
    "Provider",
    "RateLimitExceededError",
    "ResponseEnvelope",
    "RoutingError",
    "ServiceUnavailableError",
    "StreamingResponseEnvelope",
    "StreamingResponseHandle",
    "TranslationError",
    "TranslationService",
    "Translator",
    "Written",
    "ensure_loop_guard_header",
]


def __getattr__(name: str) -> Any:
    # Translators import this package, and must not pull in what does I/O.
    if name == "TranslationService":
        return import_module("gateway.translation").TranslationService
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

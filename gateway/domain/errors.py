"""
Everything that can go wrong, with the HTTP status it stands for.

Who broke the rule decides who is told: a caller's mistake names the place in
the caller's JSON (``param``); an upstream's failure keeps its status, message
and retry-after. A front renders an error in its own dialect.
"""

from __future__ import annotations

from time import time
from typing import Any, ClassVar, TypedDict, Unpack


class Told(TypedDict, total=False):
    """What every error takes beside its message and details."""

    code: str | None
    status_code: int | None
    param: str | None
    retry_after: float | None


class LLMProxyError(Exception):
    """
    The base of all errors that a caller may be shown.

    Args:
        message: a sentence for a person; never a key, a prompt or a token.
        details: JSON-compatible facts, for logs and diagnostics.
        code: a word for a program, such as ``model_not_found``.
        status_code: overrides the class's own HTTP status.
        param: JSON path of the member at fault, in the caller's request.
        retry_after: seconds after which another try makes sense.
    """

    default_status: ClassVar[int] = 500
    default_code: ClassVar[str] = "internal_error"
    # Further attributes of a class, for `to_dict`.
    shown: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        message: str,
        details: dict[str, Any] | None = None,
        *,
        code: str | None = None,
        status_code: int | None = None,
        param: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.status_code = status_code or self.default_status
        self.details = details or {}
        self.param = param
        self.retry_after = retry_after

    def to_dict(self) -> dict[str, Any]:
        """Return the error as JSON-compatible members, without ``None``."""
        members = {
            "message": self.message,
            "code": self.code,
            "status_code": self.status_code,
            "details": self.details or None,
            "param": self.param,
            "retry_after": self.retry_after,
            **{name: getattr(self, name) for name in self.shown},
        }
        return {k: v for k, v in members.items() if v is not None}


# -- who asks


class AuthenticationError(LLMProxyError):
    default_status = 401
    default_code = "invalid_api_key"


class PermissionDeniedError(LLMProxyError):
    default_status = 403
    default_code = "permission_denied"


# -- what is asked


class InvalidRequestError(LLMProxyError):
    default_status = 400
    default_code = "invalid_request"


class ContextLengthExceededError(InvalidRequestError):
    """
    The request is longer than the model can read.

    Args:
        limit: of the model, in tokens.
        measured: of the request, in tokens.
    """

    default_code = "context_length_exceeded"
    shown = ("limit", "measured")

    def __init__(
        self,
        message: str,
        details: dict[str, Any] | None = None,
        *,
        limit: int | None = None,
        measured: int | None = None,
        **told: Unpack[Told],
    ) -> None:
        super().__init__(message, details, **told)
        self.limit = limit
        self.measured = measured


class RequestTooLargeError(InvalidRequestError):
    default_status = 413
    default_code = "request_too_large"


class RequestTimeoutError(InvalidRequestError):
    """The caller stopped sending in the middle of its request."""

    default_status = 408
    default_code = "request_timeout"


class ResponsesError(InvalidRequestError):
    """The Responses dialect has no answer to this."""


class ResponsesStateError(ResponsesError):
    """An earlier answer is referred to, and nobody knows it."""

    default_code = "previous_response_not_found"


class ResponsesLimitationError(ResponsesError):
    """The backend cannot do what the dialect promises; ``param`` says what."""

    default_code = "provider_limitation"


class ValidationError(LLMProxyError):
    default_status = 400
    default_code = "validation_failed"


class ConfigurationError(LLMProxyError):
    default_status = 400
    default_code = "invalid_configuration"


class LoopDetectionError(LLMProxyError):
    """A model repeats itself."""

    default_status = 400
    default_code = "loop_detected"


class ToolCallError(LLMProxyError):
    """A tool call is not as it must be."""

    default_status = 400
    default_code = "invalid_tool_call"


class ToolCallParsingError(ToolCallError):
    default_code = "unreadable_tool_call"


class ToolCallLoopError(ToolCallError, LoopDetectionError):
    default_code = "tool_call_loop"


class RequestLoopError(LLMProxyError):
    """The request has come back to a gateway that it had passed before."""

    default_status = 508
    default_code = "request_loop_detected"


# -- where it goes


class RoutingError(LLMProxyError):
    """
    No backend takes the request.

    Where ``details`` have a ``code``, that decides the status, and one that is
    not known here means that another try may go well.
    """

    default_status = 404
    default_code = "model_not_found"
    statuses: ClassVar[dict[str, int]] = {
        "unknown_model": 404,
        "unsupported_on_instance": 400,
        "policy_rejected": 403,
        "temporarily_unavailable": 503,
    }

    def __init__(
        self,
        message: str,
        details: dict[str, Any] | None = None,
        **told: Unpack[Told],
    ) -> None:
        category = (details or {}).get("code")
        if isinstance(category, str):
            named: Told = {
                "code": category,
                "status_code": self.statuses.get(category, 503),
            }
            told = {**named, **told}
        super().__init__(message, details, **told)

    @property
    def category(self) -> str:
        return self.code

    @property
    def retryable(self) -> bool:
        return self.status_code == 503


class SessionCancelledError(LLMProxyError):
    """The caller left; 499 is for the log, nobody is there to read it."""

    default_status = 499
    default_code = "client_gone"


# -- how it is said


class TranslationError(LLMProxyError):
    default_status = 422
    default_code = "translation_error"


class ParsingError(TranslationError):
    default_code = "unreadable"


class JSONParsingError(ParsingError):
    default_code = "invalid_json"


# -- the gateway's own


class InitializationError(LLMProxyError):
    """Something could not be made ready."""

    default_code = "initialization_failed"


class ServiceResolutionError(LLMProxyError):
    """A part of the gateway is asked for that it does not have."""

    default_code = "service_missing"


class CommandCreationError(LLMProxyError):
    default_code = "command_failed"


# -- backends


class BackendError(LLMProxyError):
    """
    A provider failed, or said that the request did.

    Args:
        backend_name: the configured instance, where whoever raises it knows.

    Attributes:
        body: of the provider's answer, where it failed with one. It is shown to
            nobody unasked.
    """

    body: bytes = b""
    default_status = 502
    default_code = "provider_error"
    shown: ClassVar[tuple[str, ...]] = ("backend_name",)

    def __init__(
        self,
        message: str,
        details: dict[str, Any] | None = None,
        *,
        backend_name: str | None = None,
        **told: Unpack[Told],
    ) -> None:
        super().__init__(message, details, **told)
        self.backend_name = backend_name


class ServiceUnavailableError(BackendError):
    """The backend could not be reached, or says that it cannot serve now."""

    default_status = 503
    default_code = "upstream_unreachable"


class RateLimitExceededError(BackendError):
    """
    The backend takes no more for now.

    Args:
        reset_at: unix seconds from when it does; ``retry_after`` follows from it.
    """

    default_status = 429
    default_code = "rate_limit_exceeded"
    shown = ("backend_name", "reset_at")

    def __init__(
        self,
        message: str,
        details: dict[str, Any] | None = None,
        *,
        reset_at: float | None = None,
        backend_name: str | None = None,
        **told: Unpack[Told],
    ) -> None:
        super().__init__(message, details, backend_name=backend_name, **told)
        self.reset_at = reset_at
        if self.retry_after is None and reset_at is not None:
            self.retry_after = max(0.0, reset_at - time())


class DuplicateRequestError(BackendError):
    """The same request is being answered already."""

    default_status = 429
    default_code = "duplicate_request"


class APIConnectionError(BackendError):
    """The connection was lost, or carried what is not HTTP."""

    default_code = "upstream_connection_lost"


class APITimeoutError(BackendError):
    default_status = 504
    default_code = "upstream_timeout"


class ProviderAuthenticationError(AuthenticationError, BackendError):
    """The provider does not accept the gateway's credentials."""

    default_code = "provider_error"


class ProviderPermissionError(PermissionDeniedError, BackendError):
    """The provider knows the gateway's account, and does not allow it this."""

    default_code = "provider_error"


class ProviderRequestError(InvalidRequestError, BackendError):
    """The provider says that the request is wrong."""

    default_code = "provider_error"


_BY_STATUS: dict[int, type[BackendError]] = {
    401: ProviderAuthenticationError,
    403: ProviderPermissionError,
    408: APITimeoutError,
    429: RateLimitExceededError,
    503: ServiceUnavailableError,
    504: APITimeoutError,
    529: ServiceUnavailableError,
}


def kind_of_status(status: int) -> type[BackendError]:
    """Return the class for an answer of a provider's; the status is kept beside it."""
    fallback = ProviderRequestError if 400 <= status < 500 else BackendError
    return _BY_STATUS.get(status, fallback)

"""
Everything that can go wrong, with the HTTP status it stands for.

Who broke the rule decides who is told: a caller's mistake names the place in
the caller's JSON (``param``); an upstream's failure keeps its status, message
and retry-after. A front renders an error in its own dialect.
"""

from __future__ import annotations

from typing import Any, ClassVar


class LLMProxyError(Exception):
    """
    The base of all errors that a caller may be shown.

    Args:
        message: a sentence for a person; never a key, a prompt or a token.
        code: a word for a program, such as ``model_not_found``.
        status_code: overrides the class's own HTTP status.
        details: JSON-compatible facts, for logs and diagnostics.
        param: JSON path of the member at fault, in the caller's request.
        retry_after: seconds after which another try makes sense.
    """

    default_status: ClassVar[int] = 500
    default_code: ClassVar[str] = "internal_error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        status_code: int | None = None,
        details: dict[str, Any] | None = None,
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
        }
        return {k: v for k, v in members.items() if v is not None}


class AuthenticationError(LLMProxyError):
    default_status = 401
    default_code = "invalid_api_key"


class PermissionDeniedError(LLMProxyError):
    default_status = 403
    default_code = "permission_denied"


class InvalidRequestError(LLMProxyError):
    default_status = 400
    default_code = "invalid_request"


class ConfigurationError(LLMProxyError):
    default_status = 400
    default_code = "invalid_configuration"


class RequestTooLargeError(InvalidRequestError):
    default_status = 413
    default_code = "request_too_large"


class RequestTimeoutError(InvalidRequestError):
    """The caller stopped sending in the middle of its request."""

    default_status = 408
    default_code = "request_timeout"


class RoutingError(LLMProxyError):
    default_status = 404
    default_code = "model_not_found"


class TranslationError(LLMProxyError):
    default_status = 422
    default_code = "translation_error"


class SessionCancelledError(LLMProxyError):
    """The caller left; 499 is for the log, nobody is there to read it."""

    default_status = 499
    default_code = "client_gone"


class BackendError(LLMProxyError):
    default_status = 502
    default_code = "provider_error"


class ServiceUnavailableError(BackendError):
    """The backend could not be reached, or says that it cannot serve now."""

    default_status = 503
    default_code = "upstream_unreachable"


class RateLimitExceededError(BackendError):
    default_status = 429
    default_code = "rate_limit_exceeded"


class APIConnectionError(BackendError):
    """The connection was lost, or carried what is not HTTP."""

    default_code = "upstream_connection_lost"


class APITimeoutError(BackendError):
    default_status = 504
    default_code = "upstream_timeout"

"""What is said where one of the two models fails: which one, and why."""

from __future__ import annotations

from gateway.plugin import (
    BackendError,
    InvalidRequestError,
    LLMProxyError,
    RoutingError,
)

# Programs make room when they read this, and only then.
_TOO_LONG = "context_length_exceeded"


def failed(phase: str, selector: str, error: LLMProxyError) -> LLMProxyError:
    """
    Return the error for the client.

    What the client can mend keeps its status and code; all else is a failure of the
    hybrid backend, with the inner one in its ``details``.

    Args:
        phase: ``reasoning`` or ``execution``.
        selector: the model that was asked.
        error: what it, or the gateway, said.
    """
    message = f"the {phase} model ({selector}) failed: {error.message}"
    details = {
        **error.details,
        "phase": phase,
        "model": selector,
        "status": error.status_code,
        "code": error.code,
    }
    if error.retry_after is not None:
        details["retry_after"] = error.retry_after
    asked_wrongly = isinstance(error, InvalidRequestError | RoutingError)
    if error.code == _TOO_LONG or (
        asked_wrongly and not isinstance(error, BackendError)
    ):
        return InvalidRequestError(
            message,
            code=error.code,
            status_code=error.status_code,
            param=error.param,
            details=details,
            retry_after=error.retry_after,
        )
    return BackendError(
        message,
        code=f"hybrid_{phase}_failed",
        details=details,
        retry_after=error.retry_after,
    )

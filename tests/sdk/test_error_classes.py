"""For each status of an upstream of another protocol, the SDK's own exception."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anthropic
import openai
import pytest
from google.genai import errors as google

from tests.sdk.conftest import GOOGLES_WAYS
from tests.sdk.drivers.base import Ask, Driver
from tests.sdk.pairs import FRONTS
from tests.sdk.scripts.cast import refusing

if TYPE_CHECKING:
    from tests.sdk.scripts.cast import Cast

pytestmark = [pytest.mark.asyncio(loop_scope="session"), GOOGLES_WAYS]

NAMES = {
    400: "BadRequestError",
    401: "AuthenticationError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    409: "ConflictError",
    422: "UnprocessableEntityError",
    429: "RateLimitError",
    500: "InternalServerError",
    502: "InternalServerError",
}
WORDS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    422: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    502: "UNAVAILABLE",
}


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("status", NAMES)
async def test_class(
    sdks: dict[str, Driver], cast: Cast, front: str, status: int
) -> None:
    """The one that the SDK has for the status, with the upstream's words in it."""
    sdk = sdks[front]
    upstream = "chat" if front == "anthropic" else "anthropic"
    model = cast.model(refusing(status, "no luck today", {"retry-after": "7"}))

    with pytest.raises(Exception) as caught:  # noqa: PT011 - which, is told below
        await sdk.whole(Ask(f"{upstream}:{model}", sdk.start("hello")))

    error: Any = caught.value
    assert "no luck today" in str(error)
    if front == "google-genai":
        kind = google.ServerError if status >= 500 else google.ClientError
        assert type(error) is kind
        assert (error.code, error.status) == (status, WORDS[status])
        return
    library: Any = anthropic if front == "anthropic" else openai
    assert type(error) is getattr(library, NAMES[status])
    assert error.status_code == status
    assert error.response.headers["retry-after"] == "7"

"""
What it means that Google gives no token.

Nothing of an answer's text is repeated but the word for the error: the texts quote
what was sent.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from aiohttp import ClientConnectorDNSError

from gateway.plugin import AuthenticationError, BackendError, ServiceUnavailableError

if TYPE_CHECKING:
    from aiohttp import ClientResponseError

    from gateway.plugin import LLMProxyError

_WORD = re.compile(r"[A-Za-z][A-Za-z_]{0,63}")
_SECONDS = re.compile(r"[0-9]{1,6}")


def refused_by_google(exc: ClientResponseError) -> LLMProxyError:
    """
    Return the error for an answer that is not a success.

    Another try may go well where the status is 429 or from 500 on; everything else
    only a person can mend: ``invalid_grant`` for a key that was deleted or a user
    who took back the consent, for instance.
    """
    if exc.status < 400:
        return BackendError(
            "Google's token endpoint answered something else than JSON",
            code="google_no_token",
        )
    word = error_word(exc.message)
    said = f"{exc.status} {word}".strip()
    if exc.status == 429 or exc.status >= 500:
        wait = exc.headers.get("Retry-After", "") if exc.headers else ""
        return ServiceUnavailableError(
            f"Google gives no token now: {said}",
            code="google_unavailable",
            retry_after=float(wait) if _SECONDS.fullmatch(wait) else None,
        )
    return AuthenticationError(
        f"Google refuses the credentials: {said}", code=word or "google_refused"
    )


def unreachable(exc: Exception, *, on_machine: bool) -> LLMProxyError:
    """
    Return the error for a question without an answer.

    Args:
        on_machine: the metadata server was asked, as there is no credentials file.
    """
    if on_machine and isinstance(exc, ClientConnectorDNSError):
        return AuthenticationError(
            "there are no Google credentials: set auth.file or"
            " GOOGLE_APPLICATION_CREDENTIALS; this is no machine of Google's cloud",
            code="missing_credentials",
        )
    who = "the metadata server" if on_machine else "Google's token endpoint"
    slow = isinstance(exc, TimeoutError)
    return ServiceUnavailableError(
        f"{who} {'did not answer in time' if slow else 'cannot be reached'}",
        code="google_unreachable",
    )


def error_word(message: str) -> str:
    """
    Return the word for an error, such as ``invalid_grant``; empty if there is none.

    The library puts the answer's body behind the reason phrase. OAuth has the word in
    ``error``, the IAM service in ``error.status``.
    """
    try:
        body = json.loads(message[message.index("{") :])
    except ValueError:
        return ""
    error = body.get("error") if isinstance(body, dict) else None
    word = error.get("status") if isinstance(error, dict) else error
    return word if isinstance(word, str) and _WORD.fullmatch(word) else ""

"""
Finds AWS credentials as all AWS tools do, in a thread: botocore's search blocks.

Source: https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import frozen

from gateway.plugin import AuthenticationError, ServiceUnavailableError
from gateway.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from botocore.session import Session

T = TypeVar("T")

# Of the whole search: a role's needs two requests, instance metadata three.
SEARCH_DEADLINE = 15.0
# What to do where nothing is found.
_PLACES = (
    "no AWS credentials were found in the environment, a profile, a web identity, a"
    " container or the instance's metadata"
)


@frozen
class Keys:
    """
    What signs requests.

    Attributes:
        expires_at: in unix seconds; endless where nobody said.
    """

    access_key_id: Secret
    secret_access_key: Secret
    session_token: Secret | None = None
    expires_at: float = math.inf

    def are(self, other: Keys) -> bool:
        """Tell whether they are the same, however long they last."""
        return (self.access_key_id, self.session_token) == (
            other.access_key_id,
            other.session_token,
        )


def found_keys(profile: str | None, region: str | None) -> Keys:
    """
    Return what the search finds. It blocks; run it by `deadline`.

    Args:
        profile: of the shared files; without one that of ``AWS_PROFILE``.
        region: whose token service is asked.

    Raises:
        AuthenticationError: there are none, or AWS gives none.
        ServiceUnavailableError: who gives them does not answer.
    """
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        CredentialRetrievalError,
        HTTPClientError,
        MetadataRetrievalError,
        ProfileNotFound,
    )
    from botocore.exceptions import ConnectionError as NoConnectionError

    try:
        return _found(profile, region)
    except ClientError as exc:
        code = str(exc.response.get("Error", {}).get("Code", "unknown"))
        raise _none(f"AWS gives no credentials: {code}") from None
    except (
        NoConnectionError,
        HTTPClientError,
        MetadataRetrievalError,
        CredentialRetrievalError,
    ) as exc:
        raise ServiceUnavailableError(
            f"who gives AWS credentials cannot be asked ({type(exc).__name__})",
            code="credentials_unreachable",
        ) from None
    except ProfileNotFound:
        raise _none(
            "AWS' configuration files have no such profile: see auth.profile,"
            " else AWS_PROFILE"
        ) from None
    except (BotoCoreError, OSError, ValueError, KeyError, RuntimeError) as exc:
        # Their texts quote files, commands and answers.
        what = f"AWS credentials cannot be read ({type(exc).__name__})"
        raise _none(what) from None


def _found(profile: str | None, region: str | None) -> Keys:
    session = _session(profile)
    if region is not None:
        session.set_config_variable("region", region)
    # Anew each time: what botocore holds it renews in whichever thread asks.
    credentials = session.get_credentials()
    if credentials is None:
        raise _none(_PLACES)
    frozen = credentials.get_frozen_credentials()
    expiry = getattr(credentials, "_expiry_time", None)
    return Keys(
        Secret(frozen.access_key),
        Secret(frozen.secret_key),
        Secret(frozen.token) if frozen.token else None,
        math.inf if expiry is None else expiry.timestamp(),
    )


def profile_region(profile: str | None) -> str | None:
    """Return the region that the shared configuration file names, if it does."""
    from botocore.exceptions import BotoCoreError

    try:
        region: str | None = _session(profile).get_config_variable("region")
    except (BotoCoreError, OSError, ValueError):
        return None
    return region


def _session(profile: str | None) -> Session:
    import botocore.session

    # It tells of signatures and tokens, of the latter with the answers they came in;
    # what goes wrong is raised.
    logging.getLogger("botocore").setLevel(logging.CRITICAL)
    return botocore.session.Session(profile=profile)


def _none(what: str) -> AuthenticationError:
    return AuthenticationError(what, code="missing_credentials")


async def deadline(work: Callable[[], T], seconds: float = SEARCH_DEADLINE) -> T:
    """
    Return what *work* returns, from a thread of its own.

    The thread cannot be stopped; unlike one of the event loop's it does not keep the
    process from ending.

    Raises:
        ServiceUnavailableError: it takes longer.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def tell(how: Callable[[Any], None], what: Any) -> None:
        if not outcome.done():
            how(what)

    def run() -> None:
        try:
            how, what = outcome.set_result, work()
        except Exception as exc:  # whoever waits is told
            how, what = outcome.set_exception, exc  # type: ignore[assignment]
        with suppress(RuntimeError):  # the loop is gone
            loop.call_soon_threadsafe(tell, how, what)

    Thread(target=run, name="aws-credentials", daemon=True).start()
    begun = time.monotonic()
    try:
        async with asyncio.timeout(seconds):
            return await outcome
    except TimeoutError:
        raise ServiceUnavailableError(
            f"no AWS credentials in {time.monotonic() - begun:.0f} s",
            code="credentials_timeout",
        ) from None

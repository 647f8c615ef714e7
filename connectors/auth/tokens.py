"""
Bearer tokens that expire: held, renewed ahead of time, fetched once for all who wait.

Where a token comes from is the business of a `Fetch`; here is what all have in
common: `TokenSource` are the `Credentials` of a backend.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import TYPE_CHECKING, TypeAlias

import structlog
from attrs import define, field, frozen

from gateway.plugin import AuthenticationError, LLMProxyError

if TYPE_CHECKING:
    from gateway.plugin import Headers, Outbound
    from gateway.secret import Secret

# Clocks differ, and a request needs a while to arrive: in seconds before the end.
MARGIN = 30.0
# From here on it is renewed while the old one still serves.
AHEAD = 120.0
# After a failure: how long nobody is asked, doubled with each further one.
FIRST_REST = 0.5
LONGEST_REST = 60.0
# How long a renewal that runs may take when the gateway stops: what it was given
# must still be written down.
CLOSING = 3.0
# So often in so many seconds a token is renewed because a provider refused it; one
# that refuses all must not make us hammer the issuer.
FORCED = 5
FORCED_WITHIN = 60.0

_log = structlog.get_logger()


@frozen
class Token:
    """
    What was issued.

    Attributes:
        value: without the word before it.
        expires_at: in unix seconds by our clock; endless where nobody said.
        lifetime: in seconds; where it is short, renewal is not so early.
        headers: that go with it.
    """

    value: Secret
    expires_at: float = math.inf
    lifetime: float = math.inf
    headers: Headers = field(factory=dict)

    @property
    def bearer(self) -> str:
        """Source: RFC 6750, section 2.1."""
        return f"Bearer {self.value.reveal()}"

    def is_fresh(self, now: float) -> bool:
        """Tell whether a request that is sent now arrives in time."""
        return now < self.expires_at - min(MARGIN, self.lifetime / 10)

    def is_due(self, now: float) -> bool:
        """Tell whether it is time to renew it."""
        return now >= self.expires_at - min(AHEAD, self.lifetime / 4)


# Gets a token, in place of one that ends soon or was refused, if there was one.
# It raises AuthenticationError for what only a person can mend, and other children
# of LLMProxyError for what may pass; their `retry_after` is heeded.
Fetch: TypeAlias = Callable[[Token | None], Awaitable[Token]]
# Tells whether the place that tokens come from has been changed by somebody else. Then
# the token that is held may be of an account that shall be used no more.
Glance: TypeAlias = Callable[[], bool]
# The code of an error that says: that place cannot be read. It may be just being
# written, so what is held serves on.
UNREADABLE = "missing_credentials"


@define(eq=False)
class TokenSource:
    """
    The credentials of a backend that wants to see a bearer token.

    Attributes:
        backend: its name, for messages and the log.
        refusal_rest: how long the issuer is not asked again after it has refused
            us for good; where there is a *glance*, a change ends it.
    """

    backend: str
    _fetch: Fetch = field(repr=False)
    _glance: Glance | None = field(default=None, repr=False, kw_only=True)
    refusal_rest: float = field(default=LONGEST_REST, kw_only=True)
    _token: Token | None = field(default=None, init=False, repr=False)
    # An answer that is still on its way may quote it.
    _previous: Token | None = field(default=None, init=False, repr=False)
    _refused: Token | None = field(default=None, init=False, repr=False)
    # Changes that were seen, and how many of them a renewal has followed.
    _changes: int = field(default=0, init=False, repr=False)
    _followed: int = field(default=0, init=False, repr=False)
    _forced: deque[float] = field(
        factory=lambda: deque(maxlen=FORCED), init=False, repr=False
    )
    _renewal: asyncio.Task[None] | None = field(default=None, init=False, repr=False)
    _failure: LLMProxyError | None = field(default=None, init=False, repr=False)
    _failures: int = field(default=0, init=False, repr=False)
    _rests_until: float = field(default=0.0, init=False, repr=False)

    async def sign(self, request: Outbound) -> None:
        """
        Put a valid token into *request*; wait for it if need be.

        Raises:
            AuthenticationError: its issuer refuses us.
            BackendError: its issuer cannot be asked.
        """
        token = await self.token()
        request.headers |= {n.lower(): value for n, value in token.headers.items()}
        request.headers["authorization"] = token.bearer

    async def refused(
        self, request: Outbound, status: int, retry_after: float | None
    ) -> bool:
        """Have the token renewed, once for each request that was answered 401."""
        del retry_after
        return status == 401 and not request.attempt and self.reject(request.headers)

    def reject(self, headers: Headers) -> bool:
        """
        Take note that a provider refuses what is in *headers*.

        Returns:
            Whether it is worth trying once more, with another token.
        """
        token = self._token
        sent = next((v for n, v in headers.items() if n.lower() == "authorization"), "")
        if token is None or sent != token.bearer:
            return True  # there is another one meanwhile
        if token is not self._refused:
            now = time.monotonic()
            if len(self._forced) == FORCED and now - self._forced[0] < FORCED_WITHIN:
                return False
            self._forced.append(now)
            self._refused = token
        return True

    async def token(self) -> Token:
        """
        Return a valid token.

        Raises:
            AuthenticationError: its issuer refuses us.
            BackendError: its issuer cannot be asked.
        """
        while True:
            self._look()
            now, token = time.time(), self._token
            if token is not None and self._serves(token) and token.is_fresh(now):
                if token.is_due(now) and not self._rests():
                    self._renew()
                return token
            if not self._rests():
                # Who waits may be cancelled; the others still wait.
                await asyncio.shield(self._renew())
            if (found := self._outcome()) is not None:
                return found

    async def headers(self) -> Headers:
        """Return what a request must carry, for backends that send their own."""
        token = await self.token()
        return {**token.headers, "Authorization": token.bearer}

    async def close(self) -> None:
        """Let a renewal end that has begun, or give it up."""
        if self._renewal is not None:
            await asyncio.wait([self._renewal], timeout=CLOSING)
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.wait([self._renewal])

    def _look(self) -> None:
        if self._glance is not None and self._glance():
            self._changes += 1
            self._failure = None
            self._failures = 0

    def _serves(self, token: Token) -> bool:
        return self._changes == self._followed and token is not self._refused

    def _rests(self) -> bool:
        return self._failure is not None and time.monotonic() < self._rests_until

    def _outcome(self) -> Token | None:
        """Return what there is now; nothing, if what failed has changed meanwhile."""
        token, failure = self._token, self._failure
        if failure is None:
            return token
        usable = token is not None and token is not self._refused
        # It was too old to be sure of, and there is no other.
        if token is not None and usable and time.time() < token.expires_at:
            return token
        raise _anew(failure, self._rests_until - time.monotonic())

    def _renew(self) -> asyncio.Task[None]:
        if self._renewal is None:
            # It is nobody's request: nothing of the one that began it may show.
            self._renewal = asyncio.create_task(self._renewed(), context=Context())
        return self._renewal

    async def _renewed(self) -> None:
        token, now = self._token, time.time()
        if token is not None and token is not self._refused and not token.is_due(now):
            token = None  # it is well; only something has changed
        changes = self._changes
        try:
            self._take(await self._fetch(token))
        except LLMProxyError as exc:
            if changes != self._followed and exc.code != UNREADABLE:
                self._token = None
            self._failed(exc)
        finally:
            self._followed = changes
            self._renewal = None

    def _take(self, token: Token) -> None:
        self._previous, self._token = self._token, token
        self._refused = self._failure = None
        self._failures = 0

    def _failed(self, exc: LLMProxyError) -> None:
        # Without the frames it came through, which hold more than it tells.
        self._failure = _anew(exc, 0.0)
        if isinstance(exc, AuthenticationError):
            rest = self.refusal_rest if exc.retry_after is None else exc.retry_after
        else:
            rest = min(FIRST_REST * 2.0**self._failures, LONGEST_REST)
            rest = max(rest, min(exc.retry_after or 0.0, LONGEST_REST))
        self._failures = min(self._failures + 1, 16)
        self._rests_until = time.monotonic() + rest
        _log.warning(
            "auth.failed",
            backend=self.backend,
            code=exc.code,
            reason=exc.message,
            details=exc.details,
            rest=rest if rest < math.inf else None,
        )


def _anew(exc: LLMProxyError, rest: float) -> LLMProxyError:
    """Return the error for one more who is told; tracebacks must not pile up."""
    return type(exc)(
        exc.message,
        code=exc.code,
        status_code=exc.status_code,
        retry_after=None if isinstance(exc, AuthenticationError) else max(rest, 1.0),
    )

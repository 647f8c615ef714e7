"""Who may call: keys, pages of other origins, and patience with wrong keys."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections import OrderedDict
from ipaddress import IPv6Address, ip_address
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from attrs import evolve

from gateway.domain.errors import (
    AuthenticationError,
    LLMProxyError,
    PermissionDeniedError,
)
from gateway.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiohttp.web import Request

    from gateway.settings import Server, Settings

_HASHED = "sha256:"
# Of a caller, in hexadecimal digits.
NAME_LENGTH = 32
# Who calls where no key is asked for.
ANYBODY = "local"
_FORWARDED = ("forwarded", "x-forwarded-", "x-real-ip", "via")

# The first wrong keys are slips; after them each answer takes twice as long as
# the one before, up to a limit. A memory of addresses must not grow for ever.
FREE_FAILURES = 5
FIRST_DELAY = 0.25
LONGEST_DELAY = 8.0
FORGET_AFTER = 900.0
MOST_ADDRESSES = 10_000
MOST_WAITING = 64


class TooManyFailuresError(LLMProxyError):
    default_status = 429
    default_code = "too_many_failures"


class Keys:
    """
    A set of keys, of which only hashes are kept.

    A key has enough entropy of its own that a fast hash without salt does.
    """

    def __init__(self, keys: Iterable[Secret]) -> None:
        self._digests = [_configured(key.reveal()) for key in keys]

    def __bool__(self) -> bool:
        return bool(self._digests)

    def match(self, key: str) -> str | None:
        """
        Compare with all of them, in the same time whichever it is.

        Returns:
            A name for the one that fits, of which the key cannot be told.
        """
        digest = _digest(key)
        found = False
        for known in self._digests:
            found |= hmac.compare_digest(known, digest)
        return digest.hex()[:NAME_LENGTH] if found else None


def with_hashed_keys(settings: Settings) -> Settings:
    """Return *settings* without the callers' keys, which only their hashes tell."""
    server = settings.server
    return evolve(
        settings,
        server=evolve(
            server,
            api_keys=tuple(map(_hashed, server.api_keys)),
            admin_keys=tuple(map(_hashed, server.admin_keys)),
        ),
    )


def _hashed(key: Secret) -> Secret:
    return Secret(_HASHED + _configured(key.reveal()).hex())


class Access:
    """Decides who is let in, to the API and to the admin's pages."""

    def __init__(self, settings: Server) -> None:
        self._callers = Keys(settings.api_keys)
        self._admins = Keys(settings.admin_keys)
        self._origins = frozenset(settings.cors_origins)
        self._patience = Patience()

    async def admit(self, request: Request) -> str:
        """
        Let a caller of the API in.

        Returns:
            Who it is: what tells one key from another, and tells no key.

        Raises:
            AuthenticationError: no key, or a wrong one; possibly after a while.
            PermissionDeniedError: a page of a foreign origin, where no key is
                asked for.
        """
        if self._callers:
            return await self._ask_for(self._callers, request)
        origin = request.headers.get("Origin")
        if origin is not None and not self.allows(origin):
            # Or else any page in the user's browser could spend their money.
            raise PermissionDeniedError(
                "this gateway asks for no key, so pages of other origins are "
                f"refused; add {origin!r} to server.cors_origins to let it in",
                code="origin_not_allowed",
            )
        return ANYBODY

    async def admit_admin(self, request: Request) -> None:
        """
        Let in who is on this machine or has an admin key.

        Raises:
            AuthenticationError: neither.
        """
        if not _is_local(request):
            await self._ask_for(self._admins, request)

    @property
    def lets_pages_in(self) -> bool:
        """Whether there is any origin that `allows` lets in."""
        return bool(self._origins) or not self._callers

    def allows(self, origin: str) -> bool:
        """Tell whether a page of *origin* may call from a browser."""
        if "*" in self._origins or origin in self._origins:
            return True
        return not self._callers and is_loopback(_host(origin))

    async def _ask_for(self, keys: Keys, request: Request) -> str:
        key = presented(request)
        if key is not None and (caller := keys.match(key)) is not None:
            return caller
        await self._patience.lose(request.remote or "unix")
        if key is None:
            raise AuthenticationError(
                "no API key: send it as 'Authorization: Bearer KEY'",
                code="missing_api_key",
            )
        raise AuthenticationError("the API key is not valid here")


class Patience:
    """
    Slows down who tries many wrong keys.

    Right keys are never slowed: many callers may share the address of a proxy.
    """

    def __init__(self) -> None:
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._waiting = 0

    async def lose(self, address: str) -> None:
        """
        Note a failure and wait as long as it deserves.

        Raises:
            TooManyFailuresError: too many are waiting already.
        """
        now = monotonic()
        count, last = self._failures.pop(address, (0, now))
        count = 1 if now - last > FORGET_AFTER else count + 1
        self._failures[address] = count, now
        if len(self._failures) > MOST_ADDRESSES:
            self._failures.popitem(last=False)
        if count <= FREE_FAILURES:
            return
        delay = min(
            FIRST_DELAY * 2.0 ** min(count - FREE_FAILURES - 1, 16), LONGEST_DELAY
        )
        if self._waiting >= MOST_WAITING:
            raise TooManyFailuresError(
                "too many requests with wrong keys", retry_after=delay
            )
        self._waiting += 1
        try:
            await asyncio.sleep(delay)
        finally:
            self._waiting -= 1


def presented(request: Request) -> str | None:
    """Return the key that a caller sent, wherever its SDK puts it."""
    headers = request.headers
    authorization = headers.get("Authorization")
    if authorization is not None:
        scheme, _, key = authorization.partition(" ")
        if scheme.lower() == "bearer":
            return key.strip()
    for name in ("x-api-key", "x-goog-api-key", "api-key"):
        if key := headers.get(name, ""):
            return key
    # Gemini's way; whoever logs paths must leave out the query.
    return request.query.get("key") or None


def is_loopback(host: str | None) -> bool:
    if host is None:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    # What comes over IPv4 to a socket for both looks like ::ffff:127.0.0.1.
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _is_local(request: Request) -> bool:
    """
    Tell a person at this machine from who comes through a proxy or a browser.

    A page of a foreign origin may be allowed to call models, not to look here;
    one that rebinds its own name to this address still sends that name.
    """
    if any(name.lower().startswith(_FORWARDED) for name in request.headers):
        return False
    origin = request.headers.get("Origin")
    if origin is not None and not is_loopback(_host(origin)):
        return False
    if request.remote is None or request.remote == "":  # a unix socket
        return True
    return is_loopback(request.remote) and is_loopback(_host(f"//{request.host}"))


def _configured(text: str) -> bytes:
    if text.startswith(_HASHED):
        return bytes.fromhex(text.removeprefix(_HASHED))
    return _digest(text)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()

"""
The refresh-token grant, with a credentials file that others may use as well.

Source: RFC 6749, sections 5 and 6.
"""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING, Any

import structlog
from attrs import define, evolve, field

from connectors.auth.issuer import Client, Issuer, RefusedError, issued
from connectors.auth.tokens import LONGEST_REST, Token
from gateway.plugin import AuthenticationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import ClientSession

    from connectors.auth.credentials_file import CredentialsFile, Stamp, Stored
    from gateway.secret import Secret

_log = structlog.get_logger()


@define(eq=False)
class RefreshGrant:
    """
    Renews the tokens of one file.

    The file is the truth: whoever else renews or replaces it is heard, and what is
    renewed here is there for them. An issuer may give each refresh token for one use
    only, so only one process at a time asks, and reads the file before that.

    Attributes:
        token_urls: the first goes before ``token_uri`` in the file, the second after.
        client_id, client_secret: else those in the file.
    """

    backend: str
    _file: CredentialsFile
    _session: ClientSession = field(repr=False)
    token_urls: tuple[str | None, str | None]
    client_id: str | None
    client_secret: Secret | None
    scope: str | None
    _issuer: Issuer | None = field(default=None, init=False, repr=False)
    # What could not be written down, and what state of the file it stands for.
    _unsaved: tuple[Stamp | None, dict[str, Any]] = field(
        default=(None, {}), init=False, repr=False
    )

    def has_changed(self) -> bool:
        return self._file.has_changed()

    async def fetch(self, stale: Token | None) -> Token:
        """
        Return the file's token if it is another than *stale* and valid, else a new one.

        Raises:
            AuthenticationError: there is no such file, or its owner must sign in anew.
            BackendError: the issuer cannot be asked.
        """
        async with self._file.locked():
            stored = await asyncio.to_thread(self._read)
            token = stored.token
            if token is not None and _replaces(token, stale):
                return token
            try:
                return await self._renew(stored)
            except RefusedError as exc:
                again = await asyncio.to_thread(self._read)
                if exc.error != "invalid_grant":
                    # A setting of the issuer's may be mended there.
                    exc.retry_after = LONGEST_REST
                    raise
                if again.text("refresh_token") == stored.text("refresh_token"):
                    raise self._over(exc) from exc
            # Somebody who knows nothing of our lock was faster.
            return await self._renew(again)

    async def _renew(self, stored: Stored) -> Token:
        refresh_token = stored.secret("refresh_token")
        if refresh_token is None:
            raise self._lacks("refresh_token")
        form: dict[str, str | Secret] = {
            "grant_type": "refresh_token",
            "refresh_token": refresh_token,
        }
        if self.scope is not None:
            form["scope"] = self.scope
        json = await self._ask(stored).grant(self._who(stored), form)
        token = issued(json)
        # Who gives up waiting must not cost us what we were given for good.
        changes = _changes(json, token)
        await asyncio.shield(asyncio.to_thread(self._save, changes))
        return evolve(token, headers=stored.headers)

    def _ask(self, stored: Stored) -> Issuer:
        url = self.token_urls[0] or stored.text("token_uri") or self.token_urls[1]
        if url is None:
            raise self._lacks("token_uri, and auth.token_url is not set")
        if self._issuer is None or self._issuer.url != url:
            self._issuer = Issuer(url, self._session)
        return self._issuer

    def _who(self, stored: Stored) -> Client | None:
        on_file = stored.text("client_id")
        client_id, secret = self.client_id or on_file, self.client_secret
        if client_id is None:
            return None
        if secret is None and client_id == on_file:
            secret = stored.secret("client_secret")
        return Client(client_id, secret)

    def _read(self) -> Stored:
        stored = self._file.read()
        stamp, changes = self._unsaved
        return stored if stamp != self._file.seen else stored.over(changes)

    def _save(self, changes: dict[str, Any]) -> None:
        try:
            self._file.write(changes)
        except (OSError, AuthenticationError) as exc:
            # It serves us as long as we run; a refresh token for one use is lost then.
            self._unsaved = self._file.seen, changes
            _log.warning(
                "auth.not_saved",
                backend=self.backend,
                file=str(self._file.path),
                reason=getattr(exc, "strerror", None) or str(exc),
                rotated="refresh_token" in changes,
            )

    def _over(self, exc: RefusedError) -> AuthenticationError:
        return AuthenticationError(
            f"{exc.message}; somebody must sign in anew and replace the credentials"
            f" file ({self._file.place})",
            code="oauth_invalid_grant",
            details=exc.details,
        )

    def _lacks(self, what: str) -> AuthenticationError:
        return AuthenticationError(
            f"the credentials file ({self._file.place}) has no {what}",
            code="incomplete_credentials",
            details={"file": str(self._file.path)},
        )


def _replaces(token: Token, stale: Token | None) -> bool:
    """Tell whether *token* will do in place of *stale*."""
    another = stale is None or token.value != stale.value
    return another and token.is_fresh(time.time())


def _changes(json: Mapping[str, Any], token: Token) -> dict[str, Any]:
    """Return what an answer changes in the file; without one, a refresh token stays."""
    changes: dict[str, Any] = {
        "access_token": token.value.reveal(),
        "token_type": json.get("token_type", "Bearer"),
        "expiry_date": None
        if token.expires_at == math.inf
        else int(token.expires_at * 1000),
    }
    refresh_token = json.get("refresh_token")
    if isinstance(refresh_token, str) and refresh_token:
        changes["refresh_token"] = refresh_token
    return changes

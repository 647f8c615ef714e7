"""What makes a request acceptable to a provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from attrs import define, field, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import ClientSession
    from yarl import URL

    from gateway.plugin.backend import Headers
    from gateway.plugin.connector import Auth
    from gateway.secret import Secret
    from gateway.settings import Auth as AuthSettings


def _no_auth(_key: str) -> Headers:
    return {}


@define
class Outbound:
    """
    A request that is about to be sent.

    Attributes:
        url: may be replaced.
        headers: may be changed in place.
        body: as it is sent.
        auth: how the dialect sends a key.
        attempt: 0, or how often it was refused before.
        answer: the headers of the refusal, for `Credentials.refused`.
        tried: for the credentials to note what they have tried; of all tries of one
            request it is the same list.
    """

    method: str
    url: URL = field(repr=False)
    headers: Headers = field(repr=False)
    body: bytes = field(default=b"", repr=False)
    auth: Auth = field(default=_no_auth, repr=False)
    attempt: int = 0
    answer: Mapping[str, str] = field(factory=dict, repr=False)
    tried: list[Any] = field(factory=list, repr=False)


@frozen
class Fixed:
    """Credentials that are the same for every request: headers, or query members."""

    headers: Headers = field(factory=dict, repr=False)
    query: Mapping[str, str] = field(factory=dict, repr=False)

    @classmethod
    def of(cls, auth: Auth, key: str) -> Fixed:
        """Return *key* as *auth* sends it."""
        made = auth(key)
        return made if isinstance(made, Fixed) else cls(made)

    def put(self, request: Outbound) -> None:
        """Complete *request*."""
        request.headers |= {n.lower(): value for n, value in self.headers.items()}
        if self.query:
            request.url = request.url.update_query(self.query)


class Credentials(Protocol):
    """
    Credentials that change: they expire, are many, or depend on the request.

    One object serves all requests of a backend, at the same time. It shows no key
    and no token in its ``repr``, its errors and its logs.
    """

    async def sign(self, request: Outbound) -> None:
        """
        Put into *request* what the provider wants to see; wait for it if need be.

        Raises:
            AuthenticationError: there is none, or its issuer refuses it.
            BackendError: its issuer cannot be asked.
        """

    async def refused(
        self, request: Outbound, status: int, retry_after: float | None
    ) -> bool:
        """
        Take note that *request* was answered 401, 403 or 429.

        Returns:
            Whether it is worth sending once more, signed anew.
        """

    async def close(self) -> None:
        """Release what was taken."""


@frozen
class Account:
    """
    What one instance of a backend has to make `Credentials` of.

    Attributes:
        backend: the instance's name, for messages.
        key: the API key, where there is one.
        auth: the instance's ``auth`` section.
        extra: the instance's ``extra`` section.
        environ: the environment.
        session: the backend's; only for use once a request is signed.
    """

    backend: str
    key: Secret | None
    auth: AuthSettings
    extra: Mapping[str, Any] = field(repr=False)
    environ: Mapping[str, str] = field(repr=False)
    session: ClientSession

"""
Google's application default credentials: ``auth: {type: google}``.

What a credentials file or the machine's metadata server stands for is exchanged by
``gcloud-aio-auth``; how long the token is held, and who waits for it, is the business
of `connectors.auth.tokens`. The file is read anew for each token, so that it can be
replaced while the gateway runs.

Sources: https://docs.cloud.google.com/docs/authentication/application-default-credentials,
https://google.aip.dev/auth/4110
"""

from __future__ import annotations

import asyncio
import io
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from aiohttp import ClientError, ClientResponseError
from attrs import define, field
from yarl import URL

from connectors.auth.google_errors import refused_by_google, unreachable
from connectors.auth.google_files import checked, load_key, read_credentials
from connectors.auth.issuer import is_token
from connectors.auth.options import absolute, only
from connectors.auth.tokens import Token, TokenSource
from gateway.plugin import AuthenticationError, BackendError, ConfigurationError
from gateway.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import ClientSession

    from gateway.domain.reply import Json
    from gateway.plugin import Account, Outbound

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
# Stands for the project in an address until the credentials tell which is theirs. No
# project is called so; with credentials that tell nothing, Google's error quotes it.
PROJECT = "-set-extra.project-"
# Who pays, where that is not the project in the address.
QUOTA_HEADER = "x-goog-user-project"
METADATA = "metadata.google.internal"
# Members of a credentials file that nobody shall see.
SECRETS = ("private_key", "refresh_token", "client_secret")
# Of one request to who issues tokens; Google's own libraries wait as long.
TIMEOUT = 10


def make(account: Account) -> GoogleCredentials:
    """
    Return the credentials of one backend; nothing is read or asked yet.

    Raises:
        ConfigurationError: the library for them is missing, or a setting is wrong.
    """
    only(account, "file", "token_url", "scope")
    if account.auth.file:
        absolute(Path(account.auth.file), "auth.file")
    try:
        import gcloud.aio.auth  # noqa: F401 - only with the extra, and heavy
    except ImportError as exc:
        raise ConfigurationError(
            'Google\'s credentials need a library: pip install "sluicegate[google]"',
            code="missing_library",
        ) from exc
    issuer = Issuer.of(account)
    return GoogleCredentials(TokenSource(account.backend, issuer.fetch), issuer)


@define(eq=False)
class GoogleCredentials:
    """Puts Google's token into a request, and the project into its address."""

    _source: TokenSource
    _issuer: Issuer

    async def sign(self, request: Outbound) -> None:
        """
        Complete *request*.

        Raises:
            AuthenticationError: there are no credentials, or Google refuses them.
            BackendError: Google cannot be asked.
        """
        await self._source.sign(request)
        if PROJECT in request.url.raw_path:
            text = str(request.url).replace(PROJECT, self._issuer.project())
            request.url = URL(text, encoded=True)

    async def refused(
        self, request: Outbound, status: int, retry_after: float | None
    ) -> bool:
        """Renew the token, once, if *request* was answered 401."""
        return await self._source.refused(request, status, retry_after)

    async def close(self) -> None:
        """End a renewal that runs."""
        await self._source.close()


@define(eq=False)
class Issuer:
    """
    Gets tokens for what is configured, or found where Google's own tools look.

    Attributes:
        metadata: the metadata server's host, with the port where it has one.
        quota_project: who pays; else what the credentials file says.
    """

    _session: ClientSession = field(repr=False)
    _environ: Mapping[str, str] = field(repr=False)
    _file: str | None
    _token_url: str | None
    _scopes: tuple[str, ...]
    metadata: str
    quota_project: str
    _project: str = field(default="", init=False)
    # While they live, they are masked in whatever is logged.
    _hidden: tuple[Secret, ...] = field(default=(), init=False, repr=False)

    @classmethod
    def of(cls, account: Account) -> Issuer:
        auth, environ = account.auth, account.environ
        quota = account.extra.get("quota_project")
        return cls(
            account.session,
            environ,
            auth.file,
            auth.token_url,
            tuple(auth.scope.split()) if auth.scope else (SCOPE,),
            metadata=environ.get("GCE_METADATA_HOST")
            or environ.get("GCE_METADATA_ROOT")
            or METADATA,
            quota_project=str(quota or environ.get("GOOGLE_CLOUD_QUOTA_PROJECT", "")),
        )

    async def fetch(self, _old: Token | None) -> Token:
        """
        Return a new token.

        Raises:
            AuthenticationError: the credentials are missing, broken or refused.
            BackendError: it cannot be had now.
        """
        data = await asyncio.to_thread(self._data)
        self._hidden = tuple(
            Secret(str(data[name])) for name in SECRETS if name in data
        )
        issued, lifetime = await self._asked(data)
        if data:
            self._project = str(data.get("project_id") or "")
        else:
            self._project = self._project or await self._project_of_machine()
        quota = self.quota_project or data.get("quota_project_id")
        return Token(
            issued,
            time.time() + lifetime,
            lifetime,
            {QUOTA_HEADER: str(quota)} if quota else {},
        )

    def project(self) -> str:
        """
        Return the project that the credentials belong to, once there is a token.

        Raises:
            AuthenticationError: nobody says.
        """
        if not self._project:
            raise AuthenticationError(
                "Google's credentials name no project: set extra.project"
                " or GOOGLE_CLOUD_PROJECT",
                code="missing_project",
            )
        return self._project

    def _data(self) -> dict[str, Json]:
        """Return what the credentials file says; empty where there is none."""
        path = self._file or self._environ.get("GOOGLE_APPLICATION_CREDENTIALS")
        if path:
            return checked(read_credentials(Path(path)), path)
        # Only where somebody named the file it must be there.
        known = well_known(self._environ)
        return checked(read_credentials(known), str(known)) if known.exists() else {}

    async def _asked(self, data: dict[str, Json]) -> tuple[Secret, int]:
        """Return a token, and for how many seconds it is good."""
        try:
            issued = await self._exchange(data).refresh(timeout=TIMEOUT)
            if not is_token(issued.value):
                raise ValueError
            return Secret(issued.value), int(issued.expires_in)
        except ClientResponseError as exc:
            # Not chained: it quotes what was sent.
            raise refused_by_google(exc) from None
        except (ClientError, TimeoutError) as exc:
            raise unreachable(exc, on_machine=not data) from None
        except (KeyError, TypeError, ValueError) as exc:
            raise BackendError(
                f"Google's answer holds no token ({type(exc).__name__})",
                code="google_no_token",
            ) from None

    def _exchange(self, data: dict[str, Json]) -> Any:
        """Return the library's object for one exchange; it keeps nothing."""
        from gcloud.aio.auth import Token as Exchange

        if self._token_url:
            data = {**data, "token_uri": self._token_url} if data else data
            data = {**data, "token_url": self._token_url} if data else data
        exchange = Exchange(
            service_file=io.StringIO(json.dumps(data)),
            session=cast("Any", self._session),
            scopes=list(self._scopes),
        )
        if "private_key" in data:
            key = load_key(data["private_key"])
            exchange.service_data = {**data, "private_key": key}
        if not data:
            # It has taken the host from the environment of its own import.
            exchange.token_uri = self._token_url or (
                f"{self._metadata_url}/instance/service-accounts/default/token"
            )
        return exchange

    @property
    def _metadata_url(self) -> str:
        return f"http://{self.metadata}/computeMetadata/v1"

    async def _project_of_machine(self) -> str:
        """Return its project; empty where it does not tell."""
        url = f"{self._metadata_url}/project/project-id"
        headers = {"Metadata-Flavor": "Google"}
        try:
            async with (
                asyncio.timeout(TIMEOUT),
                self._session.get(url, headers=headers) as response,
            ):
                return await response.text() if response.status == 200 else ""
        except (ClientError, TimeoutError):
            return ""


def well_known(environ: Mapping[str, str]) -> Path:
    """Return where ``gcloud auth application-default login`` leaves its file."""
    folder = environ.get("CLOUDSDK_CONFIG")
    home = Path(environ.get("HOME") or Path.home())
    base = Path(folder) if folder else home / ".config" / "gcloud"
    return base / "application_default_credentials.json"

"""
OAuth 2 without a person present: the refresh-token and client-credentials grants.

Source: RFC 6749, section 4.4; the other one is in `connectors.auth.refreshing`.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.auth.credentials_file import CredentialsFile
from connectors.auth.issuer import Client, Issuer, issued
from connectors.auth.options import absolute, only
from connectors.auth.refreshing import RefreshGrant
from connectors.auth.tokens import Token, TokenSource
from gateway.plugin import ConfigurationError

if TYPE_CHECKING:
    from aiohttp import ClientSession

    from gateway.plugin import Account
    from gateway.secret import Secret

# Source: https://developers.google.com/identity/protocols/oauth2/web-server#offline
GOOGLE_TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105

# -- what `auth: {type: ...}` names


def make_refresh(account: Account) -> TokenSource:
    """
    Return the credentials for ``auth: {type: oauth-refresh}``.

    Raises:
        ConfigurationError: there is no file, or nowhere to renew a token.
    """
    only(account, "file", "token_url", "client_id", "client_secret", "scope")
    auth = account.auth
    path, place = credentials_path(account)
    return from_file(
        account.session,
        path,
        backend=account.backend,
        place=place,
        token_url=auth.token_url,
        client_id=auth.client_id,
        client_secret=auth.client_secret,
        scope=auth.scope,
    )


def make_client(account: Account) -> TokenSource:
    """
    Return the credentials for ``auth: {type: oauth-client}``.

    Raises:
        ConfigurationError: something is missing.
    """
    only(account, "token_url", "client_id", "client_secret", "scope", "audience")
    auth = account.auth
    if auth.token_url is None:
        raise _missing("auth.token_url", account)
    if auth.client_id is None:
        raise _missing("auth.client_id", account)
    if auth.client_secret is None:
        raise _missing("auth.client_secret", account)
    return client_credentials(
        account.session,
        auth.token_url,
        auth.client_id,
        auth.client_secret,
        backend=account.backend,
        scope=auth.scope,
        audience=auth.audience,
    )


def credentials_path(account: Account, default: str | None = None) -> tuple[Path, str]:
    """
    Return where the credentials file is, and the setting that says so.

    Raises:
        ConfigurationError: nothing says so, or it is no path.
    """
    given = account.extra.get("oauth_creds_path")
    if account.auth.file is not None:
        if given is not None:
            raise ConfigurationError(
                "auth.file and extra.oauth_creds_path say the same: give one of them",
                code="bad_credentials",
                param="auth.file",
            )
        path = Path(account.auth.file).expanduser()
        return absolute(path, "auth.file"), "auth.file"
    given = default if given is None else given
    if given is None:
        raise _missing("auth.file or extra.oauth_creds_path", account)
    if not isinstance(given, str) or not given:
        raise ConfigurationError(
            "extra.oauth_creds_path must be a path",
            code="bad_credentials",
            param="extra.oauth_creds_path",
        )
    return Path(given).expanduser(), "extra.oauth_creds_path"


def _missing(what: str, account: Account) -> ConfigurationError:
    kind = account.auth.type or account.backend
    return ConfigurationError(f"{kind} needs {what}", code="missing_credentials")


# -- the same for backends that send their own requests


def from_file(
    session: ClientSession,
    path: str | Path,
    *,
    backend: str = "",
    place: str = "oauth_creds_path",
    token_url: str | None = None,
    default_token_url: str | None = None,
    client_id: str | None = None,
    client_secret: Secret | None = None,
    scope: str | None = None,
) -> TokenSource:
    """
    Return the tokens of the credentials file at *path*, which is kept up to date.

    Nothing is read before a token is asked for. What is not given here is looked for
    in the file.

    Args:
        place: what names the path in the configuration, for messages.
        token_url: else ``token_uri`` in the file, else *default_token_url*.
    """
    file = CredentialsFile(Path(path).expanduser(), place)
    urls = token_url, default_token_url
    grant = RefreshGrant(backend, file, session, urls, client_id, client_secret, scope)
    return TokenSource(
        backend, grant.fetch, glance=grant.has_changed, refusal_rest=math.inf
    )


def client_credentials(
    session: ClientSession,
    token_url: str,
    client_id: str,
    client_secret: Secret,
    *,
    backend: str = "",
    scope: str | None = None,
    audience: str | None = None,
) -> TokenSource:
    """Return the tokens that the issuer gives to the client itself."""
    issuer = Issuer(token_url, session)
    client = Client(client_id, client_secret)
    wishes = {"scope": scope, "audience": audience}
    form: dict[str, str | Secret] = {"grant_type": "client_credentials"}
    form |= {name: value for name, value in wishes.items() if value is not None}

    async def fetch(stale: Token | None) -> Token:
        del stale  # there is always another one
        return issued(await issuer.grant(client, form))

    return TokenSource(backend, fetch)

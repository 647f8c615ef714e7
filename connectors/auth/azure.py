"""
Microsoft Entra: an application's own tokens, by a secret or a federated identity.

Source: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow,
https://learn.microsoft.com/azure/ai-services/openai/how-to/managed-identity
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.auth.issuer import ask, is_token, issued
from connectors.auth.options import absolute, only
from connectors.auth.tokens import Token, TokenSource
from gateway.plugin import AuthenticationError, ConfigurationError
from gateway.secret import Secret

if TYPE_CHECKING:
    from gateway.plugin import Account

AUTHORITY = "https://login.microsoftonline.com"
SCOPE = "https://cognitiveservices.azure.com/.default"
# Source: RFC 7523, section 2.2
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LARGEST = 64 * 1024
TAKES = ("tenant", "client_id", "client_secret", "file", "scope", "token_url")

# An id or a domain.
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,127}")


def make(account: Account) -> TokenSource:
    """
    Return the credentials for ``auth: {type: azure}``.

    What the section does not say is read from the variables of Azure's own SDKs:
    https://learn.microsoft.com/python/api/azure-identity/azure.identity.environmentcredential

    Raises:
        ConfigurationError: something is missing.
    """
    only(account, *TAKES)
    auth = account.auth
    url = auth.token_url or _token_url(account)
    client_id = auth.client_id or account.environ.get("AZURE_CLIENT_ID")
    if not client_id:
        raise _missing("auth.client_id or AZURE_CLIENT_ID")
    form = {
        "grant_type": "client_credentials",
        "client_id": client_id,
        "scope": auth.scope or SCOPE,
    }
    secret, file = _proof(account)

    async def fetch(stale: Token | None) -> Token:
        del stale  # there is always another one
        if secret is not None:
            proof: dict[str, str | Secret] = {"client_secret": secret}
        else:
            # Whoever gives it out replaces it every hour or so.
            assertion = await asyncio.to_thread(_assertion, file)
            proof = {"client_assertion_type": ASSERTION, "client_assertion": assertion}
        return issued(await ask(account.session, url, {**form, **proof}))

    return TokenSource(account.backend, fetch)


def _token_url(account: Account) -> str:
    tenant = account.auth.tenant or account.environ.get("AZURE_TENANT_ID")
    if not tenant:
        raise _missing("auth.tenant or AZURE_TENANT_ID")
    if not _TENANT.fullmatch(tenant):
        raise ConfigurationError(
            "auth.tenant is neither the id nor the domain of a tenant",
            code="bad_credentials",
            param="auth.tenant",
        )
    authority = account.environ.get("AZURE_AUTHORITY_HOST") or AUTHORITY
    if "://" not in authority:
        authority = f"https://{authority}"
    return f"{authority.rstrip('/')}/{tenant}/oauth2/v2.0/token"


def _proof(account: Account) -> tuple[Secret | None, Path]:
    """Return the client's secret, or where its federated token is; settings first."""
    auth, environ = account.auth, account.environ
    if auth.client_secret is not None:
        return auth.client_secret, Path()
    if auth.file is not None:
        return None, absolute(Path(auth.file), "auth.file")
    if secret := environ.get("AZURE_CLIENT_SECRET"):
        return Secret(secret), Path()
    if file := environ.get("AZURE_FEDERATED_TOKEN_FILE"):
        return None, Path(file)
    raise _missing(
        "auth.client_secret, AZURE_CLIENT_SECRET, or the federated token's auth.file"
        " or AZURE_FEDERATED_TOKEN_FILE"
    )


def _assertion(file: Path) -> Secret:
    try:
        with file.open("rb") as opened:
            text = opened.read(LARGEST).decode("latin-1").strip()
    except OSError as exc:
        raise _unreadable(file, exc.strerror or "it cannot be read") from exc
    if not is_token(text):
        raise _unreadable(file, "it holds no token")
    return Secret(text)


def _unreadable(file: Path, why: str) -> AuthenticationError:
    return AuthenticationError(
        f"there is no federated token: {why}",
        code="missing_credentials",
        details={"file": str(file)},
        retry_after=5.0,  # it may just not be there yet
    )


def _missing(what: str) -> ConfigurationError:
    return ConfigurationError(f"azure needs {what}", code="missing_credentials")

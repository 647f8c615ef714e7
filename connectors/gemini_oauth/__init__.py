"""
Gemini for whoever has signed in with OAuth instead of making an API key.

The tokens come from a credentials file as a sign-in leaves it, and are kept valid;
what is asked and answered is just as with the type ``gemini``.

Source: https://ai.google.dev/gemini-api/docs/oauth
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from connectors.auth import bearer
from connectors.auth.options import only
from connectors.gemini import GEMINI
from gateway.secret import Secret

if TYPE_CHECKING:
    from connectors.auth.tokens import TokenSource
    from gateway.plugin import Account

# As in the guide; relative to where the gateway was started.
CREDENTIALS_FILE = "oauth_creds.json"
CLIENT_ID = "GEMINI_OAUTH_CLIENT_ID"
CLIENT_SECRET = "GEMINI_OAUTH_CLIENT_SECRET"  # noqa: S105


def credentials(account: Account) -> TokenSource:
    """
    Return what keeps the tokens of ``extra.oauth_creds_path`` valid.

    The client is that of the ``auth`` section, the environment or the file, in this
    order; it must be the one that the sign-in was made with.

    Raises:
        ConfigurationError: the path is none.
    """
    # What does I/O is loaded where it is used.
    from connectors.auth.oauth import GOOGLE_TOKEN_URL, credentials_path, from_file

    only(account, "file", "token_url", "client_id", "client_secret", "scope")
    auth, environ = account.auth, account.environ
    path, place = credentials_path(account, CREDENTIALS_FILE)
    client_id, client_secret = auth.client_id, auth.client_secret
    if client_id is None:
        client_id = environ.get(CLIENT_ID) or None
        if client_secret is None and environ.get(CLIENT_SECRET):
            client_secret = Secret(environ[CLIENT_SECRET])
    return from_file(
        account.session,
        path,
        backend=account.backend,
        place=place,
        token_url=auth.token_url,
        default_token_url=GOOGLE_TOKEN_URL,
        client_id=client_id,
        client_secret=client_secret,
        scope=auth.scope,
    )


GEMINI_OAUTH = evolve(
    GEMINI,
    name="gemini-oauth",
    extras=("oauth_creds_path", "quota_project"),
    title="Gemini with OAuth",
    key_env=(),
    auth=bearer,
    credentials=credentials,
    quirks=(
        (
            "Tokens come from the credentials file that `extra.oauth_creds_path` names"
            " (`oauth_creds.json` unless set), and are renewed in it."
        ),
        (
            "The OAuth client is `auth.client_id` and `auth.client_secret`, else"
            f" `{CLIENT_ID}` and `{CLIENT_SECRET}`, else that of the file."
        ),
    ),
    docs="https://ai.google.dev/gemini-api/docs/oauth",
)

"""
Google's credentials files: what must be in them.

Sources: https://google.aip.dev/auth/4112 (service accounts),
https://google.aip.dev/auth/4113 (authorized users),
https://google.aip.dev/auth/4117 (external accounts)
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.plugin import AuthenticationError

if TYPE_CHECKING:
    from gateway.domain.reply import Json

# By type, what an exchange needs.
NEEDED: dict[str, tuple[str, ...]] = {
    "service_account": ("client_email", "private_key"),
    "authorized_user": ("client_id", "client_secret", "refresh_token"),
    "external_account": (
        *("audience", "credential_source", "subject_token_type", "token_url"),
    ),
    "impersonated_service_account": (
        *("service_account_impersonation_url", "source_credentials"),
    ),
}
_LARGEST = 1024 * 1024


def read_credentials(path: Path) -> Json:
    """
    Return the JSON of a credentials file.

    Raises:
        AuthenticationError: it cannot be read, or is none. Nothing of what it says
            is in the message.
    """
    try:
        with path.open("rb") as file:
            return json.loads(file.read(_LARGEST))
    except OSError as exc:
        raise _bad(str(path), f"cannot be read: {exc.strerror or exc}") from exc
    except ValueError:
        raise _bad(str(path), "is not JSON") from None


def checked(data: Json, path: str) -> dict[str, Json]:
    """
    Return *data* if an exchange can be tried with it.

    Args:
        path: for the log.

    Raises:
        AuthenticationError: it lacks something, or is of a kind that is not known.
    """
    if not isinstance(data, dict) or not isinstance(data.get("type"), str):
        raise _bad(path, "is no credentials file of Google's: it has no type")
    kind = data["type"]
    if kind not in NEEDED:
        raise _bad(path, f"is of a type that is none of {', '.join(NEEDED)}")
    missing = [name for name in NEEDED[kind] if not data.get(name)]
    if missing:
        raise _bad(path, f"lacks {', '.join(missing)}")
    if kind == "service_account":
        _check_key(data["private_key"], path)
    elif kind == "external_account":
        _check_source(data["credential_source"], path)
    elif kind == "impersonated_service_account":
        _check_person(data["source_credentials"], path)
    return data


def load_key(pem: Json) -> Any:
    """
    Return the private key, to sign with.

    Whether its numbers fit together is not looked at, which takes long enough for
    streams to stall; if they do not, the issuer refuses the signature.

    Raises:
        ValueError, TypeError: it is none.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(
            str(pem).encode(), password=None, unsafe_skip_rsa_key_validation=True
        )
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Not chained: what could not be read is the key.
        raise ValueError("no PEM key") from None
    if not isinstance(key, RSAPrivateKey):
        raise TypeError("no RSA key")
    return key


def _check_key(pem: Json, path: str) -> None:
    try:
        load_key(pem)
    except (ValueError, TypeError):
        raise _bad(path, "holds a private_key that is no RSA key") from None


def _check_source(source: Json, path: str) -> None:
    """Source: https://google.aip.dev/auth/4117"""
    place = source if isinstance(source, dict) else {}
    aws = str(place.get("environment_id", "")).startswith("aws")
    if aws or "executable" in place or not {"file", "url"} & place.keys():
        raise _bad(path, "has a credential_source that is neither file nor url")
    if "file" in place:
        try:
            Path(str(place["file"])).open("rb").close()
        except OSError as exc:
            why = exc.strerror or type(exc).__name__
            raise _bad(
                path, f"names a token's file that cannot be read: {why}"
            ) from exc


def _check_person(source: Json, path: str) -> None:
    person = source if isinstance(source, dict) else {}
    if not all(person.get(name) for name in NEEDED["authorized_user"]):
        raise _bad(path, "has source_credentials that are no authorized user's")


def _bad(path: str, why: str) -> AuthenticationError:
    # Callers are told, too, and where files are on this machine is not their business.
    return AuthenticationError(
        f"Google's credentials file {why}",
        code="bad_credentials_file",
        details={"file": path},
    )

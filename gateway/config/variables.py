"""What a text in the file stands for: ``${NAME}``, ``file:``, ``credential:``."""

from __future__ import annotations

import errno
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from gateway.config.problems import RefusedError
from gateway.config.tree import Text
from gateway.secret import Secret

_REFERENCE = re.compile(
    r"\$\$\{|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<default>:-[^}]*)?\}|\$\{"
)

# A key, a token, a service account's JSON; what is larger is the wrong file.
_LARGEST = 64 * 1024

# Secrets go into headers and URLs, where a line break would begin something else.
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def fill(text: str, environ: Mapping[str, str]) -> str:
    """
    Replace ``${NAME}`` and ``${NAME:-default}``; ``$${`` stands for ``${``.

    As in a shell, the default also stands in for an empty variable.

    Raises:
        RefusedError: a variable is not set, or a reference is not well-formed.
    """
    names: list[str] = []
    missing: list[str] = []

    def value(match: re.Match[str]) -> str:
        name, default = match["name"], match["default"]
        if name is None:
            if match[0] == "${":
                raise RefusedError("expected a name and } after ${; a plain ${ is $${")
            return "${"
        names.append(name)
        if default is not None:
            return environ.get(name) or default[2:]
        if name not in environ:
            missing.append(name)
        return environ.get(name, "")

    filled = _REFERENCE.sub(value, text)
    if missing:
        raise RefusedError(f"environment variable {' and '.join(missing)} is not set")
    if names:
        return Text(filled, " ".join(f"${{{name}}}" for name in names))
    return filled


def read_secret(text: str, environ: Mapping[str, str]) -> Secret:
    """
    Return the secret that *text* is, or that it says the place of.

    Raises:
        RefusedError: it cannot be had, or is nothing that fits on one line.
    """
    if text.startswith("file:"):
        value = _content("file", Path(text.removeprefix("file:")))
    elif text.startswith("credential:"):
        value = _content(
            "credential", _credential(text.removeprefix("credential:"), environ)
        )
    else:
        value = text
    if not value:
        raise RefusedError("expected a secret, got an empty text")
    if _CONTROL.search(value):
        raise RefusedError("expected a secret on one line, without control characters")
    return Secret(value)


def _credential(name: str, environ: Mapping[str, str]) -> Path:
    folder = environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        raise RefusedError(
            "credential: needs CREDENTIALS_DIRECTORY, which systemd sets"
            " for a unit with LoadCredential="
        )
    if not name or "/" in name or name in {".", ".."}:
        raise RefusedError("expected the name of a credential after `credential:`")
    return Path(folder, name)


def _content(kind: str, path: Path) -> str:
    if kind == "file" and not path.is_absolute():
        raise RefusedError("expected an absolute path after `file:`")
    try:
        raw = _read(path)
        text = raw.decode()
    except OSError as exc:
        raise RefusedError(f"cannot read {kind} {path}: {exc.strerror}") from exc
    except ValueError as exc:
        raise RefusedError(
            f"cannot read {kind}: its path or content is not text"
        ) from exc
    if len(raw) > _LARGEST:
        raise RefusedError(f"cannot use {kind} {path}: larger than {_LARGEST} bytes")
    return text.removesuffix("\n").removesuffix("\r")


def _read(path: Path) -> bytes:
    # A pipe or a device would be waited for without end.
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "not a regular file")
    with path.open("rb") as opened:
        return opened.read(_LARGEST + 1)

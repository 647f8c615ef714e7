"""Which file the answers are kept in, and for whom."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.store.base import NoStore, ResponseStore

if TYPE_CHECKING:
    from gateway.settings import Responses

OFF = "none"
_NAME = "responses.sqlite"


def open_store(settings: Responses, environ: Mapping[str, str]) -> ResponseStore:
    """Return the store that *settings* ask for; it makes no file before its time."""
    if settings.file == OFF:
        return NoStore()
    # Not needed, and not loaded, before somebody speaks this dialect.
    from gateway.store.sqlite import SqliteStore

    file = Path(settings.file) if settings.file else usual_file(environ)
    return SqliteStore(file, settings.retention, settings.max_size)


def usual_file(environ: Mapping[str, str]) -> Path:
    """
    Return where the file is if nobody says.

    Source: https://www.freedesktop.org/software/systemd/man/systemd.exec.html
    (STATE_DIRECTORY, several with colons) and the XDG Base Directory
    Specification (XDG_STATE_HOME, relative paths are to be ignored).
    """
    if directory := environ.get("STATE_DIRECTORY", "").partition(":")[0]:
        return Path(directory) / _NAME
    if (state := environ.get("XDG_STATE_HOME", "")).startswith("/"):
        return Path(state) / "sluicegate" / _NAME
    if home := environ.get("HOME"):
        return Path(home) / ".local" / "state" / "sluicegate" / _NAME
    return Path("/var/lib/sluicegate") / _NAME

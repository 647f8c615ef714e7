"""``sluicegate import litellm FILE``"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import yaml

from gateway.importing import UnreadableError
from gateway.importing.litellm import convert
from gateway.importing.writing import write

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.importing import Missed


def run(file: Path, output: Path | None, *, force: bool) -> int:
    """
    Write our configuration, and on standard error what is not in it.

    Args:
        output: where to; ``None`` for standard output.
        force: replace *output* if it is there.

    Returns:
        The exit status; 1 if nothing was written.
    """
    try:
        imported = convert(_read(file))
        text = write(imported)
        if output is None:
            sys.stdout.write(text)
        else:
            _save(output, text, force=force)
    except UnreadableError as exc:
        print(f"sluicegate: {file}: {exc}", file=sys.stderr)
        return 1
    except OSError as exc:
        print(f"sluicegate: {exc.filename}: {exc.strerror}", file=sys.stderr)
        return 1
    _report(imported.missed)
    return 0


def _read(file: Path) -> Any:
    try:
        return yaml.safe_load(file.read_text("utf-8"))
    except UnicodeDecodeError:
        raise UnreadableError("it is no UTF-8 text") from None
    except (yaml.YAMLError, ValueError, RecursionError) as exc:
        # What the parser says quotes the file, which may hold keys.
        mark = getattr(exc, "problem_mark", None)
        where = f", see line {mark.line + 1}" if mark else ""
        raise UnreadableError(f"it is no YAML{where}") from None


def _save(output: Path, text: str, *, force: bool) -> None:
    try:
        with output.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as exc:
        exc.strerror = "it is there already; --force replaces it"
        raise


def _report(missed: Missed) -> None:
    if not missed.found:
        return
    print(f"Not carried over ({len(missed.found)}):", file=sys.stderr)
    for path, why in missed.found:
        print(f"  {path}: {why}", file=sys.stderr)

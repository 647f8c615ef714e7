"""``python -m gateway.config docs/configuration.md`` renews the tables in it."""

from __future__ import annotations

import sys
from pathlib import Path

from gateway.config.reference import renewed


def main(*names: str) -> None:
    for name in names:
        path = Path(name)
        path.write_text(renewed(path.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])

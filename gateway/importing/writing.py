"""Our configuration as a file that a person goes on with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from gateway.importing.litellm import Imported

_HEAD = """\
# Made by `sluicegate import litellm`. Check it with `sluicegate check FILE`.
#
# LiteLLM listens on 0.0.0.0:4000 unless it is told otherwise; this listens on
# 127.0.0.1:8080. What docs/configuration.md says of `server.listen` helps.
"""


def write(imported: Imported) -> str:
    """Return the text of the file; what is not in it stands at its end."""
    text = yaml.safe_dump(
        imported.settings, sort_keys=False, allow_unicode=True, width=10_000
    )
    found = imported.missed.found
    if not found:
        return f"{_HEAD}\n{text}"
    lines = "".join(f"#   {path}: {why}\n" for path, why in found)
    return f"{_HEAD}\n{text}\n# Not carried over:\n#\n{lines}"

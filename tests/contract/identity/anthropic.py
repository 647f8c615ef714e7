"""What may differ where Anthropic's dialect is read and written again."""

from __future__ import annotations

from typing import Any

from tests.contract.identity import Deviation


def _without_last_counts(frames: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    for name, json in frames:
        if name == "message_delta":
            json.pop("usage", None)
    return frames


DEVIATIONS = {
    "usage in message_delta": Deviation(
        kind="stream",
        reason="Some compatible servers leave it out; clients' types require it, "
        "so what is known is said.",
        normalise=_without_last_counts,
    ),
}

"""
Write the approved lists anew: ``python -m tests.contract.approve``.

Read the difference before you commit it: each new line is something that a
client no longer gets. Where the recordings are missing, their lines stay.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from tests.contract import crossing
from tests.contract.cases import UPSTREAMS, Case, all_cases, recorded
from tests.contract.protocols import PAIRS

if TYPE_CHECKING:
    from tests.contract.crossing import Golden


def answers(client: str, upstream: str) -> Golden:
    found = {}
    for case in all_cases(upstream):
        lines = _answer(client, case)
        if lines:
            found[f"{case.name}.{case.framing}"] = lines
    return found


def _answer(client: str, case: Case) -> list[str]:
    told = crossing.tell(client, case, stream=case.stream)
    hears = crossing.heard(client, told, stream=case.stream)
    return crossing.approved_answer(case, told, hears)


def requests(client: str, upstream: str) -> Golden:
    found = {
        question.name: crossing.approved_request(question, upstream)
        for question in crossing.all_asked(client)
    }
    return {name: lines for name, lines in found.items() if lines}


def main() -> int:
    if not any(recorded(upstream) for upstream in UPSTREAMS):
        print("the recordings are missing; their lines would be lost", file=sys.stderr)
        return 1
    crossing.GOLDEN.mkdir(exist_ok=True)
    for client, upstream in PAIRS:
        found = {
            "answers": answers(client, upstream),
            "requests": requests(client, upstream),
        }
        text = json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False)
        crossing.path_of(client, upstream).write_text(text + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

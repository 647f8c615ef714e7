"""The sampler of ``--profile``."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from gateway.profiling import Sampler, of_worker, profiled


def busy_bee(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_who_works_is_seen() -> None:
    """The function that uses the CPU is at the top of nearly all stacks."""
    sampler = Sampler()

    sampler.start()
    busy_bee(0.2)
    sampler.stop()

    tops = [stack[-1] for stack in sampler.stacks()]
    assert f"{__name__}:busy_bee" in tops
    assert sum(sampler.stacks().values()) == sampler.samples >= 5


def test_who_waits_is_not() -> None:
    sampler = Sampler()

    sampler.start()
    time.sleep(0.1)
    sampler.stop()

    assert sampler.samples <= 2


def test_stopped_for_good() -> None:
    """A signal that comes late does not end the process."""
    sampler = Sampler()
    sampler.start()
    sampler.stop()

    signal.raise_signal(signal.SIGPROF)

    assert sampler.samples == 0


@pytest.mark.parametrize("ending", [".svg", ".html"])
def test_names_only(tmp_path: Path, ending: str) -> None:
    """Neither values nor paths get into what is published."""
    file = tmp_path / f"flame{ending}"
    secret = "sk-planted-0123456789"

    with profiled(file):
        busy_bee(0.05)

    text = file.read_text("utf-8")
    assert "busy_bee" in text
    assert secret not in text
    assert str(Path(__file__).parent) not in text


def test_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was served was served, whatever becomes of the picture."""
    with profiled(tmp_path / "gone" / "flame.svg"):
        pass

    assert "sluicegate: --profile: " in capsys.readouterr().err


def test_of_worker() -> None:
    assert of_worker(Path("a/b.c.svg"), 3) == Path("a/b.c.3.svg")

"""When garbage is looked for."""

from __future__ import annotations

import gc

import pytest

from gateway.garbage import SERVING, STARTING, settle, starting


def test_only_while_starting() -> None:
    """What was set before is set again, whatever comes of it."""
    before = gc.get_threshold()

    with pytest.raises(ZeroDivisionError), starting():
        inside = gc.get_threshold()
        raise ZeroDivisionError

    assert inside == STARTING
    assert gc.get_threshold() == before
    assert gc.isenabled()


def test_settle() -> None:
    """What there is when all is loaded is never looked at again."""
    before = gc.get_threshold()
    try:
        settle()

        assert gc.get_freeze_count() > 1_000
        assert gc.get_threshold() == SERVING
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)

"""On the loop that serves, which differs from asyncio's own in how it closes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import pytest
import uvloop

from tests.lane.asking import Side
from tests.ways import WAYS

if TYPE_CHECKING:
    import asyncio


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(params=WAYS)
def side(request: pytest.FixtureRequest) -> Side:
    """Both ways: what is asked of it holds on either."""
    return Side(request.param)


@pytest.fixture
def lane() -> Side:
    """The lane alone, where it promises more than aiohttp does."""
    return Side("fast")

"""One browser for all tests of the page; every test has a gateway of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.e2e.browser import Page, chromium
from tests.process import Gateway, gateway

if TYPE_CHECKING:
    from selenium.webdriver import Chrome


@pytest.fixture(scope="package")
def browser() -> Iterator[Chrome]:
    with chromium() as driver:
        yield driver


@pytest.fixture
async def running() -> AsyncIterator[Gateway]:
    """Start a gateway without configuration and without any provider's key."""
    async with gateway() as process:
        yield process


@pytest.fixture
def page(browser: Chrome, running: Gateway) -> Page:
    return Page(browser, running.url)

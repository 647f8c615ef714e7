"""One server for all tests of a module, as it was before each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest_asyncio

from tests.oauth.issuer import Issuer, issuer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def _running() -> AsyncIterator[Issuer]:
    async with issuer() as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def oauth(_running: Issuer) -> Issuer:
    await _running.reset()
    return _running

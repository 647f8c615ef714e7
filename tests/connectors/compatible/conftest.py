"""The one gateway of these tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest_asyncio

from tests.connectors.compatible.bench import Bench, moved, site
from tests.connectors.compatible.table import TABLE
from tests.upstream import Upstream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.upstream import Step


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bench() -> AsyncIterator[Bench]:
    script: list[Step] = []
    async with Upstream(lambda _: list(script)) as up:
        backends = {name: moved(name, up) for name in TABLE}
        async with site(backends) as client:
            yield Bench(up, client, script)

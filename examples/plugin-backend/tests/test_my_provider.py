"""The contract that every backend must keep, and what is this one's own."""

from __future__ import annotations

from typing import Any

from gateway.testing import BackendContract

from sluicegate_my_provider import MyProviderBackend, define

pytest_plugins = ["gateway.testing"]


class TestMyProvider(BackendContract):
    def make(
        self, client: Any, config: Any, translation_service: Any
    ) -> MyProviderBackend:
        return MyProviderBackend(client, config, translation_service)


def test_definition() -> None:
    definition = define()

    assert definition.backend_name == MyProviderBackend.backend_type
    assert definition.factory is MyProviderBackend

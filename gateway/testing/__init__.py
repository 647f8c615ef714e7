"""
Tests for who writes a backend, as a pytest plugin.

In a module of your tests, or in ``conftest.py``:

    pytest_plugins = ["gateway.testing"]

and then a class for each backend that inherits `BackendContract`, or
`ConnectorContract` for a declaration. They need pytest and nothing else; see
``docs/plugins.md``.

PYTEST_DONT_REWRITE: there is no ``assert`` here, and who imports a contract before
pytest loads the plugin need not be warned of that.
"""

from __future__ import annotations

from gateway import __version__
from gateway.testing.backend import BackendContract
from gateway.testing.connector import ConnectorContract
from gateway.testing.guards import ContractError
from gateway.testing.upstream import Answer, Request, Upstream

__all__ = [
    "Answer",
    "BackendContract",
    "ConnectorContract",
    "ContractError",
    "Request",
    "Upstream",
    "pytest_report_header",
]


def pytest_report_header() -> str:
    """Say against which gateway's contract the tests are run."""
    return f"sluicegate: contract of {__version__}"

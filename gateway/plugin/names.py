"""
Names that other guides to writing backends have for what is called otherwise here.

They are for annotations: a backend written after such a guide needs other imports and
no other words.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from gateway.domain.request import Request
from gateway.plugin.backend import Identity
from gateway.settings import Backend

# A backend is told the settings of its own instance, and not those of all others.
AppConfig: TypeAlias = Backend
ChatRequest: TypeAlias = Request
DomainModel: TypeAlias = Request
InternalDTO: TypeAlias = Request
IAppIdentityConfig: TypeAlias = Identity
# The gateway gives none.
IResponseProcessor: TypeAlias = Any

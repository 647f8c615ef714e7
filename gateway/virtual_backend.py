"""A configured instance of a backend that answers by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define

if TYPE_CHECKING:
    from aiohttp import ClientSession

    from gateway.plugin import LLMBackend, Provider
    from gateway.secret import Secret
    from gateway.settings import Backend as BackendSettings


@define(eq=False)
class VirtualBackend:
    """One configured instance of an `LLMBackend`, which answers in events."""

    name: str
    settings: BackendSettings
    backend: LLMBackend
    session: ClientSession
    keys: tuple[Secret, ...] = ()
    base_url: str | None = None
    closed_list: bool = False
    provider: Provider | None = None

    @property
    def models(self) -> tuple[str, ...]:
        return self.settings.models or tuple(self.backend.get_available_models())

    async def discover(self) -> None:
        extra = dict(self.settings.extra)
        keys = [key.reveal() for key in self.keys]
        await self.backend.initialize(
            provider=self.provider,
            api_key=keys[0] if keys else None,
            api_keys=keys,
            api_base_url=self.base_url,
            models=list(self.settings.models),
            **extra,
        )

    async def close(self) -> None:
        await self.backend.close()
        await self.session.close()

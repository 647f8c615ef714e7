"""A configured instance of a backend that answers by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import ClientError
from attrs import define, field

from gateway.domain.errors import APITimeoutError, BackendError, LLMProxyError
from gateway.failures import mapped_plugin, named

if TYPE_CHECKING:
    from aiohttp import ClientSession

    from gateway.plugin import LLMBackend, Provider
    from gateway.secret import Secret
    from gateway.settings import Backend as BackendSettings
    from gateway.translation import TranslationService

# Somebody else's `initialize` or `close` must not hold the gateway for ever.
START_DEADLINE = 60.0
CLOSE_DEADLINE = 5.0
# After a failure, a request tries again after this many seconds, and after each
# further failure twice as late, up to the last.
FIRST_PAUSE = 1.0
LAST_PAUSE = 60.0
# Somebody else's code may raise anything, and end the process by `sys.exit`.
PLUGINS_OWN = (Exception, SystemExit)


@define(eq=False)
class VirtualBackend:
    """
    One configured instance of an `LLMBackend`, which answers in events.

    Attributes:
        base_url: as configured; ``None`` leaves it to the backend.
        translation: reads what is in OpenAI's words instead of the domain's.
        failure: why the last `LLMBackend.initialize` failed.
    """

    name: str
    settings: BackendSettings
    backend: LLMBackend
    session: ClientSession
    keys: tuple[Secret, ...] = ()
    base_url: str | None = None
    closed_list: bool = False
    provider: Provider | None = None
    translation: TranslationService | None = None
    ready: bool = False
    failure: LLMProxyError | None = None
    _listless: bool = False
    _pause: float = 0.0
    _again: float = 0.0
    _starting: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def models(self) -> tuple[str, ...]:
        return self.settings.models or self._offered()

    def _offered(self) -> tuple[str, ...]:
        try:
            found: Any = self.backend.get_available_models()
            names = tuple(name for name in found if isinstance(name, str))
        except PLUGINS_OWN as exc:
            if not self._listless:  # once, and not with every request
                self._listless = True
                structlog.get_logger().warning(
                    "models.unknown", backend=self.name, reason=type(exc).__name__
                )
            return ()
        self._listless = False
        return names

    async def discover(self) -> None:
        """
        Initialise the backend, or wait until that is done; once is enough.

        Raises:
            LLMProxyError: it failed; another call tries again.
        """
        if self.ready:
            return
        if self._starting is None or self._starting.done():
            # What is known of the request that came first is not its business.
            self._starting = asyncio.create_task(self._start(), context=Context())
        # Who waits may leave; the others go on waiting.
        await asyncio.shield(self._starting)
        if self.failure is not None:
            raise self.failure.with_traceback(None)

    async def wait(self) -> None:
        """
        Wait until the backend can be asked.

        Raises:
            LLMProxyError: it could not be initialised, a short time ago.
        """
        starts = self._starting is not None and not self._starting.done()
        too_soon = asyncio.get_running_loop().time() < self._again
        if self.failure is not None and too_soon and not starts:
            raise self.failure.with_traceback(None)
        await self.discover()

    async def _start(self) -> None:
        try:
            with own_errors(self.name):
                await self._initialize()
        except LLMProxyError as error:
            self._pause = min(LAST_PAUSE, self._pause * 2 or FIRST_PAUSE)
            self._again = asyncio.get_running_loop().time() + self._pause
            self.failure = error
        else:
            self.failure, self.ready = None, True

    async def _initialize(self) -> None:
        keys = [key.reveal() for key in self.keys]
        given: dict[str, Any] = {
            "provider": self.provider,
            "api_key": keys[0] if keys else None,
            "api_keys": keys,
            "models": list(self.settings.models),
        }
        if self.base_url is not None:
            # Left out otherwise: a backend may have a default of its own.
            given["api_base_url"] = self.base_url
        try:
            async with asyncio.timeout(START_DEADLINE) as clock:
                await self.backend.initialize(**given, **self._extra(given))
        except TimeoutError as exc:
            if not clock.expired():
                raise
            raise APITimeoutError(
                f"backend {self.name!r} was not ready after {START_DEADLINE:g} s",
                code="initialization_timeout",
                backend_name=self.name,
            ) from exc

    def _extra(self, given: dict[str, Any]) -> dict[str, Any]:
        return {n: v for n, v in self.settings.extra.items() if n not in given}

    async def close(self) -> None:
        """Release everything; it cannot fail, since others are still to be closed."""
        if self._starting is not None:
            self._starting.cancel()
        try:
            async with asyncio.timeout(CLOSE_DEADLINE):
                await self.backend.close()
        except PLUGINS_OWN:
            structlog.get_logger().warning(
                "plugin.not_closed", backend=self.name, exc_info=True
            )
        await self.session.close()


@contextmanager
def own_errors(name: str) -> Iterator[None]:
    """
    Let only our own errors out of what runs somebody else's code.

    Failures of the network are what they are for declared backends; what is left
    is the plugin's mistake, and is told as that. So is an exit: others' streams are
    not to end with it.

    Args:
        name: the instance's.
    """
    try:
        yield
    except LLMProxyError as error:
        named(error, name)
        raise
    except asyncio.CancelledError as exc:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        # Nobody has cancelled us: it comes from a task of the plugin's.
        raise plugin_error(name, exc) from exc
    except (ClientError, TimeoutError, ConnectionError) as exc:
        raise named(mapped_plugin(exc), name) from exc
    except PLUGINS_OWN as exc:
        raise plugin_error(name, exc) from exc


def plugin_error(name: str, exc: BaseException) -> BackendError:
    """Return the error for a backend's mistake; its traceback goes to the log."""
    structlog.get_logger().error("plugin.failed", backend=name, exc_info=exc)
    # The exception's own text may quote anything.
    kind = type(exc).__name__.lstrip("_")
    return BackendError(
        f"backend {name!r} failed ({kind}); the gateway's log has more",
        code="plugin_error",
        status_code=502,
        backend_name=name,
    )

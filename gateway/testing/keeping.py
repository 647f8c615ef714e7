"""What a backend must not do: touch the network too early, tell keys, leave things."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from gateway.domain.events import Fault
from gateway.plugin import AuthenticationError, LLMBackend, LLMProxyError
from gateway.testing.base import Base
from gateway.testing.failing import CODE, MESSAGE
from gateway.testing.guards import UntouchableSession, expect, no_io, overheard
from gateway.testing.stage import (
    KEY,
    drained,
    initial,
    outcome,
    question,
    run,
    settings_of,
    staged,
    translation,
)
from gateway.testing.upstream import Answer
from gateway.unpacking import envelope_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.testing.stage import Stage
    from gateway.testing.upstream import Request as Asked

NOWHERE = "http://127.0.0.1:9"


class Keeping(Base):
    """Part of `BackendContract`."""

    def test_constructor_does_no_io(self) -> None:
        """It is called for `sluicegate check`, too, and before anything runs."""

        async def main() -> None:
            session = UntouchableSession()
            before = asyncio.all_tasks()
            with no_io() as seen:
                backend = self.make(session, settings_of(self, NOWHERE), translation())
            expect(
                isinstance(backend, LLMBackend),
                f"make() gives a {type(backend).__name__}, not an LLMBackend",
            )
            expect(not session.touched, f"it uses the session: {session.touched}")
            expect(not seen, f"it touches the system: {seen}")
            expect(asyncio.all_tasks() == before, "it starts a task")

        run(main())

    def test_unknown_settings_are_ignored(self) -> None:
        """A newer gateway, or a user, may give more than this version knows."""

        async def main(stage: Stage) -> None:
            await stage.ask()

        self.play(main, contract_unknown={"nested": [1]}, another_unknown=None)

    def test_models_are_names(self) -> None:
        """Before and after `initialize`, a list of texts; empty if it knows none."""

        async def main(stage: Stage) -> None:
            _are_names(stage.backend.get_available_models())

        backend = self._unused()
        _are_names(backend.get_available_models())
        self.play(main)

    def test_models_that_were_found_are_told(self) -> None:
        """Who asks the provider for its models says what it answered."""

        async def main(stage: Stage) -> None:
            if len(stage.upstream.requests) > len(stage.upstream.asked):
                found = stage.backend.get_available_models()
                expect(
                    self.model in found,
                    f"the provider lists {self.model}, get_available_models() {found}",
                )

        self.play(main)

    def test_models_that_cannot_be_had(self) -> None:
        """The provider has a bad moment; that is no reason not to start."""

        async def main(stage: Stage) -> None:
            await stage.ask()

        plain = self.models_answer
        vars(self)["models_answer"] = lambda: Answer((b"<no>",), status=500)
        try:
            self.play(main)
        finally:
            vars(self)["models_answer"] = plain

    def test_missing_key(self) -> None:
        """Without a key it starts; asked, it says so before it asks anybody."""

        async def main(stage: Stage) -> None:
            error = await outcome(stage.ask())
            if self.keyless:
                expect(not isinstance(error, Exception), f"without a key: {error!r}")
                return
            expect(
                isinstance(error, AuthenticationError)
                and error.code == "missing_api_key",
                f"without a key comes {error!r}, not an AuthenticationError with the"
                " code missing_api_key",
            )
            expect(not stage.upstream.asked, "it asks the provider without a key")

        self.play(main, api_key=None, api_keys=[])

    def test_no_secret_is_shown(self) -> None:
        """The key is in no ``repr``, no error, and no line of the log."""

        async def main() -> list[str]:
            shown = []
            for script in self._failures():
                async with staged(self, script) as stage:
                    shown += [repr(stage.backend), str(stage.backend)]
                    for stream in (False, True):
                        shown += await _said(stage, stream=stream)
            backend = self._unused()
            await outcome(backend.initialize(**initial(self, NOWHERE)))
            shown.append(repr(await outcome(_ask(backend, self.model))))
            await backend.close()
            return shown

        with overheard() as logged:
            shown = run(main())
        for text in shown:
            expect(KEY not in text, f"the key is shown: {text[:200]}")
        for line in logged:
            expect(KEY not in line, f"the key is logged: {line[:200]}")

    def test_close_ends_what_it_began(self) -> None:
        """No task of a backend outlives it."""

        async def main() -> set[str]:
            before = asyncio.all_tasks()
            async with staged(self, self.scripted()) as stage:
                await stage.ask()
                mine = {t for t in asyncio.all_tasks() - before if _is_its_own(t)}
            await asyncio.sleep(0)
            return {task.get_name() for task in mine if not task.done()}

        left = run(main())
        expect(not left, f"after close() these tasks still run: {sorted(left)}")

    def _unused(self) -> Any:
        session: Any = UntouchableSession()
        return self.make(session, settings_of(self, NOWHERE), translation())

    def _failures(self) -> list[Callable[[Asked], Answer]]:
        if not self.talks:
            return [self.scripted()]
        error = self.error(401, CODE, MESSAGE)
        return [
            self.scripted(),
            lambda _: Answer((error,), status=401),
            lambda _: Answer((b"<html>",)),
            lambda _: Answer(tuple(self.pieces()[:2]), stream=True, end="cut"),
        ]


async def _ask(backend: Any, model: str) -> Any:
    return await backend.chat_completions(question(model, stream=False), [], model)


async def _said(stage: Stage, *, stream: bool) -> list[str]:
    """Return all that an exchange shows."""
    returned = await outcome(stage.ask(stream=stream))
    if isinstance(returned, Exception):
        return _told(returned)
    shown = [repr(returned)]
    if stream:
        rest = await outcome(drained(envelope_in(returned)))  # type: ignore[arg-type]
        events = rest if isinstance(rest, list) else []
        shown += _told(rest) if isinstance(rest, Exception) else []
        for event in events:
            shown += _told(event.error) if isinstance(event, Fault) else []
    return shown


def _told(error: Exception) -> list[str]:
    if isinstance(error, LLMProxyError):
        return [str(error), repr(error), repr(error.to_dict())]
    return [str(error)]  # which must not get here; that is another test's


def _are_names(models: object) -> None:
    expect(
        isinstance(models, list) and all(isinstance(name, str) for name in models),
        f"get_available_models() gives {models!r}, not a list of names",
    )


def _is_its_own(task: asyncio.Task[Any]) -> bool:
    """Tell whether a task is not of the scripted provider's."""
    coroutine: Any = task.get_coro()
    return "Upstream" not in getattr(coroutine, "__qualname__", "")

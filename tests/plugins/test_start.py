"""A gateway process with plugins that work, and with some that do not."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.client import ask, chat
from tests.plugins.installed import install
from tests.process import gateway, start

if TYPE_CHECKING:
    from pathlib import Path

MODULE = """
import sys
from attrs import evolve
from connectors.demo import DEMO

def good():
    return evolve(DEMO(), backend_name="good", post_build_hook=hook)

def hook(provider):
    print("hooked", sorted(provider.backends), file=sys.stderr)
    sys.exit(3)

def failing():
    return evolve(DEMO(), backend_name="failing", factory=lambda *_: 1 / 0)
"""
POINTS = """
[llm_proxy_backends]
good = acme_plugin:good
failing = acme_plugin:failing
leaving = acme_leaving:X
alias = acme_plugin:good
openai = acme_plugin:good
"""


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    install(tmp_path, "acme-plugin", POINTS)
    (tmp_path / "acme_plugin.py").write_text(MODULE, "utf-8")
    (tmp_path / "acme_leaving.py").write_text("import sys; sys.exit(4)\n", "utf-8")
    return {"PYTHONPATH": str(tmp_path)}


async def said(
    *args: str, config: str, env: dict[str, str], tmp_path: Path
) -> tuple[int, str]:
    file = tmp_path / "c.yaml"
    file.write_text(config, "utf-8")
    given = [str(file)] if args[0] == "check" else ["--config", str(file)]
    g = await start(*args, *given, env=env)
    try:
        code = await g.exit_code(20)
    finally:
        await g.kill()
    return code, "".join(g.text).replace(str(file), "c.yaml")


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_warnings_come_once(env: dict[str, str], workers: str) -> None:
    """However many workers there are; and each calls the hooks of what is let in."""
    config: dict[str, Any] = {"backends": {"good": {}}}
    async with gateway(config, "--workers", workers, env=env) as g:
        answer = await ask(g.port, chat(model="good:hello?rate=0", stream=False))
        for worker in range(int(workers)):
            await g.event("server.listening", worker=worker)

    assert answer.status == 200
    refused = {line["backend"]: line["reason"] for line in g.found("plugin.refused")}
    assert len(g.found("plugin.refused")) == 2
    assert refused["leaving"] == "it does not load: SystemExit: 4"
    assert refused["openai"].startswith("the name is taken by sluicegate ")
    (renamed,) = [
        line for line in g.found("plugin.renamed") if line["backend"] == "alias"
    ]
    assert renamed["package"] == "acme-plugin 1.0"
    hooked = [text for text in g.text if text == "hooked ['good']\n"]
    assert len(hooked) == 2 * int(workers)  # `good`, and by its other name
    failed = g.found("plugin.hook_failed", backend="good")
    assert [line["reason"] for line in failed] == ["SystemExit: 3"] * int(workers)


@pytest.mark.parametrize("command", ["check", "serve", "routes"])
async def test_broken_one_that_is_named(
    env: dict[str, str], tmp_path: Path, command: str
) -> None:
    """Its place, its reason, and what to do about it, in one line."""
    config = "backends:\n  demo: {}\n  up:\n    type: leaving\n    package: acme-pro\n"

    code, text = await said(command, config=config, env=env, tmp_path=tmp_path)

    assert code == 78
    assert text == (
        "c.yaml:4: backends.up.type: connector 'leaving' does not work: acme-plugin 1.0"
        " (acme_leaving:X): it does not load: SystemExit: 4; install the package"
        " acme-pro\n"
    )


async def test_route_to_a_broken_one(env: dict[str, str], tmp_path: Path) -> None:
    config = 'backends: {demo: {}}\nroutes:\n  - {model: a, to: "leaving:m"}\n'

    code, text = await said("check", config=config, env=env, tmp_path=tmp_path)

    assert code == 78
    assert "c.yaml:3: routes[0].to: connector 'leaving' does not work" in text


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_factory_that_fails(
    env: dict[str, str], tmp_path: Path, workers: str
) -> None:
    """The gateway does not start, rather than start again and again."""
    args = ("serve", "--listen", "127.0.0.1:0", "--workers", workers)

    code, text = await said(
        *args, config="backends: {up: {type: failing}}", env=env, tmp_path=tmp_path
    )

    assert code == 78
    assert (
        "backends.up: the factory of sluicegate raised ZeroDivisionError: division by"
        " zero\n"
    ) in text
    assert "Traceback" not in text
    assert "Unclosed" not in text


async def test_table(env: dict[str, str]) -> None:
    """Broken ones are shown, and are no failure of the command."""
    g = await start("connectors", env=env)
    try:
        code = await g.exit_code(20)
    finally:
        await g.kill()
    rows = {tuple(line.split()[:2]): line for line in g.text}

    assert code == 0
    assert "SystemExit: 4" in rows["leaving", "plugin"]
    assert rows["good", "plugin"].split()[2:4] == ["acme-plugin", "1.0"]


async def test_nothing_heavy_is_loaded(env: dict[str, str]) -> None:
    """No heavy module is loaded for the sake of a look at plugins."""
    program = """
import sys
from gateway.registry import installed
registry = installed()
registry.load_plugins()
heavy = {"botocore", "google.auth", "connectors.bedrock", "connectors.gemini"}
print(sorted(heavy & set(sys.modules)))
"""

    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE, env=env
    )
    out, _ = await process.communicate()

    assert out.splitlines()[-1] == b"[]"

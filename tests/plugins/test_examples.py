"""
The plugin packages of ``examples``, as somebody installs them.

One fresh virtual environment holds the gateway and both packages, all from wheels:
nothing in it knows of this checkout.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from attrs import frozen

from tests.client import CHAT, ask, chat
from tests.plugins import environment
from tests.process import Gateway
from tests.upstream import Upstream, reply, stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.upstream import Request, Step

EXAMPLES = environment.ROOT / "examples"


@frozen
class Example:
    """
    Attributes:
        name: its folder.
        package: its distribution.
        module: all that it may put on the path.
        type: of the backend that it brings.
        kind: as `sluicegate connectors` calls it.
    """

    name: str
    package: str
    module: str
    type: str
    kind: str


DECLARED = Example(
    "plugin-declared", "sluicegate-acme", "sluicegate_acme", "acme", "declared"
)
BACKEND = Example(
    "plugin-backend",
    "sluicegate-my-provider",
    "sluicegate_my_provider",
    "my-provider",
    "backend",
)
each = pytest.mark.parametrize("example", [DECLARED, BACKEND], ids=lambda e: e.name)


@frozen
class Installed:
    fresh: environment.Environment
    wheels: dict[str, Path]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    place = tmp_path_factory.mktemp("plugins")
    wheels = {"sluicegate": environment.gateway_wheel(place / "gateway")}
    for example in (DECLARED, BACKEND):
        wheels[example.name] = environment.example_wheel(example.name, place)
    return Installed(environment.make(place / "venv", *wheels.values()), wheels)


@pytest.fixture
def fresh(installed: Installed) -> environment.Environment:
    return installed.fresh


@each
def test_wheel_has_its_own_package_only(installed: Installed, example: Example) -> None:
    """Nothing of it gets in the way of another package."""
    assert environment.top_level(installed.wheels[example.name]) == {example.module}


def test_gateway_wheel(installed: Installed) -> None:
    """Tests, examples and tools are not installed."""
    found = environment.top_level(installed.wheels["sluicegate"])

    assert found == {"gateway", "connectors"}


def test_contract_outside_of_a_checkout(fresh: environment.Environment) -> None:
    """What plugins import is there, and is not this checkout's."""
    program = """
import gateway, gateway.plugin, connectors
from gateway.plugin import *
print(gateway.__file__, connectors.__file__, LLMBackend.__name__)
"""

    said = fresh.run("python", "-c", program)

    assert said.returncode == 0, said.stderr
    files = said.stdout.split()
    assert all(file.startswith(str(fresh.place)) for file in files[:2])
    assert files[2] == "LLMBackend"


def test_import_of_the_gateway_loads_no_plugin(fresh: environment.Environment) -> None:
    program = """
import sys, gateway, gateway.registry
registry = gateway.registry.installed()
assert {"acme", "my-provider", "demo"} <= set(registry.names), registry.names
registry.get("demo")
print(sorted(name for name in sys.modules if name.startswith("sluicegate_")))
"""

    said = fresh.run("python", "-c", program)

    assert said.stdout == "[]\n", said.stderr


@each
def test_connectors(fresh: environment.Environment, example: Example) -> None:
    said = fresh.run("sluicegate", "connectors", "--json")

    assert said.returncode == 0, said.stderr
    (row,) = [row for row in json.loads(said.stdout) if row["name"] == example.type]
    assert (row["origin"], row["package"]) == ("plugin", example.package)
    assert (row["version"], row["state"], row["kind"]) == ("1.0.0", "ok", example.kind)


def test_documented_table(fresh: environment.Environment) -> None:
    """What ``docs/plugins.md`` shows is what is printed."""
    page = (environment.ROOT / "docs/plugins.md").read_text("utf-8")
    _, _, shown = page.partition("$ sluicegate connectors\n")
    shown, _, _ = shown.partition("```")

    said = fresh.run("sluicegate", "connectors")

    printed = {tuple(line.split()) for line in said.stdout.splitlines()}
    assert {tuple(line.split()) for line in shown.splitlines()} <= printed


@each
def test_check(
    fresh: environment.Environment, example: Example, tmp_path: Path
) -> None:
    """Named in a configuration; and not found where it is not installed."""
    file = tmp_path / "some.yaml"
    file.write_text(
        f"backends:\n  up: {{type: {example.type}, package: {example.package}}}"
    )

    there = fresh.run("sluicegate", "check", str(file))
    bare = [sys.executable, "-m", "gateway", "check", str(file)]
    process = subprocess.run(
        bare, cwd=environment.ROOT, capture_output=True, text=True, check=False
    )

    assert there.returncode == 0, there.stderr
    assert process.returncode == 78
    assert f"{file}:2: backends.up.type: no connector is called" in process.stderr
    assert f"install the package {example.package}" in process.stderr


@each
def test_its_own_tests(
    fresh: environment.Environment, example: Example, tmp_path: Path
) -> None:
    """They pass against the installed gateway, without any other help."""
    tests = shutil.copytree(EXAMPLES / example.name / "tests", tmp_path / "tests")

    said = fresh.run(
        "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tests)
    )

    assert said.returncode == 0, said.stdout[-3000:] + said.stderr[-3000:]
    assert " passed" in said.stdout
    assert "failed" not in said.stdout


WORDS = ["Hel", "lo, ", "wörld."]


def _chunk(choice: dict[str, Any], **members: Any) -> bytes:
    json_ = {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": "m1",
        "choices": [{"index": 0, **choice}],
        **members,
    }
    return b"data: " + json.dumps(json_).encode() + b"\n\n"


def provider(request: Request) -> list[Step]:
    """Answer as OpenAI-like providers do."""
    if request.method == "GET":
        return reply({"object": "list", "data": [{"id": "m1", "object": "model"}]})
    pieces = [_chunk({"delta": {"role": "assistant", "content": ""}})]
    pieces += [_chunk({"delta": {"content": word}}) for word in WORDS]
    pieces.append(_chunk({"delta": {}, "finish_reason": "stop"}))
    return stream([*pieces, b"data: [DONE]\n\n"])


@contextlib.asynccontextmanager
async def serving(
    fresh: environment.Environment, config: dict[str, Any], *args: str
) -> AsyncIterator[Gateway]:
    """Serve by the fresh environment's own program."""
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "config.yaml"
        file.write_text(json.dumps(config), "utf-8")
        process = await asyncio.create_subprocess_exec(
            *(fresh.program("sluicegate"), "serve", "--config", str(file)),
            *("--listen", "127.0.0.1:0", *args),
            cwd=place,
            env={"PATH": os.environ["PATH"], "XDG_STATE_HOME": place},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        running = Gateway(process)
        try:
            line = await running.event("server.listening", timeout=20)
            running.port = int(line["addresses"][0].rpartition(":")[2])
            yield running
            running.signal()
            assert await running.exit_code() == 0
        finally:
            await running.kill()
    running.assert_no_alarm()


@each
async def test_streams(fresh: environment.Environment, example: Example) -> None:
    """A client's stream goes through the plugin to its provider and back."""
    async with Upstream(provider) as up:
        backend = {"type": example.type, "api_base_url": up.url, "api_key": "sk-plugin"}
        async with serving(fresh, {"backends": {"up": backend}}) as gateway:
            answer = await ask(gateway.port, chat("case", model="up:m1", stream=True))
        asked = [request for request in up.requests if request.method == "POST"]

    assert answer.status == 200
    events = [
        json.loads(line[6:])
        for line in answer.body.decode().splitlines()
        if line.startswith("data: {")
    ]
    said = [c["delta"].get("content") or "" for e in events for c in e["choices"]]
    assert "".join(said) == "".join(WORDS)
    assert answer.body.rstrip().endswith(b"data: [DONE]")
    (request,) = asked
    assert request.path == CHAT
    assert request.json["model"] == "m1"
    assert request.header("authorization") == "Bearer sk-plugin"


async def test_hook_and_warnings_come_once(fresh: environment.Environment) -> None:
    """Each worker calls the hook; what the supervisor loads, it loads for all."""
    async with Upstream(provider) as up:
        backend = {"api_base_url": up.url, "api_key": "sk-plugin"}
        config = {"backends": {"my-provider": backend, "demo": {}}}
        async with serving(fresh, config, "--workers", "2") as gateway:
            await ask(gateway.port, chat("case", model="my-provider:m1", stream=True))
            await gateway.event("server.listening", worker=1)
        hooks = [line for line in gateway.lines if "serves beside" in str(line)]

    assert len(hooks) == 2
    assert all("demo, my-provider" in str(line) for line in hooks)
    assert not gateway.found("plugin.refused")

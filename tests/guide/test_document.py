"""Each block of ``docs/adding-a-backend.md`` is run."""

from __future__ import annotations

import asyncio
import configparser
import inspect
import os
import re
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import gateway.plugin
from gateway import config, registry
from gateway.config.source import read_file
from gateway.plugin import BackendPluginDefinition, Connector, LLMBackend
from gateway.registry import Registry
from tests.guide import document
from tests.guide.document import Block, blocks, told
from tests.process import ROOT, _listening, start
from tests.sdk.scripts import openai_chat
from tests.sdk.scripts.said import Said
from tests.upstream import Upstream, reply

if TYPE_CHECKING:
    from collections.abc import Mapping

# By what each block is run; a new one must find its place here.
RUN_BY = {
    "the base class": "test_base_class",
    "config: no code": "test_configuration",
    "config: oauth": "test_configuration",
    "config: backend": "test_configuration",
    "setup.cfg": "test_setup_cfg",
    "register": "test_register",
    "translation": "test_translation",
    "install": "test_install",
    "test": "test_authors_tests",
    "serve": "test_serve",
    "check": "test_check",
    # Run by the tests of the backends.
    "declared.py": "test_declared",
    "my_provider.py": "test_my_provider.py",
    "shorter.py": "test_my_provider.py",
    "errors.py": "test_my_provider.py",
    "oauth_provider.py": "test_my_provider.py",
    "echo.py": "test_through_the_gateway.py",
    "lines.py": "test_through_the_gateway.py",
    "my_provider_plugin.py": "test_install",
    "pyproject.toml": "test_install",
    "test_contract.py": "test_authors_tests",
    "test_my_provider.py": "test_authors_tests",
}
ENVIRON = {"MY_PROVIDER_API_KEY": "k-1", "SECOND_KEY": "k-2"}
BIN = Path(sys.executable).parent
configs = pytest.mark.parametrize(
    "title", [b.title for b in blocks() if b.language == "yaml"]
)


def test_all_are_run() -> None:
    """Only the picture of a folder is not."""
    left = [b for b in blocks() if b.title not in RUN_BY]

    assert [(block.language, block.title) for block in left] == [("text", "")]
    assert set(RUN_BY) == {block.title for block in blocks() if block.title}
    assert document.DOCUMENT.read_text("utf-8").count("```") == 2 * len(blocks())
    here = {name for name in globals() if name.startswith("test_")}
    files = {path.name for path in Path(__file__).parent.iterdir()}
    assert {*RUN_BY.values()} <= here | files


def test_base_class() -> None:
    """The shape that is shown is the real one's."""
    names: dict[str, Any] = {}
    exec(told("the base class"), names)

    shown = names["LLMBackend"]
    assert shown.__abstractmethods__ == LLMBackend.__abstractmethods__
    for name in ("__init__", "initialize", "chat_completions", "close"):
        assert _names(shown, name) == _names(LLMBackend, name)
    assert shown.get_available_models(None) == []


def _names(kind: type, name: str) -> list[tuple[str, Any, Any]]:
    parameters = inspect.signature(getattr(kind, name)).parameters.values()
    return [(p.name, p.kind, p.default) for p in parameters]


def test_declared(guide: Path) -> None:
    """The declaration is one, and can be registered."""
    assert guide
    declared = document.module("declared").MY_PROVIDER

    assert isinstance(declared, Connector)
    assert Registry().register("my-declared", declared)


def test_setup_cfg(guide: Path) -> None:
    """What the entry point of a core connector names is what may be registered."""
    assert guide
    parser = configparser.ConfigParser()
    parser.read_string(told("setup.cfg"))
    line = parser["options.entry_points"]["llm_proxy_backends"].strip()
    name, _, target = line.partition(" = ")
    module, _, attribute = target.partition(":")

    assert module == "connectors.my_provider"
    found = getattr(document.module("my_provider"), attribute)
    assert name == found.backend_type
    assert Registry().register("my-core", found)


def test_register(guide: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert guide
    fresh = Registry()
    monkeypatch.setattr(registry, "backend_registry", fresh)

    exec(told("register"), {})

    assert isinstance(fresh.get("my-provider"), BackendPluginDefinition)


def test_translation() -> None:
    """The example says itself what comes out."""
    exec(told("translation"), {})


@configs
def test_configuration(title: str, tmp_path: Path) -> None:
    """Each example is a configuration that the gateway takes."""
    file = tmp_path / "config.yaml"
    file.write_text(told(title), "utf-8")

    settings = config.load(file, ENVIRON)

    assert read_file(file, ENVIRON)
    assert settings.backends


def test_what_it_exports() -> None:
    """All names that the document imports are part of the contract."""
    text = "".join(block.text for block in blocks() if block.language == "python")
    found = re.findall(r"from gateway\.plugin import (?:\(([^)]*)\)|(.*))", text)
    names = {n for pair in found for n in re.findall(r"\w+", "".join(pair))}

    assert names <= {*gateway.plugin.__all__}
    assert all(hasattr(gateway.plugin, name) for name in gateway.plugin.__all__)


# -- what is typed into a shell


async def shell(
    line: str, place: Path, environ: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Run a command as the reader would, with the environment that is tested."""
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "PYTHONPATH": str(place), **(environ or {})}
    process = await asyncio.create_subprocess_shell(
        line,
        cwd=place,
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode()


@pytest.mark.parametrize("line", told("check").splitlines())
async def test_check(line: str, tmp_path: Path) -> None:
    """What the document shows is right, and its names go where it says."""
    document.installed(tmp_path)
    (tmp_path / "config.yaml").write_text(told("config: backend"), "utf-8")

    code, said = await shell(line, tmp_path, ENVIRON)

    assert code == 0, said
    assert "small" in said or "routes" not in line


async def test_install(tmp_path: Path) -> None:
    """The plugin's package can be built and installed, and the gateway finds it."""
    package, target = tmp_path / "my-provider-plugin", tmp_path / "site"
    package.mkdir()
    for name in ("pyproject.toml", "my_provider.py", "my_provider_plugin.py"):
        (package / name).write_text(document.files()[name], "utf-8")
    assert tomllib.loads(document.files()["pyproject.toml"])["project"]["version"]
    pip, connectors = told("install").splitlines()

    # Not into the environment of the tests, and nothing is fetched for it.
    offline = f"--quiet --no-deps --no-build-isolation --target {target}"
    command = pip.replace("pip install", f"python -m pip install {offline}")
    code, said = await shell(command, tmp_path)
    assert code == 0, said
    code, said = await shell(f"cd {target} && PYTHONPATH={target} {connectors}", ROOT)

    assert code == 0, said
    (line,) = [line for line in said.splitlines() if line.startswith("my-provider ")]
    assert "my-provider-plugin 1.0" in line
    assert line.split()[-1] == "ok"


async def test_authors_tests(tmp_path: Path) -> None:
    """Without a key the integration test is skipped, with one it runs."""
    document.write_files(tmp_path)
    command = f"{told('test').strip()} -p no:cacheprovider -rs"
    unset = {"MY_PROVIDER_API_KEY": "", "PYTEST_ADDOPTS": ""}
    whole = openai_chat.whole(Said(("hi",)), "m1")
    listed = {"data": [{"id": "m1"}]}
    code, said = await shell(command, tmp_path, unset)
    assert code == 0, said
    counts = re.search(r"(\d+) passed, 1 skipped", said)
    assert counts is not None
    passed = int(counts[1])
    assert passed > 3  # those of the contract, too
    assert "API key not configured" in said

    async with Upstream(
        lambda request: reply(listed if request.method == "GET" else whole)
    ) as up:
        given = {"MY_PROVIDER_API_KEY": "k", "MY_PROVIDER_API_BASE_URL": up.url}
        code, said = await shell(command, tmp_path, unset | given)

    assert code == 0, said
    assert f"{passed + 1} passed in" in said
    assert up.requests[-1].json["model"] == "m1"


async def test_serve(tmp_path: Path) -> None:
    """The flag beats the file."""
    place = document.installed(tmp_path)
    file = tmp_path / "config.yaml"
    file.write_text(told("config: backend"), "utf-8")
    program, *args = told("serve").split()
    assert program == "sluicegate"
    listed = {"data": [{"id": "m1"}]}

    async with Upstream(reply(listed)) as up:
        shown = [
            arg.replace("config.yaml", str(file)).replace(
                "http://127.0.0.1:9000/v1", up.url
            )
            for arg in args
        ]
        assert shown != args
        running = await start(
            *shown, "--listen", "127.0.0.1:0", env={**ENVIRON, "PYTHONPATH": place}
        )
        try:
            await _listening(running)
            asked = await up.request()
            running.signal()
            code = await running.exit_code()
        finally:
            await running.kill()

    assert code == 0
    assert (asked.path, asked.header("authorization")) == ("/v1/models", "Bearer k-1")


def test_titles_are_unique_to_a_language() -> None:
    """Blocks of one title are one text, so they are of one language."""
    languages: dict[str, set[str]] = {}
    for block in blocks():
        languages.setdefault(block.title, set()).add(block.language)

    assert all(len(found) == 1 for found in languages.values())
    assert isinstance(blocks()[0], Block)

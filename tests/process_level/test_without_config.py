"""The first start: no file, no flags, and something that works at once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import pytest_asyncio

from tests.client import ask, chat
from tests.process import Gateway, gateway, start
from tests.upstream import JSON_HEADERS, Script, Upstream, reply

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.asyncio(loop_scope="module")

HELLO = "demo:hello"
FAST = "demo:hello?rate=1000"
MODELS = reply({"object": "list", "data": [{"id": "qwen3"}]})
LOCAL = {"ollama": 11434, "vllm": 8000, "lmstudio": 1234, "llama.cpp": 8080}
HOSTED = {
    "openai": "OPENAI_API_KEY",
    "anthropic": "ANTHROPIC_API_KEY",
    "gemini": "GEMINI_API_KEY",
    "openrouter": "OPENROUTER_API_KEY",
    "mistral": "MISTRAL_API_KEY",
    "groq": "GROQ_API_KEY",
    "deepseek": "DEEPSEEK_API_KEY",
    "together": "TOGETHER_API_KEY",
    "cohere": "CO_API_KEY",
}


def printed(g: Gateway) -> str:
    """Return what was printed for a person: all that is not a log line."""
    return "".join(line for line in g.text if not line.startswith("{"))


def found(g: Gateway) -> list[str]:
    """Return the names of the backends that the start told of, in order."""
    section = printed(g).partition("  found\n")[2].partition("\n\n")[0]
    return [row.split()[0] for row in section.splitlines()]


def default(g: Gateway) -> str:
    said = re.search(r"go to: (\S+)", printed(g))
    assert said
    return said[1]


def free(port: int) -> bool:
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            sock.bind(("127.0.0.1", port))
            return True
    return False


@contextlib.asynccontextmanager
async def at_its_usual_port(name: str, script: Script) -> AsyncIterator[Upstream]:
    """Play a local server, unless there is a real one."""
    if not free(LOCAL[name]):
        pytest.skip(f"port {LOCAL[name]} of {name} is taken")
    server = Upstream(script)
    server.port = LOCAL[name]
    async with server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def newcomer() -> AsyncIterator[Gateway]:
    async with gateway() as g:
        yield g


async def test_demo_is_always_there(newcomer: Gateway) -> None:
    """With nothing on the machine there is still something to talk to."""
    local = [name for name, port in LOCAL.items() if not free(port)]
    assert [name for name in found(newcomer) if name not in local] == ["demo"]

    answer = await ask(newcomer.port, chat(model=FAST))

    assert answer.status == 200
    assert answer.body.endswith(b"data: [DONE]\n\n")


async def test_models_of_a_newcomer(newcomer: Gateway) -> None:
    answer = await ask(newcomer.port, path="/v1/models", method="GET")

    assert "demo:hello" in [row["id"] for row in answer.json["data"]]


async def test_where(newcomer: Gateway) -> None:
    """The address is in the text and in each of the examples."""
    said = printed(newcomer)

    assert said.startswith(f"sluicegate is starting on 127.0.0.1:{newcomer.port}\n")
    assert said.count(f"http://127.0.0.1:{newcomer.port}/") >= 3


async def test_keys_in_the_environment() -> None:
    """Each provider whose variable is set, by the variable's name; no key of it."""
    env = {name: f"planted-key-of-{name.lower()}" for name in HOSTED.values()}

    async with gateway(env=env) as g:
        names, said, status = found(g), printed(g), await g.status()

    assert names[: len(HOSTED)] == list(HOSTED)
    assert names[-1] == "demo"
    for variable in env:
        assert variable in said
    assert "planted-key" not in "".join(g.text)
    assert set(status["backends"]) == set(names)
    assert default(g) == "openai"


@pytest.mark.parametrize(
    ("given", "first"),
    [
        (["TOGETHER_API_KEY", "GROQ_API_KEY"], "groq"),
        (["DEEPSEEK_API_KEY", "OPENROUTER_API_KEY"], "openrouter"),
        (["MISTRAL_API_KEY"], "mistral"),
    ],
)
async def test_default_backend(given: list[str], first: str) -> None:
    """One order of preference, whatever the environment's order is."""
    async with gateway(env=dict.fromkeys(given, "x" * 20)) as g:
        assert default(g) == first


async def test_empty_key() -> None:
    """A variable that is set to nothing is none."""
    async with gateway(env={"OPENAI_API_KEY": ""}) as g:
        assert "openai" not in found(g)


@pytest.mark.parametrize("name", LOCAL)
async def test_local_server(name: str) -> None:
    """A server on its usual port is found, asked for its models, and used."""
    async with at_its_usual_port(name, MODELS) as up, gateway() as g:
        names, said = found(g), printed(g)
        up.scripts["case"] = reply({"choices": []})
        body = chat("case", model=f"{name}:qwen3", stream=False)
        answer = await ask(g.port, body)

    assert name in names
    assert str(LOCAL[name]) in said
    assert answer.status == 200
    assert default(g) in (name, *LOCAL)  # others may really run here


async def test_local_server_with_a_key() -> None:
    """One that wants a key is one; a person can set its variable then."""
    refusal = reply({"error": "no key"}, 401)
    async with at_its_usual_port("vllm", refusal), gateway() as g:
        assert "vllm" in found(g)


@pytest.mark.parametrize(
    "script",
    [
        reply(b"<html>", 200, {"content-type": "text/html"}),
        reply(b"nothing", 404, {"content-type": "text/plain"}),
        reply(b"", 302, {**JSON_HEADERS, "location": "http://127.0.0.1:9/"}),
        [b"SSH-2.0-OpenSSH\r\n"],
        [asyncio.Event()],
    ],
    ids=["web site", "no such page", "redirect", "no HTTP", "silence"],
)
async def test_something_else_on_that_port(script: Script) -> None:
    """Port 8000 is popular; what is no model server is left alone."""
    async with at_its_usual_port("vllm", script) as up:
        begun = time.monotonic()
        async with gateway() as g:
            took = time.monotonic() - begun
            assert "vllm" not in found(g)

    assert took < 3
    assert len(up.requests) <= 1


async def test_first_answer_within_a_second(figure: Callable[[str], None]) -> None:
    """From the start of the program to the first token of the demo."""
    took = []
    for _ in range(3):
        begun = time.monotonic()
        g = await start("serve", "--listen", "127.0.0.1:0")
        try:
            line = await g.event("server.listening", 10)
            port = int(line["addresses"][0].rpartition(":")[2])
            answer = await ask(port, path="/livez", method="GET")
            took.append(time.monotonic() - begun)
        finally:
            await g.kill()
        assert answer.status == 200

    figure(f"start to first answer, without configuration: {min(took) * 1e3:.0f} ms")
    assert min(took) < 1


# -- the examples, as they are printed


def example(g: Gateway, title: str) -> str:
    """Return one of the examples as somebody would copy it, but for its pace."""
    section = re.search(rf"^  {title}.*\n((?:    .*\n)+)", printed(g), re.MULTILINE)
    assert section, title
    lines = [line[4:] for line in section[1].splitlines()]
    return "\n".join(lines).replace(HELLO, FAST) + "\n"


async def run(*command: str, cwd: Path) -> tuple[int | None, str]:
    """Run a program in an empty folder; return its code and its output."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "HOME": str(cwd)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(20):
        out, complaints = await process.communicate()
    if process.returncode:
        return process.returncode, complaints.decode()
    return 0, out.decode()


@pytest.mark.parametrize(
    ("variable", "path", "body"),
    [
        ("OPENAI_BASE_URL", "/responses", {"model": FAST, "input": "Hi"}),
        (
            "ANTHROPIC_BASE_URL",
            "/v1/messages",
            {
                "model": FAST,
                "max_tokens": 99,
                "messages": [{"role": "user", "content": "Hi"}],
            },
        ),
        (
            "GOOGLE_GEMINI_BASE_URL",
            f"/v1beta/models/{quote(FAST)}:generateContent",
            {"contents": [{"parts": [{"text": "Hi"}]}]},
        ),
    ],
)
async def test_printed_addresses(
    newcomer: Gateway, variable: str, path: str, body: dict[str, Any]
) -> None:
    """Where each SDK is told to look, its dialect is spoken."""
    address = re.search(rf"{variable}=(\S+)", printed(newcomer))
    assert address
    assert address[1].startswith(newcomer.url)

    path = address[1].removeprefix(newcomer.url) + path
    answer = await ask(newcomer.port, body, path)

    assert answer.status == 200


@pytest.mark.needs("curl")
async def test_curl_example(newcomer: Gateway, tmp_path: Path) -> None:
    """Pasted into a shell it streams to its end."""
    code, out = await run("sh", "-c", example(newcomer, "curl"), cwd=tmp_path)

    assert code == 0
    assert out.rstrip().endswith("data: [DONE]")
    assert out.count("data: {") > 3


@pytest.mark.needs("python:openai")
async def test_python_example(newcomer: Gateway, tmp_path: Path) -> None:
    """Pasted into a file it prints what the demo says."""
    code, out = await run(
        sys.executable, "-c", example(newcomer, "Python"), cwd=tmp_path
    )

    assert code == 0, out
    assert len(out.split()) > 3


@pytest.mark.needs("chromium", "chromedriver", "python:selenium")
async def test_browser_example(newcomer: Gateway) -> None:
    """Pasted into the console of a page of localhost, it logs the pieces."""
    script = example(newcomer, "browser").partition("\n")[2]
    assert script.startswith("const answer = await fetch(")
    async with Upstream(reply(b"<p>a page", 200, {"content-type": "text/html"})) as up:
        page = f"http://localhost:{up.port}/"
        logged = await asyncio.to_thread(in_a_browser, page, script)

    assert isinstance(logged, list), logged
    said = "".join(logged)
    assert said.count("data: {") > 3
    assert said.endswith("data: [DONE]\n\n")
    assert len(logged) > 1  # in pieces, as they came


def in_a_browser(url: str, script: str) -> Any:
    """Run *script* in a page of *url*; return what it logged, or its error."""
    from tests.e2e.browser import chromium

    with chromium() as driver:
        driver.get(url)
        return driver.execute_async_script(
            "const done = arguments[0], logged = [];"
            "const console = { log: (text) => logged.push(text) };"
            f"(async () => {{ {script} }})()"
            ".then(() => done(logged), (error) => done(`failed: ${error}`));"
        )


async def test_page_it_names(newcomer: Gateway) -> None:
    answer = await ask(newcomer.port, path="/", method="GET")

    assert f"open {newcomer.url}/ " in printed(newcomer)
    assert b"<title>Sluicegate" in answer.body


async def test_examples_with_a_key(tmp_path: Path) -> None:
    """Where callers need a key, the examples say so, and have a place for it."""
    env = {"SLUICEGATE_SERVER__API_KEYS": "planted-caller-key"}
    async with gateway(env=env) as g:
        command = example(g, "curl")
        assert "planted-caller-key" not in "".join(g.text)
        filled = "KEY=planted-caller-key; " + command
        code, out = await run("sh", "-c", filled, cwd=tmp_path)

    assert "authorization: Bearer $KEY" in command
    assert code == 0
    assert out.rstrip().endswith("data: [DONE]")


async def test_every_interface(tmp_path: Path) -> None:
    """``:8080`` is no address that a browser or curl could be given."""
    env = {"SLUICEGATE_SERVER__API_KEYS": "planted-caller-key"}
    async with gateway(None, "--listen", ":0", env=env) as g:
        command = example(g, "curl")

    assert f"http://127.0.0.1:{g.port}/" in command


@pytest.mark.needs("curl")
async def test_socket_file(tmp_path: Path) -> None:
    """The curl example works for a socket file, too."""
    path = tmp_path / "http.sock"
    async with gateway(None, "--listen", f"unix:{path}") as g:
        code, out = await run("sh", "-c", example(g, "curl"), cwd=tmp_path)

    assert code == 0, out
    assert out.rstrip().endswith("data: [DONE]")


async def test_nothing_is_printed_with_a_file() -> None:
    """A service has no reader for examples."""
    async with gateway({"backends": {"demo": {}}}) as g:
        pass

    assert printed(g) == ""

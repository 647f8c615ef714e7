"""A plugin that nothing ends: the gateway ends without it."""

from __future__ import annotations

from pathlib import Path

from tests.client import Caller
from tests.guide.asking import request
from tests.plugins.installed import install
from tests.process import _listening as listening
from tests.process import config_file, start

HERE = Path(__file__).parent


async def test_sigterm(tmp_path: Path) -> None:
    """A task that takes no cancellation is left behind, and the log says so."""
    text = (HERE / "misbehaving.py").read_text("utf-8")
    (tmp_path / "misbehaving.py").write_text(text, "utf-8")
    install(
        tmp_path,
        "misbehaving",
        "[llm_proxy_backends]\nbad = misbehaving:Misbehaving\n",
    )
    env = {
        "PYTHONPATH": str(tmp_path),
        "XDG_STATE_HOME": str(tmp_path),
        "STUBBORN": "1",
    }
    with config_file({"backends": {"bad": {}}}) as file:
        args = ("serve", "--config", file, "--listen", "127.0.0.1:0")
        running = await start(*args, env=env)
        await listening(running)
    try:
        path, body = request("openai_chat", "bad:stream-hanging", stream=True)
        async with Caller(running.port) as caller:
            await caller.send(body, path)
            await caller.head()
            await caller.until(b"one")
            caller.leave()
        await running.event("plugin.cancel_timeout", timeout=10)
        running.signal()
        code = await running.exit_code()
    finally:
        await running.kill()

    assert code == 0
    assert running.found("task.left_behind")

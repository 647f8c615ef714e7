"""From LiteLLM's configuration to an answer, by the programs that a person runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.client import ask, chat
from tests.process import gateway, start
from tests.upstream import Upstream, reply

if TYPE_CHECKING:
    from pathlib import Path

THEIRS = """
model_list:
  - model_name: gpt-4o
    litellm_params:
      model: openai/my-model
      api_base: {url}
      api_key: os.environ/TEAM_KEY
      rpm: 5
      extra_headers: {{X-Team: blue}}
router_settings:
  model_group_alias: {{gpt-4: gpt-4o}}
general_settings:
  master_key: sk-literal-master-key
"""
MASTER = "sk-master-0123456789abcdef"
ANSWER = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": "my-model",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello"},
            "finish_reason": "stop",
        }
    ],
}


async def test_import_and_serve(tmp_path: Path) -> None:
    """The names, keys and headers that clients and provider know are the same."""
    theirs, ours = tmp_path / "config.yaml", tmp_path / "sluicegate.yaml"
    async with Upstream(reply(ANSWER)) as upstream:
        theirs.write_text(THEIRS.format(url=upstream.url))
        run = await start("import", "litellm", str(theirs), "-o", str(ours))
        assert await run.exit_code() == 0
        said = "".join(run.text)
        assert "model_list[0].litellm_params.rpm" in said
        assert "sk-literal" not in said + ours.read_text()

        env = {"TEAM_KEY": "sk-team-0123456789", "LITELLM_MASTER_KEY": MASTER}
        headers = {"authorization": f"Bearer {MASTER}"}
        async with gateway(ours.read_text(), env=env) as running:
            body = chat(model="gpt-4", stream=False)
            refused = await ask(running.port, body)
            answer = await ask(running.port, body, headers=headers)
        (request,) = [r for r in upstream.requests if r.method == "POST"]

    assert refused.status == 401
    assert json.loads(answer.body) == ANSWER
    assert request.json["model"] == "my-model"
    assert request.header("authorization") == "Bearer sk-team-0123456789"
    assert request.header("x-team") == "blue"

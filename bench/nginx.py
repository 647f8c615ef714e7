"""nginx as a streaming proxy that does nothing else, without any privilege."""

from __future__ import annotations

import os
from string import Template
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# The keep-alive limits are raised because nginx closes a connection after 1,000
# requests, which would measure connecting.
_CONFIG = Template(
    """
daemon off;
$user
worker_processes $workers;
worker_rlimit_nofile 16384;
pid $directory/nginx.pid;
error_log stderr warn;
events { worker_connections 8192; }
http {
    access_log off;
    client_body_temp_path $directory/body;
    proxy_temp_path $directory/proxy;
    fastcgi_temp_path $directory/fastcgi;
    scgi_temp_path $directory/scgi;
    uwsgi_temp_path $directory/uwsgi;
    client_body_buffer_size 64k;
    keepalive_requests 100000000;
    tcp_nodelay on;
    upstream model {
        server 127.0.0.1:$upstream;
        keepalive 2048;
        keepalive_requests 100000000;
    }
    server {
        listen 127.0.0.1:$port backlog=4096;
        location / {
            proxy_pass http://model;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Authorization "Bearer sk-upstream";
            proxy_buffering off;
            proxy_read_timeout 600s;
        }
    }
}
"""
)


def write_config(directory: Path, port: int, upstream: int, workers: int) -> Path:
    """Write the configuration into *directory* and return its path."""
    # Started by root, nginx would give its workers to a user who may not read here.
    user = "user root;" if os.geteuid() == 0 else ""
    path = directory / "nginx.conf"
    path.write_text(
        _CONFIG.substitute(
            user=user,
            workers=workers,
            directory=directory,
            port=port,
            upstream=upstream,
        )
    )
    return path

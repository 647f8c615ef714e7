"""nginx as a streaming proxy that does nothing else, without any privilege."""

from __future__ import annotations

import os
from string import Template
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from bench.candidates import Setting

# The keep-alive limits are raised because nginx closes a connection after 1,000
# requests, which would measure connecting.
_CONFIG = Template(
    """
daemon off;
$user
worker_processes $workers;
pid $directory/nginx.pid;
error_log stderr warn;
events { worker_connections 24576; }
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
            proxy_pass $scheme://model;
            $tls
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


_TLS = (
    "proxy_ssl_verify on; proxy_ssl_trusted_certificate {};"
    " proxy_ssl_name localhost;"
    " proxy_ssl_protocols TLSv1.2 TLSv1.3;"
)


def write_config(setting: Setting, port: int) -> Path:
    """Write the configuration and return its path."""
    directory, authority = setting.directory, setting.authority
    # Started by root, nginx would give its workers to a user who may not read here.
    user = "user root;" if os.geteuid() == 0 else ""
    path = directory / "nginx.conf"
    path.write_text(
        _CONFIG.substitute(
            user=user,
            workers=setting.workers,
            directory=directory,
            port=port,
            upstream=setting.upstreams[0],
            scheme="http" if authority is None else "https",
            tls="" if authority is None else _TLS.format(authority),
        )
    )
    return path

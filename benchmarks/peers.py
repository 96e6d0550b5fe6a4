"""What the gateway is measured beside: nginx as a plain proxy, and LiteLLM's proxy."""

import contextlib
import json
import os
import socket
import subprocess
import time
from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from portal.local.preflight import free_port
from tests.environments import environment
from tests.hub.nginx import binary

DIRECTORY = Path(__file__).resolve().parent.parent
START_SECONDS = 90
NGINX = """
worker_processes 1;
pid nginx.pid;
error_log error.log;
events {{ worker_connections 2048; }}
http {{
  access_log off;
  upstream model {{ server {upstream}; keepalive 512; }}
  server {{
    listen 127.0.0.1:{port} backlog=2048;
    location / {{
      proxy_pass http://model;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }}
  }}
}}
"""


@contextlib.contextmanager
def process(
    core: int,
    *command: str,
    port: int | None = None,
    variables: Mapping[str, str] | None = None,
    without: Container[str] = (),
) -> Iterator[tuple[str, int]]:
    """A process pinned to a core, with its address and its id; `{port}` in `command` is the port.

    Its environment is this one with `variables` and `without` some.
    """
    port = port or free_port()
    kept = {name: value for name, value in os.environ.items() if name not in without}
    started = subprocess.Popen(
        [part.replace("{port}", str(port)) for part in command],
        env={**kept, **(variables or {})},
        cwd=DIRECTORY,
    )
    with contextlib.suppress(OSError):
        os.sched_setaffinity(started.pid, {core % (os.cpu_count() or 1)})
    try:
        _wait_for(port, started)
        yield f"http://127.0.0.1:{port}", started.pid
    finally:
        started.terminate()
        started.wait()


@contextlib.contextmanager
def nginx(core: int, folder: Path, *, upstream_url: str) -> Iterator[tuple[str, int]]:
    """Run nginx with one worker, nothing checked and nothing counted; its address, and the worker's id."""
    port = free_port()
    (folder / "nginx.conf").write_text(NGINX.format(upstream=urlsplit(upstream_url).netloc, port=port))
    command = (str(binary()), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "daemon off;")
    with process(core, *command, port=port) as (url, pid):
        [worker] = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        yield url, int(worker)


@contextlib.contextmanager
def litellm(core: int, folder: Path, *, upstream_url: str, key: str) -> Iterator[tuple[str, int]]:
    """Run LiteLLM's proxy with one worker, one `key`, no limits and no database: less work than ours."""
    model = {"model": "openai/benchmark", "api_base": f"{upstream_url}/v1", "api_key": "none"}
    # JSON is YAML.
    config = {"model_list": [{"model_name": "benchmark", "litellm_params": model}]}
    (folder / "litellm.yaml").write_text(json.dumps(config))
    made = environment("litellm")
    command = (
        *(str(made.command("litellm")), "--config", str(folder / "litellm.yaml")),
        *("--host", "127.0.0.1", "--port", "{port}", "--num_workers", "1", "--telemetry", "False"),
    )
    variables = {
        "LITELLM_LOG": "CRITICAL",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_MASTER_KEY": key,
        # The benchmark's model says the same word over and over.
        "REPEATED_STREAMING_CHUNK_LIMIT": "1000000",
    }
    with process(core, *command, variables=variables, without=("DATABASE_URL", "REDIS_URL")) as (url, pid):
        yield url, pid


def _wait_for(port: int, started: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if started.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.1):
            return
        time.sleep(0.1)
    raise RuntimeError(f"{started.args!r} does not listen.")

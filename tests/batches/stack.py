"""Live processes for batches: web, a batch worker, and a model server that remembers what it was asked."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import requests

from tests.playground.stack import Stack, _answers, wait_for

JSON = dict[str, Any]


class BatchStack(Stack):
    """As the playground's, with turns of two seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.env |= {
            "BATCH_ROOT": str(self.folder / "batches"),
            "BATCH_TURN_SECONDS": "2",
            "BATCH_FILE_BYTES_MAX": "1000000",
            "GATEWAY_REQUESTS_PER_MINUTE": "100000",
        }

    def start_upstream(self) -> None:
        """Start the model server."""
        self._start("upstream", "tests.gateway.upstream", str(self.upstream_port))
        wait_for(lambda: _answers(f"{self.upstream_url}/state"))

    def start_worker(self) -> None:
        """Start a batch worker and wait until it takes tasks."""
        self._start(
            "worker", "celery", "-A", "portal.celery:app", "worker", "--pool", "threads", "-c", "2",
            "-Q", "batch", "-n", f"batch-{uuid4().hex}@test", "--without-mingle", "--without-gossip",
            "-l", "INFO",
        )  # fmt: skip
        log = self.folder / "worker.log"
        wait_for(lambda: b" ready." in log.read_bytes())

    def stop_worker(self) -> None:
        """Ask the worker to stop, as a deployment does, and wait until it has."""
        process = self.processes.pop("worker")
        process.terminate()
        process.wait(timeout=15)

    def asked(self) -> list[str]:
        """The last words of every request that the model server has seen, in order."""
        seen = requests.get(f"{self.upstream_url}/state", timeout=5).json()["seen"]
        return [json.loads(one["body"])["messages"][-1]["content"] for one in seen if "body" in one]

    def log_of(self, name: str) -> str:
        """What a process has said."""
        return Path(self.folder / f"{name}.log").read_text(errors="replace")


def request(custom_id: str, content: str = "words=2", *, model: str = "tiny", **body: Any) -> JSON:
    """A line of a batch's file."""
    messages = [{"role": "user", "content": content}]
    return {
        "custom_id": custom_id,
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {"model": model, "messages": messages, "max_tokens": 8} | body,
    }


def jsonl(*lines: JSON) -> bytes:
    """The lines as a file."""
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)

"""The gateway's numbers at /metrics, for Prometheus: by release and model server, never by person or key.

Each process tells its own; https://prometheus.io/docs/practices/naming/ has the names' form.
"""

from functools import cache

from prometheus_client import Counter, Gauge, Histogram

from playground.gateway.metering import Receipt

REQUESTS = Counter("gateway_requests_total", "Requests to models, by how they ended.", ["release", "status"])
TOKENS = Counter("gateway_tokens_total", "Tokens that models told.", ["release", "kind"])
FIRST_TOKEN = Histogram(
    "gateway_first_token_seconds",
    "From a request's arrival to its answer's first piece.",
    ["release"],
    buckets=(0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600),
)
RUNNING = Gauge("gateway_model_server_running", "Requests with a model server.", ["model_server"])
WAITING = Gauge("gateway_model_server_waiting", "Requests that wait for a turn.", ["model_server"])
IS_OUT = Gauge("gateway_model_server_out", "1 while a model server is taken out.", ["model_server"])


def count(receipt: Receipt, *, release: str) -> None:
    """Count a request that has ended. No I/O."""
    requests, prompt, completion, first_token = _of(release, receipt.status)
    requests.inc()
    prompt.inc(receipt.used.prompt_tokens)
    completion.inc(receipt.used.completion_tokens)
    if receipt.first_token_ms is not None:
        first_token.observe(receipt.first_token_ms / 1000)


# Looking a child up by its labels takes as long as counting in it.
@cache
def _of(release: str, status: int) -> tuple[Counter, Counter, Counter, Histogram]:
    return (
        REQUESTS.labels(release, str(status)),
        TOKENS.labels(release, "prompt"),
        TOKENS.labels(release, "completion"),
        FIRST_TOKEN.labels(release),
    )


def tell_model_server(name: str, *, running: int, waiting: int, is_out: bool) -> None:
    """How a model server stands at present."""
    RUNNING.labels(name).set(running)
    WAITING.labels(name).set(waiting)
    IS_OUT.labels(name).set(is_out)

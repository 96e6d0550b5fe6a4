"""The portal's own processes: the web server, the three workers, beat, and commands of manage.py."""

import http.client
import sys

from portal.local.parts import Part

# Each stream waits in a thread of its own while one loop a process moves the tokens.
STREAM_THREADS = 256
TASK_THREADS = 4
# Each works on one batch, a few lines at a time.
BATCH_THREADS = 2
CELERY = (sys.executable, "-m", "celery", "-A", "portal.celery:app", "--quiet")
# One worker a queue on one machine: there is nobody to gossip with.
ALONE = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING")


def web(env: dict[str, str], *, host: str, port: int) -> Part:
    """The ASGI server."""
    return Part(
        "web",
        (
            *(
                sys.executable,
                "-m",
                "uvicorn",
                "portal.asgi:application",
                "--host",
                host,
                "--port",
                str(port),
            ),
            *(
                "--loop",
                "uvloop",
                "--http",
                "portal.hub.zerocopy:ZeroCopyProtocol",
                "--no-proxy-headers",
                "--no-access-log",
            ),
            # Open streams would hold a stop for as long as they last.
            *("--log-level", "warning", "--timeout-graceful-shutdown", "2"),
        ),
        # Two heaps for all threads, not one for each: Python's own lock lets one of them run at a time.
        {"MALLOC_ARENA_MAX": "2"} | env,
        muted=("GET /healthz",),
    )


def workers(env: dict[str, str]) -> tuple[Part, ...]:
    """The worker for streams, the one for batches, the one for everything else, and beat."""
    # They say each task at INFO, one every second or so; and as root, the person's choice, much more.
    env = {"LOG_LEVEL": "WARNING", "PYTHONWARNINGS": "ignore:You're running the worker with superuser"} | env
    return (
        Part(
            "inference",
            (
                *(*CELERY, "worker", "--queues", "inference", "--hostname", "inference@%h"),
                *("--pool", "threads", "--concurrency", str(STREAM_THREADS), *ALONE),
            ),
            env,
            grace_seconds=3.0,
            muted=("Warm shutdown",),
        ),
        Part(
            "batch",
            (
                *(*CELERY, "worker", "--queues", "batch", "--hostname", "batch@%h"),
                *("--pool", "threads", "--concurrency", str(BATCH_THREADS), *ALONE),
            ),
            env,
            grace_seconds=3.0,
            muted=("Warm shutdown",),
        ),
        Part(
            "worker",
            (
                *(*CELERY, "worker", "--queues", "default", "--hostname", "default@%h"),
                *("--pool", "threads", "--concurrency", str(TASK_THREADS), *ALONE),
            ),
            env,
            grace_seconds=3.0,
            muted=("Warm shutdown",),
        ),
        Part(
            "beat",
            (*CELERY, "beat", "--pidfile", "", "--loglevel", "WARNING"),
            env,
            grace_seconds=2.0,
        ),
    )


def manage(env: dict[str, str], *arguments: str) -> Part:
    """One command of manage.py, as a job."""
    command = (sys.executable, "manage.py", *arguments)
    return Part("setup", command, {"LOG_LEVEL": "WARNING"} | env, grace_seconds=1.0)


def reached_at(host: str, port: int) -> str:
    """Where this machine reaches a server that listens on `host`, as in a URL.

    >>> reached_at("0.0.0.0", 8000), reached_at("::", 8000)
    ('127.0.0.1:8000', '[::1]:8000')
    """
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 — compared, not listened on.
    return f"[{reached}]:{port}" if ":" in reached else f"{reached}:{port}"


def healthy(host: str, port: int) -> bool:
    """Whether the web server answers /healthz."""
    connection = http.client.HTTPConnection(reached_at(host, port), timeout=2)
    try:
        # ALLOWED_HOSTS may not hold the address, but always holds localhost in development.
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        return connection.getresponse().status < 500  # noqa: PLR2004 — it answers, whatever it says.
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()

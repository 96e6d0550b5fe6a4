"""A part that crashes is started again; one that keeps crashing is given up with a sentence."""

import asyncio
import io
import os
import sys

import pytest

from portal.local import supervisor as supervising
from portal.local.log import Log
from portal.local.parts import Part
from portal.local.supervisor import Supervisor
from portal.local.trouble import Trouble


@pytest.fixture
def out():
    return io.StringIO()


def part(code: str, name: str = "part") -> Part:
    """A part that runs `code`."""
    return Part(name, (sys.executable, "-c", code), dict(os.environ), grace_seconds=1)


def test_crashed_part_is_started_again_and_that_is_said(out, tmp_path, monkeypatch):
    monkeypatch.setattr(supervising, "FIRST_BACKOFF_SECONDS", 0.05)
    seen = tmp_path / "seen"
    crashes_once = part(
        f"import os, sys, time; path = {str(seen)!r}; first = not os.path.exists(path)\n"
        "open(path, 'a').write('x')\n"
        "sys.exit(3) if first else time.sleep(300)"
    )

    async def scenario() -> None:
        supervisor = Supervisor(Log(terminal=out))
        supervisor.keep(crashes_once)
        await supervisor.wait_for("part", lambda: seen.exists() and seen.read_text() == "xx", seconds=10)
        await supervisor.stop(first=())

    asyncio.run(scenario())

    assert "part     | It ended with status 3 after 0 s; it is started again in 0.1 s.\n" in out.getvalue()


def test_part_that_keeps_crashing_is_given_up_with_a_sentence(out, monkeypatch):
    monkeypatch.setattr(supervising, "FIRST_BACKOFF_SECONDS", 0.01)

    async def scenario() -> None:
        supervisor = Supervisor(Log(terminal=out))
        supervisor.keep(part("print('no luck'); raise SystemExit(1)"))
        await supervisor.watch("part")

    with pytest.raises(Trouble) as told:
        asyncio.run(scenario())

    assert str(told.value) == (
        "The part `part` ended 5 times in a row (It ended with status 1); its lines above say why."
    )
    assert out.getvalue().count("part     | no luck\n") == 5


def test_job_gives_its_status_and_its_last_line(out):
    async def scenario() -> tuple[int, str]:
        return await Supervisor(Log(terminal=out)).run(
            part("print('one'); print('two'); raise SystemExit(3)")
        )

    assert asyncio.run(scenario()) == (3, "two")


def test_line_without_end_is_shown_in_pieces(out):
    async def scenario() -> None:
        await Supervisor(Log(terminal=out)).run(part("print('x' * 200_000)"))

    asyncio.run(scenario())

    assert out.getvalue().count("x") == 200_000


def test_stores_stop_after_those_that_need_them(out):
    waits = (
        "import signal, sys, time\n"
        "def end(*_): print('bye', flush=True); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\n"
    )
    up = "print('up', flush=True); time.sleep(300)"

    async def scenario() -> None:
        supervisor = Supervisor(Log(terminal=out))
        for name in ("store", "web"):
            supervisor.keep(part(waits + up, name))
            await supervisor.wait_for(name, lambda name=name: f"{name:<9}| up" in out.getvalue(), seconds=10)
        await supervisor.stop(first=("web",))

    asyncio.run(scenario())

    assert out.getvalue().splitlines()[-2:] == ["web      | bye", "store    | bye"]

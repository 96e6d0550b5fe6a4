"""The script behind `make test`: what it counts, and what it tries again."""

import subprocess
import sys
import textwrap

import pytest
from django.conf import settings

CALLS = {
    "fast": "not browser and not model and not live",
    "model and live": "(model or live) and not browser",
    "browser": "browser",
}
# In the place of pytest: each call fails as often as a file beside it says. The slow ones meet first.
FAKE = """
    import os, pathlib, sys, time
    arguments = sys.argv[1:]
    here = pathlib.Path(__file__).parent
    marks = arguments[arguments.index("-m") + 1] if "-m" in arguments else "again"
    beside = pathlib.Path(os.environ["PORTAL_TEST_TURNS"])
    (beside / marks.split()[0]).touch()
    if marks == "browser" or marks.startswith("(model"):
        until = time.monotonic() + 20
        while len(list(beside.iterdir())) < 2:
            assert time.monotonic() < until, "The other does not run beside this one."
            time.sleep(0.01)
    faults = int((here / marks).read_text()) if (here / marks).exists() else 0
    for number in range(faults):
        print(f"FAILED tests/x/test_y.py::test_z[{number} a-b] - AssertionError: no")
    failed = f"{faults} failed, " if faults else ""
    assert not sys.dont_write_bytecode and sys.pycache_prefix.endswith("/.cache/bytecode")
    print(f"{failed}2 passed in 1.00s")
    sys.exit(1 if faults else 0)
"""


@pytest.fixture
def run(tmp_path):
    """Run the script with a pytest that fails so many tests in each call; what it prints, and its status."""
    (tmp_path / "pytest.py").write_text(textwrap.dedent(FAKE))

    def run(**faults):
        for name, count in faults.items():
            (tmp_path / CALLS.get(name.replace("_", " "), name)).write_text(str(count))
        done = subprocess.run(
            [sys.executable, "-m", "scripts.run_tests"],
            cwd=settings.BASE_DIR,
            env={
                "PATH": "/usr/bin:/bin",
                "PYTHONPATH": str(tmp_path),
                "CHROMIUM": "/usr/bin/chromium",
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return done.stdout, done.returncode

    return run


def test_all_that_pass_are_counted(run):
    printed, status = run()

    assert printed.endswith("6 passed, 0 failed, 0 skipped\n")
    assert "SECOND TRY" not in printed
    assert status == 0


def test_the_slow_calls_run_beside_each_other_and_each_line_says_whose_it_is(run):
    printed, _ = run()

    assert "\n2 passed in 1.00s\n" in printed
    assert "\nmodel and live | 2 passed in 1.00s\n" in printed
    assert "\nbrowser        | 2 passed in 1.00s\n" in printed


def test_a_few_that_pass_at_the_second_try_are_named_aloud(run):
    printed, status = run(browser=2)

    assert "PASSED ONLY AT THE SECOND TRY" in printed
    assert "\ntests/x/test_y.py::test_z[0 a-b]\ntests/x/test_y.py::test_z[1 a-b]\n" in printed
    assert printed.endswith("8 passed, 0 failed, 0 skipped\n")
    assert status == 0


@pytest.mark.parametrize(
    ("faults", "failed"),
    [
        ({"browser": 2, "again": 1}, 2),
        ({"model_and_live": 4}, 4),
        ({"fast": 5, "browser": 1}, 5),
    ],
)
def test_whatever_fails_twice_or_many_at_once_fails_the_run(run, faults, failed):
    printed, status = run(**faults)

    assert f"{failed} failed" in printed.splitlines()[-1]
    assert status == 1

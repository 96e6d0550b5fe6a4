"""What is wrong with a machine is told in one sentence that names the remedy."""

import socket

import pytest

from portal.local import preflight
from portal.local.preflight import GIB
from portal.local.trouble import Trouble


def test_full_disk_is_told_with_what_is_free_and_what_is_needed(tmp_path):
    with pytest.raises(Trouble) as told:
        preflight.require_room(tmp_path, free_bytes=GIB // 10)

    assert str(told.value) == (
        f"The disk of {tmp_path} has 0.1 GB free and the portal needs 0.5 GB: free some, "
        "or set PORTAL_HOME to a folder on another disk."
    )


def test_disk_with_room_is_let_pass(tmp_path):
    preflight.require_room(tmp_path, free_bytes=GIB)


def test_port_in_use_is_told_with_another_one():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(Trouble) as told:
            preflight.require_port("127.0.0.1", port)

    assert str(told.value) == (
        f"Port {port} is in use by another program: stop that program, or choose another port, "
        f"for example `PORT={port + 1} make run`."
    )


def test_port_that_was_just_left_is_free():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]

    preflight.require_port("127.0.0.1", port)


def test_number_that_is_no_port_is_told():
    with pytest.raises(Trouble, match="PORT=70000 is no port"):
        preflight.require_port("127.0.0.1", 70000)


def test_processor_without_avx2_runs_no_model():
    told = preflight.why_no_model(features=frozenset({"sse4_2"}), machine="x86_64", system="Linux")

    assert told == (
        "This processor lacks AVX2, which vLLM's CPU build needs: "
        "set VLLM_BASE_URL to a vLLM server on another machine to use the playground."
    )


@pytest.mark.parametrize(
    ("features", "machine", "system", "runs"),
    [
        ({"avx2"}, "x86_64", "Linux", True),
        ({"asimd"}, "aarch64", "Linux", True),
        (set(), "arm64", "Darwin", False),
        ({"avx2"}, "riscv64", "Linux", False),
    ],
)
def test_model_runs_on_linux_with_the_right_processor(features, machine, system, runs):
    told = preflight.why_no_model(features=frozenset(features), machine=machine, system=system)

    assert (told == "") is runs


@pytest.mark.parametrize(
    ("features", "dtype"),
    [({"avx2"}, "float32"), ({"avx2", "avx512_bf16"}, "bfloat16"), ({"asimd", "bf16"}, "bfloat16")],
)
def test_number_format_follows_the_processor(features, dtype):
    assert preflight.best_dtype(frozenset(features)) == dtype


def test_free_ports_are_none_that_the_system_gives_to_others():
    ports = {preflight.free_port() for _ in range(50)}

    assert ports <= set(preflight.OWN_PORTS)
    # Two who ask at the same time are not sent to the same one.
    assert len(ports) > 40


def test_a_port_at_which_somebody_listens_is_not_free(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(preflight, "OWN_PORTS", range(port, port + 1))

        with pytest.raises(Trouble, match="No port is free"):
            preflight.free_port()

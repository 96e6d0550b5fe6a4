"""The embedded PostgreSQL and Valkey keep their data, also below a folder that others cannot enter."""

import os
import subprocess

import psycopg
import pytest
import redis

from portal.local.parts import Leash
from portal.local.postgres import Postgres
from portal.local.trouble import Trouble
from portal.local.valkey import Valkey
from tests.services import wait_until


@pytest.fixture
def closed_folder(tmp_path):
    """A folder whose parent only its owner can enter, with a name too long for a socket."""
    closed = tmp_path / "closed" / ("long-" * 20)
    closed.mkdir(parents=True)
    closed.parent.chmod(0o700)
    return closed


def test_postgres_keeps_its_data_from_start_to_start(home, closed_folder):
    for number in (1, 2):
        sockets = home.open_sockets()
        postgres = Postgres(closed_folder / "data", sockets, is_durable=False)
        leash = Leash(postgres.prepare(), output=subprocess.DEVNULL)
        wait_until(postgres.answers, "PostgreSQL")
        postgres.create_database()
        with psycopg.connect(host=str(postgres.socket_folder), user="portal", dbname="portal") as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS starts (n int)")
            connection.execute("INSERT INTO starts VALUES (%s)", [number])
            counted = connection.execute("SELECT count(*) FROM starts").fetchone()
        assert leash.stop() == 0
        assert not sockets.exists()

    assert counted == (2,)


def test_postgres_socket_is_closed_to_others(home):
    postgres = Postgres(home.root / "postgres", home.open_sockets(), is_durable=False)
    postgres.prepare()

    assert postgres.socket_folder.stat().st_mode & 0o777 == 0o700
    assert (home.root / "postgres").stat().st_mode & 0o077 == 0
    home.close()


def test_data_of_another_postgres_are_told_in_one_sentence(home):
    postgres = Postgres(home.root / "postgres", home.open_sockets(), is_durable=False)
    postgres.prepare()
    (home.root / "postgres" / "PG_VERSION").write_text("17\n")

    with pytest.raises(Trouble, match="are PostgreSQL 17's and the embedded server is 18: dump them"):
        postgres.prepare()
    home.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="Only root drops to another account.")
def test_root_runs_postgres_as_somebody_else(home):
    postgres = Postgres(home.root / "postgres", home.open_sockets(), is_durable=False)

    part = postgres.prepare()

    assert part.account is not None
    assert part.account.uid != 0
    assert (home.root / "postgres").stat().st_uid == part.account.uid
    home.close()


def test_valkey_keeps_its_data_from_start_to_start(home, closed_folder):
    for _ in (1, 2):
        valkey = Valkey(closed_folder / "data", home.open_sockets())
        leash = Leash(valkey.prepare(), output=subprocess.DEVNULL)
        wait_until(valkey.answers, "Valkey")
        counted = redis.Redis.from_url(valkey.url).incr("starts")
        assert leash.stop() == 0

    assert counted == 2

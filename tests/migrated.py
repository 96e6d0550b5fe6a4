"""A migrated database to begin with: what the migrations make is kept in the cache until one of them changes.

Migrating a new database takes a core of this machine for most of a minute. One process of the tests does it,
and the others wait for what it keeps. Only the embedded PostgreSQL is helped along; a real one that
DATABASE_URL names is migrated as ever.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import psycopg
from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from psycopg import sql

from portal.local.vllm import cache_folder
from tests.gateway import processes
from tests.services import PG_DUMP

# What lies in these tables is made after each migrate, by the code as it stands; their sequences begin anew.
MADE_BY_CODE = ("auth_group*", "auth_permission*", "django_content_type*")
# Psql's own, in what pg_dump writes.
FOR_PSQL = ("\\restrict ", "\\unrestrict ")
# Another branch's, to which somebody may go back, is kept for so long.
KEPT_SECONDS = 7 * 24 * 3600

# The lock of the one that migrates, from `begin` until `keep`, or until the process ends.
_migrating = ExitStack()


def begin() -> None:
    """Have the tests' database made from what is kept; if nothing is, have the others wait until `keep`."""
    if PG_DUMP not in os.environ:
        return
    if not file().exists():
        file().parent.mkdir(parents=True, exist_ok=True)
        lock = _migrating.enter_context((file().parent / "migrated.lock").open("w"))
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file().exists():
            return
        # Another has kept it meanwhile.
        _migrating.close()
    name = f"migrated_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    with psycopg.connect(settings.DATABASE_URL, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    with psycopg.connect(settings.DATABASE_URL, dbname=name) as database:
        database.execute(file().read_bytes())
    connection.settings_dict["TEST"]["TEMPLATE"] = name


def keep() -> None:
    """Keep what the tests' database is now, unless the same is kept already, and nothing that is old."""
    if PG_DUMP not in os.environ or file().exists():
        return
    with _migrating:
        draft = file().with_suffix(".draft")
        draft.write_text(dump())
        draft.replace(file())
        for other in file().parent.glob("migrated-*.sql"):
            if time.time() - other.stat().st_mtime > KEPT_SECONDS:
                other.unlink()


def dump() -> str:
    """The tests' database as SQL."""
    command = [os.environ[PG_DUMP], "--inserts", "--no-owner", "--exclude-schema=kept"]
    command += [f"--exclude-table-data={table}" for table in MADE_BY_CODE]
    command += ["--dbname", processes.environment()["DATABASE_URL"]]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return "".join(line for line in done.stdout.splitlines(keepends=True) if not line.startswith(FOR_PSQL))


@cache
def file() -> Path:
    """Where the outcome of today's migrations, those of Django and its packages among them, is kept."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for name, migration in sorted(MigrationLoader(None).disk_migrations.items()):
        source = sys.modules[migration.__module__].__file__
        assert source is not None
        digest.update(repr(name).encode() + Path(source).read_bytes())
    return cache_folder() / f"migrated-{digest.hexdigest()[:12]}.sql"

"""A database that is made from what is kept is the one that the migrations make."""

import os
import re

import pytest

from tests import migrated
from tests.services import PG_DUMP


@pytest.mark.skipif(PG_DUMP not in os.environ, reason="PostgreSQL is not the embedded one")
@pytest.mark.django_db
def test_the_tests_database_is_the_one_that_was_kept():
    assert plain(migrated.dump()) == plain(migrated.file().read_text())


def plain(dump):
    """Without what differs and means nothing.

    PostgreSQL writes other casts and brackets into a constraint that it has read, a migration's sets have
    another order in each process, and the tests before this one have drawn numbers, which go on.
    """
    dump = re.sub(r"^SELECT pg_catalog\.setval\(.*\n", "", dump, flags=re.MULTILINE)
    bare = re.sub(r"::(character varying|text)(\[\])?|[()]", "", dump)
    return re.sub(r"ARRAY\[(.*?)\]", lambda found: str(sorted(found[1].split(", "))), bare)

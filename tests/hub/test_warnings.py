"""What clients are warned of beside an answer that they get."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from portal.access.deciding import decide
from portal.access.decision import Action
from portal.hub.warnings import warning_of, warnings
from portal.keys import actions as keys
from portal.keys.models import Scope
from portal.licensing.models import LicenceVersion
from portal.releases.models import Revision, WeightFile
from tests import cast

NOON = datetime(2026, 11, 20, 12, tzinfo=ZoneInfo("UTC"))


@pytest.fixture
def frozen(release):
    return Revision.objects.create(release=release, commit="a" * 40, total_bytes=1)


def said(revision, key=None):
    return warnings(release=revision.release, revision=revision, key=key, at=NOON)


def pickles(revision, *paths):
    for path in paths:
        WeightFile.objects.create(
            revision=revision, path=path, size_bytes=1, sha256="b" * 64, git_oid="c" * 40, is_pickle=True
        )


def yank(revision, reason, *, is_current=True):
    rows = Revision.objects.filter(pk=revision.pk)
    rows.update(yanked_at=NOON, yank_reason=reason, is_current=is_current)
    revision.refresh_from_db()


def test_a_good_revision_and_key_are_nothing_to_warn_of(frozen, ada, django_assert_num_queries):
    key = keys.create(ada, name="laptop", scopes=[Scope.WEIGHTS], by=ada).key

    with django_assert_num_queries(1):
        assert said(frozen, key) == []


def test_a_yanked_revision_is_told_with_the_reason_and_what_to_use(frozen, release):
    yank(frozen, "The tokenizer was that of another model.", is_current=False)
    Revision.objects.create(release=release, commit="d" * 40, total_bytes=1)

    assert said(frozen) == [
        (
            "yanked; Revision aaaaaaaaaaaa of open-weights/tiny was yanked on 20 November 2026: "
            f"The tokenizer was that of another model. Use revision {'d' * 40} (main) instead."
        )
    ]


def test_a_yanked_revision_that_nothing_replaces_is_told_with_the_reason(frozen, release):
    yank(frozen, "It leaks “secrets”; more soon")
    Revision.objects.create(release=release, name="v2", commit="d" * 40, total_bytes=1)

    assert said(frozen) == [
        (
            "yanked; Revision aaaaaaaaaaaa of open-weights/tiny was yanked on 20 November 2026: "
            'It leaks "secrets"; more soon.'
        )
    ]


@pytest.mark.parametrize(
    ("paths", "named"),
    [
        (["b.bin"], "b.bin"),
        (["c.bin", "a.bin", "b.bin"], "a.bin, b.bin, c.bin"),
        (["d.pt", "c.bin", "a.bin", "b.bin", "e.pt"], "a.bin, b.bin, c.bin and others"),
    ],
)
def test_pickles_are_named(frozen, paths, named, django_assert_num_queries):
    pickles(frozen, *paths)

    with django_assert_num_queries(1):
        assert said(frozen) == [
            f"pickle; Pickle files can run code when they are loaded, and this revision has some: {named}."
        ]


@pytest.mark.parametrize(
    ("left", "is_told"), [(timedelta(days=7), True), (timedelta(days=7, seconds=1), False), (None, False)]
)
def test_a_key_that_expires_soon_is_told_by_its_prefix(frozen, ada, settings, left, is_told):
    settings.PORTAL_URL = "https://portal.example.org"
    key = keys.create(ada, name="laptop", scopes=[Scope.WEIGHTS], by=ada).key
    key.expires_at = None if left is None else NOON + left

    sentence = (
        f"key; Your API key owk_{key.public_id}... (laptop) expires on 27 November 2026 at 12:00 UTC. "
        "Make a new one before: https://portal.example.org/keys/"
    )
    assert said(frozen, key) == ([sentence] if is_told else [])


def test_everything_is_told_under_a_topic_of_its_own(frozen, ada):
    yank(frozen, "Broken")
    pickles(frozen, "a.bin")
    key = keys.create(ada, name="caf\u00e9", scopes=[Scope.WEIGHTS], by=ada).key
    key.expires_at = NOON + timedelta(days=1)

    told = said(frozen, key)

    assert [one.partition(";")[0] for one in told] == ["yanked", "pickle", "key"]
    assert all(one.isascii() and one.isprintable() for one in told)


def test_a_refusal_is_warned_of_in_its_own_words(ada, release, settings):
    settings.PORTAL_URL = "https://portal.example.org"
    cast.publish(release.licence, "2.0")

    refusal = decide(ada, release, Action.DOWNLOAD).refusal()

    assert warning_of(refusal) == (
        "access; You accepted version 1.0, which is no longer in force. Read and accept Open Weights Licence "
        "2.0. https://portal.example.org/licences/licence-of-tiny/ "
        f"(reference {ada.applications.get().reference})"
    )


def test_a_new_licence_is_told_while_there_is_grace(frozen, ada, release, settings):
    settings.PORTAL_URL = "https://portal.example.org"
    version = LicenceVersion(licence=release.licence, number="2.0", text="# Licence 2.0")
    version.sha256, version.published_at = version.text_sha256(), NOON - timedelta(days=1)
    version.grace_ends_at = NOON + timedelta(days=11, hours=12)
    version.save()
    mine = {"release": release, "revision": frozen, "key": None, "user": ada}

    assert warnings(**mine, at=NOON) == [
        (
            "licence; Accept Open Weights Licence 2.0 by 1 December, 11 days left. "
            "https://portal.example.org/licences/licence-of-tiny/"
        )
    ]
    assert warnings(**mine, at=version.grace_ends_at) == []

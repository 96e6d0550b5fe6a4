"""Scrubbing: damage on the disk is found, taken out of service, told to the staff once, and mended."""

import hashlib
import time
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db.models import F
from django.utils import timezone

from portal.celery import app
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb
from portal.releases import actions, importing, integrity_tasks, scrubbing
from portal.releases.models import Blob, stored_at
from portal.releases.rereading import Pace
from tests import cast

MIB = 1024 * 1024


@pytest.fixture
def revision(release, directory):
    work = actions.request_import(release, source=str(directory), by=None, dispatch=False)
    importing.run(work.pk)
    return release.current_revision()


@pytest.fixture
def weights(revision) -> Blob:
    return Blob.objects.get(pk=revision.files.get(path="model.safetensors").sha256)


@pytest.fixture
def celery_here():
    """Tasks run where they are sent from, mail included."""
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


@pytest.fixture
def committed(django_capture_on_commit_callbacks, celery_here):
    return lambda: django_capture_on_commit_callbacks(execute=True)


@pytest.fixture
def tellable(remy, rosa):
    """One who manages releases, and one of the staff who does not."""
    return [remy, rosa]


def blobs(*sizes: int) -> list[Blob]:
    """Blobs of those sizes that lie in the store."""
    made = []
    for number, size in enumerate(sizes):
        content = bytes([number]) * size
        sha256 = hashlib.sha256(content).hexdigest()
        stored_at(sha256).parent.mkdir(parents=True, exist_ok=True)
        stored_at(sha256).write_bytes(content)
        made.append(Blob.objects.create(sha256=sha256, size_bytes=size))
    return made


def overwrite(blob: Blob, content: bytes) -> None:
    path = stored_at(blob.sha256)
    path.chmod(0o644)
    path.write_bytes(content)


def flip_a_bit(blob: Blob) -> bytes:
    """Change one bit on the disk; return what was there."""
    whole = stored_at(blob.sha256).read_bytes()
    overwrite(blob, whole[:-1] + bytes([whole[-1] ^ 1]))
    return whole


def a_night_passes() -> None:
    Blob.objects.update(scrubbed_at=F("scrubbed_at") - timedelta(days=1))


def read_tonight() -> set[str]:
    return set(Blob.objects.exclude(scrubbed_at=None).values_list("pk", flat=True))


def test_a_whole_store_is_read_and_noted(revision):
    integrity_tasks.scrub_tonight()

    assert read_tonight() == {file.sha256 for file in revision.files.all()}
    assert not Blob.objects.out_of_service().exists()
    assert not Entry.objects.filter(verb__in=[Verb.BLOB_DAMAGED, Verb.BLOB_RESTORED]).exists()


def test_a_flipped_bit_is_found_and_the_staff_is_told_once(
    revision, weights, tellable, mailoutbox, committed
):
    flip_a_bit(weights)

    for _ in range(3):
        with committed():
            scrubbing.scrub_tonight()
        a_night_passes()
    with committed():
        integrity_tasks.check_blob(sha256=weights.sha256)

    weights.refresh_from_db()
    entry = Entry.objects.get(verb=Verb.BLOB_DAMAGED)
    assert weights.damage.startswith("has another SHA-256: ")
    assert (entry.actor_label, entry.subject_id) == ("the portal", weights.sha256)
    assert entry.data["files"] == [
        {"release": "tiny", "commit": revision.commit, "path": "model.safetensors"}
    ]
    assert [message.to for message in mailoutbox] == [["remy@example.org"]]
    assert "model.safetensors of open-weights/tiny@" in mailoutbox[0].body
    assert "/console/releases/tiny/" in mailoutbox[0].body
    assert list(Blob.objects.out_of_service()) == [weights]


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda path: path.unlink(), "is missing"),
        (lambda path: (path.chmod(0o644), path.write_bytes(b"short")), "has 5 bytes in place of 1,048,576"),
        (lambda path: (path.unlink(), path.symlink_to(path)), "cannot be read: Too many levels of symbolic"),
    ],
)
def test_a_file_that_is_gone_cut_or_unreadable_goes_out_of_service(weights, harm, words):
    harm(stored_at(weights.sha256))

    found = scrubbing.check(weights)

    assert found.startswith(words)
    assert weights.damaged_at is not None


def test_a_store_that_is_not_mounted_damages_nothing(revision, store_root):
    store_root.rename(store_root.with_name("unmounted"))

    assert scrubbing.scrub_tonight() == 0
    with pytest.raises(CommandError, match="is not there"):
        call_command("scrub", "--all")
    assert not Blob.objects.out_of_service().exists()


def test_damaged_bytes_stay_where_they_are(weights):
    flip_a_bit(weights)
    bad = stored_at(weights.sha256).read_bytes()

    scrubbing.check(weights)

    assert stored_at(weights.sha256).read_bytes() == bad


def test_operator_puts_the_bytes_back_and_the_file_into_service(weights, capsys):
    whole = flip_a_bit(weights)
    with pytest.raises(CommandError, match="Damaged and out of service: 1 of 3"):
        call_command("scrub", "--all")
    with pytest.raises(CommandError, match="Damaged and out of service: 1 of 1"):
        call_command("scrub")
    overwrite(weights, whole)

    call_command("scrub", "--sha256", weights.sha256)
    call_command("scrub")

    weights.refresh_from_db()
    assert (weights.damaged_at, weights.damage) == (None, "")
    assert Entry.objects.filter(verb=Verb.BLOB_RESTORED).count() == 1
    assert "Whole: 0." in capsys.readouterr().out


def test_operator_who_mistypes_a_hash_is_told(db):
    with pytest.raises(CommandError, match="The store knows nothing of 00"):
        call_command("scrub", "--sha256", "00")


def test_importing_the_same_files_again_mends_the_store_and_keeps_the_damaged_bytes(
    release, directory, weights, store_root, committed
):
    flip_a_bit(weights)
    bad = stored_at(weights.sha256).read_bytes()
    scrubbing.check(weights)

    work = actions.request_import(release, source=str(directory), by=None, dispatch=False)
    with committed():
        importing.run(work.pk)

    weights.refresh_from_db()
    assert weights.damaged_at is None
    assert [path.read_bytes() for path in (store_root / "damaged").iterdir()] == [bad]


def test_a_night_reads_no_more_than_its_bytes_and_the_longest_unread_first(db, settings, store_root):
    first, second, third = blobs(MIB, MIB, MIB)
    now = timezone.now()
    settings.WEIGHTS_SCRUB_BYTES_PER_NIGHT = 2 * MIB
    Blob.objects.filter(pk=first.pk).update(scrubbed_at=now - timedelta(days=2))
    Blob.objects.filter(pk=second.pk).update(scrubbed_at=now - timedelta(days=9))

    rounds = [scrubbing.scrub_tonight() for _ in range(3)]

    dates = dict(Blob.objects.values_list("pk", "scrubbed_at"))
    assert rounds == [2, 0, 0]
    assert (dates[third.pk] >= now, dates[second.pk] >= now, dates[first.pk] >= now) == (True, True, False)
    a_night_passes()
    assert scrubbing.scrub_tonight() == 2


def test_a_file_larger_than_a_nights_bytes_is_read_alone(db, settings, store_root):
    large, small = blobs(3 * MIB, MIB)
    settings.WEIGHTS_SCRUB_BYTES_PER_NIGHT = 2 * MIB
    Blob.objects.filter(pk=small.pk).update(scrubbed_at=timezone.now() - timedelta(days=2))

    scrubbing.scrub_tonight()

    assert Blob.objects.get(pk=large.pk).scrubbed_at is not None
    assert Blob.objects.get(pk=small.pk).scrubbed_at < timezone.now() - timedelta(days=1)


def test_a_round_that_was_killed_is_taken_up_by_the_next(db, store_root):
    blobs(10, 20)
    cache.add(scrubbing.TURN_KEY, "a worker that was killed", 1)
    while_it_holds = scrubbing.scrub_tonight()
    time.sleep(1.1)

    assert (while_it_holds, scrubbing.scrub_tonight()) == (0, 2)
    assert cache.get(scrubbing.TURN_KEY) is None


def test_reading_keeps_to_its_pace(db, settings, store_root):
    (blob,) = blobs(4 * MIB)
    settings.WEIGHTS_SCRUB_BYTES_PER_SECOND = 8 * MIB
    started = time.monotonic()

    scrubbing.check(blob)

    assert 0.45 < time.monotonic() - started < 3


def test_a_pace_does_not_save_up_for_a_burst():
    pace = Pace(1000)
    time.sleep(0.3)
    started = time.monotonic()

    pace.take(100)

    assert time.monotonic() - started >= 0.09


def test_a_dying_disk_sends_five_mails_and_no_more(db, remy, mailoutbox, committed, store_root):
    for blob in blobs(*range(1, 9)):
        overwrite(blob, b"")

    with committed():
        scrubbing.scrub_tonight()

    assert Blob.objects.out_of_service().count() == 8
    assert len(mailoutbox) == scrubbing.MAILS_PER_HOUR
    assert ["a disk is failing" in message.body for message in mailoutbox] == [False] * 4 + [True]


def test_administrators_are_told_too_and_those_who_left_are_not(weights, remy, mailoutbox, committed):
    boss = cast.person("boss@example.org")
    boss.is_staff = boss.is_superuser = True
    boss.save()
    remy.is_active = False
    remy.save()
    flip_a_bit(weights)

    with committed():
        scrubbing.check(weights)

    assert [message.to for message in mailoutbox] == [["boss@example.org"]]

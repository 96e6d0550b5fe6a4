"""Reading nginx's log of downloads, while it is written, rotated and torn."""

import json
import os
import shutil
import time
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from portal.hub import nginx_log, sweeping
from portal.hub.models import Carrier, Download, DownloadLink, LogPlace
from portal.hub.tasks import read_nginx_log
from tests.hub.taking import revision, take


@pytest.fixture
def weights(release):
    return revision(release, model=1000)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "downloads.log"


@pytest.fixture
def carry(ada, weights):
    """Has nginx carry a download of Ada's."""
    return lambda *spans, **facts: take(
        ada, weights, "model", *spans, sent=0, ended=False, carrier=Carrier.NGINX, **facts
    )


def line(download, sent=1000, status=206):
    facts = {"download": str(download.pk), "sent": sent, "status": status, "msec": "1700000000.123"}
    return json.dumps(facts, separators=(",", ":")) + "\n"


def write(path, *lines):
    with path.open("a") as file:
        file.writelines(lines)


def rest(*paths):
    """Nobody has written to these for a minute."""
    for path in paths:
        os.utime(path, (time.time() - 60, path.stat().st_mtime - 60))


def sent():
    return dict(Download.objects.filter(ended_at__isnull=False).values_list("pk", "sent_bytes"))


def test_log_says_what_left_and_is_read_once(carry, path):
    whole, broken, refused = carry(), carry(), carry()
    write(path, line(whole, 1000, 200), line(broken, 300, 206), line(refused, 162, 429))

    first, second = nginx_log.read_new(path), nginx_log.read_new(path)

    assert (first, second) == (3, 0)
    assert sent() == {whole.pk: 1000, broken.pk: 300, refused.pk: 0}


def test_line_is_taken_when_its_end_is_there(carry, path):
    download = carry()
    text = line(download)
    write(path, text[:25])
    assert nginx_log.read_new(path) == 0

    write(path, text[25:])

    assert nginx_log.read_new(path) == 1
    assert sent() == {download.pk: 1000}


@pytest.mark.parametrize(
    "garbage",
    [
        b"\n",
        b"\x00\xff\xfe\n",
        b"[]\n",
        b'{"download":"-","sent":1,"status":200}\n',
        b'{"download":"","sent":162,"status":404}\n',
        b'{"download":"1; DROP","sent":1,"status":200}\n',
        b'{"download":"' + b"9" * 40 + b'","sent":1,"status":200}\n',
        b'{"download":"1","sent":-1,"status":200}\n',
        b'{"download":"1","sent":true,"status":200}\n',
        b"[" * 100_000 + b"\n",
        b"x" * (nginx_log.CHUNK_BYTES + 10) + b"\n",
    ],
)
def test_garbage_is_passed_over(carry, path, garbage):
    before, after = carry(), carry()
    path.write_bytes(line(before).encode() + garbage + line(after).encode())

    nginx_log.read_new(path)

    assert sent() == {before.pk: 1000, after.pk: 1000}


def test_downloads_of_other_carriers_and_unknown_ones_are_left_alone(ada, weights, carry, path):
    own = take(ada, weights, "model", sent=5, ended=False)
    ended = take(ada, weights, "model", sent=700, carrier=Carrier.NGINX)
    write(path, line(own), line(ended, 600), line(Download(pk=ended.pk + 1000)))

    assert nginx_log.read_new(path) == 0
    assert sent() == {ended.pk: 700}


def test_download_that_took_longer_than_a_day_gets_its_bytes_when_nginx_tells(carry, path):
    slow = carry(alive_at=timezone.now() - timedelta(hours=25))
    sweeping.end_silent()
    assert sent() == {slow.pk: 0}
    write(path, line(slow))

    assert [nginx_log.read_new(path), nginx_log.read_new(path)] == [1, 0]
    assert sent() == {slow.pk: 1000}


def test_renamed_log_is_read_to_its_end_before_the_new_one(carry, path, tmp_path):
    first, late, later, new = (carry() for _ in range(4))
    write(path, line(first))
    nginx_log.read_new(path)
    write(path, line(late))
    old = path.rename(tmp_path / "downloads.log.1")
    nginx_log.read_new(path)
    # nginx still has the old file open, and the new one is there already.
    write(path, line(new))
    write(old, line(later))
    nginx_log.read_new(path)
    assert set(sent()) == {first.pk, late.pk, later.pk}

    rest(old)
    nginx_log.read_new(path)

    assert set(sent()) == {first.pk, late.pk, later.pk, new.pk}
    assert LogPlace.objects.get().inode == path.stat().st_ino


def test_log_that_was_rotated_many_times_meanwhile_is_read_whole(carry, path, tmp_path):
    downloads = [carry() for _ in range(4)]
    write(path, line(downloads[0]))
    nginx_log.read_new(path)
    for age, download in ((3, downloads[1]), (2, downloads[2])):
        write(path, line(download))
        path.rename(tmp_path / f"downloads.log.{age}")
        os.utime(tmp_path / f"downloads.log.{age}", (0, time.time() - 1000 * age))
    (tmp_path / "downloads.log.4.gz").write_bytes(b"packed")
    write(path, line(downloads[3]))

    nginx_log.read_new(path)

    assert set(sent()) == {download.pk for download in downloads}


def test_copied_and_emptied_log_loses_no_line(carry, path, tmp_path):
    first, late, new = carry(), carry(), carry()
    write(path, line(first))
    nginx_log.read_new(path)
    write(path, line(late))
    copy = tmp_path / "downloads.log-20261124"
    shutil.copy(path, copy)
    rest(copy)
    os.truncate(path, 0)
    # As long as it was, and of the same inode: only its bytes tell that it is another log.
    write(path, line(new), line(new))
    assert path.stat().st_size >= LogPlace.objects.get().offset

    nginx_log.read_new(path)

    assert set(sent()) == {first.pk, late.pk, new.pk}


def test_emptied_log_without_a_copy_is_read_from_its_start(carry, path):
    first, new = carry(), carry()
    write(path, line(first))
    nginx_log.read_new(path)
    os.truncate(path, 0)
    write(path, line(new))

    nginx_log.read_new(path)

    assert set(sent()) == {first.pk, new.pk}


def test_last_line_of_an_old_log_is_taken_without_its_end(carry, path, tmp_path):
    torn, new = carry(), carry()
    path.write_text(line(torn).strip())
    nginx_log.read_new(path)
    old = path.rename(tmp_path / "downloads.log.1")
    rest(old)
    write(path, line(new))

    nginx_log.read_new(path)

    assert set(sent()) == {torn.pk, new.pk}


def test_log_longer_than_a_chunk_is_read_whole(carry, path, monkeypatch):
    monkeypatch.setattr(nginx_log, "CHUNK_BYTES", 200)
    downloads = [carry() for _ in range(20)]
    write(path, *(line(download) for download in downloads))

    assert nginx_log.read_new(path) == 20


def test_missing_log_is_no_error(db, path):
    assert nginx_log.read_new(path) == 0


@pytest.mark.parametrize(
    ("spans", "body", "status", "expected"),
    [
        ([(0, 999)], 1000, 200, 1000),
        # HTTP/2 counts its frames.
        ([(0, 999)], 1090, 200, 1000),
        ([(100, 199)], 60, 206, 60),
        # nginx was not to be had for the range and sent the file from its start.
        ([(100, 199)], 150, 200, 50),
        ([(100, 199)], 1000, 200, 100),
        # The parts' heads as nginx 1.31 wrote them, 431 bytes in all.
        ([(0, 99), (200, 299)], 100, 206, 0),
        ([(0, 99), (200, 299)], 100 + 100, 206, 100),
        ([(0, 99), (200, 299)], 100 + 100 + 103 + 40, 206, 140),
        ([(0, 99), (200, 299)], 431, 206, 200),
        ([(0, 999)], 300, 404, 0),
        ([(0, 999)], 0, 304, 0),
        ([(0, 999)], 0, 499, 0),
    ],
)
def test_only_bytes_of_the_file_count(spans, body, status, expected):
    told = nginx_log.Line(1, body, status)

    assert nginx_log.file_bytes(told, spans=spans, size_bytes=1000) == expected


def test_link_gets_back_what_did_not_leave(ada, weights, carry, path):
    link = DownloadLink.objects.create(
        user=ada, file=weights.files.get(), public_id="x", digest="y", uses_max=1, left_bytes=0,
        expires_at="2100-01-01T00:00Z",
    )  # fmt: skip
    write(path, line(carry(link=link), 400))

    nginx_log.read_new(path)
    nginx_log.read_new(path)

    link.refresh_from_db()
    assert link.left_bytes == 600


def test_task_and_command_read_the_log_that_is_set(carry, path, settings, capsys):
    write(path, line(carry()), line(carry()))
    read_nginx_log()
    assert sent() == {}
    with pytest.raises(CommandError, match="set NGINX_DOWNLOAD_LOG"):
        call_command("read_nginx_log", "")

    settings.NGINX_DOWNLOAD_LOG = str(path)
    read_nginx_log()
    call_command("read_nginx_log", str(path))

    assert len(sent()) == 2
    assert "0 downloads ended." in capsys.readouterr().out


def test_unreadable_log_is_said_and_no_crash(db, settings, tmp_path):
    settings.NGINX_DOWNLOAD_LOG = str(tmp_path)

    read_nginx_log()

    with pytest.raises(CommandError, match="cannot be read"):
        call_command("read_nginx_log", str(tmp_path))

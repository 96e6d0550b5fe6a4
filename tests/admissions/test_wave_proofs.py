"""A wave comes out the same again, tampering is named, and everybody can prove their own place."""

import json
import re
import subprocess
import sys
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from portal.admissions.choosing import OLDEST
from portal.admissions.models import Application, Wave
from portal.admissions.waves import work as wave_work
from portal.ledger.actions import first_break
from portal.ledger.models import Entry
from tests import cast
from tests.admissions.waiting import due, planned, waiting
from tests.conftest import signed_in


@pytest.fixture
def people(programme) -> list[Application]:
    """Ten on the waiting list, many of them level, most from one country."""
    germans = waiting(programme, 5.0, 4.0, 4.0, 4.0, 1.0, None, None, name="german")
    return (
        germans
        + waiting(programme, 4.0, 0.0, country="FR", name="french")
        + waiting(programme, None, country="", name="nobody")
    )


@pytest.fixture
def wave(people, programme, rosa) -> Wave:
    """A wave of four, at most two of a country, released."""
    made = due(programme, rosa, size=4, percent=50)
    wave_work.release(made)
    made.refresh_from_db()
    return made


def replay(wave) -> None:
    call_command("replay_wave", str(wave.pk))


def difference(wave) -> str:
    with pytest.raises(CommandError) as failed:
        replay(wave)
    return str(failed.value)


def url(application, wave) -> str:
    return f"{application.get_absolute_url()}waves/{wave.pk}/"


def proof_of(application, wave) -> dict:
    answer = signed_in(application.applicant).get(url(application, wave))
    assert answer.status_code == 200
    return json.loads(answer.content)


def checked(proof, folder) -> subprocess.CompletedProcess:
    """What the program in the documentation says of it."""
    page = (settings.BASE_DIR / "docs/operations.md").read_text()
    [program] = re.findall(r"```python\n(# check_wave\.py.*?)```", page, re.DOTALL)
    (folder / "check_wave.py").write_text(program)
    (folder / "proof.json").write_text(json.dumps(proof))
    command = [sys.executable, "check_wave.py", "proof.json"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_a_wave_comes_out_the_same_again_whatever_happened_since(wave, people, programme, capsys):
    Application.objects.update(score=1.0, country="IN")
    waiting(programme, 9.0, name="later")

    replay(wave)

    assert capsys.readouterr().out == "The same people: 4 of 10 candidates are in “First wave”.\n"


def test_what_is_no_wave_or_not_drawn_is_told(programme, rosa):
    made = planned(programme, rosa)

    assert difference(made) == "“First wave” has not been drawn, so there is nothing to replay."
    Wave.objects.all().delete()
    assert difference(made) == "There is no such wave."


def test_another_seed_is_noticed(wave):
    Wave.objects.update(seed="00" * 32)

    assert "seed is not the one of ledger entry" in difference(wave)


def test_another_policy_is_noticed(wave):
    Wave.objects.update(size=5)

    assert "policy is not the one of ledger entry" in difference(wave)


@pytest.mark.parametrize("change", [{"score": 9.0}, {"country": "IN"}, {"reference": "REQ-XXXXXXXX"}])
def test_another_candidate_is_noticed(wave, change):
    wave.candidates.filter(rank=10).update(**change)

    assert "candidates are not those of ledger entry" in difference(wave)


def test_somebody_left_out_is_noticed(wave):
    wave.candidates.get(rank=10).delete()

    assert "candidates are not those of ledger entry" in difference(wave)


def test_the_first_one_who_is_in_without_being_chosen_is_named(wave):
    last = wave.candidates.get(rank=10)
    wave.candidates.filter(pk=last.pk).update(outcome="approved")

    assert difference(wave).endswith(
        f"As drawn, number 10 is {last.reference} (in); now number 10 is {last.reference} (not in)."
    )


def test_an_entry_that_was_rewritten_is_noticed(wave, monkeypatch):
    # PostgreSQL itself refuses to change an entry, so one is read wrongly.
    monkeypatch.setattr(Entry, "expected_hash", lambda _: "0" * 64)

    assert "was changed after it was written" in difference(wave)


def test_a_seed_that_was_not_promised_is_noticed(people, programme, rosa):
    made = due(programme, rosa)
    Wave.objects.update(seed="11" * 32)
    wave_work.release(made)

    assert "is not the one that entry" in difference(made)
    assert first_break() is None


@pytest.mark.parametrize("place", range(10))
def test_everybody_can_check_their_own_place(wave, people, place, tmp_path):
    proof = proof_of(people[place], wave)

    answer = checked(proof, tmp_path)

    assert answer.stderr == ""
    row = wave.candidates.get(application=people[place])
    says = f"Number {row.rank} of 10: {'in' if row.is_chosen else 'not in'}, as the policy has it.\n"
    assert answer.stdout == says
    assert proof["you"]["chosen"] == row.is_chosen


@pytest.mark.parametrize(
    "policy",
    [
        {"size": 1, "order": OLDEST},
        {"size": 10, "percent": 10, "order": OLDEST},
        {"size": 50},
    ],
)
def test_the_check_holds_for_other_policies(people, programme, rosa, policy, tmp_path):
    made = due(programme, rosa, **policy)
    wave_work.release(made)

    for number in (0, 6, 9):
        assert checked(proof_of(people[number], made), tmp_path).stderr == ""


@pytest.mark.parametrize(
    "path",
    [
        ("seed",),
        ("you", "chosen"),
        ("you", "rank"),
        ("you", "lot"),
        ("you", "key"),
        ("list", 0, 3),
        ("list", 1, 2),
        ("ledger", "entry", "data", "list_sha256"),
    ],
)
def test_a_proof_that_was_tampered_with_fails(wave, people, path, tmp_path):
    proof = proof_of(people[0], wave)
    *way, last = path
    inner = proof
    for step in way:
        inner = inner[step]
    inner[last] = {bool: False, int: 99, float: -1.0, str: "00" * 32}[type(inner[last])]

    assert "AssertionError" in checked(proof, tmp_path).stderr


def test_a_proof_names_nobody_else(wave, people, rosa):
    mine, *others = people
    answer = signed_in(mine.applicant).get(url(mine, wave))

    assert answer["Content-Type"] == "application/json"
    assert answer["Content-Disposition"] == f'attachment; filename="wave-{mine.reference}.json"'
    text = answer.content.decode()
    for one in others:
        lot = wave_work.choosing.lot_of(one.reference, seed=bytes.fromhex(wave.seed))
        for secret in (one.reference, one.applicant.email, one.applicant.full_name, lot):
            assert secret not in text
    assert rosa.email not in text
    assert '"FR"' not in text


def test_only_its_own_applicant_gets_a_proof(client, wave, people, rosa, mallory):
    mine, other = people[:2]

    assert client.get(url(mine, wave)).status_code == 302
    for stranger in (mallory, rosa, other.applicant):
        assert signed_in(stranger).get(url(mine, wave)).status_code == 404
    # Neither with the own address and another's reference, nor for a wave that one was not part of.
    later = cast.application(mallory, mine.programme)
    assert signed_in(mallory).get(url(later, wave)).status_code == 404


def test_before_the_draw_there_is_nothing_to_prove(people, programme, rosa):
    made = planned(programme, rosa)
    page = signed_in(people[0].applicant).get(people[0].get_absolute_url()).content.decode()

    assert signed_in(people[0].applicant).get(url(people[0], made)).status_code == 404
    assert made.seed not in page
    assert "First wave" not in page


def test_the_status_page_leads_to_the_proof(wave, people, programme, rosa):
    second = due(programme, rosa, size=1)
    wave_work.release(second)
    waits = wave.candidates.get(rank=10).application

    page = signed_in(waits.applicant).get(waits.get_absolute_url()).content.decode()

    assert f'href="{url(waits, wave)}"' in page
    assert f'href="{url(waits, second)}"' in page


@pytest.mark.parametrize("count", [1, 3])
def test_a_proof_takes_a_fixed_number_of_queries(programme, rosa, count, settings, django_assert_num_queries):
    settings.USERSESSIONS_TRACK_ACTIVITY = False
    crowd = waiting(programme, *[5.0] * count)
    made = due(programme, rosa, size=count)
    wave_work.release(made)
    client, address = signed_in(crowd[0].applicant), url(crowd[0], made)

    # The session, the person, the candidate with their wave, the entry, the last one in, the list, the count.
    with django_assert_num_queries(7):
        client.get(address)


def test_a_time_that_is_past_by_long_is_released_all_the_same(people, programme, rosa):
    made = due(programme, rosa)
    Wave.objects.update(scheduled_at=timezone.now() - timedelta(days=3))

    wave_work.release(made)

    replay(made)

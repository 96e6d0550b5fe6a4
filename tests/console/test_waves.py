"""Waves in the console: the list, the preview that settles nothing, planning, and how far one is."""

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.admissions.models import Application, Wave, WaveCandidate, WaveStatus
from portal.admissions.models import ApplicationStatus as Status
from portal.admissions.waves import tasks as wave_tasks
from portal.admissions.waves import work as wave_work
from tests import cast
from tests.admissions.conftest import programme
from tests.admissions.waiting import due, planned, waiting
from tests.conftest import signed_in

__all__ = ["programme"]
URL = "/console/waves/"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def as_rosa(rosa):
    return signed_in(rosa)


@pytest.fixture
def sent(monkeypatch) -> list[str]:
    """The tasks that were sent, instead of a broker."""
    sent: list[str] = []
    monkeypatch.setattr(wave_tasks.release_wave, "delay", lambda *, wave_id: sent.append(wave_id))
    return sent


def form(of, **changes):
    at = timezone.now() + timedelta(days=2)
    return {
        "programme": of.pk,
        "name": "Spring",
        "size": "2",
        "order": "score",
        "country_percent_max": "",
        "scheduled_at": f"{at:%Y-%m-%dT%H:%M}",
    } | changes


def released(programme, rosa, **policy) -> Wave:
    made = due(programme, rosa, **policy)
    wave_work.release(made)
    made.refresh_from_db()
    return made


@pytest.mark.parametrize("path", ["", "new/"])
def test_only_reviewers_see_waves(client, as_mallory, path):
    organiser = signed_in(cast.staff("olga@example.org", "Event organisers"))

    assert client.get(URL + path)["Location"] == f"/accounts/login/?next={URL}{path}"
    assert (as_mallory.get(URL + path).status_code, organiser.get(URL + path).status_code) == (403, 403)


def test_only_reviewers_see_or_touch_one_wave(client, as_mallory, programme, rosa):
    address = planned(programme, rosa).get_absolute_url()

    assert (client.get(address).status_code, as_mallory.get(address).status_code) == (302, 403)
    for step in ("release/", "cancel/"):
        assert as_mallory.post(address + step).status_code == 403
        assert client.post(address + step).status_code == 302
    assert Wave.objects.get().status == WaveStatus.PLANNED


def test_the_console_and_the_queue_lead_to_waves_and_the_empty_list_to_the_first(as_rosa):
    queue = as_rosa.get("/console/applications/").content.decode()
    page = as_rosa.get(URL).content.decode()

    assert queue.count(f'href="{URL}"') == 2
    assert "No wave yet" in page
    assert f'href="{URL}new/"' in page


def test_a_wave_that_is_not_there_is_not_found(as_rosa):
    assert as_rosa.get(f"{URL}00000000-0000-4000-8000-000000000000/").status_code == 404


def test_the_only_programme_is_chosen_already(as_rosa, programme):
    page = as_rosa.get(f"{URL}new/").content.decode()

    assert f'<option value="{programme.pk}" selected>' in page


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"programme": ""}, "Choose the programme"),
        ({"size": ""}, "Write how many people may be in."),
        ({"size": "0"}, "greater than or equal to 1"),
        ({"size": "5001"}, "less than or equal to 5000"),
        ({"order": "beauty"}, "Select a valid choice"),
        ({"country_percent_max": "101"}, "less than or equal to 100"),
        ({"scheduled_at": "2020-01-01T10:00"}, "Choose a time to come."),
        ({"scheduled_at": "soon"}, "Write a date and a time"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(as_rosa, programme, changes, said):
    answer = as_rosa.post(f"{URL}new/", form(programme, **changes))

    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert 'value="Spring"' in answer.content.decode()
    assert not Wave.objects.exists()


def test_the_preview_shows_who_would_be_in_and_settles_nothing(as_rosa, programme):
    germans = waiting(programme, 5.0, 4.0, 3.0, name="d")
    [french] = waiting(programme, 1.0, country="FR", name="f")

    answer = as_rosa.post(f"{URL}new/", form(programme, size="5", country_percent_max="40", preview="1"))

    preview = answer.context["preview"]
    names = [application.reference for _, application, _ in preview.people]
    assert names == [germans[0].reference, germans[1].reference, french.reference]
    assert (preview.chosen, preview.candidates, preview.short_of, preview.by_lot) == (3, 4, 2, 0)
    shares = [(share.name, share.chosen, share.waiting, share.is_full) for share in preview.shares]
    assert shares == [("Germany", 2, 3, True), ("France", 1, 1, False)]
    assert not Wave.objects.exists()
    assert set(Application.objects.values_list("status", flat=True)) == {Status.WAITLISTED}
    assert "There is no data yet" in answer.content.decode()


def test_the_preview_marks_whom_the_lot_may_decide(as_rosa, programme):
    waiting(programme, 5.0, 4.0, 4.0, 4.0)

    answer = as_rosa.post(f"{URL}new/", form(programme, size="3", preview="1"))

    assert answer.context["preview"].by_lot == 2
    assert answer.content.decode().count(">By lot</span>") == 2


def test_a_preview_of_nobody_says_so(as_rosa, programme):
    page = as_rosa.post(f"{URL}new/", form(programme, preview="1")).content.decode()

    assert "Nobody would be in" in page


def test_rosa_plans_a_wave_whose_seed_no_page_tells(as_rosa, programme, rosa):
    waiting(programme, 5.0, 4.0)

    page = as_rosa.post(f"{URL}new/", form(programme, country_percent_max="40"), follow=True).content.decode()

    wave = Wave.objects.get()
    assert (wave.name, wave.by, wave.size, wave.country_percent_max) == ("Spring", rosa, 2, 40)
    assert wave.seed_commitment in page
    assert wave.seed not in page
    assert "sealed until it is drawn" in page
    assert "If it were drawn now" in page
    assert wave.seed not in as_rosa.get(URL).content.decode()


def test_released_now_by_another_reviewer_it_shows_its_progress_and_its_seed(as_rosa, programme, rosa, sent):
    crowd = waiting(programme, 5.0, 4.0, 1.0)
    wave = planned(programme, cast.staff("rolf@example.org", "Reviewers"))

    answer = as_rosa.post(f"{wave.get_absolute_url()}release/", follow=True)
    assert "in your name" in answer.content.decode()
    assert 'hx-trigger="every 2s"' in answer.content.decode()

    wave.refresh_from_db()
    wave_work.draw(wave)
    running = as_rosa.get(wave.get_absolute_url(), headers=HTMX).content.decode()
    assert "0 of 2 had their turn; 3 were considered" in running
    assert 'hx-trigger="every 2s"' in running
    assert "<html" not in running

    wave_work.admit(wave)
    done = as_rosa.get(wave.get_absolute_url())
    assert [row.reference for row in done.context["page"]] == [crowd[0].reference, crowd[1].reference]
    assert wave.seed in done.content.decode()
    assert "hx-trigger" not in done.content.decode()
    others = as_rosa.get(wave.get_absolute_url(), {"outcome": "not_chosen"})
    assert [row.reference for row in others.context["page"]] == [crowd[2].reference]
    assert "None of them" in as_rosa.get(wave.get_absolute_url(), {"outcome": "refused"}).content.decode()


def test_rosa_cancels_and_cannot_release_it_then(as_rosa, programme, rosa):
    wave = planned(programme, rosa)

    page = as_rosa.post(f"{wave.get_absolute_url()}cancel/", follow=True).content.decode()

    wave.refresh_from_db()
    assert wave.status == WaveStatus.CANCELLED
    assert "Nobody was admitted by it." in page
    assert wave.seed in page
    for step in ("release/", "cancel/"):
        assert as_rosa.post(wave.get_absolute_url() + step).status_code == 409


def test_a_wave_without_a_reviewer_and_an_overdue_one_say_what_to_do(as_rosa, programme, rosa):
    rolf = cast.staff("rolf@example.org", "Reviewers")
    wave = planned(programme, rolf)
    rolf.groups.clear()
    orphan = as_rosa.get(wave.get_absolute_url()).content.decode()
    Wave.objects.update(by=rosa, scheduled_at=timezone.now() - timedelta(minutes=5))

    late = as_rosa.get(wave.get_absolute_url()).content.decode()

    assert "Release it in your own name" in orphan
    assert "nothing began" in late
    assert ">Overdue</span>" in as_rosa.get(URL).content.decode()


def test_an_application_that_is_gone_keeps_its_row(as_rosa, programme, rosa):
    [gone] = waiting(programme, 5.0)
    wave = due(programme, rosa)
    wave_work.draw(wave)
    gone.delete()

    page = as_rosa.get(wave.get_absolute_url()).content.decode()

    assert "The application is gone" in page
    assert gone.reference in page


@pytest.mark.parametrize("number", [1, 3])
def test_the_list_costs_the_same_for_one_and_three(  # noqa: PLR0917 - fixtures and a number
    as_rosa, programme, rosa, number, settings, django_assert_num_queries
):
    settings.USERSESSIONS_TRACK_ACTIVITY = False
    waiting(programme, 5.0, 4.0, 3.0)
    for _ in range(number):
        released(programme, rosa, size=1)
    as_rosa.get(URL)

    # The session, the person, their permissions twice, the count, the waves, and who is in.
    with django_assert_num_queries(7):
        page = as_rosa.get(URL)

    assert [chosen for _, chosen in page.context["rows"]] == [1] * number


@pytest.mark.parametrize("number", [1, 3])
def test_the_page_of_a_wave_costs_the_same_for_one_and_three(  # noqa: PLR0917 - fixtures and a number
    as_rosa, programme, rosa, number, settings, django_assert_num_queries
):
    settings.USERSESSIONS_TRACK_ACTIVITY = False
    waiting(programme, *[5.0] * number)
    waits = planned(programme, rosa, size=3)
    as_rosa.get(URL)
    # The session, the person, their permissions twice, the wave, who answers for it twice, the outcomes,
    # the waiting list, the people shown, the load twice, and the ledger.
    with django_assert_num_queries(13):
        as_rosa.get(waits.get_absolute_url())
    drawn = released(programme, rosa, size=3)

    with django_assert_num_queries(11):
        as_rosa.get(drawn.get_absolute_url())

    assert WaveCandidate.objects.count() == number

"""A report pauses its release: every door shuts with the reason, and opens again."""

from playground import actions as playground
from playground.reporting import actions
from playground.reporting.models import ReportNote
from portal.access.deciding import decide
from portal.access.decision import Action
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb
from portal.releases.models import Release
from tests.playground.conftest import wish

QUEUE = "/console/reports/"


def test_tess_pauses_the_release_and_ends_the_pause(as_tess, as_ada, ada, release, report):
    address = f"{QUEUE}{report.reference}/"
    page = " ".join(as_tess.get(f"{address}pause/").text.split())
    assert "1 person is approved for it" in page
    assert "0 answers are being written" in page

    answer = as_tess.post(f"{address}pause/", {"reason": "It helps burglars."})

    assert answer["Location"] == address
    fresh = Release.objects.get(pk=release.pk)
    for action in Action:
        refused = decide(ada, fresh, action)
        assert not refused.allowed
        assert "It helps burglars." in next(gate.sentence for gate in refused.gates if not gate.passed)
    assert "It helps burglars." in as_tess.get(address).text
    assert "It helps burglars." not in as_ada.get(report.get_absolute_url()).text

    as_tess.post(f"{address}resume/")

    assert decide(ada, Release.objects.get(pk=release.pk), Action.PLAYGROUND).allowed
    verbs = Entry.objects.filter(verb__contains="release_").order_by("number").values_list("verb", flat=True)
    assert list(verbs) == [Verb.REPORT_RELEASE_PAUSED, Verb.REPORT_RELEASE_RESUMED]
    assert Entry.objects.filter(verb=Verb.RELEASE_PAUSED).count() == 1


def test_a_pause_needs_a_reason_and_is_made_once(as_tess, tess, report):
    address = f"{QUEUE}{report.reference}/pause/"

    empty = as_tess.post(address, {"reason": " "})
    actions.pause_release(report, reason="Burglars.", by=tess)
    again = as_tess.post(address, {"reason": "Once more."})

    assert empty.status_code == 422
    assert "Say why: everybody who is shut out reads it." in empty.text
    assert again.status_code == 422
    assert "It is paused already: Burglars." in again.text
    assert ReportNote.objects.filter(verb=Verb.REPORT_RELEASE_PAUSED).count() == 1


def test_ending_a_pause_that_is_none_is_told(as_tess, report):
    answer = as_tess.post(f"{QUEUE}{report.reference}/resume/", follow=True)

    assert "Tiny is not paused." in answer.text


def test_whoever_is_touched_is_counted(as_tess, ada, release, report):
    playground.send(wish("Still"), by=ada, release=release)

    touched = as_tess.get(f"{QUEUE}{report.reference}/pause/").context["touched"]

    assert (touched.people_count, touched.live_count, touched.keys_count) == (1, 1, 0)

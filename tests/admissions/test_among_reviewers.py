"""Notes with mentions, conflicts, scores, second reviewers, and blind first passes."""

import pytest

from portal.admissions import actions
from portal.admissions.applications import timelines
from portal.admissions.bulk import actions as bulk
from portal.admissions.bulk import work as bulk_work
from portal.admissions.models import Application, ApplicationStatus, Criterion, Proposal
from portal.admissions.reviewing import noting, rubrics
from portal.common.refusals import Refusal
from portal.ledger.models import Entry
from tests import cast
from tests.conftest import signed_in


@pytest.fixture
def criteria(programme):
    """A rubric of two lines, of which the first counts three times."""
    return [
        Criterion.objects.create(programme=programme, position=1, label="Merit", weight=3),
        Criterion.objects.create(programme=programme, position=2, label="Clarity", weight=1),
    ]


def test_a_note_is_read_by_staff_alone_and_mentions_are_told(submitted, rosa, rolf, ann, post_office):
    with post_office() as mails:
        told = noting.add_note(submitted, by=rosa, text="@rolf, @rosa and @nobody: is this the lab of 2024?")

    staff = [entry["body"] for entry in timelines.for_staff(submitted)]
    applicant = [entry["body"] for entry in timelines.for_applicant(submitted)]
    page = signed_in(ann).get(submitted.get_absolute_url()).content.decode()
    assert told == [rolf]
    assert "is this the lab of 2024?" in staff[0]
    assert not any("2024" in body for body in applicant)
    assert "2024" not in page
    assert [(mail.to, mail.subject) for mail in mails] == [
        (["rolf@example.org"], f"Rosa mentions you at {submitted.reference}")
    ]
    assert "2024" not in mails[0].body
    assert Entry.objects.about(submitted).last().data == {"mentioned": ["rolf@example.org"]}


def test_an_address_is_a_mention_as_well(submitted, rosa, rolf):
    assert noting.mentioned_in("ask (@rolf@example.org). mail x@rosa.example") == [rolf]


def test_whoever_declares_a_conflict_has_no_part_in_the_decision(submitted, rosa, rolf, criteria):
    noting.give_scores(submitted, by=rosa, values={criteria[0]: 5})

    noting.declare_conflict(submitted, by=rosa)
    noting.declare_conflict(submitted, by=rosa)

    codes = []
    for act in (
        lambda: actions.approve(submitted, by=rosa),
        lambda: noting.give_scores(submitted, by=rosa, values={criteria[0]: 1}),
    ):
        with pytest.raises(Refusal) as refused:
            act()
        codes.append(refused.value.code)
    submitted.refresh_from_db()
    assert codes == ["conflict_declared"] * 2
    assert submitted.score is None
    assert Entry.objects.filter(verb="application.conflict_declared").count() == 1
    assert actions.approve(submitted, by=rolf).status == ApplicationStatus.APPROVED


def test_the_score_is_the_mean_of_what_each_reviewer_gives_weighted(submitted, rosa, rolf, criteria):
    merit, clarity = criteria
    noting.give_scores(submitted, by=rosa, values={merit: 5, clarity: 1})
    noting.give_scores(submitted, by=rolf, values={merit: 2, clarity: None})

    scored = noting.give_scores(submitted, by=rosa, values={merit: 4})

    assert scored.score == pytest.approx(((4 * 3 + 1) / 4 + 2) / 2)
    submitted.refresh_from_db()
    assert submitted.score == scored.score


@pytest.mark.parametrize("value", [0, 6])
def test_a_score_off_the_scale_is_refused(submitted, rosa, criteria, value):
    with pytest.raises(Refusal) as refused:
        noting.give_scores(submitted, by=rosa, values={criteria[0]: value})

    assert refused.value.code == "off_the_scale"


def test_others_scores_are_shown_after_ones_own_with_how_lenient_they_are(
    submitted, programme, rosa, rolf, criteria
):
    for number in range(10):
        other = cast.application(cast.person(f"p{number}@example.org"), programme)
        noting.give_scores(other, by=rolf, values={criteria[0]: 5})
        noting.give_scores(other, by=rosa, values={criteria[0]: 3})
    noting.give_scores(submitted, by=rolf, values={criteria[0]: 5})

    before = rubrics.lines_of(submitted, rosa)
    noting.give_scores(submitted, by=rosa, values={criteria[0]: 3})
    after = rubrics.lines_of(submitted, rosa)

    assert (before[0].own, before[0].others) == (None, [])
    assert (after[0].own, after[0].others) == (3, [(rolf, 5, "1.0 more than the mean")])


@pytest.fixture
def doubly(programme):
    """The programme wants a second reviewer."""
    programme.needs_second_reviewer = True
    programme.save()
    return programme


def test_a_decision_counts_once_a_second_reviewer_takes_it(submitted, doubly, rosa, rolf, post_office):
    with post_office() as mails:
        proposed = actions.approve(submitted, by=rosa, message="Welcome.")
        again = actions.approve(submitted, by=rosa)
    states = (proposed.status, again.status, len(mails))

    with post_office() as mails:
        decided = actions.approve(submitted, by=rolf, message="Welcome!")

    assert states == (ApplicationStatus.IN_REVIEW, ApplicationStatus.IN_REVIEW, 0)
    assert (decided.status, decided.decided_by) == (ApplicationStatus.APPROVED, rolf)
    assert [mail.subject for mail in mails] == [f"Your application {submitted.reference} is approved"]
    assert not Proposal.objects.exists()
    assert [entry.verb for entry in Entry.objects.about(submitted)][-4:] == [
        "application.review_started",
        "application.decision_proposed",
        "application.decision_proposed",
        "application.approved",
    ]


def test_another_decision_takes_the_place_of_the_proposal(submitted, doubly, rosa, rolf):
    actions.approve(submitted, by=rosa)

    contrary = actions.decline(submitted, by=rolf, reason="incomplete")
    other_reason = actions.decline(submitted, by=rosa, reason="no_room")
    decided = actions.decline(submitted, by=rolf, reason="no_room")

    assert contrary.status == other_reason.status == ApplicationStatus.IN_REVIEW
    assert (decided.status, decided.decline_reason) == (ApplicationStatus.DECLINED, "no_room")


def test_a_proposal_falls_with_the_state_that_it_was_made_for(submitted, doubly, rosa, rolf, ann):
    actions.approve(submitted, by=rosa)
    actions.request_information(submitted, by=rosa, message="Which lab?")
    actions.give_information(submitted, by=ann, message="Ours.")

    alone = actions.approve(submitted, by=rolf)

    assert alone.status == ApplicationStatus.IN_REVIEW


def test_a_bulk_decision_proposes_where_two_are_wanted(submitted, doubly, rosa):
    prepared = bulk.prepare(Application.objects.all(), verb="approve", by=rosa)
    bulk.begin(prepared, by=rosa)

    bulk_work.carry_out(prepared)

    item = prepared.items.get()
    submitted.refresh_from_db()
    assert item.sentence == "Proposed: it counts once a second reviewer agrees."
    assert submitted.status == ApplicationStatus.IN_REVIEW


def test_a_revocation_needs_no_second_reviewer(submitted, doubly, rosa, rolf):
    actions.approve(submitted, by=rosa)
    actions.approve(submitted, by=rolf)

    assert actions.revoke(submitted, by=rosa, message="Misuse.").status == ApplicationStatus.REVOKED


def test_who_applied_to_a_blind_programme_is_shown_nowhere_until_it_is_revealed(
    submitted, programme, rosa, rolf
):
    as_rosa = signed_in(rosa)
    programme.is_blind = True
    programme.save()
    noting.add_note(submitted, by=rosa, text="Strong.")
    address = f"/console/applications/{submitted.reference}/"
    chosen = {"verb": "approve", "message": "", "reason": ""}
    preview = as_rosa.post(
        f"/console/applications/bulk/?reference={submitted.reference}", chosen, follow=True
    )
    csv = as_rosa.post("/console/applications/export/csv/?status=all")

    pages = [
        as_rosa.get("/console/applications/?status=all").content.decode(),
        as_rosa.get(address).content.decode(),
        preview.content.decode(),
        b"".join(csv.streaming_content).decode() if csv.streaming else csv.content.decode(),
    ]
    revealed = as_rosa.post(f"{address}do/reveal/", follow=True).content.decode()
    other = signed_in(rolf).get(address).content.decode()
    actions.approve(submitted, by=rosa)
    decided = signed_in(rolf).get(address).content.decode()

    assert submitted.reference in pages[0]
    for page in (*pages, other):
        assert "Ann Applicant" not in page
        assert "ann@example.org" not in page
    assert "Ann Applicant" in revealed
    assert "Ann Applicant" in decided
    assert Entry.objects.filter(verb="application.revealed", actor_id=rosa.pk).count() == 1

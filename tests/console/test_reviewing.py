"""The pages around a decision: claims, notes, scores, messages, templates, views, the new filters."""

import pytest

from portal.admissions import actions
from portal.admissions.models import Application, Criterion, ReplyTemplate, SavedView
from portal.admissions.reviewing import claiming, noting
from tests import cast
from tests.admissions.conftest import ANSWERS, ann, draft, programme, rolf, submitted  # noqa: F401 - fixtures
from tests.conftest import signed_in

QUEUE = "/console/applications/"
HTMX = {"HX-Request": "true"}


def at(application, step=""):
    return f"{QUEUE}{application.reference}/{step}"


def test_rosa_claims_scores_notes_and_gives_back(as_rosa, submitted, programme, rosa):  # noqa: F811
    criterion = Criterion.objects.create(programme=programme, label="Merit")
    said = []
    for step, data in (
        ("claim", {}),
        ("score", {f"score-{criterion.pk}": "4"}),
        ("note", {"text": "Looks good."}),
        ("let-go", {}),
    ):
        page = as_rosa.post(at(submitted, f"do/{step}/"), data, headers=HTMX)
        said.append((page.status_code, [str(message) for message in page.context["messages"]]))

    submitted.refresh_from_db()
    assert said == [
        (200, [f"{submitted.reference} is yours for now."]),
        (200, [f"Your scores of {submitted.reference} are kept."]),
        (200, ["The note is kept."]),
        (200, [f"{submitted.reference} is in the queue for everybody."]),
    ]
    assert (submitted.score, submitted.assignee) == (4.0, None)


def test_a_step_without_htmx_comes_back_to_the_page_with_its_filters(as_rosa, submitted):  # noqa: F811
    page = as_rosa.post(at(submitted, "do/claim/?country=DE"), follow=True)

    assert page.redirect_chain == [(at(submitted, "?country=DE"), 302)]


def test_a_refused_step_says_why_and_keeps_what_was_typed(as_rosa, submitted, rolf):  # noqa: F811
    claiming.claim(submitted, by=rolf)

    message = as_rosa.post(at(submitted, "do/message/"), {"message": "My careful words."}, headers=HTMX)
    note = as_rosa.post(at(submitted, "do/note/"), {"text": "   "}, headers=HTMX)

    assert message.status_code == 409
    assert "rolf@example.org has this application" in message.content.decode()
    assert "My careful words." in message.content.decode()
    assert "Write the note first." in note.content.decode()


def test_a_message_only_moves_nothing(as_rosa, submitted):  # noqa: F811
    seen = as_rosa.get(at(submitted)).context["seen"]

    page = as_rosa.post(at(submitted, "do/message/"), {"message": "Hello.", "seen": seen}, headers=HTMX)

    submitted.refresh_from_db()
    assert page.status_code == 200
    assert (submitted.status, submitted.notes.last().message) == ("submitted", "Hello.")


def test_an_unknown_step_is_not_found(as_rosa, submitted):  # noqa: F811
    assert as_rosa.post(at(submitted, "do/everything/")).status_code == 404


def test_a_template_is_filled_in_beneath_what_was_typed(as_rosa, submitted):  # noqa: F811
    reply = ReplyTemplate.objects.create(name="Welcome", text="Dear {name}, {reference} of {programme}: {x}")

    page = as_rosa.post(at(submitted, "fill-in/"), {"template": reply.pk, "message": "First."}, headers=HTMX)

    expected = f"First.\n\nDear Ann Applicant, {submitted.reference} of Early access: {{x}}"
    assert page.context["form"]["message"].value() == expected


def test_templates_are_written_previewed_changed_and_removed(as_rosa, submitted):  # noqa: F811
    words = {"name": "Welcome", "text": "Dear {name}"}
    wrong = as_rosa.post("/console/replies/new/", words | {"text": "Dear {applicant}"})
    preview = as_rosa.post("/console/replies/new/", words | {"preview": "1"})
    before = ReplyTemplate.objects.count()
    as_rosa.post("/console/replies/new/", words)
    made = ReplyTemplate.objects.get()
    as_rosa.post(f"/console/replies/{made.pk}/", words | {"text": "Hello {name}"})
    made.refresh_from_db()
    listed = as_rosa.get("/console/replies/").content.decode()
    as_rosa.post(f"/console/replies/{made.pk}/remove/")

    assert wrong.context["form"].errors == {"text": ["Nothing stands for {applicant}. See the list below."]}
    assert (preview.context["preview"], before) == ("Dear Ann Applicant", 0)
    assert made.text == "Hello {name}"
    assert "Welcome" in listed
    assert not ReplyTemplate.objects.exists()


def test_filters_are_saved_as_a_view_and_shared(as_rosa, rosa, rolf, submitted):  # noqa: F811
    as_rosa.post(f"{QUEUE}views/?country=DE&after=x", {"name": "Germany"})
    as_rosa.post(f"{QUEUE}views/?status=all", {"name": "Everything", "is_shared": "on"})
    as_rosa.post(f"{QUEUE}views/?country=FR", {"name": "Germany"})

    mine = [(view.name, view.query) for view in as_rosa.get(QUEUE).context["views"]]
    his = [view.name for view in signed_in(rolf).get(QUEUE).context["views"]]
    theirs = SavedView.objects.get(name="Everything")
    other = signed_in(rolf).post(f"{QUEUE}views/{theirs.pk}/remove/").status_code
    as_rosa.post(f"{QUEUE}views/{theirs.pk}/remove/")

    assert mine == [("Everything", "status=all"), ("Germany", "country=FR")]
    assert his == ["Everything"]
    assert other == 404
    assert [view.name for view in SavedView.objects.all()] == ["Germany"]


@pytest.fixture
def three(programme, rosa, rolf):  # noqa: F811
    """Bea's is Rosa's and scored 4, Cem's is Rolf's, Dan's is nobody's and for teaching."""
    made = []
    for name, use in (("bea", "Research"), ("cem", "Research"), ("dan", "Teaching")):
        person = cast.person(f"{name}@example.org")
        answers = ANSWERS | {"intended_use": use}
        made.append(actions.submit(actions.start(programme, by=person), answers=answers, by=person))
    claiming.assign(made[0], to=rosa, by=rosa)
    claiming.claim(made[1], by=rolf)
    noting.give_scores(made[0], by=rosa, values={Criterion.objects.create(programme=programme, label="M"): 4})
    return made


def test_the_queue_is_filtered_by_reviewer_score_and_answer(as_rosa, three, rolf):  # noqa: F811
    choices = dict(as_rosa.get(QUEUE).context["form"].fields["answer"].choices)
    [label] = [label for label in choices if label == "What is the main use?"]
    teaching = next(token for token, choice in choices[label] if choice == "Teaching")

    found = {
        query: [row.applicant.name for row in as_rosa.get(f"{QUEUE}?{query}").context["page"]]
        for query in (
            "assignee=mine",
            "assignee=nobody",
            f"assignee={rolf.pk}",
            "score=4",
            "score=none",
            f"answer={teaching}",
            "answer=nonsense",
        )
    }

    assert list(found.values()) == [
        ["Bea"],
        ["Dan"],
        ["Cem"],
        ["Bea"],
        ["Cem", "Dan"],
        ["Dan"],
        ["Bea", "Cem", "Dan"],
    ]


def test_what_is_listed_is_shared_out(as_rosa, three, rosa, rolf):  # noqa: F811
    page = as_rosa.post(f"{QUEUE}share-out/?assignee=nobody", {"among": [rosa.pk, rolf.pk, "x"]}, follow=True)

    assert "Shared out: " in page.content.decode()
    assert Application.objects.get(pk=three[2].pk).assignee in {rosa, rolf}


@pytest.mark.parametrize("page", ["do/claim/", "fill-in/"])
def test_outsiders_do_nothing_here(as_mallory, client, submitted, page):  # noqa: F811
    assert as_mallory.post(at(submitted, page)).status_code == 403
    assert client.post(at(submitted, page)).status_code == 302
    assert as_mallory.post(f"{QUEUE}share-out/").status_code == 403
    assert as_mallory.get("/console/replies/").status_code == 403


def test_the_rubric_is_written_on_the_programmes_page(submitted, programme, rosa):  # noqa: F811
    paul = signed_in(cast.staff("paul@example.org", "Programme managers"))
    base = "/console/programmes/early-access/"
    paul.post(f"{base}criteria/new/", {"label": "Merit", "help_text": "1 none, 5 much", "weight": "2"})
    again = paul.post(f"{base}criteria/new/", {"label": "Merit", "weight": "1"})
    made = Criterion.objects.get()
    shown = paul.get(base).content.decode()
    noting.give_scores(submitted, by=rosa, values={made: 3})
    refused = paul.post(f"{base}criteria/{made.pk}/remove/", follow=True).content.decode()

    assert again.status_code == 422
    assert "Counts 2 times." in shown
    assert "has been scored, and stays in the rubric" in refused
    assert Criterion.objects.count() == 1

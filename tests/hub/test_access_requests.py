"""Access requests administered by script as the Hub's client does: lists, decisions, grants, refusals."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from portal.admissions.models import Application, ApplicationStatus
from portal.hub import access_requests
from portal.keys import actions as keys
from portal.keys.models import ApiKey, Scope
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb
from portal.releases.models import Release
from tests import cast

AT = "/hub/api/models/open-weights/tiny/user-access-request"


@pytest.fixture(autouse=True)
def programme(release):
    return cast.programme(release)


@pytest.fixture
def ada(programme):
    person = cast.person("ada@example.org")
    cast.application(person, programme, ApplicationStatus.APPROVED)
    return person


@pytest.fixture
def bearer(rosa):
    key = keys.create(rosa, name="script", scopes=[Scope.REVIEW], by=rosa)
    return {"Authorization": f"Bearer {key.token}"}


@pytest.fixture
def bob(programme):
    return cast.application(cast.person("bob@example.org", name="Bob B"), programme)


@pytest.fixture
def post(client, bearer):
    def send(verb, body, **headers):
        return client.post(
            f"{AT}/{verb}", json.dumps(body), content_type="application/json", headers=bearer | headers
        )

    return send


@pytest.fixture
def listed(client, bearer):
    return lambda state: client.get(f"{AT}/{state}", headers=bearer)


def test_rosa_lists_each_state(listed, programme, bob):
    for state in ApplicationStatus:
        if state != ApplicationStatus.SUBMITTED:
            cast.application(cast.person(f"{state}@example.org"), programme, state)
    Application.objects.filter(status="draft").update(submitted_at=None)

    names = {state: {one["user"]["user"] for one in listed(state).json()} for state in access_requests.STATES}

    assert names == {
        "pending": {"bob", "in_review", "information_requested", "waitlisted"},
        "accepted": {"approved"},
        "rejected": {"declined", "revoked"},
    }


def test_a_request_says_who_asks_and_what_they_answered(listed, bob):
    bob.asked = [{"code": "use", "kind": "short_text", "label": "What for?"}]
    bob.answers = {"use": "Research"}
    bob.save()

    [shown] = listed("pending").json()

    assert shown.pop("timestamp").endswith("Z")
    assert shown == {
        "requestId": bob.reference,
        "user": {
            "_id": f"{bob.applicant.pk:024x}",
            "user": "bob",
            "fullname": "Bob B",
            "email": "bob@example.org",
        },
        "status": "pending",
        "fields": {"What for?": "Research"},
    }


def test_answers_of_every_kind_are_listed_and_none_hides_another(listed, bob):
    asked = [
        ("uses", "choices"),
        ("gpus", "number"),
        ("home", "url"),
        ("cv", "file"),
        ("again", "short_text"),
    ]
    bob.asked = [
        {"code": code, "kind": kind, "label": "CV" if code == "again" else code.upper()}
        for code, kind in asked
    ]
    bob.answers = {
        "uses": ["A", "B"],
        "gpus": "2.5",
        "home": "https://a.org",
        "cv": "cv.pdf",
        "again": "None.",
    }
    bob.save()

    [shown] = listed("pending").json()

    assert shown["fields"] == {
        "USES": "A, B",
        "GPUS": "2.5",
        "HOME": "https://a.org",
        "CV": "cv.pdf",
        "CV (again)": "None.",
    }


def test_only_the_newest_of_a_person_counts(listed, programme, bob):
    Application.objects.update(status=ApplicationStatus.DECLINED)
    again = cast.application(bob.applicant, programme)

    assert [one["requestId"] for one in listed("pending").json()] == [again.reference]
    assert listed("rejected").json() == []


def test_a_long_list_comes_in_pages(client, bearer, listed, programme, *, monkeypatch, settings):
    monkeypatch.setattr(access_requests, "PAGE_SIZE", 2)
    for number in range(5):
        cast.application(cast.person(f"p{number}@example.org"), programme)
    seen, answer = [], listed("pending")
    while True:
        seen += [one["user"]["user"] for one in answer.json()]
        if "Link" not in answer:
            break
        url = answer["Link"].partition("<")[2].partition(">")[0]
        answer = client.get(url.removeprefix(settings.PORTAL_URL), headers=bearer)

    assert seen == [f"p{number}" for number in range(5)]


@pytest.mark.parametrize("number", [1, 20])
def test_a_list_costs_the_same_however_long(listed, programme, django_assert_num_queries, number):
    for one in range(number):
        cast.application(cast.person(f"p{one}@example.org"), programme)
    listed("pending")

    with django_assert_num_queries(6):
        listed("pending")


@pytest.mark.parametrize("named", ["bob", "bob@example.org", "BOB@example.org"])
def test_rosa_accepts_by_name(post, rosa, bob, named):
    answer = post("handle", {"user": named, "status": "accepted"})

    bob.refresh_from_db()
    assert answer.status_code == 200
    assert (bob.status, bob.decided_by) == ("approved", rosa)
    assert Entry.objects.order_by("-number")[0].verb == Verb.APPLICATION_APPROVED


def test_rosa_rejects_by_id_with_a_reason_that_the_applicant_is_told(post, bob):
    body = {"requestId": bob.reference, "status": "rejected", "rejectionReason": "Say more of your use."}

    assert post("handle", body).status_code == 200

    bob.refresh_from_db()
    assert bob.status == "declined"
    assert bob.notes.get(status="declined").message == "Say more of your use."


def test_rejecting_an_approval_revokes_it(post, ada):
    found = Application.objects.get(applicant=ada)
    body = {"user": "ada", "status": "rejected", "rejectionReason": "The key was shared."}

    assert post("handle", body).status_code == 200

    found.refresh_from_db()
    assert found.status == "revoked"
    assert post("handle", body).status_code == 404
    again = post("handle", {"user": "ada", "status": "accepted"})
    assert again.status_code == 400
    assert "can apply again" in again.json()["error"]


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        ({"user": "bob", "status": "pending"}, 404, "pending already"),
        ({"user": "ada", "status": "accepted"}, 404, "accepted already"),
        ({"user": "ada", "status": "pending"}, 400, "Nothing goes back to the queue"),
        ({"user": "bob", "status": "rejected"}, 400, "Give a rejection reason"),
        ({"user": "bob", "status": "rejected", "rejectionReason": "x" * 201}, 400, "200 characters"),
        ({"user": "bob", "status": "reset"}, 400, "Give the status"),
        ({"user": "bob"}, 400, "Give the status"),
        ({"user": "nobody", "status": "accepted"}, 404, "no such person"),
        ({"requestId": "REQ-NOTHING1", "status": "accepted"}, 404, "no such request"),
        ({"status": "accepted"}, 400, "either user or requestId"),
        ({"user": "bob", "requestId": "REQ-1", "status": "accepted"}, 400, "either user or requestId"),
        ({"user": ["bob"], "status": "accepted"}, 400, "plain texts"),
        ({"user": "bob\0", "status": "accepted"}, 400, "plain texts"),
        (["bob"], 400, "JSON object"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(post, ada, bob, *, body, status, sentence):
    answer = post("handle", body)

    assert answer.status_code == status
    assert sentence in answer.json()["error"]
    assert answer["X-Error-Message"]
    bob.refresh_from_db()
    assert bob.status == "submitted"


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_refused(client, bearer, raw):
    answer = client.post(f"{AT}/handle", raw, content_type="application/json", headers=bearer)

    assert answer.status_code == 400


def test_a_name_of_two_people_asks_for_the_address(post, bob, programme):
    other = cast.application(cast.person("bob@example.com"), programme)

    unclear = post("handle", {"user": "bob", "status": "accepted"})
    clear = post("handle", {"user": "bob@example.com", "status": "accepted"})

    other.refresh_from_db()
    assert (unclear.status_code, clear.status_code) == (400, 200)
    assert "Give the e-mail address" in unclear.json()["error"]
    assert other.status == "approved"


def test_rosa_grants_access_to_one_who_has_not_applied(post, rosa, programme, post_office):
    carol = cast.person("carol@example.org")

    with post_office() as mails:
        answer = post("grant", {"user": "carol"})

    made = Application.objects.get(applicant=carol)
    assert (answer.status_code, answer.json()) == (200, {})
    assert (made.status, made.decided_by, made.programme) == ("approved", rosa, programme)
    verbs = list(Entry.objects.order_by("number").values_list("verb", flat=True))[-3:]
    assert verbs == [
        Verb.APPLICATION_HANDED_IN,
        Verb.APPLICATION_REVIEW_STARTED,
        Verb.APPLICATION_APPROVED,
    ]
    # Rosa herself is told that her key is used where it was not before.
    [subject] = [letter.subject for letter in mails if letter.to == ["carol@example.org"]]
    assert "is approved" in subject


def test_a_grant_approves_what_waits_and_leaves_what_is_there(post, bob, ada):
    assert post("grant", {"user": "bob"}).status_code == 200
    again = post("grant", {"user": "ada"})

    bob.refresh_from_db()
    assert bob.status == "approved"
    assert (again.status_code, again.json()["error"]) == (400, "That person has access already.")


def test_a_grant_needs_a_programme_and_an_account_in_order(post, release, programme):
    cast.person("late@example.org", verified=False)

    assert post("grant", {"user": "late"}).status_code == 409
    programme.releases.clear()
    answer = post("grant", {"user": cast.person("carol@example.org").email})
    assert (answer.status_code, "No programme opens" in answer.json()["error"]) == (400, True)


def test_nobody_decides_on_their_own(post, rosa, programme):
    own = cast.application(rosa, programme)

    handled = post("handle", {"requestId": own.reference, "status": "accepted"})
    own.refresh_from_db()

    assert handled.status_code == 403
    assert "your own application" in handled.json()["error"]
    assert own.status == "submitted"


@pytest.mark.parametrize("verb", ["pending", "handle", "grant"])
def test_who_may_not_review_is_refused(client, rosa, bearer, bob, verb):
    ask = client.get if verb == "pending" else client.post
    weights = keys.create(rosa, name="w", scopes=[Scope.WEIGHTS], by=rosa).token
    rosas = Client()
    rosas.force_login(rosa, backend="django.contrib.auth.backends.ModelBackend")
    rosas_ask = rosas.get if verb == "pending" else rosas.post

    codes = [
        ask(f"{AT}/{verb}").status_code,
        rosas_ask(f"{AT}/{verb}").status_code,
        ask(f"{AT}/{verb}", headers={"Authorization": f"Bearer {weights}"}).status_code,
    ]
    rosa.groups.clear()
    codes.append(ask(f"{AT}/{verb}", headers=bearer).status_code)
    ApiKey.objects.update(revoked_at=timezone.now())
    codes.append(ask(f"{AT}/{verb}", headers=bearer).status_code)

    assert codes == [401, 401, 403, 403, 401]


def test_an_unknown_state_and_an_unknown_model_are_said(client, bearer, listed):
    assert listed("reset").status_code == 400
    missing = client.get("/hub/api/models/open-weights/none/user-access-request/pending", headers=bearer)
    assert (missing.status_code, missing["X-Error-Code"]) == (404, "RepoNotFound")


@pytest.mark.django_db(transaction=True)
def test_two_reviewers_at_once_decide_once(rosa, bearer, bob):
    def accept(_):
        try:
            body = json.dumps({"user": "bob", "status": "accepted"})
            return (
                Client()
                .post(f"{AT}/handle", body, content_type="application/json", headers=bearer)
                .status_code
            )
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        codes = sorted(pool.map(accept, range(4)))

    assert codes[0] == 200
    assert set(codes[1:]) <= {400, 404, 409}
    assert Entry.objects.filter(verb=Verb.APPLICATION_APPROVED).count() == 1
    assert Release.objects.count() == 1


def test_a_decision_that_only_proposes_says_so_in_a_warning(post, bob, programme):
    programme.needs_second_reviewer = True
    programme.save()

    answer = post("handle", {"user": "bob", "status": "accepted"})

    bob.refresh_from_db()
    told = f"access; {bob.reference} is accepted once a second reviewer decides the same."
    assert (answer.status_code, bob.status) == (200, ApplicationStatus.IN_REVIEW)
    assert [value for name, value in answer.items() if name == "X-HF-Warning"] == [told]

"""The access-request administration of `huggingface_hub`: its requests are applications to a programme here.

Pending are those that wait for anybody, accepted the approved ones, rejected those declined
or revoked. To accept is to approve, to reject is to decline or, after an approval, to revoke;
both are the very verbs of the review queue, with its mails and its ledger entries.
"""

import json
from http import HTTPStatus
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from portal.accounts.models import User
from portal.accounts.roles import REVIEW
from portal.admissions import actions
from portal.admissions.models import Application, ApplicationQuerySet, Programme
from portal.admissions.models import ApplicationStatus as Status
from portal.common.refusals import Refusal
from portal.common.requests import client_address
from portal.common.transitions import IllegalMove
from portal.hub.callers import hub_name
from portal.hub.errors import hub_door
from portal.hub.metadata.answers import Answer, cursor, moment, page
from portal.hub.metadata.asking import require_account
from portal.hub.shelf import find_release
from portal.keys.authentication import bearer_token, find_key
from portal.keys.models import Scope
from portal.keys.restrictions import require_release
from portal.releases.models import Release

PAGE_SIZE = 100
REASON_CHARACTERS_MAX = 200
REFERENCES_BEGIN = "REQ-"
STATES = {
    "pending": (Status.SUBMITTED, Status.IN_REVIEW, Status.INFORMATION_REQUESTED, Status.WAITLISTED),
    "accepted": (Status.APPROVED,),
    "rejected": (Status.DECLINED, Status.REVOKED),
}


@hub_door
@require_safe
def listed(request: HttpRequest, organisation: str, model: str, status: str) -> HttpResponse:
    """`GET …/user-access-request/{status}`: the requests in that state, oldest first. Two queries more."""
    _, release = _asked(request, f"{organisation}/{model}")
    if status not in STATES:
        raise _bad(f"The states are {', '.join(STATES)}.")
    start = cursor(request)
    found = _requests(release).filter(status__in=STATES[status]).select_related("applicant", "programme")
    rows = found.order_by("submitted_at", "pk")[start : start + PAGE_SIZE + 1]
    return page(request, [_shown(row, status) for row in rows], size=PAGE_SIZE, start=start)


@csrf_exempt
@hub_door
@require_POST
def handle(request: HttpRequest, organisation: str, model: str) -> HttpResponse:
    """`POST …/user-access-request/handle`: accept or reject one, by its user or its id."""
    reviewer, release = _asked(request, f"{organisation}/{model}")
    given = _body(request)
    wanted, reason = given.get("status", ""), given.get("rejectionReason", "")
    if wanted not in STATES:
        raise _bad(f"Give the status: {' or '.join(STATES)}.")
    if len(reason) > REASON_CHARACTERS_MAX:
        raise _bad(f"A reason has {REASON_CHARACTERS_MAX} characters at most.")
    found = _one(release, given)
    if found.status in STATES[wanted]:
        raise Refusal("already", f"The request {found.reference} is {wanted} already.", status=404)
    decided = _decide(found, wanted, reason=reason, by=reviewer, address=client_address(request) or None)
    if decided.status in STATES[wanted]:
        return Answer({})
    told = f"access; {found.reference} is {wanted} once a second reviewer decides the same."
    return Answer({}, warnings=[told])


@csrf_exempt
@hub_door
@require_POST
def grant(request: HttpRequest, organisation: str, model: str) -> HttpResponse:
    """`POST …/user-access-request/grant`: approve somebody who has not applied, or who waits."""
    reviewer, release = _asked(request, f"{organisation}/{model}")
    user = _person(User.objects.filter(is_active=True), _body(request).get("user", ""))
    programmes = release.programmes.taking_first()
    applied = Application.objects.live().filter(applicant=user, programme=OuterRef("pk"))
    programme = programmes.filter(Exists(applied)).first() or programmes.first()
    if programme is None:
        raise _bad(f"No programme opens {release.name}. Make one in the console first.")
    _grant(programme, user, by=reviewer, address=client_address(request) or None)
    return Answer({})


def _asked(request: HttpRequest, hub_id: str) -> tuple[User, Release]:
    """The reviewer and the release. Only a key counts, so that no page can make a browser ask.

    Raises Refusal: a key that does not count or is not for this, a person who may not review.
    """
    token = bearer_token(request.headers.get("Authorization", ""))
    key = find_key(token, scope=Scope.REVIEW, address=client_address(request))
    require_account(key.user)
    release = find_release(key.user, hub_id)
    require_release(key, release)
    if not key.user.has_perm(REVIEW):
        raise Refusal("not_a_reviewer", "Only reviewers administer access requests.", status=403)
    return key.user, release


def _requests(release: Release) -> ApplicationQuerySet:
    """Each person's newest application to each programme that opens `release`."""
    later = Application.objects.filter(
        applicant=OuterRef("applicant"), programme=OuterRef("programme"), pk__gt=OuterRef("pk")
    )
    return Application.objects.received().filter(~Exists(later), programme__in=release.programmes.all())


def _one(release: Release, given: dict[str, str]) -> Application:
    """The request that is meant; of a person's several the one that may still be decided, the newest."""
    if bool(given.get("user")) == bool(given.get("requestId")):
        raise _bad("Give either user or requestId.")
    requests = _requests(release).select_related("programme")
    # Of a blind programme the list has references for names, so that clients can answer with them.
    name = given.get("user", "").upper()
    if reference := given.get("requestId") or (name if name.startswith(REFERENCES_BEGIN) else ""):
        found = requests.filter(reference=reference).first()
    else:
        applicants = User.objects.filter(pk__in=requests.values("applicant"))
        person = _person(applicants, given["user"])
        rows = requests.filter(applicant=person).newest_first()
        found = rows.live().first() or rows.first()
    if found is None:
        raise Refusal("unknown_request", "There is no such request for this model.", status=404)
    return found


def _person(people: QuerySet[User], name: str) -> User:
    """Who is meant by an e-mail address, or by what stands before its @. Raises Refusal."""
    found = list(people.filter(email__iexact=name)[:1])
    if not found and name and "@" not in name:
        found = list(people.filter(email__istartswith=f"{name}@").order_by("pk")[:2])
    if len(found) > 1:
        raise _bad(f"Several people go by {name}. Give the e-mail address in place of the name.")
    if not found:
        raise Refusal("unknown_user", "There is no such person here. Give the e-mail address.", status=404)
    return found[0]


def _decide(found: Application, wanted: str, *, reason: str, by: User, address: str | None) -> Application:
    if wanted == "pending":
        raise _bad(
            "Nothing goes back to the queue here. Reject an approval with a reason: "
            "the person can apply again."
        )
    if wanted == "rejected" and not reason.strip():
        raise _bad("Give a rejection reason: the applicant is told it.")
    try:
        if wanted == "accepted":
            return actions.approve(found, by=by, address=address)
        if found.status == Status.APPROVED:
            return actions.revoke(found, by=by, message=reason, address=address)
        return actions.decline(found, by=by, message=reason, address=address)
    except IllegalMove as refusal:
        raise _bad(f"{refusal.sentence} The person can apply again.") from refusal


def _grant(programme: Programme, user: User, *, by: User, address: str | None) -> None:
    try:
        actions.grant(programme, user, by=by, grants_seats=True, address=address)
    except IllegalMove as refusal:
        raise _bad("That person has access already.") from refusal


def _shown(row: Application, status: str) -> dict[str, Any]:
    assert row.submitted_at is not None
    return {
        "requestId": row.reference,
        "user": _who(row),
        "status": status,
        "timestamp": moment(row.submitted_at),
        "fields": _fields(row),
    }


def _fields(row: Application) -> dict[str, str]:
    """What was answered, by the question; of two with the same words the later has its code with them."""
    fields: dict[str, str] = {}
    for answer in row.answered():
        label = f"{answer.label} ({answer.code})" if answer.label in fields else answer.label
        fields[label] = answer.text
    return fields


def _who(row: Application) -> dict[str, Any]:
    """The person as the Hub has them; before the first decision of a blind programme the reference alone."""
    person = row.applicant
    if row.is_blind:
        return {"_id": f"{0:024x}", "user": row.reference.lower(), "fullname": "Hidden until decided"}
    return {
        "_id": f"{person.pk:024x}",
        "user": hub_name(person),
        "fullname": person.name,
        "email": person.email,
    }


def _body(request: HttpRequest) -> dict[str, str]:
    """The JSON object of the request, its values all text. Raises Refusal."""
    try:
        given = json.loads(request.body)
    except RequestDataTooBig as error:
        raise _bad("The request is too large.", status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE) from error
    except (ValueError, RecursionError) as error:
        raise _bad("Send a JSON object.") from error
    if not isinstance(given, dict) or not all(_is_plain(value) for value in given.values()):
        raise _bad("Send a JSON object of plain texts.")
    return given


def _is_plain(value: object) -> bool:
    return isinstance(value, str) and value.isprintable()


def _bad(sentence: str, *, status: int = HTTPStatus.BAD_REQUEST) -> Refusal:
    return Refusal("bad_request", sentence, status=status)

"""Signals: what a reviewer should know beside the answers. They are shown, and never decide alone."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import Max, Min, Q

from portal.admissions import addresses, countries
from portal.admissions.models import Application, ApplicationQuerySet, ApplicationStatus

OTHERS_SHOWN = 5
REFRESHED_AT_ONCE = 500
_KEPT = ("signals", "normalised_email", "organisation_domain")
_ENDED_BADLY = (ApplicationStatus.DECLINED, ApplicationStatus.REVOKED)


class SignalCode(models.TextChoices):
    """Every signal, as it is kept on an application and named by a rule."""

    DUPLICATE_ACCOUNT = "duplicate_account", "Same mailbox as another account"
    SAME_ORGANISATION = "same_organisation", "Same organisation as another account"
    DISPOSABLE_ADDRESS = "disposable_address", "Throw-away e-mail address"
    EMBARGOED_COUNTRY = "embargoed_country", "Country under embargo"
    DECLINED_BEFORE = "declined_before", "Declined before"
    REVOKED_BEFORE = "revoked_before", "An approval was revoked before"


_S = SignalCode
_TONES = {_S.SAME_ORGANISATION: "info", _S.EMBARGOED_COUNTRY: "danger", _S.REVOKED_BEFORE: "danger"}


@dataclass(frozen=True)
class Signal:
    """One signal of one application, and the first few of the other applications that it is about."""

    code: SignalCode
    sentence: str
    others: list[Application] = field(default_factory=list)

    @property
    def tone(self) -> str:
        """How it is coloured."""
        return _TONES.get(self.code, "warning")


def signals_of(application: Application) -> list[Signal]:
    """Its signals as they stand now, with the others concerned. Eight queries at most."""
    found = codes_of([application])[application.pk]
    return [Signal(code, *_told(code, application)) for code in found]


def codes_of(applications: Sequence[Application]) -> dict[int, list[SignalCode]]:
    """The signals of each, by its id, in the order of `SignalCode`.

    Three queries however many there are. Their applicants are read, so select them with the applications.
    """
    mailboxes = _people_by("normalised_email", {one.normalised_email for one in applications})
    domains = _people_by("organisation_domain", {one.organisation_domain for one in applications})
    ended = _ended_badly(applications)
    found = {}
    for one in applications:
        holds = {
            _S.DUPLICATE_ACCOUNT: _has_others(mailboxes, one.normalised_email, one),
            _S.SAME_ORGANISATION: _has_others(domains, one.organisation_domain, one),
            _S.DISPOSABLE_ADDRESS: addresses.is_disposable(one.applicant.email),
            _S.EMBARGOED_COUNTRY: one.country in settings.EMBARGOED_COUNTRIES,
            _S.DECLINED_BEFORE: ApplicationStatus.DECLINED in ended[one.pk],
            _S.REVOKED_BEFORE: ApplicationStatus.REVOKED in ended[one.pk],
        }
        found[one.pk] = [code for code in SignalCode if holds[code]]
    return found


def refresh(applications: Sequence[Application]) -> None:
    """Bring what is kept on each up to date, addresses included. Three queries, one write of what changed."""
    before = {one.pk: _kept(one) for one in applications}
    for one in applications:
        one.normalised_email = addresses.normalised(one.applicant.email)
        one.organisation_domain = addresses.organisation_domain(one.applicant.email)
    codes = codes_of(applications)
    for one in applications:
        one.signals = [code.value for code in codes[one.pk]]
    changed = [one for one in applications if _kept(one) != before[one.pk]]
    Application.objects.bulk_update(changed, _KEPT)


def refresh_waiting() -> None:
    """Bring what is kept on all that wait up to date, since settings and other applications have changed."""
    last = 0
    while last := _refresh_next(last):
        pass


def refresh_concerned(application: Application, *, up_to: int) -> None:
    """Bring what is kept on others up to date that `application` changed; the hourly task does the rest."""
    with transaction.atomic():
        refresh(list(_lockable(_concerned_by(application))[:up_to]))


@transaction.atomic
def _refresh_next(last: int) -> int:
    """Refresh the next ones behind the id `last`; return the new last one, 0 at the end."""
    batch = list(_lockable(Application.objects.awaiting_review().filter(pk__gt=last))[:REFRESHED_AT_ONCE])
    refresh(batch)
    return batch[-1].pk if batch else 0


def _lockable(found: ApplicationQuerySet) -> ApplicationQuerySet:
    """Those that nobody is writing to. To wait for several rows is how two writers block each other."""
    rows = found.select_related("applicant").order_by("pk")
    return rows.select_for_update(of=("self",), skip_locked=True, no_key=True)


def _kept(application: Application) -> list[Any]:
    return [getattr(application, name) for name in _KEPT]


def _concerned_by(application: Application) -> ApplicationQuerySet:
    """Those that wait and whose signals `application` may have changed."""
    same = Q(applicant=application.applicant_id)
    if application.normalised_email:
        same |= Q(normalised_email=application.normalised_email)
    if application.organisation_domain:
        same |= Q(organisation_domain=application.organisation_domain)
    return Application.objects.awaiting_review().filter(same).exclude(pk=application.pk)


def _people_by(name: str, values: set[str]) -> dict[str, tuple[int, int]]:
    """For each value the least and the greatest id of those who applied with it: enough to tell others by."""
    rows = Application.objects.received().filter(**{f"{name}__in": values - {""}}).order_by()
    return {
        value: (least, greatest)
        for value, least, greatest in rows.values_list(name).annotate(
            least=Min("applicant"), greatest=Max("applicant")
        )
    }


def _has_others(people: dict[str, tuple[int, int]], value: str, application: Application) -> bool:
    return value in people and people[value] != (application.applicant_id,) * 2


def _ended_badly(applications: Iterable[Application]) -> dict[int, set[str]]:
    """The states of the same people's declined and revoked applications, by application."""
    people = {one.applicant_id for one in applications}
    mailboxes = {one.normalised_email for one in applications} - {""}
    rows = Application.objects.received().filter(status__in=_ENDED_BADLY).order_by()
    theirs = rows.filter(Q(applicant__in=people) | Q(normalised_email__in=mailboxes))
    ended = list(theirs.values_list("pk", "applicant", "normalised_email", "status"))
    by_person, by_mailbox = defaultdict(set), defaultdict(set)
    for pk, person, mailbox, status in ended:
        by_person[person].add((pk, status))
        by_mailbox[mailbox].add((pk, status))
    return {
        one.pk: {
            status
            for pk, status in by_person[one.applicant_id]
            | (by_mailbox[one.normalised_email] if one.normalised_email else set())
            if pk != one.pk
        }
        for one in applications
    }


def _told(code: SignalCode, application: Application) -> tuple[str, list[Application]]:
    """What a reviewer reads about one signal, and the others concerned."""
    if code == _S.DISPOSABLE_ADDRESS:
        domain = addresses.domain_of(application.applicant.email)
        return f"{domain} gives out mailboxes that vanish. Whoever applied may not read what you write.", []
    if code == _S.EMBARGOED_COUNTRY:
        name = countries.name_of(application.country)
        return f"{name} is on the list of countries to which nothing may be exported. Ask your lawyers.", []
    received = Application.objects.received().select_related("applicant").newest_first()
    others = received.exclude(applicant=application.applicant_id)
    if code == _S.DUPLICATE_ACCOUNT:
        same = others.filter(normalised_email=application.normalised_email)
        return "Another account has the same mailbox, spelled differently.", list(same[:OTHERS_SHOWN])
    if code == _S.SAME_ORGANISATION:
        same = others.filter(organisation_domain=application.organisation_domain)
        sentence = f"Others of {application.organisation_domain} have applied, too."
        return sentence, list(same[:OTHERS_SHOWN])
    wanted = ApplicationStatus.DECLINED if code == _S.DECLINED_BEFORE else ApplicationStatus.REVOKED
    person = Q(applicant=application.applicant_id)
    if application.normalised_email:
        person |= Q(normalised_email=application.normalised_email)
    theirs = received.filter(person, status=wanted).exclude(pk=application.pk)
    if wanted == ApplicationStatus.DECLINED:
        return "The same person was declined before.", list(theirs[:OTHERS_SHOWN])
    return "The same person's approval was revoked before.", list(theirs[:OTHERS_SHOWN])

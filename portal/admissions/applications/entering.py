"""Who may apply to a programme: the rules that can refuse, each by its name, told before the form."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from portal.accounts.models import User
from portal.admissions import countries
from portal.admissions.models import Programme, Question, QuestionKind
from portal.common.refusals import Refusal


@dataclass(frozen=True)
class EntryRule:
    """One rule, and whether a person keeps it; None where an answer decides or nobody is signed in."""

    code: str
    name: str
    sentence: str
    passed: bool | None = None

    def refusal(self) -> Refusal:
        """What somebody who does not keep it is told."""
        return Refusal(self.code, f"{self.name}: {self.sentence}", status=403)


def entry_rules(programme: Programme, user: User | None, *, at: datetime | None = None) -> list[EntryRule]:
    """The rules of `programme` as they stand for `user` (None: nobody is signed in). No query."""
    rules = []
    if days := programme.account_age_days_min:
        rules.append(_age_rule(days, user, at or timezone.now()))
    if programme.countries_refused:
        names = ", ".join(countries.name_of(code) for code in programme.countries_refused)
        rules.append(EntryRule("country_refused", "Country", f"The models are not offered in: {names}."))
    return rules


def require_entry(programme: Programme, by: User) -> None:
    """Refuse whoever does not keep a rule that needs no answer."""
    broken = [rule for rule in entry_rules(programme, by) if rule.passed is False]
    if broken:
        raise broken[0].refusal()


def country_refusal(
    programme: Programme, questions: Iterable[Question], answers: Mapping[str, Any]
) -> tuple[str, Refusal] | None:
    """The code of the question whose answer names a country that cannot apply, and the refusal; else None."""
    for question in questions:
        answer = answers.get(question.code)
        if question.kind == QuestionKind.COUNTRY and answer in programme.countries_refused:
            name = countries.name_of(str(answer))
            sentence = f"{programme.name} is not offered in {name}. What you typed is kept as a draft."
            return question.code, EntryRule("country_refused", "Country", sentence).refusal()
    return None


def _age_rule(days: int, user: User | None, moment: datetime) -> EntryRule:
    code, name = "account_too_young", "Age of the account"
    rule = f"Accounts apply from {days} day{'s' if days > 1 else ''} after they were made."
    if user is None:
        return EntryRule(code, name, rule)
    since = user.date_joined + timedelta(days=days)
    if since <= moment:
        return EntryRule(code, name, f"{rule} Yours is old enough.", passed=True)
    return EntryRule(
        code, name, f"{rule} Yours can from {timezone.localtime(since):%-d %B %Y} on.", passed=False
    )

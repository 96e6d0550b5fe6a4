"""Who asks about what: a developer with an account in order, and a model that they may see."""

from dataclasses import dataclass

from django.http import HttpRequest

from portal.access.deciding import account_refusal, decide
from portal.access.decision import Action
from portal.accounts.models import User
from portal.hub.callers import Caller, caller_of
from portal.hub.errors import Denied
from portal.hub.shelf import find_release, find_revision
from portal.hub.warnings import warning_of, warnings
from portal.keys.models import ApiKey, Scope
from portal.keys.refusals import KeyRefusal
from portal.keys.restrictions import require_release
from portal.releases.models import Release, Revision


@dataclass(frozen=True)
class Question:
    """A person, the key they came with, if any, and the release they ask about."""

    user: User
    key: ApiKey | None
    release: Release

    def warnings(self, revision: Revision) -> list[str]:
        """What the person should be told beside an answer about `revision`. Two queries."""
        return warnings(release=self.release, revision=revision, key=self.key, user=self.user)

    def refusal_of_files(self) -> list[str]:
        """The warning that the files will be refused, and why; empty when they will not. Six queries.

        The libraries that list the files first and swallow errors would tell nobody.
        """
        decision = decide(self.user, self.release, Action.DOWNLOAD)
        return [] if decision.allowed else [warning_of(Denied.by(decision))]


def question_of(request: HttpRequest, hub_id: str) -> Question:
    """What is asked. Up to five queries and the key's.

        Raises Refusal: a key that does not count or was made for other releases, a release that is
    not there for this person, or an account that is not in order. Strangers are told to sign in,
    as the Hub tells them for a gated model.
    """
    caller = caller_of(request)
    release = find_release(caller.user, hub_id)
    if not isinstance(caller.user, User):
        raise Denied.by(decide(caller.user, release, Action.DOWNLOAD))
    require_account(caller.user)
    if caller.key is not None:
        require_release(caller.key, release)
    return Question(caller.user, caller.key, release)


def question_and_revision(request: HttpRequest, hub_id: str, revision: str) -> tuple[Question, Revision]:
    """What is asked about a revision; one query more. Raises Refusal, also when there is no such revision."""
    question = question_of(request, hub_id)
    found = find_revision(question.release, revision)
    found.release = question.release
    return question, found


def person_of(request: HttpRequest, *, or_scope: Scope | None = None) -> tuple[User, Caller]:
    """Who asks, where it is not about a release. Raises KeyRefusal for a stranger."""
    caller = caller_of(request, or_scope=or_scope)
    if not isinstance(caller.user, User):
        raise KeyRefusal(
            "missing_key",
            "Send an API key in the Authorization header, as “Bearer owk_…”. Make one under Keys.",
        )
    return caller.user, caller


def require_account(user: User) -> None:
    """Raise the Refusal unless the account is active and its address verified. One query."""
    refusal = account_refusal(user)
    if refusal is not None:
        raise refusal

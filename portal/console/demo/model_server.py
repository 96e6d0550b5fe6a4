"""The demonstration's model server: an account like a developer's, whose key downloads what vLLM serves.

It goes through the same gates as everybody: an approved application, the licence, a key. Nobody can sign in
as it.
"""

from django.db import transaction

from portal.accounts.models import User
from portal.admissions import actions as admissions
from portal.admissions.models import Application, Programme
from portal.admissions.programmes import starter
from portal.common.refusals import Refusal
from portal.console.demo import people, safety
from portal.keys import actions as keys
from portal.keys.models import Scope
from portal.licensing import actions as licensing
from portal.licensing.models import Acceptance
from portal.releases.models import Release

EMAIL = "model-server@example.com"
NAME = "Model server"
KEY_NAME = "model server"
RELEASE = "smollm2-135m-instruct"
ANSWERS = {
    "use_case": "This is no person but the portal's own vLLM: it downloads the release that it serves.",
    "organisation": "Example Institute",
    "country": "DE",
    "intended_use": "A product or a service",
    "use_policy": True,
}


def account() -> User | None:
    """The model server's account, if one has been made."""
    return User.objects.filter(email=EMAIL).first()


@transaction.atomic
def new_token() -> str:
    """A new key's token; the keys before it are revoked.

    Makes what is missing of the account, its approval and its acceptance of the licence, and leaves alone
    what people decided since: a revoked approval stays so, and a newer licence is for a person to accept.

    Raises Refusal when there is nothing to serve, or a gate does not let it.
    """
    release = Release.objects.filter(slug=RELEASE).first()
    programme = Programme.objects.filter(slug=starter.SLUG, releases=release).first()
    if release is None or programme is None:
        raise Refusal(
            "no_demonstration",
            f"No programme {starter.SLUG} opens a release {RELEASE}; `manage.py seed_demo` makes them.",
        )
    # The weights have just been registered: from now on what is given out is what was signed for.
    safety.bind(release, by=people.administrator())
    user = people.person(EMAIL, name=NAME, password=None)
    if not Application.objects.filter(applicant=user).exists():
        application = admissions.start(programme, by=user)
        admissions.submit(application, answers=ANSWERS, by=user)
        admissions.approve(application, by=people.reviewer(), message="The portal's own model server.")
    version = release.licence.current_version()
    if version is not None and not _has_accepted(user, release):
        licensing.accept(release.licence, by=user, sha256=version.sha256)
    for key in user.api_keys.live().filter(name=KEY_NAME):
        keys.revoke(key, by=None)
    return keys.create(user, name=KEY_NAME, scopes=[Scope.WEIGHTS], by=None).token


def _has_accepted(user: User, release: Release) -> bool:
    """Whether it ever accepted a version of the licence."""
    return Acceptance.objects.filter(user=user, version__licence=release.licence).exists()

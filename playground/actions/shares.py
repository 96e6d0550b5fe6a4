"""Share links: making, changing and revoking one, and asking again for what one shows."""

import uuid
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from playground.actions.asking import refuse_while_busy, request
from playground.models import (
    TITLE_CHARACTERS,
    Audience,
    Conversation,
    Generation,
    GenerationStatus,
    ShareLink,
    Turn,
)
from playground.parameters import settings_of
from playground.sharing import branch_of, is_public, require_shareable, served_revision
from playground.threads import Exchange
from portal.access.deciding import decide
from portal.access.decision import Action
from portal.accounts.models import User
from portal.common.refusals import Refusal
from portal.ledger import actions as ledger
from portal.ledger.verbs import Verb
from portal.releases.models import Release

# One person's links that work; more nobody keeps in mind, or revokes.
WORKING_MAX = 500


@transaction.atomic
def share(
    answer: Generation,
    *,
    by: User,
    audience: str,
    title: str,
    lasts: timedelta | None,
    address: str | None = None,
) -> ShareLink:
    """Make a link to the branch that ends in `answer`; `lasts` is None for one that does not expire.

    Raises Refusal for what cannot be shared, or not with this audience.
    """
    conversation = Conversation.objects.select_for_update().get(pk=answer.turn.conversation_id)
    require_shareable(answer)
    _require_audience(audience, answer.release)
    if ShareLink.objects.visible_to(by).working().count() >= WORKING_MAX:
        raise Refusal("too_many_links", f"You have {WORKING_MAX} links that work. Revoke some first.")
    link = ShareLink.objects.create(
        user=by,
        conversation=conversation,
        at=answer,
        title=title.strip()[:TITLE_CHARACTERS] or conversation.title,
        audience=audience,
        expires_at=timezone.now() + lasts if lasts else None,
    )
    _record(Verb.SHARE_LINK_CREATED, link, by=by, address=address)
    return link


@transaction.atomic
def change_share(
    link: ShareLink,
    *,
    by: User,
    audience: str,
    title: str,
    lasts: timedelta | None,
    address: str | None = None,
) -> None:
    """Give a working link another audience, title and time, which counts from now.

    Raises Refusal when it works no more, or the audience cannot be.
    """
    row = ShareLink.objects.select_for_update().working().filter(pk=link.pk).first()
    if row is None:
        raise Refusal("link_over", "This link works no more. Share the answer again.")
    _require_audience(audience, link.conversation.release)
    row.audience = audience
    row.title = title.strip()[:TITLE_CHARACTERS] or row.title
    row.expires_at = timezone.now() + lasts if lasts else None
    row.save(update_fields=["audience", "title", "expires_at"])
    # Who can read it counts for the ledger as much as that there is one.
    _record(Verb.SHARE_LINK_CREATED, row, by=by, address=address, is_changed=True)


@transaction.atomic
def revoke_share(link: ShareLink, *, by: User, address: str | None = None) -> None:
    """End it for everybody, for good. Idempotent."""
    if ShareLink.objects.filter(pk=link.pk, revoked_at=None).update(revoked_at=timezone.now()):
        _record(Verb.SHARE_LINK_REVOKED, link, by=by, address=address)


def reproduce(
    link: ShareLink,
    *,
    by: User,
    token: uuid.UUID,
    address: str | None = None,
    session_digest: str = "",
) -> Generation:
    """Ask again for what a link shows, in a conversation of one's own: same revision, seed and parameters.

    What came before is copied as it stood. A form sent twice asks once. Raises Refusal when the
    person may not try the release, nobody serves the revision any more, or too many answers are written.
    """
    release = link.conversation.release
    decide(by, release, Action.PLAYGROUND).require()
    key = uuid.uuid5(token, f"reproduction by {by.pk}")
    if asked := _asked(key):
        return asked
    branch = branch_of(link)
    revision = served_revision(release, link.at.params)
    decide(by, release, Action.PLAYGROUND, revision=revision).require()
    try:
        with transaction.atomic():
            conversation = Conversation(
                user=by,
                release=release,
                revision=revision,
                title=link.title,
                settings=settings_of(link.at.params),
            )
            refuse_while_busy(by, conversation)
            conversation.save()
            turn = _copied(branch, conversation, key=key)
            return request(
                turn,
                params=dict(link.at.params),
                prefix=link.at.prefix,
                by=by,
                address=address,
                session_digest=session_digest,
            )
    except IntegrityError:
        # The same form arrived twice at once, and the other one was first.
        return Generation.objects.with_story().filter(turn__send_key=key).latest("queued_at")


def _copied(branch: list[Exchange], conversation: Conversation, *, key: uuid.UUID) -> Turn:
    """Write the branch down anew; its last turn, without an answer."""
    now = timezone.now()
    before: Generation | None = None
    turn: Turn | None = None
    for number, exchange in enumerate(branch):
        # A moment apart, since their order is that of their times.
        at = now + timedelta(microseconds=number)
        is_last = number == len(branch) - 1
        turn = Turn.objects.create(
            conversation=conversation,
            follows=before,
            prompt=exchange.turn.prompt,
            tool_results=exchange.turn.tool_results,
            send_key=key if is_last else uuid.uuid4(),
            created_at=at,
        )
        if not is_last:
            before = _copied_answer(exchange.generation, turn)
    if turn is None:
        raise Refusal("answer_gone", "What this link showed is not there any more.")
    return turn


def _copied_answer(answer: Generation, turn: Turn) -> Generation:
    return Generation.objects.create(
        turn=turn,
        status=GenerationStatus.DONE,
        params=answer.params,
        text=answer.text,
        tool_calls=answer.tool_calls,
        is_imported=True,
        queued_at=turn.created_at,
        ended_at=turn.created_at,
    )


def _asked(key: uuid.UUID) -> Generation | None:
    return Generation.objects.with_story().filter(turn__send_key=key).order_by("queued_at").last()


def _require_audience(audience: str, release: Release) -> None:
    if audience not in Audience.values:
        raise Refusal("no_such_audience", "Choose who may read it.", status=422)
    if audience == Audience.SHOWCASE and not is_public(release):
        raise Refusal(
            "release_not_public",
            f"{release.name} is not open yet, so that nothing of it can be shown to everyone.",
        )


def _record(verb: Verb, link: ShareLink, *, by: User, address: str | None, **more: Any) -> None:
    data = {"release": link.conversation.release.slug, "audience": link.audience, **more}
    ledger.record(verb, subject=link, by=by, address=address, data=data)

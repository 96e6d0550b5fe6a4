"""Where a revision is served beside its release's own model server, so that people can compare the two."""

from django.core.exceptions import ValidationError
from django.db import transaction

from portal.accounts.models import User
from portal.common.refusals import Refusal
from portal.ledger.actions import record
from portal.ledger.verbs import Verb
from portal.releases.models import Revision


@transaction.atomic
def serve_revision(
    revision: Revision,
    *,
    backend_url: str,
    served_model_name: str = "",
    by: User | None,
    address: str | None = None,
) -> None:
    """Say where `revision` is served; an empty `backend_url` takes it out of comparisons.

    Raises Refusal for an address that is none, and for a yanked revision, which nobody should start with.
    """
    row = Revision.objects.select_for_update(of=("self",)).select_related("release").get(pk=revision.pk)
    if row.yanked_at is not None and backend_url:
        raise Refusal("revision_yanked", f"The revision {row.commit[:12]} is yanked. Serve its successor.")
    row.backend_url, row.served_model_name = backend_url, served_model_name if backend_url else ""
    try:
        row.clean_fields(exclude={"release"})
    except ValidationError as error:
        raise Refusal("invalid_server", " ".join(error.messages), status=422) from error
    row.save(update_fields=["backend_url", "served_model_name"])
    facts = {"commit": row.commit, "backend_url": row.backend_url, "model": row.served_model_name}
    record(Verb.REVISION_SERVED, subject=row, by=by, data=facts, address=address)

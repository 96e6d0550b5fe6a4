"""The public keys that prove signed statements, for verification without the portal."""

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from portal.common import statements
from portal.common.statements import UnusableStatementKey

PEM_TYPE = "application/x-pem-file"
# As long as those of the manifests.
KEY_SECONDS = 3600


@require_safe
def public_key(_: HttpRequest, key_id: str = "") -> HttpResponse:
    """The public key with this id (SHA-256 in hex of its DER form), or the current one. No query."""
    try:
        pem = statements.public_key(key_id)
    except UnusableStatementKey as error:
        raise Http404(error.sentence) from error
    if pem is None:
        raise Http404("No such key signed anything here.")
    return HttpResponse(
        pem, content_type=PEM_TYPE, headers={"Cache-Control": f"public, max-age={KEY_SECONDS}"}
    )

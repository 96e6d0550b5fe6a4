"""How the hub's door says no: headers that the Hub's clients turn into their errors, JSON, or a page.

The mapping of status, `X-Error-Code` and sentence is `hf_raise_for_status` of
huggingface_hub read backwards; `X-HF-Warning` is what its command line prints.
"""

import unicodedata
import uuid
from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render

from portal.access.decision import Decision
from portal.common.refusals import Refusal
from portal.hub.shelf import NotThere
from portal.keys.authentication import KeyRefusal

# The only text that clients show for a token nobody knows; any other becomes "repository not found".
UNKNOWN_TOKEN = "Invalid credentials in Authorization header"  # noqa: S105 - a sentence, no secret
SENTENCE_CHARACTERS_MAX = 1000
_PLAIN = str.maketrans(
    {
        "\N{LEFT DOUBLE QUOTATION MARK}": '"',
        "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
        "\N{LEFT SINGLE QUOTATION MARK}": "'",
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
        "\N{EN DASH}": "-",
        "\N{EM DASH}": "-",
        "\N{MIDDLE DOT}": "-",
    }
)

View = Callable[..., HttpResponseBase]


class Denied(Refusal):
    """A gate is shut; `decision` has them all."""

    decision: Decision

    @classmethod
    def by(cls, decision: Decision) -> "Denied":
        """The refusal of a decision that is not allowed: 401 for strangers, else 403."""
        refusal = decision.refusal()
        status = 401 if refusal.code == "signed_in" else 403
        sentence = refusal.sentence
        if status == 401:  # noqa: PLR2004 - the status just above
            sentence = (
                f"Access to model {decision.release.hub_id} is restricted. You must have access to it "
                "and be authenticated to access it. Please log in."
            )
        denied = cls(refusal.code, sentence, status=status, remedy=refusal.remedy)
        denied.decision = decision
        return denied


def hub_door(view: View) -> View:
    """Answer every Refusal of `view` in the Hub's way, and number every answer."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        try:
            response = view(request, *args, **kwargs)
        except Refusal as refusal:
            response = _page(request, refusal) if _wants_page(request) else _headers(refusal)
        response["X-Request-Id"] = _request_id(request)
        return response

    return guarded


def one_line(text: str) -> str:
    """`text` as one line of ASCII, as a header needs it and every client prints it.

    >>> one_line("Read the “licence” of café.")
    'Read the "licence" of cafe.'
    """
    plain = unicodedata.normalize("NFKD", text.translate(_PLAIN)).encode("ascii", "ignore").decode()
    return " ".join(plain.split())[:SENTENCE_CHARACTERS_MAX]


def _headers(refusal: Refusal) -> HttpResponse:
    code, sentence = _code_and_sentence(refusal)
    response = JsonResponse({"error": sentence, "gate": refusal.code}, status=refusal.status)
    response["X-Error-Message"] = sentence
    response["Cache-Control"] = "no-store"
    if code:
        response["X-Error-Code"] = code
    if code == "GatedRepo":
        response["X-HF-Warning"] = f"access; {sentence}"
    if refusal.status == 401:  # noqa: PLR2004 - RFC 9110 wants the challenge with this status
        response["WWW-Authenticate"] = "Bearer"
    if isinstance(refusal, NotThere) and refusal.commit:
        response["X-Repo-Commit"] = refusal.commit
    return response


def _code_and_sentence(refusal: Refusal) -> tuple[str, str]:
    if isinstance(refusal, NotThere):
        return refusal.code, one_line(refusal.sentence)
    if isinstance(refusal, KeyRefusal) and refusal.code in ("unknown_key", "malformed_key"):
        return "", UNKNOWN_TOKEN
    link = f" {settings.PORTAL_URL}{refusal.remedy}" if refusal.remedy else ""
    is_gate = refusal.status in (401, 403)
    return ("GatedRepo" if is_gate else "", one_line(refusal.sentence + link))


def _page(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    if isinstance(refusal, NotThere):
        return render(request, "404.html", status=404)
    if isinstance(refusal, Denied):
        return render(request, "hub/denied.html", {"decision": refusal.decision}, status=refusal.status)
    return render(request, "refusal.html", {"refusal": refusal}, status=refusal.status)


def _wants_page(request: HttpRequest) -> bool:
    """Whether a person looks at the answer: browsers ask for HTML by name, clients and curl do not."""
    is_browser = "text/html" in request.headers.get("Accept", "") and "Authorization" not in request.headers
    return is_browser and not request.path.startswith("/hub/api/")


def _request_id(request: HttpRequest) -> str:
    """The client's own number for the request, if it is a plain one, else a new one."""
    given = request.headers.get("X-Amzn-Trace-Id", "")
    return given if given.isascii() and given.isprintable() and 0 < len(given) <= 80 else uuid.uuid4().hex  # noqa: PLR2004

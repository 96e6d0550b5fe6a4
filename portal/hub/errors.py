"""How the hub's door says no: headers that the Hub's clients turn into their errors, JSON, or a page.

The mapping of status, `X-Error-Code` and sentence is `hf_raise_for_status` of
huggingface_hub read backwards; `X-HF-Warning` is what its command line prints.
"""

import json
import unicodedata
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from http import HTTPStatus

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from django.shortcuts import render

from portal.access.decision import Decision
from portal.common.refusals import Refusal
from portal.hub.shelf import NotThere
from portal.keys.refusals import KeyRefusal

# The only text that clients show for a token nobody knows; any other becomes "repository not found".
UNKNOWN_TOKEN = "Invalid credentials in Authorization header"  # noqa: S105 - a sentence, no secret
UNKNOWN_TOKEN_CODES = frozenset({"unknown_key", "malformed_key"})
DATABASE_AWAY = "The portal cannot look up your access at present. Try again in a moment."
SENTENCE_CHARACTERS_MAX = 1000
TRACE_CHARACTERS_MAX = 80
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

log = structlog.get_logger(__name__)


class Denied(Refusal):
    """A gate is shut; `decision` has them all."""

    decision: Decision

    @classmethod
    def by(cls, decision: Decision) -> "Denied":
        """The refusal of a decision that is not allowed: 401 for strangers, else 403."""
        refusal = decision.refusal()
        status = HTTPStatus.UNAUTHORIZED if refusal.code == "signed_in" else HTTPStatus.FORBIDDEN
        sentence = refusal.sentence
        if status == HTTPStatus.UNAUTHORIZED:
            sentence = (
                f"Access to model {decision.release.hub_id} is restricted. You must have access to it "
                "and be authenticated to access it. Please log in."
            )
        denied = cls(
            refusal.code, sentence, status=status, remedy=refusal.remedy, reference=refusal.reference
        )
        denied.decision = decision
        return denied


@dataclass(frozen=True, slots=True)
class Told:
    """A refusal in the Hub's own form: what goes out, whatever server sends it."""

    status: int
    headers: dict[str, str]
    body: bytes


def told(refusal: Refusal, *, request_id: str = "") -> Told:
    """`refusal` as the Hub's clients understand it; no I/O.

    The sentence is one line of ASCII with the link and the reference. It is said three times:
    `X-Error-Message` is what exceptions carry, `X-HF-Warning` what the `hf` command prints,
    and the body's `error` what both add when the answer has one.
    """
    code, sentence = _code(refusal), sentence_of(refusal)
    message = UNKNOWN_TOKEN if _is_unknown_token(refusal) else sentence
    headers = {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
        "X-Error-Message": message,
    }
    if code:
        headers["X-Error-Code"] = code
    if isinstance(refusal, NotThere):
        # Not a denial: clients ask for many a file that need not be there.
        if refusal.commit:
            headers["X-Repo-Commit"] = refusal.commit
    else:
        headers["X-HF-Warning"] = f"access; {sentence}"
    if refusal.status == HTTPStatus.UNAUTHORIZED:
        # RFC 9110, section 15.5.2, wants the challenge with this status.
        headers["WWW-Authenticate"] = "Bearer"
    if request_id:
        headers["X-Request-Id"] = request_id
    body = json.dumps({"error": message, "gate": refusal.code}).encode()
    return Told(int(refusal.status), headers, body)


def hub_door(view: View) -> View:
    """Answer every Refusal of `view` in the Hub's way, and a database that is away; number every answer."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        number = request_number(request.headers.get("X-Amzn-Trace-Id", ""))
        try:
            response = view(request, *args, **kwargs)
        except Refusal as refusal:
            response = _page(request, refusal) if _wants_page(request) else _answer(refusal)
        except (OperationalError, InterfaceError) as error:
            log.warning("hub_database_away", error=type(error).__name__)
            response = _answer(Refusal("database_unavailable", DATABASE_AWAY, status=503))
        if isinstance(response, HttpResponseNotAllowed):
            response = _not_allowed(response["Allow"])
        response["X-Request-Id"] = number
        return response

    return guarded


def sentence_of(refusal: Refusal) -> str:
    """What is the matter, the link to what mends it, and what to quote about it: one line of ASCII."""
    said = [refusal.sentence]
    if refusal.remedy:
        said.append(f"{settings.PORTAL_URL}{refusal.remedy}")
    if refusal.reference and refusal.reference not in refusal.sentence:
        said.append(f"(reference {refusal.reference})")
    return " ".join(one_line(part) for part in said)


def one_line(text: str) -> str:
    """`text` as one line of ASCII, as a header needs it and every client prints it.

    >>> one_line("Read the “licence” of café.")
    'Read the "licence" of cafe.'
    """
    plain = unicodedata.normalize("NFKD", text.translate(_PLAIN)).encode("ascii", "ignore").decode()
    return " ".join(plain.split())[:SENTENCE_CHARACTERS_MAX]


def request_number(given: str) -> str:
    r"""The client's own number for the request, if it is a plain one, else a new one.

    >>> request_number("a-1"), len(request_number("")), len(request_number("two\nlines"))
    ('a-1', 32, 32)
    """
    is_plain = given.isascii() and given.isprintable() and 0 < len(given) <= TRACE_CHARACTERS_MAX
    return given if is_plain else uuid.uuid4().hex


def _code(refusal: Refusal) -> str:
    if isinstance(refusal, NotThere):
        return refusal.code
    is_gate = refusal.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
    return "GatedRepo" if is_gate and not _is_unknown_token(refusal) else ""


def _is_unknown_token(refusal: Refusal) -> bool:
    return isinstance(refusal, KeyRefusal) and refusal.code in UNKNOWN_TOKEN_CODES


def _answer(refusal: Refusal) -> HttpResponse:
    answer = told(refusal)
    return HttpResponse(answer.body, status=answer.status, headers=answer.headers)


def _not_allowed(methods: str) -> HttpResponse:
    sentence = f"This address is for {methods}."
    response = _answer(Refusal("method_not_allowed", sentence, status=HTTPStatus.METHOD_NOT_ALLOWED))
    response["Allow"] = methods
    return response


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

"""The staff's pages of limits: what people may use of the API, and what they have used of it."""

from dataclasses import dataclass

from django.contrib import messages
from django.db.models import F, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.accounts.models import User
from portal.accounts.sessions import current_user
from portal.common.requests import client_address
from portal.common.statuses import INVALID
from portal.console.gatekeeping import staff_with
from portal.console.limits_forms import KINDS, LimitForm, NumbersForm
from portal.keys import applying, limit_actions, limiting
from portal.keys.limiting import Standing
from portal.keys.models import DailyUsage, Limit

CHANGE = "keys.change_limit"
PEOPLE_MAX = 20


@dataclass(frozen=True)
class Row:
    """A limit in a list: whom it is of, and how it stands unless that differs for each person."""

    limit: Limit
    standings: list[Standing]

    @property
    def kind(self) -> str:
        """Model, programme, person or key."""
        return KINDS[limit_actions.field_of(limit_actions.subject_of(self.limit))]

    @property
    def title(self) -> str:
        """The name of what it is of."""
        return str(limit_actions.subject_of(self.limit))


@require_safe
@staff_with(CHANGE)
def index(request: HttpRequest) -> HttpResponse:
    """Every limit and how it stands. Two queries and the session's."""
    limits = list(Limit.objects.select_related("key", "user", "programme", "release").order_by("pk"))
    by_name: dict[str, list[Standing]] = {}
    for standing in limiting.standing_of([applying.from_row(limit) for limit in limits]):
        by_name.setdefault(standing.limit.name, []).append(standing)
    rows = [Row(limit, by_name[applying.from_row(limit).name]) for limit in limits]
    return render(request, "console/limits/index.html", {"rows": rows, "kinds": KINDS})


@require_http_methods(["GET", "POST"])
@staff_with(CHANGE)
def new(request: HttpRequest, kind: str) -> HttpResponse:
    """Set a limit of one kind; it takes the place of the one that there is."""
    if kind not in KINDS:
        raise Http404
    form = LimitForm(request.POST or None, kind=kind)
    if not form.is_valid():
        context = {"form": form, "kind": kind, "word": KINDS[kind], "kinds": KINDS}
        return render(request, "console/limits/new.html", context, status=INVALID if form.is_bound else 200)
    made = limit_actions.set_limit(
        form.subject(),
        numbers=form.numbers(),
        for_each_person=form.cleaned_data.get("for_each_person", False),
        by=current_user(request),
        address=client_address(request),
    )
    messages.success(request, "The limit is set. It holds within a second.")
    return redirect("console:limit", made.pk)


@require_http_methods(["GET", "POST"])
@staff_with(CHANGE)
def limit(request: HttpRequest, pk: int) -> HttpResponse:
    """One limit: how it stands, for each person where it is so, and a form to change it."""
    found = get_object_or_404(Limit.objects.select_related("key", "user", "programme", "release"), pk=pk)
    form = NumbersForm(request.POST or None, initial=_numbers(found))
    if form.is_valid():
        limit_actions.set_limit(
            limit_actions.subject_of(found),
            numbers=form.numbers(),
            for_each_person=found.for_each_person,
            by=current_user(request),
            address=client_address(request),
        )
        messages.success(request, "The limit is changed. It holds within a second.")
        return redirect("console:limit", found.pk)
    people = _people(found) if found.for_each_person else []
    standings = [] if found.for_each_person else limiting.standing_of([applying.from_row(found)])
    context = {"row": Row(found, standings), "people": people, "people_max": PEOPLE_MAX, "form": form}
    return render(request, "console/limits/limit.html", context, status=INVALID if form.is_bound else 200)


@require_POST
@staff_with(CHANGE)
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a limit away."""
    found = Limit.objects.filter(pk=pk).first()
    if found is not None:
        limit_actions.remove_limit(found, by=current_user(request), address=client_address(request))
    messages.success(request, "The limit is removed. What the settings say holds again.")
    return redirect("console:limits")


def _numbers(found: Limit) -> dict[str, int | None]:
    return {name: getattr(found, name) for name in limit_actions.NUMBERS}


def _people(found: Limit) -> list[tuple[User, list[Standing]]]:
    """Those who have used the most under a limit that is for each person, and how it stands for them."""
    shared = applying.from_row(found).name.partition(":user:")[0]
    tokens = F("prompt_tokens_count") + F("completion_tokens_count")
    used = DailyUsage.objects.filter(applying.counted_by(shared)).values("key__user")
    busiest = [row["key__user"] for row in used.annotate(tokens=Sum(tokens)).order_by("-tokens")[:PEOPLE_MAX]]
    by_name: dict[str, list[Standing]] = {}
    limits = {pk: applying.from_row(found, user_id=pk) for pk in busiest}
    for standing in limiting.standing_of(list(limits.values())):
        by_name.setdefault(standing.limit.name, []).append(standing)
    people = User.objects.in_bulk(busiest)
    return [(people[pk], by_name[limits[pk].name]) for pk in busiest]

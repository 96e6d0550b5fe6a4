"""A run of rules over those that wait: its progress, who is touched, carrying it out, and stopping it."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from portal.accounts.roles import REVIEW
from portal.accounts.sessions import current_user
from portal.admissions.models import ItemOutcome, RuleEffect, RuleRun
from portal.admissions.rules import actions as rules
from portal.admissions.rules import work as rule_work
from portal.common.refusals import Refusal
from portal.common.requests import client_address, is_htmx
from portal.console.gatekeeping import staff_with

# Rules approve people whom nobody has looked at; any reviewer may stop them.
ACTIVATE = "admissions.activate_ruleset"
PAGE_SIZE = 100


def run_context(request: HttpRequest, run: RuleRun) -> dict[str, Any]:
    """What the part that shows a run's numbers needs. Three queries."""
    counts, outcomes = run.count_by_rule(), run.count_by_outcome()
    by_rule = [(one, counts.get(one.pk, 0)) for one in run.rule_set.rules.all()]
    by_effect = dict.fromkeys(RuleEffect.values, 0)
    for one, number in by_rule:
        by_effect[one.effect] += number
    matched = sum(counts.values())
    return {
        "run": run,
        "by_rule": by_rule,
        "by_effect": by_effect,
        "outcomes": [(value, label, outcomes.get(value, 0)) for value, label in ItemOutcome.choices],
        "matched": matched,
        "ended": matched - outcomes.get(ItemOutcome.PENDING, 0),
        "is_current": run.rules_sha256 == run.rule_set.sha256(),
        "may_activate": request.user.has_perm(ACTIVATE),
    }


@require_safe
@staff_with(REVIEW)
@never_cache
def run(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Who is touched, and how far it is; for htmx the numbers alone."""
    return _page(request, _found(pk))


@require_POST
@staff_with(ACTIVATE)
def begin(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Decide on what the dry run has found."""
    found = _found(pk)
    try:
        rules.begin(found, by=current_user(request), address=client_address(request))
    except Refusal as refusal:
        return _page(request, found, refusal=refusal)
    return redirect("console:rule_run", found.pk)


@require_POST
@staff_with(REVIEW)
def stop(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Go on no further."""
    stopped = rule_work.stop(_found(pk), by=current_user(request), address=client_address(request))
    messages.success(request, "Stopped. What was decided before stays so.")
    return redirect("console:rule_run", stopped.pk)


def _found(pk: UUID) -> RuleRun:
    return get_object_or_404(RuleRun.objects.select_related("rule_set__programme"), pk=pk)


def _page(request: HttpRequest, found: RuleRun, *, refusal: Refusal | None = None) -> HttpResponse:
    context = run_context(request, found)
    if is_htmx(request) and refusal is None:
        return render(request, "console/rules/_run.html", context)
    items = found.items.select_related("application__applicant", "application__programme", "rule")
    shown = request.GET.get("rule", "")
    if shown.isdecimal():
        items = items.filter(rule=int(shown[:9]))
    if (outcome := request.GET.get("outcome", "")) in ItemOutcome.values:
        items = items.filter(outcome=outcome)
    page = Paginator(items, PAGE_SIZE).get_page(request.GET.get("page"))
    context |= {"page": page, "shown": shown, "refusal": refusal}
    status = refusal.status if refusal else 200
    return render(request, "console/rules/run.html", context, status=status)

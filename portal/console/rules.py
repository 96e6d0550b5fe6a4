"""Sets of rules: those of each programme, one with its rules, and switching it on."""

from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.accounts.roles import REVIEW
from portal.accounts.sessions import current_user
from portal.admissions.models import Programme, Rule, RuleSet
from portal.admissions.rules import actions as rules
from portal.admissions.rules.checks import in_words
from portal.common.refusals import Refusal
from portal.common.requests import client_address
from portal.common.statuses import INVALID
from portal.console.gatekeeping import staff_with
from portal.console.rules_forms import ConditionFormSet, RuleForm, RuleSetForm, conditions_in
from portal.console.rules_runs import ACTIVATE, run_context


@require_http_methods(["GET", "HEAD", "POST"])
@staff_with(REVIEW)
@never_cache
def index(request: HttpRequest) -> HttpResponse:
    """The sets of each programme, and a form to begin one. Two queries, however many there are."""
    form = RuleSetForm(request.POST) if request.method == "POST" else RuleSetForm()
    if request.method == "POST" and form.is_valid():
        made = rules.create(**form.cleaned_data, by=current_user(request), address=client_address(request))
        return redirect(made)
    sets = RuleSet.objects.select_related("programme").annotate(number=Count("rules"))
    context = {"sets": sets.order_by("programme__name", "-created_at"), "form": form}
    status = INVALID if request.method == "POST" else 200
    return render(request, "console/rules/index.html", context, status=status)


@require_safe
@staff_with(REVIEW)
@never_cache
def rule_set(request: HttpRequest, pk: int) -> HttpResponse:
    """One set: its rules in the order in which they are asked, and the newest run over those that wait."""
    return _page(request, _found(pk))


@require_http_methods(["GET", "HEAD", "POST"])
@staff_with(REVIEW)
@never_cache
def rule(request: HttpRequest, pk: int, rule_pk: int | None = None) -> HttpResponse:
    """Write a rule, a new one or one that is there."""
    found = _found(pk)
    row = get_object_or_404(found.rules, pk=rule_pk) if rule_pk else None
    initial = {"name": row.name, "effect": row.effect} if row else None
    sent = request.POST if request.method == "POST" else None
    form = RuleForm(sent, initial=initial)
    formset = ConditionFormSet(
        sent,
        prefix="condition",
        initial=row.conditions if row else [],
        form_kwargs={"programme": found.programme},
    )
    if request.method == "POST" and form.is_valid() and formset.is_valid():
        try:
            _save(request, found, row, form, conditions_in(formset))
        except Refusal as refusal:
            form.add_error(None, refusal.sentence)
        else:
            return redirect(found)
    context = {"rule_set": found, "rule": row, "form": form, "formset": formset}
    status = INVALID if request.method == "POST" else 200
    return render(request, "console/rules/rule.html", context, status=status)


@require_POST
@staff_with(REVIEW)
def remove(request: HttpRequest, pk: int, rule_pk: int) -> HttpResponse:
    """Take a rule out of its draft."""
    row = get_object_or_404(_found(pk).rules.select_related("rule_set"), pk=rule_pk)
    changed = rules.remove_rule(row, by=current_user(request), address=client_address(request))
    messages.success(request, f"The rule “{row.name}” is removed.")
    return redirect(changed)


@require_POST
@staff_with(REVIEW)
def move_up(request: HttpRequest, pk: int, rule_pk: int) -> HttpResponse:
    """Ask a rule before the one above it."""
    row = get_object_or_404(_found(pk).rules.select_related("rule_set"), pk=rule_pk)
    return redirect(rules.move_up(row, by=current_user(request), address=client_address(request)))


@require_POST
@staff_with(REVIEW)
def dry_run(request: HttpRequest, pk: int) -> HttpResponse:
    """Write down what the rules would do with those that wait."""
    found = _found(pk)
    try:
        rules.dry_run(found, by=current_user(request))
    except Refusal as refusal:
        return _page(request, found, refusal=refusal)
    return redirect(found)


@require_POST
@staff_with(REVIEW)
def copy(request: HttpRequest, pk: int) -> HttpResponse:
    """Begin a draft with the same rules."""
    found = _found(pk)
    name = f"{found.name} (copy)"[:120]
    made = rules.create(
        found.programme, name=name, like=found, by=current_user(request), address=client_address(request)
    )
    messages.success(request, "Copied. Change the draft, try it, and switch it on.")
    return redirect(made)


@require_POST
@staff_with(ACTIVATE)
def activate(request: HttpRequest, pk: int) -> HttpResponse:
    """Let the rules decide on what is handed in from now on."""
    found = _found(pk)
    try:
        rules.activate(found, by=current_user(request), address=client_address(request))
    except Refusal as refusal:
        return _page(request, found, refusal=refusal)
    messages.success(request, "Switched on. The rules decide on what is handed in from now on.")
    return redirect(found)


@require_POST
@staff_with(REVIEW)
def retire(request: HttpRequest, pk: int) -> HttpResponse:
    """Let the rules decide on nothing more."""
    retired = rules.retire(_found(pk), by=current_user(request), address=client_address(request))
    messages.success(request, "Retired. These rules decide on nothing more.")
    return redirect(retired)


def _found(pk: int) -> RuleSet:
    return get_object_or_404(RuleSet.objects.select_related("programme"), pk=pk)


def _save(
    request: HttpRequest, found: RuleSet, row: Rule | None, form: RuleForm, conditions: list[dict[str, str]]
) -> None:
    rules.save_rule(
        found,
        **form.cleaned_data,
        conditions=conditions,
        rule=row,
        by=current_user(request),
        address=client_address(request),
    )


def _page(request: HttpRequest, found: RuleSet, *, refusal: Refusal | None = None) -> HttpResponse:
    run = found.newest_run()
    context = {
        "rule_set": found,
        "rules": _told(found.programme, found),
        "refusal": refusal,
        "may_activate": request.user.has_perm(ACTIVATE),
        "is_tried": run is not None and run.looked_at and run.rules_sha256 == found.sha256(),
        **(run_context(request, run) if run else {"run": None}),
    }
    status = refusal.status if refusal else 200
    return render(request, "console/rules/rule_set.html", context, status=status)


def _told(programme: Programme, found: RuleSet) -> list[tuple[Rule, list[str]]]:
    """Each rule with its conditions in words. Two queries."""
    questions = {one.code: one for one in programme.questions.all()}
    return [(one, [in_words(each, questions) for each in one.conditions]) for one in found.rules.all()]

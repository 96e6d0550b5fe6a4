"""Judging an answer: the form behind its thumbs, which says who will read it, and taking it back."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import reswap, retarget

from playground import actions
from playground.feedback_forms import FeedbackForm, facts_of
from playground.models import Feedback, Generation
from playground.views.entering import is_htmx, own_answer, person_required
from portal.accounts.sessions import current_user
from portal.common.statuses import INVALID


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@sensitive_post_parameters("comment", "correction")
@person_required
def feedback(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The form with what was said before, `?rating=` being the thumb that was pressed; and its sending."""
    answer = own_answer(request, pk)
    if request.method == "POST":
        form = FeedbackForm(request.POST, answer_id=pk)
        if form.is_valid():
            said = actions.give_feedback(answer, by=current_user(request), **form.cleaned_data)
            return _done(request, answer, said)
        return _form(request, answer, form, status=INVALID)
    given = Feedback.objects.filter(generation=answer).first()
    facts = facts_of(given, rating=request.GET.get("rating", ""))
    return _form(request, answer, FeedbackForm(initial=facts, answer_id=pk))


@require_POST
@never_cache
@person_required
def remove(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take it back."""
    answer = own_answer(request, pk)
    actions.remove_feedback(answer, by=current_user(request))
    return _done(request, answer, None)


def _form(request: HttpRequest, answer: Generation, form: FeedbackForm, *, status: int = 200) -> HttpResponse:
    given = Feedback.objects.filter(generation=answer).exists()
    context = {"answer": answer, "form": form, "is_given": given}
    fragment = "#feedback-form" if is_htmx(request) else ""
    response = render(request, f"playground/feedback.html{fragment}", context, status=status)
    return reswap(retarget(response, f"#feedback-box-{answer.pk}"), "innerHTML")


def _done(request: HttpRequest, answer: Generation, given: Feedback | None) -> HttpResponse:
    if not is_htmx(request):
        return redirect(f"{answer.turn.conversation.get_absolute_url()}?at={answer.pk}")
    context = {"answer": answer, "given": given, "is_said": True}
    return render(request, "playground/_feedback.html", context)

"""The pages on which a person makes and revokes keys and sees their usage."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.access.deciding import releases_allowed
from portal.access.decision import Action
from portal.accounts.models import User
from portal.accounts.sessions import current_user
from portal.common.keyset import page_of
from portal.common.requests import client_address, is_htmx
from portal.common.statuses import INVALID
from portal.keys import actions
from portal.keys.forms import ChangeForm, KeyForm, RotateForm
from portal.keys.models import ApiKey, ApiKeyQuerySet, Scope, ServiceAccount
from portal.keys.snippets import snippets_for

# Of keys that are over; with rotation there are many of them in time.
OVER_PAGE_SIZE = 20


@require_safe
@login_required
def index(request: HttpRequest) -> HttpResponse:
    """The person's keys and their teams': those that work, and a page of the others.

    Four queries at most, and the session's.
    """
    keys = ApiKey.objects.visible_to(current_user(request)).select_related("service_account", "replaced_by")
    return render(request, "keys/index.html", live_and_over(request, keys.prefetch_related("releases")))


def live_and_over(request: HttpRequest, keys: ApiKeyQuerySet) -> dict[str, Any]:
    """The keys that work, all of them, and a page of those that do no longer, the newest first."""
    moment = timezone.now()
    return {
        "keys": keys.live(at=moment),
        "page": page_of(
            keys.over(at=moment),
            by="created_at",
            before=request.GET.get("before", ""),
            after=request.GET.get("after", ""),
            size=OVER_PAGE_SIZE,
            is_newest_first=True,
        ),
    }


@require_http_methods(["GET", "POST"])
@login_required
@never_cache
@sensitive_post_parameters()
def new(request: HttpRequest) -> HttpResponse:
    """Ask for a key; the answer to the POST is the only page that ever shows it."""
    user = current_user(request)
    account = _account_named(request.GET.get("account", ""), user)
    owner = account.owner if account is not None else user
    form = KeyForm(request.POST or None, user=owner, maker=user)
    if not form.is_valid():
        context = {"form": form, "account": account}
        return render(request, "keys/new.html", context, status=INVALID if form.is_bound else 200)
    return _made(request, form, account)


def _account_named(number: str, user: User) -> ServiceAccount | None:
    """The service account for which a key is asked, None for one's own; 404 for another's."""
    if not number:
        return None
    if not number.isdecimal():
        raise Http404
    accounts = ServiceAccount.objects.visible_to(user).select_related("owner")
    return get_object_or_404(accounts, pk=int(number[:12]))


@sensitive_variables("created", "context")
def _made(request: HttpRequest, form: KeyForm, account: ServiceAccount | None) -> HttpResponse:
    try:
        created = actions.create(
            form.user,
            by=form.maker,
            service_account=account,
            name=form.cleaned_data["name"],
            scopes=form.cleaned_data["scopes"],
            expires_at=form.expires_at(),
            public_id=form.cleaned_data["slip"],
            **form.limits(),
            address=client_address(request),
        )
    except actions.AlreadyMade:
        messages.warning(
            request,
            "That form was sent before, and its key exists. A key is shown only once: "
            "if you did not copy it, revoke it and make another.",
        )
        return redirect("keys:index")
    return _shown_once(request, created)


@sensitive_variables("created", "context")
def _shown_once(
    request: HttpRequest, created: actions.CreatedKey, *, replaced: ApiKey | None = None
) -> HttpResponse:
    # Straight into the response, which no cache may keep: neither the session nor the database holds it.
    release = releases_allowed(created.key.user, Action.INFERENCE).order_by("pk").first()
    context = {
        "key": created.key,
        "token": created.token,
        "release": release,
        "needs_release": bool({Scope.INFERENCE, Scope.WEIGHTS} & set(created.key.scopes)),
        "replaced": replaced,
        "snippets": snippets_for(created.token, scopes=created.key.scopes, release=release),
    }
    response = render(request, "keys/made.html", context)
    response["Referrer-Policy"] = "no-referrer"
    return response


@require_http_methods(["GET", "POST"])
@login_required
def revoke(request: HttpRequest, public_id: str) -> HttpResponse:
    """Ask whether the key shall end, and end it; a fragment for htmx."""
    user = current_user(request)
    key = _visible(user, public_id)
    fragment = "keys/index.html#key-row" if request.method == "POST" else "keys/index.html#key-row-confirm"
    if request.method == "POST":
        actions.revoke(key, by=user, address=client_address(request))
        if not is_htmx(request):
            messages.success(request, f"“{key.name}” is revoked. Whatever used it is refused from now on.")
            return redirect("keys:index")
    return render(request, fragment if is_htmx(request) else "keys/revoke.html", {"key": key})


@require_http_methods(["GET", "POST"])
@login_required
def change(request: HttpRequest, public_id: str) -> HttpResponse:
    """A key's name, note and limits, and the way to rotate it."""
    user = current_user(request)
    key = _visible(user, public_id)
    form = ChangeForm(request.POST or None, user=key.user, key=key)
    if form.is_valid():
        name, address = form.cleaned_data["name"], client_address(request)
        actions.change(key, name=name, **form.limits(), by=user, address=address)
        messages.success(request, f"“{name}” is saved.")
        return redirect("keys:index")
    context = {"key": key, "form": form, "rotate_form": RotateForm()}
    return render(request, "keys/change.html", context, status=INVALID if form.is_bound else 200)


@require_POST
@login_required
@never_cache
@sensitive_variables("created")
def rotate(request: HttpRequest, public_id: str) -> HttpResponse:
    """Make a key in the place of this one; the answer is the only page that ever shows it."""
    user = current_user(request)
    key = _visible(user, public_id)
    form = RotateForm(request.POST)
    if not form.is_valid():
        context = {"key": key, "form": ChangeForm(user=key.user, key=key)}
        return render(request, "keys/change.html", context | {"rotate_form": form}, status=INVALID)
    try:
        created = actions.rotate(key, overlap=form.overlap(), by=user, address=client_address(request))
    except actions.AlreadyMade as refusal:
        messages.warning(request, refusal.sentence)
        return redirect("keys:index")
    key.refresh_from_db(fields=["expires_at"])
    return _shown_once(request, created, replaced=key)


@require_safe
@login_required
def row(request: HttpRequest, public_id: str) -> HttpResponse:
    """One key's row again, for a person who thought better of revoking it."""
    key = _visible(current_user(request), public_id)
    return (
        render(request, "keys/index.html#key-row", {"key": key})
        if is_htmx(request)
        else redirect("keys:index")
    )


def _visible(user: User, public_id: str) -> ApiKey:
    keys = ApiKey.objects.visible_to(user).select_related("user", "service_account", "replaced_by")
    return get_object_or_404(keys, public_id=public_id)

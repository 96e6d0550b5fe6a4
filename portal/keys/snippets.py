"""Code that a developer pastes to use a new key, filled in with it and with a release open to them."""

from dataclasses import dataclass

from django.conf import settings
from django.template.loader import render_to_string
from django.views.decorators.debug import sensitive_variables

from portal.keys.models import Scope
from portal.releases.models import Release

# Scope -> the name of the snippet's template and what to call it.
SNIPPETS = {
    Scope.INFERENCE: (("openai", "Python, with the openai package"), ("curl", "curl")),
    Scope.WEIGHTS: (("hub", "Shell, with the huggingface_hub package"),),
    Scope.ACCOUNT: (("account", "curl, for your account and its usage"),),
}


@dataclass(frozen=True)
class Snippet:
    """One piece of code; `name` is unique on the page."""

    name: str
    title: str
    code: str


@sensitive_variables("token", "known")
def snippets_for(token: str, *, scopes: list[str], release: Release | None) -> list[Snippet]:
    """The snippets that `scopes` allow, with placeholders where no release is open yet."""
    known = {
        "token": token,
        "portal_url": settings.PORTAL_URL,
        "model": release.slug if release else "MODEL",
        "hub_id": release.hub_id if release else "ORGANISATION/MODEL",
    }
    return [
        Snippet(name, title, render_to_string(f"keys/snippets/{name}.txt", known).strip())
        for scope, named in SNIPPETS.items()
        if scope in scopes
        for name, title in named
    ]

"""The forms of the downloads' pages: what a list shows, and what holders are written."""

from typing import Any

from django import forms
from django.db.models import Q

from portal.accounts.models import User
from portal.hub import letters
from portal.hub.models import ClientFamily, DownloadState, Scope
from portal.releases.models import Release, WeightFile

# More would be no search any more, and a long list to hand to the database.
PEOPLE_MAX = 500
FILES_MAX = 5_000


class FilterForm(forms.Form):
    """What the list of downloads shows; everything may be left open."""

    release = forms.ModelChoiceField(
        Release.objects.order_by("name"), to_field_name="slug", required=False, empty_label="Any"
    )
    revision = forms.CharField(
        required=False, widget=forms.TextInput(attrs={"placeholder": "Name or commit", "spellcheck": "false"})
    )
    person = forms.CharField(
        required=False,
        widget=forms.TextInput(attrs={"placeholder": "Name or address", "spellcheck": "false"}),
    )
    file = forms.CharField(
        required=False,
        widget=forms.TextInput(attrs={"placeholder": "Path or SHA-256", "spellcheck": "false"}),
    )
    family = forms.ChoiceField(label="Client", choices=[("", "Any"), *ClientFamily.choices], required=False)
    state = forms.ChoiceField(choices=[("", "Any"), *DownloadState.choices], required=False)
    since = forms.DateField(label="From", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label="To", required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def question(self) -> dict[str, Any]:
        """What `DownloadQuerySet.matching` is asked; call it of a valid form. Two queries at most.

        The form is invalid afterwards when too many people or files fit.
        """
        facts = self.cleaned_data
        return {
            "people": self._people(),
            "files": self._files(),
            "family": facts["family"],
            "state": facts["state"],
            "since": facts["since"],
            "until": facts["until"],
        }

    def _people(self) -> list[int] | None:
        if not (words := self.cleaned_data["person"]):
            return None
        named = User.objects.filter(Q(email__icontains=words) | Q(full_name__icontains=words))
        return self._few(named.values_list("pk", flat=True)[: PEOPLE_MAX + 1], "person", PEOPLE_MAX)

    def _files(self) -> list[int] | None:
        facts = self.cleaned_data
        if not any(facts[name] for name in ("release", "revision", "file")):
            return None
        found = WeightFile.objects.order_by()
        if facts["release"]:
            found = found.filter(revision__release=facts["release"])
        if words := facts["revision"]:
            found = found.filter(Q(revision__name=words) | Q(revision__commit__startswith=words.lower()))
        if words := facts["file"]:
            found = found.filter(Q(path__icontains=words) | Q(sha256=words.lower()))
        return self._few(found.values_list("pk", flat=True)[: FILES_MAX + 1], "file", FILES_MAX)

    def _few(self, found: Any, name: str, most: int) -> list[int]:
        ids = list(found)
        if len(ids) > most:
            self.add_error(name, f"More than {most} fit. Write more of it.")
        return ids


class MailForm(forms.Form):
    """What the holders of a revision are written."""

    scope = forms.ChoiceField(label="To whom", choices=Scope.choices, initial=Scope.ASKED)
    subject = forms.CharField(max_length=150)
    body = forms.CharField(
        label="Text",
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 12}),
        help_text="Markdown. {{name}}, {{release}}, {{revision}}, {{commit}} and {{reason}} are filled in.",
    )
    reason = forms.CharField(
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Stands where the text says {{reason}}.",
    )
    token = forms.UUIDField(widget=forms.HiddenInput)

    def clean_subject(self) -> str:
        """One line, with known placeholders."""
        return self._known(" ".join(self.cleaned_data["subject"].split()))

    def clean_body(self) -> str:
        """Known placeholders."""
        return self._known(self.cleaned_data["body"])

    def clean(self) -> dict[str, Any]:
        """A text that asks for the reason needs one."""
        facts = super().clean() or self.cleaned_data
        says_why = "reason" in letters.placeholders(facts.get("subject", "") + facts.get("body", ""))
        if says_why and not facts.get("reason"):
            self.add_error("reason", "Say why, or take {{reason}} out of the text.")
        return facts

    def _known(self, text: str) -> str:
        if unknown := letters.unknown_placeholders(text):
            raise forms.ValidationError(f"There is no {{{{{unknown[0]}}}}}.")
        return text

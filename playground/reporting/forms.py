"""What a person is asked who reports something, and what they may write afterwards."""

from collections.abc import Mapping
from typing import Any

from django import forms

from playground.reporting.actions import Told
from playground.reporting.models import Category, Severity
from playground.reporting.models.reports import (
    DESCRIPTION_MAX_CHARACTERS,
    MESSAGE_MAX_CHARACTERS,
    WORDS_MAX_CHARACTERS,
)
from portal.access.deciding import releases_allowed
from portal.access.decision import Action
from portal.accounts.models import User
from portal.releases.models import Release, ReleaseQuerySet, Revision

COMMIT_DIGITS_MIN = 6
REVISION_CHARACTERS_MAX = 60


class _ReportForm(forms.Form):
    """What both forms ask."""

    category = forms.ChoiceField(
        label="What is it about",
        choices=[("", "Choose one"), *Category.choices],
        error_messages={"required": "Choose what it is about."},
    )
    severity = forms.TypedChoiceField(
        label="How bad is it",
        choices=Severity.choices,
        coerce=int,
        widget=forms.RadioSelect,
        error_messages={"required": "Say how bad it is, as you feel it. Staff may see it differently."},
    )
    description = forms.CharField(
        label="What happened",
        max_length=DESCRIPTION_MAX_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="What you did, what came back, and who could be harmed by it.",
        error_messages={"required": "Say what happened, in a sentence or two."},
    )
    token = forms.UUIDField(
        widget=forms.HiddenInput,
        error_messages={
            "required": "Send the form again.",
            "invalid": "Send the form again.",
        },
    )
    use_required_attribute = False

    def told(self) -> Told:
        """What both forms ask, as the verbs take it; call it of a valid form."""
        facts = self.cleaned_data
        return Told(
            category=facts["category"],
            severity=facts["severity"],
            description=facts["description"],
            token=facts["token"],
        )


class AnswerReportForm(_ReportForm):
    """A report of an answer in the playground, which is known already."""

    may_read = forms.BooleanField(
        label="Staff may read this answer, my message and what led to it",
        required=False,
        help_text="They are copied into the report as they stand now, and stay there when you delete the "
        "conversation. Without your consent staff see the settings and what you write here, and not a "
        "word of the conversation; then it is harder to act on.",
    )
    field_order = ("category", "severity", "description", "may_read")


class ReleaseReportForm(_ReportForm):
    """A report of what a release did anywhere: by the API, on one's own machine, or in somebody's product."""

    release = forms.ModelChoiceField(
        Release.objects.none(),
        label="Which release",
        to_field_name="slug",
        empty_label="Choose one",
        error_messages={
            "required": "Choose the release.",
            "invalid_choice": "There is no such release. Choose one of the list.",
        },
    )
    revision = forms.CharField(
        label="Which revision",
        required=False,
        max_length=REVISION_CHARACTERS_MAX,
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocapitalize": "off"}),
        help_text="If you know it: its name, such as main, or the first digits of its commit.",
    )
    prompt = forms.CharField(
        label="What was sent",
        required=False,
        max_length=WORDS_MAX_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Word for word, if you have it: then staff can ask the model the same.",
    )
    answer = forms.CharField(
        label="What came back",
        required=False,
        max_length=WORDS_MAX_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    request_id = forms.RegexField(
        r"^[\x21-\x7e]{1,100}\Z",
        label="Request id",
        required=False,
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocapitalize": "off"}),
        help_text="Of an API call, the answer's header x-request-id.",
        error_messages={"invalid": "Copy the header's value alone; it has no spaces."},
    )
    field_order = (
        *("release", "revision", "category", "severity", "description"),
        *("prompt", "answer", "request_id"),
    )

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, by: User, initial: dict[str, Any] | None = None
    ) -> None:
        super().__init__(data, initial=initial)
        self.fields["release"].queryset = reportable(by)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Find the revision that was named, among those of the release."""
        facts = super().clean() or self.cleaned_data
        release, named = facts.get("release"), facts.get("revision", "")
        facts["revision_commit"] = ""
        if release is not None and named:
            found = _revision(release, named)
            if found is None:
                self.add_error(
                    "revision",
                    f"{release.name} has no such revision, or several that begin so. Copy the commit from "
                    "its page, or leave this empty.",
                )
            else:
                facts["revision_commit"] = found.commit
        return facts

    def facts(self) -> dict[str, Any]:
        """What only this form asks, as the verb takes it; call it of a valid form."""
        names = ("revision_commit", "request_id", "prompt", "answer")
        return {name: self.cleaned_data[name] for name in names}


class MessageForm(forms.Form):
    """A message to staff about a report."""

    message = forms.CharField(
        label="Your message",
        max_length=MESSAGE_MAX_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Write the message first."},
    )
    use_required_attribute = False


def reportable(by: User) -> ReleaseQuerySet:
    """The releases that a person may know of, by name: those whose page is public, and those open to them."""
    known = Release.objects.public().values("pk")
    theirs = releases_allowed(by, Action.PLAYGROUND).values("pk")
    return Release.objects.filter(pk__in=known.union(theirs)).order_by("name")


def _revision(release: Release, named: str) -> Revision | None:
    """The current revision of a name, or the only one whose commit begins so. Two queries at most."""
    if current := release.revisions.filter(name=named, is_current=True).first():
        return current
    if len(named) < COMMIT_DIGITS_MIN:
        return None
    found = release.revisions.filter(commit__startswith=named.lower())[:2]
    return found[0] if len(found) == 1 else None

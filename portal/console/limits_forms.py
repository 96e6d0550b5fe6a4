"""The form with which staff set a limit of the API."""

from typing import Any

from django import forms

from portal.accounts.models import User
from portal.admissions.models import Programme
from portal.keys import tokens
from portal.keys.limit_actions import NUMBERS, Subject
from portal.keys.limiting import LABELS
from portal.keys.models import ApiKey
from portal.releases.models import Release

# What a limit can be of, in the order of the pages, with the words for it.
KINDS = {"release": "model", "programme": "programme", "user": "person", "key": "key"}
SHARED = ("release", "programme")


REQUESTS_MAX = 2**31 - 1
# A double, in which Valkey's scripts reckon, holds every whole number up to some nine times as many.
TOKENS_MAX = 10**15


def _number(name: str, *, largest: int, help_text: str = "") -> forms.IntegerField:
    return forms.IntegerField(
        label=LABELS[name], required=False, min_value=0, max_value=largest, help_text=help_text
    )


class NumbersForm(forms.Form):
    """The numbers of a limit."""

    requests_per_minute = _number("requests_per_minute", largest=REQUESTS_MAX)
    concurrent_requests = _number("concurrent_requests", largest=REQUESTS_MAX)
    tokens_per_minute = _number(
        "tokens_per_minute", largest=TOKENS_MAX, help_text="Prompt and completion together."
    )
    tokens_per_day = _number("tokens_per_day", largest=TOKENS_MAX, help_text="From 00:00 UTC to 00:00 UTC.")
    tokens_total = _number(
        "tokens_total",
        largest=TOKENS_MAX,
        help_text="Since the very first request. They never come back by themselves.",
    )

    def numbers(self) -> dict[str, int | None]:
        """What was written, None where nothing was. Call it on a valid form."""
        return {name: self.cleaned_data[name] for name in NUMBERS}

    def clean(self) -> dict[str, Any]:
        """At least one number."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors and all(cleaned.get(name) is None for name in NUMBERS):
            raise forms.ValidationError("Write at least one number. What stays empty is not limited.")
        return cleaned


class LimitForm(NumbersForm):
    """A new limit of one kind: whom it is of, whether it is for each person, and its numbers."""

    release = forms.ModelChoiceField(
        Release.objects.order_by("name"), label="Model", empty_label="Choose one"
    )
    programme = forms.ModelChoiceField(Programme.objects.order_by("name"), empty_label="Choose one")
    user = forms.EmailField(label="Person", help_text="The e-mail address of the account.")
    key = forms.CharField(
        label="Key",
        max_length=200,
        help_text="As its owner sees it, such as owk_4f7Gk2…",
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocomplete": "off"}),
    )
    for_each_person = forms.BooleanField(
        label="For each person",
        required=False,
        help_text="Everyone has as much alone. Otherwise all people together have it.",
    )

    field_order = [*KINDS, "for_each_person", *NUMBERS]

    def __init__(self, *args: Any, kind: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind
        for other in KINDS:
            if other != kind:
                del self.fields[other]
        if kind not in SHARED:
            del self.fields["for_each_person"]

    def subject(self) -> Subject:
        """Whom the limit is of. Call it on a valid form."""
        subject: Subject = self.cleaned_data[self.kind]
        return subject

    def clean_user(self) -> User:
        """The account of that address."""
        user = User.objects.filter(email__iexact=self.cleaned_data["user"]).first()
        if user is None:
            raise forms.ValidationError("There is no account of this address.")
        return user

    def clean_key(self) -> ApiKey:
        """The key of that public id; the rest of a whole key is not looked at."""
        given = self.cleaned_data["key"].strip().rstrip("…")
        public_id = given.removeprefix(f"{tokens.PREFIX}_").partition("_")[0]
        key = ApiKey.objects.filter(public_id=public_id).first()
        if key is None:
            raise forms.ValidationError("There is no key of this name. Copy what stands before its dots.")
        return key

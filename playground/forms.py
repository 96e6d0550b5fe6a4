"""The composer: what a person may ask of a model, within which limits."""

import uuid
from typing import Any

from django import forms

from playground.actions import Wish
from playground.models import (
    DEFAULT_MAX_TOKENS,
    DEFAULT_TEMPERATURE,
    PROMPT_MAX_CHARACTERS,
    SYSTEM_PROMPT_MAX_CHARACTERS,
    Conversation,
)
from portal.releases.models import Release

# The settings stand beside the thread, outside the form's own element.
BESIDE = {"form": "composer"}


class ComposerForm(forms.Form):
    """One message with the settings for its answer; `token` tells a second sending from a second message."""

    token = forms.UUIDField(widget=forms.HiddenInput)
    prompt = forms.CharField(
        label="Message",
        max_length=PROMPT_MAX_CHARACTERS,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 1, "placeholder": "Ask the model something", "autofocus": True}),
        error_messages={"required": "Type a message first."},
    )
    system_prompt = forms.CharField(
        label="System prompt",
        required=False,
        max_length=SYSTEM_PROMPT_MAX_CHARACTERS,
        help_text="How the model should behave. It is read before every message.",
        widget=forms.Textarea(attrs={"rows": 3, **BESIDE}),
    )
    temperature = forms.FloatField(
        min_value=0,
        max_value=2,
        help_text="0 repeats itself word for word, 2 is wild.",
        widget=forms.NumberInput(attrs={"step": "0.1", "inputmode": "decimal", **BESIDE}),
        error_messages={
            "required": "Enter a temperature from 0 to 2.",
            "invalid": "Enter a temperature from 0 to 2.",
            "min_value": "Enter a temperature from 0 to 2.",
            "max_value": "Enter a temperature from 0 to 2.",
        },
    )
    max_tokens = forms.IntegerField(
        label="Longest answer",
        min_value=1,
        widget=forms.NumberInput(attrs={"inputmode": "numeric", **BESIDE}),
    )

    def __init__(self, *args: Any, release: Release, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        limit = release.context_length
        field = self.fields["max_tokens"]
        field.help_text = (
            f"In tokens, some four characters each. {release.name} holds {limit:,} with the prompt."
        )
        field.widget.attrs["max"] = limit
        self.limit = limit

    def clean_prompt(self) -> str:
        """A message of nothing but space asks nothing."""
        prompt: str = self.cleaned_data["prompt"].replace("\r\n", "\n")
        if not prompt.strip():
            raise forms.ValidationError("Type a message first.", code="required")
        return prompt

    def clean_max_tokens(self) -> int:
        """No answer is longer than the model's context."""
        wanted: int = self.cleaned_data["max_tokens"]
        if wanted > self.limit:
            raise forms.ValidationError(f"Enter a number from 1 to {self.limit:,}.", code="max_value")
        return wanted

    def wish(self) -> Wish:
        """What the valid form asks."""
        return Wish(**self.cleaned_data)


def blank_form(release: Release, *, conversation: Conversation | None = None) -> ComposerForm:
    """An empty composer with the conversation's settings, or the usual ones."""
    initial: dict[str, Any] = {"token": uuid.uuid4()}
    if conversation is None:
        initial |= {
            "temperature": DEFAULT_TEMPERATURE,
            "max_tokens": min(DEFAULT_MAX_TOKENS, max(1, release.context_length // 2)),
        }
    else:
        initial |= {
            "system_prompt": conversation.system_prompt,
            "temperature": conversation.temperature,
            "max_tokens": conversation.max_tokens,
        }
    return ComposerForm(initial=initial, release=release)

"""What is saved as a preset: the composer's settings and prompt, a name, or the preset it is a version of."""

from typing import Any

from django import forms

from playground.forms import SettingsForm
from playground.message_forms import with_line_ends
from playground.models import PROMPT_MAX_CHARACTERS, Preset, PresetQuerySet

NAME_CHARACTERS = 80
NOTE_CHARACTERS = 200


class NameForm(forms.Form):
    """A preset's name."""

    name = forms.CharField(label="Name", max_length=NAME_CHARACTERS)


class ContentForm(SettingsForm):
    """What a preset holds, as the composer sends it."""

    prompt = forms.CharField(
        label="Prompt",
        required=False,
        strip=False,
        max_length=PROMPT_MAX_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 6}),
    )

    def clean_prompt(self) -> str:
        """With the line ends that a message has."""
        return with_line_ends(self.cleaned_data["prompt"])


class SaveForm(ContentForm):
    """The same with where it is saved; what it holds travels along unseen."""

    preset = forms.ModelChoiceField(
        label="Save as",
        queryset=Preset.objects.none(),
        required=False,
        empty_label="A new preset",
    )
    name = forms.CharField(
        label="Name",
        required=False,
        max_length=NAME_CHARACTERS,
        help_text="Of a new preset.",
    )
    note = forms.CharField(
        label="What is new",
        required=False,
        max_length=NOTE_CHARACTERS,
        help_text="For the list of versions.",
    )

    def __init__(self, *args: Any, presets: PresetQuerySet, **kwargs: Any) -> None:
        super().__init__(*args, auto_id="preset-%s", **kwargs)
        self.fields["preset"].queryset = presets  # type: ignore[attr-defined]
        self.fields["preset"].label_from_instance = (  # type: ignore[attr-defined]
            lambda one: f"A new version of {one.name}"
        )

    def clean(self) -> dict[str, Any]:
        """A new preset has a name."""
        cleaned = self.cleaned_data
        if not cleaned.get("preset") and not self.errors and not cleaned.get("name"):
            self.add_error("name", "Enter a name for the new preset.")
        return cleaned

    @property
    def carried(self) -> list[forms.BoundField]:
        """The fields that the person does not fill in here."""
        return [self[name] for name in self.fields if name not in {"preset", "name", "note"}]

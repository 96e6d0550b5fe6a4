"""A message that may have variables: a field for each `{{name}}`, and what is sent when they are filled."""

from typing import Any

from django import forms

from playground.cases import COLUMNS_MAX as VARIABLES_MAX
from playground.filling import Piece, Unfillable, fill, has_places, pieces, variables_of
from playground.models import PROMPT_MAX_CHARACTERS

FIELD_PREFIX = "variable-"


def message_field(placeholder: str = "") -> forms.CharField:
    """The field for what is said."""
    return forms.CharField(
        label="Message",
        max_length=PROMPT_MAX_CHARACTERS,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 1, "placeholder": placeholder}),
        error_messages={"required": "Type a message first."},
    )


class MessageForm(forms.Form):
    """What is said, with the variables that the message has now; of a valid form `prompt` is filled in."""

    prompt = message_field()
    is_literal = forms.BooleanField(
        label="Send the braces as they are",
        required=False,
        help_text="For a single place, write a backslash before it: \\{{name}} is sent as {{name}}.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.template = with_line_ends(str(self["prompt"].value() or "")[: PROMPT_MAX_CHARACTERS + 1])
        self.is_template = has_places(self.template)
        self.variables = [] if self["is_literal"].value() else variables_of(self.template)
        self.has_too_many = len(self.variables) > VARIABLES_MAX
        if self.has_too_many:
            self.variables = []
        for name in self.variables:
            self.fields[FIELD_PREFIX + name] = _value_field(name)

    @property
    def variable_fields(self) -> list[forms.BoundField]:
        """The fields of the variables, in the order in which these first come."""
        return [self[FIELD_PREFIX + name] for name in self.variables]

    @property
    def sent(self) -> list[Piece]:
        """What would be sent as it stands now, piece by piece; nothing where that would be too long."""
        typed = {name: self[FIELD_PREFIX + name].value() for name in self.variables}
        values = {name: with_line_ends(value) for name, value in typed.items() if value}
        try:
            return list(pieces(self.template, values)) if self.variables else []
        except Unfillable:
            return []

    def clean_prompt(self) -> str:
        """A message of nothing but space asks nothing."""
        prompt = with_line_ends(self.cleaned_data["prompt"])
        _refuse_nothing(prompt)
        if self.has_too_many:
            sentence = f"A message has {VARIABLES_MAX} variables at most. Fill in some of them by hand."
            raise forms.ValidationError(sentence, code="too_many_variables")
        return prompt

    def clean(self) -> dict[str, Any]:
        """Where all variables have values the prompt is filled; else it stays as it was typed."""
        cleaned = self.cleaned_data
        names = {name: FIELD_PREFIX + name for name in self.variables}
        is_complete = "prompt" in cleaned and all(field in cleaned for field in names.values())
        if not is_complete or cleaned["is_literal"]:
            return cleaned
        values = {name: with_line_ends(cleaned[field]) for name, field in names.items()}
        try:
            cleaned["prompt"] = fill(cleaned["prompt"], values)
            _refuse_nothing(cleaned["prompt"])
        except Unfillable as fault:
            self.add_error("prompt", str(fault))
        except forms.ValidationError as nothing:
            self.add_error("prompt", nothing)
        return cleaned


def _refuse_nothing(prompt: str) -> None:
    if not prompt.strip():
        raise forms.ValidationError("Type a message first.", code="required")


def _value_field(name: str) -> forms.CharField:
    return forms.CharField(
        label=name,
        max_length=PROMPT_MAX_CHARACTERS,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 1}),
        error_messages={"required": "Give it a value, or send the braces as they are."},
    )


def with_line_ends(text: str) -> str:
    """With the line ends that models are trained on."""
    return text.replace("\r\n", "\n")

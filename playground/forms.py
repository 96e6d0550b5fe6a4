"""The composer: what a person may ask of a model, within which limits."""

import json
import uuid
from typing import Any

from django import forms

from playground.actions import Wish
from playground.message_forms import MessageForm, message_field
from playground.models import PROMPT_MAX_CHARACTERS, Conversation
from playground.parameters import (
    CHAT,
    MODES,
    NUMBERS,
    SCHEMA_MAX_CHARACTERS,
    STOP_MAX,
    SYSTEM_PROMPT_MAX_CHARACTERS,
    TOOL_CHOICES,
    TOOLS_MAX_CHARACTERS,
    TOP_LOGPROBS_MAX,
    Parameter,
    usual,
)
from portal.releases.models import Release

# The settings stand beside the thread, outside the form's own element.
BESIDE = {"form": "composer"}
CODE = {"rows": 4, "spellcheck": "false", "class": "is-code", **BESIDE}
UNKEPT_HELP = "All of it is deleted when you end it, sign out, or leave it for half an hour."


class SettingsForm(forms.Form):
    """The settings of an answer; the names are those of `playground.parameters`."""

    system_prompt = forms.CharField(
        label="System prompt",
        required=False,
        max_length=SYSTEM_PROMPT_MAX_CHARACTERS,
        help_text="How the model should behave. It is read before every message.",
        widget=forms.Textarea(attrs={"rows": 3, **BESIDE}),
    )
    max_tokens = forms.IntegerField(
        label="Longest answer",
        min_value=1,
        widget=forms.NumberInput(attrs={"inputmode": "numeric", **BESIDE}),
    )
    mode = forms.ChoiceField(
        choices=MODES,
        required=False,
        help_text="Raw sends your words as they are, without the chat template and what came before.",
        widget=forms.Select(attrs=BESIDE),
    )
    stop = forms.CharField(
        label="Stop at",
        required=False,
        max_length=400,
        help_text=f"The answer ends before any of these: a line each, {STOP_MAX} at most.",
        widget=forms.Textarea(attrs={"rows": 2, **BESIDE}),
    )
    logprobs = forms.BooleanField(
        label="Log-probabilities",
        required=False,
        help_text="Colours each token by how likely it was, and tells what else was.",
        widget=forms.CheckboxInput(attrs=BESIDE),
    )
    top_logprobs = forms.IntegerField(
        label="Alternatives",
        required=False,
        min_value=1,
        max_value=TOP_LOGPROBS_MAX,
        help_text="How many other tokens are told for each.",
        widget=forms.NumberInput(attrs={"inputmode": "numeric", **BESIDE}),
    )
    json_schema = forms.CharField(
        label="JSON schema",
        required=False,
        max_length=SCHEMA_MAX_CHARACTERS,
        help_text="The answer is JSON of this shape.",
        widget=forms.Textarea(attrs=CODE),
    )
    tools = forms.CharField(
        required=False,
        max_length=TOOLS_MAX_CHARACTERS,
        help_text="OpenAI's definitions of functions, as a JSON list; “strict” holds the model to the"
        " parameters. You type in what a call returns.",
        widget=forms.Textarea(attrs=CODE),
    )

    tool_choice = forms.ChoiceField(
        label="Whether the model calls one",
        choices=TOOL_CHOICES,
        required=False,
        widget=forms.Select(attrs=BESIDE),
    )

    def __init__(self, *args: Any, release: Release, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.limit = release.context_length
        field = self.fields["max_tokens"]
        field.help_text = (
            f"In tokens, some four characters each. {release.name} holds {self.limit:,} with the prompt."
        )
        field.widget.attrs["max"] = self.limit
        for number in NUMBERS:
            self.fields[number.name] = _number_field(number)

    def clean_max_tokens(self) -> int:
        """No answer is longer than the model's context."""
        wanted: int = self.cleaned_data["max_tokens"]
        if wanted > self.limit:
            raise forms.ValidationError(f"Enter a number from 1 to {self.limit:,}.", code="max_value")
        return wanted

    def clean_stop(self) -> list[str]:
        """The lines, without empty ones."""
        lines = [line for line in self.cleaned_data["stop"].replace("\r\n", "\n").split("\n") if line]
        if len(lines) > STOP_MAX:
            raise forms.ValidationError(f"Enter {STOP_MAX} lines at most.", code="max_length")
        return lines

    def clean_json_schema(self) -> dict[str, Any] | None:
        """A schema is an object."""
        schema = _json(self.cleaned_data["json_schema"])
        if schema is None:
            return None
        if not isinstance(schema, dict):
            raise forms.ValidationError('Write a JSON object, such as {"type": "object"}.', code="invalid")
        from playground import schemas  # noqa: PLC0415 - loads jsonschema

        if fault := schemas.fault_of_schema(schema):
            raise forms.ValidationError(fault, code="invalid")
        return schema

    def clean_tools(self) -> list[dict[str, Any]]:
        """OpenAI's shape: [{"type": "function", "function": {"name": ..., "parameters": {...}}}]."""
        tools = _json(self.cleaned_data["tools"]) or []
        if not isinstance(tools, list) or not all(_is_tool(tool) for tool in tools):
            raise forms.ValidationError(
                'Write a JSON list of {"type": "function", "function": {"name": …, "parameters": …}}.',
                code="invalid",
            )
        return tools

    def settings(self) -> dict[str, Any]:
        """What the valid form sets; what was left empty is not in it."""
        names = (*(number.name for number in NUMBERS), "max_tokens", *_OTHERS)
        given = {name: self.cleaned_data.get(name) for name in names}
        # False is 0 to Python, and a temperature of 0 is one.
        is_set = {name: value is not False and value not in (None, "", []) for name, value in given.items()}
        return {name: value for name, value in given.items() if is_set[name]} | {
            "system_prompt": self.cleaned_data["system_prompt"],
            "mode": self.cleaned_data["mode"] or CHAT,
        }


_OTHERS = ("stop", "logprobs", "top_logprobs", "json_schema", "tools", "tool_choice")


class ResultsForm(forms.Form):
    """What the calls of an answer return, typed in by hand: a field for each call."""

    token = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, calls: list[dict[str, Any]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.calls = calls
        for number, call in enumerate(calls):
            self.fields[f"result_{number}"] = forms.CharField(
                label=f"Result of {call['function']['name']}{_place(number, len(calls))}",
                max_length=PROMPT_MAX_CHARACTERS,
                strip=False,
                widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "class": "is-code"}),
            )

    def wish(self, *, settings: dict[str, Any], follows: uuid.UUID) -> Wish:
        """What the valid form asks: that the model goes on with these results."""
        results = tuple(
            {"tool_call_id": call["id"], "content": self.cleaned_data[f"result_{number}"]}
            for number, call in enumerate(self.calls)
        )
        token = self.cleaned_data["token"]
        return Wish(prompt="", token=token, settings=settings, follows=follows, tool_results=results)


class ComposerForm(MessageForm, SettingsForm):
    """One message with the settings for its answer.

    `token` tells a second sending from a second message; `seen_at` how far the page knows the conversation.
    """

    token = forms.UUIDField(widget=forms.HiddenInput)
    follows = forms.CharField(required=False, widget=forms.HiddenInput)
    seen_at = forms.CharField(required=False, widget=forms.HiddenInput)
    prompt = message_field("Ask the model something")
    is_unkept = forms.BooleanField(
        label="Don't keep this conversation",
        required=False,
        help_text=UNKEPT_HELP,
        widget=forms.CheckboxInput(attrs=BESIDE),
    )

    def clean_follows(self) -> uuid.UUID | str:
        """Which answer the message continues: an id, "start" for none, or "end" for the newest."""
        given: str = self.cleaned_data["follows"] or "end"
        if given in {"start", "end"}:
            return given
        try:
            return uuid.UUID(given)
        except ValueError:
            raise forms.ValidationError("Reload the page and send again.", code="invalid") from None

    def wish(self) -> Wish:
        """What the valid form asks."""
        return Wish(
            prompt=self.cleaned_data["prompt"],
            token=self.cleaned_data["token"],
            settings=self.settings(),
            follows=self.cleaned_data["follows"],
            is_unkept=self.cleaned_data["is_unkept"],
        )


def blank_form(
    release: Release,
    *,
    conversation: Conversation | None = None,
    follows: uuid.UUID | None = None,
    **given: Any,
) -> ComposerForm:
    """An empty composer with the conversation's settings, or the usual ones, that continues `follows`.

    `given` are fields that begin with something else.
    """
    initial: dict[str, Any] = {"token": uuid.uuid4(), "follows": follows or ""}
    settings = conversation.settings if conversation else usual(release.context_length)
    if conversation:
        initial["seen_at"] = conversation.updated_at.isoformat()
    return ComposerForm(initial=initial | shown(settings) | given, release=release)


def shown(settings: dict[str, Any]) -> dict[str, Any]:
    r"""Settings as the form shows them.

    >>> shown({"stop": ["a", "b"], "json_schema": {}, "temperature": 0})
    {'stop': 'a\\nb', 'json_schema': '{}', 'temperature': 0}
    """
    texts = dict(settings)
    if "stop" in texts:
        texts["stop"] = "\n".join(texts["stop"])
    for name in ("json_schema", "tools"):
        if name in texts:
            texts[name] = json.dumps(texts[name], indent=2, ensure_ascii=False)
    return texts


def _number_field(number: Parameter) -> forms.Field:
    is_required = number.name == "temperature"
    sentence = f"Enter a number from {number.minimum:,g} to {number.maximum:,.10g}."
    if is_required:
        sentence = "Enter a temperature from 0 to 2."
    options: dict[str, Any] = {
        "label": number.label,
        "required": is_required,
        "min_value": number.minimum,
        "max_value": number.maximum,
        "help_text": number.help,
        "error_messages": dict.fromkeys(("required", "invalid", "min_value", "max_value"), sentence),
    }
    mode = "numeric" if number.is_whole else "decimal"
    options["widget"] = forms.NumberInput(attrs={"step": number.step, "inputmode": mode, **BESIDE})
    return forms.IntegerField(**options) if number.is_whole else forms.FloatField(**options)


def _place(number: int, count: int) -> str:
    """Which of several calls, since one tool may be called more than once."""
    return f" ({number + 1} of {count})" if count > 1 else ""


def _json(text: str) -> Any:
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except ValueError as error:
        raise forms.ValidationError(f"This is not JSON: {error}.", code="invalid") from error


def _is_tool(tool: Any) -> bool:
    function = tool.get("function") if isinstance(tool, dict) else None
    return isinstance(function, dict) and bool(function.get("name"))

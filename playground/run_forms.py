"""What is asked for a run: a prompt with variables, settings, and a table of cases."""

import uuid
from typing import Any

from django import forms

from playground import cases
from playground.filling import Unfillable, fill, variables_of
from playground.forms import shown
from playground.models import TITLE_CHARACTERS, PresetVersion
from playground.parameters import usual
from playground.preset_forms import ContentForm
from portal.releases.models import Release

TABLE_MAX_CHARACTERS = cases.FILE_MAX_BYTES


class RunForm(ContentForm):
    """A run's prompt, settings and cases; `token` tells a second sending from a second run."""

    token = forms.UUIDField(widget=forms.HiddenInput)
    title = forms.CharField(
        label="Name of the run", required=False, max_length=TITLE_CHARACTERS, help_text="To find it again."
    )
    table = forms.CharField(
        label="Cases",
        required=False,
        strip=False,
        max_length=TABLE_MAX_CHARACTERS,
        help_text="The first line names the variables, each other line is a case: CSV, cells copied from a "
        f"spreadsheet, or a JSON object a line. {cases.ROWS_MAX} cases at most.",
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false", "class": "is-code"}),
    )
    file = forms.FileField(
        label="Or a file with them",
        required=False,
        help_text="CSV or JSON Lines, 2 MB at most.",
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.tsv,.jsonl,.ndjson,.txt"}),
    )

    def __init__(self, *args: Any, release: Release, **kwargs: Any) -> None:
        super().__init__(*args, release=release, **kwargs)
        self.fields["prompt"].help_text = "Write a variable as {{name}}, and \\{{ for braces that stay."
        self.fields["prompt"].widget.attrs["rows"] = 6
        # What a tool returns belongs to one answer, and nobody types two hundred of them in.
        del self.fields["tools"], self.fields["tool_choice"]
        self.rows: list[cases.Row] = []

    def clean_prompt(self) -> str:
        """A run asks something."""
        prompt = super().clean_prompt()
        if not prompt.strip():
            raise forms.ValidationError("Write the prompt.", code="required")
        return prompt

    def clean_file(self) -> str:
        """The file's text; "" without one."""
        file = self.cleaned_data["file"]
        if not file:
            return ""
        if file.size > cases.FILE_MAX_BYTES:
            raise forms.ValidationError("The file is larger than 2 MB.", code="too_large")
        try:
            text: str = file.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            raise forms.ValidationError(f"Line {line}: is not UTF-8.", code="encoding") from error
        return text

    def clean(self) -> dict[str, Any]:
        """Each case has a value for every variable."""
        cleaned = self.cleaned_data
        if "file" not in cleaned or "table" not in cleaned:
            return cleaned
        field = "file" if cleaned["file"] else "table"
        try:
            self.rows = cases.read(cleaned["file"] or cleaned["table"])
        except cases.Unreadable as unreadable:
            self.add_error(field, [str(fault) for fault in unreadable.faults])
            return cleaned
        if "prompt" in cleaned:
            self._check_rows(cleaned["prompt"], field)
        return cleaned

    def _check_rows(self, prompt: str, field: str) -> None:
        faults = []
        for number, row in enumerate(self.rows, start=1):
            try:
                fill(prompt, row)
            except Unfillable as fault:
                faults.append(f"Case {number}: {fault}")
        if faults:
            self.add_error(field, faults[: cases.FAULTS_MAX])

    @property
    def first_prompt(self) -> str:
        """The first case's prompt, filled in; of a valid form."""
        return fill(self.cleaned_data["prompt"], self.rows[0])

    @property
    def unused(self) -> list[str]:
        """The variables of the table that the prompt does not have; of a valid form."""
        used = variables_of(self.cleaned_data["prompt"])
        return [name for name in self.rows[0] if name not in used]


def blank_run(release: Release, version: PresetVersion | None = None) -> RunForm:
    """An empty form with the usual settings, or with what a preset holds and a heading for its variables."""
    settings = version.settings if version else usual(release.context_length)
    initial: dict[str, Any] = {"token": uuid.uuid4(), **shown(settings)}
    if version:
        names = variables_of(version.prompt)
        initial |= {"prompt": version.prompt, "title": version.preset.name}
        initial["table"] = ",".join(names) + "\n" if names else ""
    return RunForm(initial=initial, release=release)

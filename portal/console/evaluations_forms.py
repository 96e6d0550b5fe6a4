"""The forms of the evaluations' pages: a suite, a run, a verdict, and results of the harness."""

import base64
import binascii
from typing import Any

from django import forms
from django.db.models import Max, Q

from playground.evaluations import harness, suite_files
from playground.evaluations.harness import NotResults, Results
from playground.evaluations.models import CONCURRENCY_MAX, NOTE_CHARACTERS, SuiteVersion, Verdict
from playground.evaluations.suite_files import SuiteFile, Unreadable
from portal.releases.models import Revision

MAX_TOKENS_MAX = 8192
SEED_MAX = 2**31 - 1


class SuiteForm(forms.Form):
    """A suite's cases, as a file or typed in; what the file's head says fills what is left empty."""

    use_required_attribute = False

    file = forms.FileField(
        required=False,
        help_text="YAML or JSON Lines, 2 MiB and 5,000 cases at most.",
        widget=forms.FileInput(attrs={"accept": ".yaml,.yml,.jsonl,.json,.txt"}),
    )
    text = forms.CharField(
        label="Or the cases themselves",
        required=False,
        strip=False,
        max_length=suite_files.FILE_BYTES_MAX,
        widget=forms.Textarea(attrs={"rows": 12, "spellcheck": "false", "class": "mono"}),
    )
    slug = forms.SlugField(
        label="Short name",
        required=False,
        max_length=50,
        help_text="Policies name the suite by it. The file's own “slug” is taken if this is empty.",
    )
    title = forms.CharField(required=False, max_length=120)
    description = forms.CharField(required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))

    def __init__(self, *args: Any, slug: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._slug = slug
        if slug:
            for name in ("slug", "title", "description"):
                del self.fields[name]

    def clean(self) -> dict[str, Any]:
        """Read the cases; each fault is told with its line and field."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        file, text = cleaned.get("file"), cleaned.get("text") or ""
        if self.errors:
            return cleaned
        if bool(file) == bool(text.strip()):
            raise forms.ValidationError("Choose a file, or write the cases into the field: one of the two.")
        where = "file" if file else "text"
        try:
            read = suite_files.read(_decoded(file) if file else text)
        except Unreadable as unreadable:
            self.add_error(where, [str(fault) for fault in unreadable.faults])
            return cleaned
        return cleaned | self._named(read)

    def _named(self, read: SuiteFile) -> dict[str, Any]:
        given = self.cleaned_data
        slug = self._slug or given.get("slug") or read.slug
        try:
            slug = forms.SlugField(max_length=50).clean(slug)
        except forms.ValidationError:
            self.add_error(
                None, "Give the suite a short name of letters, digits, - and _, here or as “slug”."
            )
        title = (given.get("title") or read.title)[:120]
        description = given.get("description") or read.description
        return {"cases": read.cases, "slug": slug, "title": title, "description": description}


class _RevisionField(forms.ModelChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        """Which release it is of, its name and the beginning of its commit id."""
        return f"{obj.release.name}: {obj.name} {obj.commit[:12]}"


class _SuiteField(forms.ModelChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        """The suite, its version and how many cases it has."""
        return f"{obj.suite.title} (version {obj.number}, {obj.case_count:,} cases)"


def _revisions() -> Any:
    usable = Q(is_current=True) | ~Q(backend_url="")
    return Revision.objects.filter(usable).select_related("release").order_by("release__name", "-frozen_at")


def _newest_versions() -> Any:
    newest = SuiteVersion.objects.order_by().values("suite").annotate(newest=Max("pk")).values("newest")
    return SuiteVersion.objects.filter(pk__in=newest).select_related("suite").order_by("suite__title")


class RunForm(forms.Form):
    """Which suite to run on which revision, and how."""

    revision = _RevisionField(Revision.objects.none(), empty_label="Choose one")
    version = _SuiteField(SuiteVersion.objects.none(), label="Suite", empty_label="Choose one")
    temperature = forms.FloatField(
        min_value=0, max_value=2, initial=0, help_text="0 gives the same answer each time, as far as it can."
    )
    max_tokens = forms.IntegerField(
        label="Tokens per answer at most",
        min_value=1,
        max_value=MAX_TOKENS_MAX,
        initial=256,
        help_text="A refusal shows in the first few dozen; cases that need a whole answer need more.",
    )
    seed = forms.IntegerField(min_value=0, max_value=SEED_MAX, initial=0)
    concurrency = forms.IntegerField(
        label="Prompts at a time",
        min_value=1,
        max_value=CONCURRENCY_MAX,
        initial=4,
        help_text="Keep it low where people use the same server.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["revision"].queryset = _revisions()  # type: ignore[attr-defined]
        self.fields["version"].queryset = _newest_versions()  # type: ignore[attr-defined]

    def params(self) -> dict[str, Any]:
        """The sampling parameters under OpenAI's names. Call it on a valid form."""
        facts = self.cleaned_data
        temperature = facts["temperature"]
        whole = int(temperature) if temperature == int(temperature) else temperature
        return {"temperature": whole, "max_tokens": facts["max_tokens"], "seed": facts["seed"]}


class GradeForm(forms.Form):
    """A verdict on one answer."""

    verdict = forms.ChoiceField(
        choices=Verdict.choices,
        error_messages={"required": "Say whether the answer meets the expectation."},
    )
    note = forms.CharField(
        required=False,
        max_length=NOTE_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="For whoever reads the result; it may stay empty.",
    )


class HarnessFileForm(forms.Form):
    """The harness's results file, and the revision that was measured."""

    use_required_attribute = False

    file = forms.FileField(
        label="Results file",
        help_text="The results_….json that lm_eval writes into its --output_path, 1 MiB at most.",
        widget=forms.FileInput(attrs={"accept": ".json,application/json"}),
        error_messages={"required": "Choose a file.", "empty": "The file is empty. Choose another one."},
    )
    revision = _RevisionField(Revision.objects.none(), empty_label="Choose one")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        every = Revision.objects.select_related("release").order_by("release__name", "-frozen_at")
        self.fields["revision"].queryset = every  # type: ignore[attr-defined]

    def clean_file(self) -> tuple[bytes, Results]:
        """The file's bytes, and what they say."""
        content = self.cleaned_data["file"].read(harness.FILE_BYTES_MAX + 1)
        try:
            return content, harness.read(content)
        except NotResults as fault:
            raise forms.ValidationError(str(fault)) from fault


class HarnessChoiceForm(forms.Form):
    """Which numbers to take, and the person's word; the file itself travels in the page."""

    content = forms.CharField(widget=forms.HiddenInput)
    revision = _RevisionField(Revision.objects.none(), widget=forms.HiddenInput)
    metrics = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple, error_messages={"required": "Choose one number at least."}
    )
    is_of_revision = forms.BooleanField(
        label="These numbers were measured on exactly this revision's files.",
        error_messages={"required": "The portal cannot see it in the file: it needs your word."},
    )

    def __init__(self, *args: Any, results: Results, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        every = Revision.objects.select_related("release")
        self.fields["revision"].queryset = every  # type: ignore[attr-defined]
        self.fields["metrics"].choices = [  # type: ignore[attr-defined]
            (f"{task.name}|{name}", f"{task.name}: {name} = {value:.4g} ({task.samples:,} samples)")
            for task in results.tasks
            for name, value in task.metrics.items()
        ]

    def chosen(self) -> list[tuple[str, str]]:
        """The (task, metric) pairs. Call it on a valid form."""
        pairs = (one.rpartition("|") for one in self.cleaned_data["metrics"])
        return [(task, metric) for task, _, metric in pairs]


def encoded(content: bytes) -> str:
    """A file's bytes as a hidden field carries them."""
    return base64.b64encode(content).decode()


def decoded(field: str) -> bytes:
    """The bytes of a hidden field; b"" for what is none."""
    try:
        return base64.b64decode(field, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _decoded(file: Any) -> str:
    content: bytes = file.read(suite_files.FILE_BYTES_MAX + 1)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable([suite_files.Fault(None, "", "The file is not UTF-8 text.")]) from error

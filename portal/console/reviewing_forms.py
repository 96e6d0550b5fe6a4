"""What reviewers type around a decision, read from the request."""

from collections.abc import Mapping

from django import forms
from django.http import QueryDict

from portal.admissions.models import Criterion, Programme, ReplyTemplate, SavedView
from portal.admissions.reviewing.replies import PLACEHOLDERS, unknown_in
from portal.common.refusals import Refusal

MESSAGE_CHARACTERS_MAX = 4_000
NUMBER_DIGITS_MAX = 18


def number_in(posted: QueryDict, name: str) -> int | None:
    """The whole number that was sent as `name`, if the database could hold it; None for anything else."""
    text = posted.get(name, "")
    return int(text) if _is_number(text) else None


def numbers_in(posted: QueryDict, name: str) -> list[int]:
    """Those of all that were sent as `name` that are whole numbers."""
    return [int(text) for text in posted.getlist(name) if _is_number(text)]


def text_in(posted: QueryDict, name: str) -> str:
    """What was written, without NULs, which nobody types. Raises Refusal for too much."""
    text = posted.get(name, "").replace("\x00", "")
    if len(text) > MESSAGE_CHARACTERS_MAX:
        raise Refusal(
            "too_long",
            f"This has {len(text):,} characters, and {MESSAGE_CHARACTERS_MAX:,} is the most. Shorten it.",
            status=422,
        )
    return text


def scores_from(posted: QueryDict, programme: Programme) -> Mapping[Criterion, int | None]:
    """The scores by criterion, None for one that was left empty. Raises Refusal for what is no number."""
    scores: dict[Criterion, int | None] = {}
    for criterion in programme.criteria.all():
        typed = posted.get(f"score-{criterion.pk}", "")
        if typed and not _is_number(typed):
            raise Refusal("off_the_scale", "Choose a score from the list.", status=422)
        scores[criterion] = int(typed) if typed else None
    return scores


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= NUMBER_DIGITS_MAX


class ReplyForm(forms.ModelForm):
    """A reply template."""

    use_required_attribute = False

    class Meta:
        model = ReplyTemplate
        fields = ("name", "text")
        widgets = {"text": forms.Textarea(attrs={"rows": 10})}
        help_texts = {
            "text": "Placeholders: "
            + ", ".join(f"{{{name}}} for {meaning}" for name, meaning in PLACEHOLDERS.items())
            + "."
        }

    def clean_text(self) -> str:
        """Every placeholder stands for something."""
        text = str(self.cleaned_data["text"])
        if unknown := unknown_in(text):
            raise forms.ValidationError(f"Nothing stands for {{{unknown[0]}}}. See the list below.")
        return text


class CriterionForm(forms.ModelForm):
    """One line of a rubric."""

    use_required_attribute = False

    class Meta:
        model = Criterion
        fields = ("label", "help_text", "weight")
        labels = {"label": "What is scored", "help_text": "What 1 and 5 mean"}


class ViewForm(forms.ModelForm):
    """The name of a saved view."""

    use_required_attribute = False

    class Meta:
        model = SavedView
        fields = ("name", "is_shared")

"""What is asked about an answer."""

from collections.abc import Mapping
from typing import Any

from django import forms

from playground.models import Feedback, Rating
from playground.models.feedback import COMMENT_MAX_CHARACTERS, TAGS

CORRECTION_MAX_CHARACTERS = 20_000


class FeedbackForm(forms.Form):
    """Good or bad, why, and what it should have been."""

    rating = forms.TypedChoiceField(
        choices=Rating.choices,
        coerce=int,
        widget=forms.RadioSelect,
        error_messages={"required": "Say whether it is good or bad."},
    )
    tags = forms.MultipleChoiceField(
        label="Why", choices=TAGS, required=False, widget=forms.CheckboxSelectMultiple
    )
    comment = forms.CharField(
        required=False, max_length=COMMENT_MAX_CHARACTERS, widget=forms.Textarea(attrs={"rows": 2})
    )
    correction = forms.CharField(
        label="A better answer",
        required=False,
        max_length=CORRECTION_MAX_CHARACTERS,
        help_text="What the model should have said. It may be used to train a better one.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        answer_id: object,
        initial: dict[str, Any] | None = None,
    ) -> None:
        # Several of them may stand on one page.
        super().__init__(data, initial=initial, auto_id=f"feedback-{answer_id}-%s")


def facts_of(given: Feedback | None, *, rating: str) -> dict[str, Any]:
    """What the form shows at first: what was said before, with the thumb that was pressed now."""
    facts: dict[str, Any] = {}
    if given is not None:
        facts = {name: getattr(given, name) for name in ("rating", "tags", "comment", "correction")}
    return facts | {"rating": rating} if rating in {str(one) for one in Rating} else facts

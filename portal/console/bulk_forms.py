"""What is decided on many applications, and on which."""

from django import forms

from portal.admissions import reasons
from portal.admissions.models.bulk import BulkVerb
from portal.admissions.reasons import DeclineReason


class BulkForm(forms.Form):
    """One decision for all that were chosen."""

    use_required_attribute = False

    verb = forms.ChoiceField(
        label="Decision",
        choices=[choice for choice in BulkVerb.choices if choice[0] != BulkVerb.AS_LISTED],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose what to decide."},
    )
    reason = forms.ChoiceField(
        label="Reason, when you decline",
        required=False,
        choices=[("", "Choose one to decline"), *DeclineReason.choices],
        help_text="Each applicant reads it in a sentence, with what they can do next.",
    )
    message = forms.CharField(
        label="Message to all of them",
        required=False,
        max_length=4_000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Each gets it by mail and sees it on their page.",
    )

    def clean(self) -> None:
        """A decline is owed a reason."""
        if self.cleaned_data.get("verb") != BulkVerb.DECLINE:
            self.cleaned_data["reason"] = ""
            return
        reason = self.cleaned_data.get("reason", "")
        if not reason:
            self.add_error("reason", "Choose a reason first: a decline is owed one.")
        elif not reasons.sentence(reason) and not self.cleaned_data.get("message"):
            self.add_error("message", "Write to the applicants first: this reason says nothing by itself.")

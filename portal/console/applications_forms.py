"""What a reviewer can do to an application, and the form that does it."""

from collections.abc import Callable
from dataclasses import dataclass

from django import forms

from portal.accounts.models import User
from portal.admissions import actions, reasons
from portal.admissions.models import Application
from portal.admissions.models import ApplicationStatus as Status
from portal.admissions.reasons import DeclineReason


@dataclass(frozen=True)
class Choice:
    """One button: what it does, what it is called, how it looks, and what was done afterwards."""

    verb: str
    label: str
    style: str
    done: str
    to: Status
    act: Callable[..., Application]
    needs_message: bool = False


CHOICES = {
    choice.verb: choice
    for choice in (
        Choice("approve", "Approve", "primary", "is approved", Status.APPROVED, actions.approve),
        Choice(
            "waitlist", "Waitlist", "secondary", "is on the waiting list", Status.WAITLISTED, actions.waitlist
        ),
        Choice(
            "request_information",
            "Ask a question",
            "secondary",
            "waits for the applicant's answer",
            Status.INFORMATION_REQUESTED,
            actions.request_information,
            needs_message=True,
        ),
        Choice(
            "decline",
            "Decline",
            "danger",
            "is declined",
            Status.DECLINED,
            actions.decline,
        ),
        Choice(
            "revoke",
            "Revoke the approval",
            "danger",
            "has lost its approval",
            Status.REVOKED,
            actions.revoke,
            needs_message=True,
        ),
        Choice(
            "begin_review",
            "Take into review",
            "quiet",
            "is in review",
            Status.IN_REVIEW,
            actions.begin_review,
        ),
    )
}


def choices_for(application: Application) -> list[Choice]:
    """What the state machine lets a reviewer do now."""
    return [choice for choice in CHOICES.values() if application.may_become(choice.to)]


class DecisionForm(forms.Form):
    """A decision with its message, and the newest step that the reviewer had seen when they took it."""

    use_required_attribute = False

    message = forms.CharField(
        label="Message to the applicant",
        required=False,
        max_length=4_000,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="They get it by mail and see it on their page. Needed to revoke and to ask.",
    )
    reason = forms.ChoiceField(
        label="Reason, when you decline",
        required=False,
        choices=[("", "Choose one to decline"), *DeclineReason.choices],
        help_text="The applicant reads it in a sentence, with what they can do next.",
    )
    seats = forms.IntegerField(
        label="Seats for the team, when you approve",
        required=False,
        min_value=0,
        help_text="Empty grants as many as were asked for, or as many as the programme allows. "
        "Of two reviewers the team gets what both grant.",
        error_messages={"invalid": "Write a whole number.", "min_value": "0 at least."},
    )
    verb = forms.ChoiceField(choices=[(verb, choice.label) for verb, choice in CHOICES.items()])
    seen = forms.IntegerField(min_value=0)

    def clean(self) -> None:
        """Some decisions are owed a message."""
        choice = CHOICES.get(self.cleaned_data.get("verb", ""))
        if choice and choice.needs_message and not self.cleaned_data.get("message"):
            self.add_error("message", f"Write to the applicant first: “{choice.label}” needs a message.")
        if choice and choice.to == Status.DECLINED:
            self._check_reason()

    def _check_reason(self) -> None:
        reason = self.cleaned_data.get("reason", "")
        if not reason:
            self.add_error("reason", "Choose a reason first: a decline is owed one.")
        elif not reasons.sentence(reason) and not self.cleaned_data.get("message"):
            self.add_error("message", "Write to the applicant first: this reason says nothing by itself.")

    @property
    def choice(self) -> Choice:
        """The button that was pressed."""
        return CHOICES[self.cleaned_data["verb"]]

    def carry_out(self, application: Application, *, by: User, address: str) -> Application:
        """Do it. Raises LostRace when something happened since the reviewer looked."""
        more = {
            Status.DECLINED: {"reason": self.cleaned_data["reason"]},
            Status.APPROVED: {"seats": self.cleaned_data["seats"]},
        }
        return self.choice.act(
            application,
            **more.get(self.choice.to, {}),
            by=by,
            message=self.cleaned_data["message"],
            seen=self.cleaned_data["seen"],
            address=address,
        )

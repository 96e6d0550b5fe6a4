"""The forms with which staff invites people and makes referral codes."""

from django import forms

from portal.admissions.models import Programme
from portal.admissions.teams.forms import AddressesField

DAYS_MAX = 365


class _ToProgrammeForm(forms.Form):
    use_required_attribute = False

    programme = forms.ModelChoiceField(
        Programme.objects.order_by("name"),
        empty_label="Choose one",
        error_messages={"required": "Choose a programme."},
    )
    days = forms.IntegerField(
        label="Good for, in days",
        initial=30,
        min_value=1,
        max_value=DAYS_MAX,
        error_messages={
            "required": "Say for how many days it is good.",
            "invalid": "Write a whole number of days.",
            "min_value": "One day at least.",
            "max_value": f"{DAYS_MAX} days at most.",
        },
    )
    note = forms.CharField(
        label="Note for the staff",
        required=False,
        max_length=300,
        help_text="Who they are, and why they need no review. It stands in the ledger.",
    )


class PreApprovalForm(_ToProgrammeForm):
    """Whom staff approves beforehand."""

    emails = AddressesField(
        label="E-mail addresses",
        max_length=32_000,
        help_text="A line each. Each gets a link that only the holder of the address can use.",
        error_messages={"required": "Name one address at least."},
    )
    field_order = ("programme", "emails", "days", "note")


class CodeForm(_ToProgrammeForm):
    """What a code does, and how often."""

    uses_max = forms.IntegerField(
        label="Uses at most",
        initial=10,
        min_value=1,
        max_value=100_000,
        error_messages={
            "required": "Say how often it may be used.",
            "invalid": "Write a whole number.",
            "min_value": "Once at least.",
            "max_value": "100,000 times at most.",
        },
    )
    is_pre_approving = forms.BooleanField(
        label="It approves whoever brings it",
        required=False,
        help_text="In your name, without a review. Otherwise it only marks their application.",
    )
    field_order = ("programme", "uses_max", "days", "is_pre_approving", "note")

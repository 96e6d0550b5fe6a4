"""The forms of service accounts."""

from django import forms


class ServiceAccountForm(forms.Form):
    """What it is called and what it is for."""

    name = forms.CharField(
        max_length=80,
        help_text="What the team calls the program, such as “nightly evaluation”.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "data-1p-ignore": True}),
        error_messages={"required": "Give it a name."},
    )
    purpose = forms.CharField(
        max_length=300,
        required=False,
        help_text="What it does, so that a colleague knows in a year.",
    )


class InviteForm(forms.Form):
    """Whom to invite."""

    email = forms.EmailField(
        label="E-mail address",
        help_text="They get a link that is good for a week, and join with an account of this address.",
        error_messages={"required": "Say whom you invite."},
    )

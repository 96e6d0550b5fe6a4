"""The forms of teams, and the fields that an application has beside its programme's questions."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils import timezone

from portal.admissions.models import Programme

# No question has such a code, for a slug has no dot.
TEAM_NAME, TEAM_SEATS, CODE = "team.name", "team.seats", "referral.code"
INVITED_AT_ONCE_MAX = 100


def fields_beside_questions(programme: Programme) -> Iterator[tuple[str, forms.Field]]:
    """What a programme's form asks in addition, by name. One query."""
    if programme.takes_teams:
        yield (
            TEAM_NAME,
            OneLineField(
                label="I apply for a team of this organisation",
                required=False,
                max_length=120,
                help_text="Leave it empty to apply for yourself. You lead the team and answer for it.",
                widget=forms.TextInput(attrs={"autocomplete": "organization"}),
            ),
        )
        yield (
            TEAM_SEATS,
            forms.IntegerField(
                label="Seats for colleagues",
                required=False,
                min_value=1,
                max_value=programme.seats_max,
                help_text=f"Beside yourself, {programme.seats_max} at most. Once approved you invite them.",
                error_messages={
                    "invalid": "Write a whole number.",
                    "min_value": "Ask for one seat at least, or leave the team out.",
                    "max_value": f"{programme.name} allows {programme.seats_max} seats at most.",
                },
            ),
        )
    live = programme.referral_codes.filter(revoked_at=None, expires_at__gt=timezone.now())
    if live.exists():
        yield (
            CODE,
            OneLineField(
                label="Referral code",
                required=False,
                max_length=40,
                help_text="If somebody gave you one.",
                widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters"}),
            ),
        )


def check_team(form: forms.Form) -> None:
    """A team has a name and seats, or neither."""
    name, seats = form.cleaned_data.get(TEAM_NAME), form.cleaned_data.get(TEAM_SEATS)
    if name and not seats and TEAM_SEATS not in form.errors:
        form.add_error(TEAM_SEATS, "Say how many seats your team needs.")
    if seats and not name and TEAM_NAME not in form.errors:
        form.add_error(TEAM_NAME, "Name the organisation of your team.")


class OneLineField(forms.CharField):
    """A name that may stand in the subject of a mail."""

    def to_python(self, value: Any) -> str:
        """The words with single spaces between them."""
        return " ".join(str(super().to_python(value) or "").split())


class AddressesField(forms.CharField):
    """Several e-mail addresses, a line each or with commas between; its value is a list in lower case."""

    widget = forms.Textarea(attrs={"rows": 4, "autocomplete": "off", "inputmode": "email"})

    def clean(self, value: Any) -> Any:
        """The addresses, each once. Raises ValidationError that names those that are none."""
        text = str(super().clean(value))
        found = list(dict.fromkeys(text.lower().replace(",", " ").replace(";", " ").split()))
        if len(found) > INVITED_AT_ONCE_MAX:
            raise ValidationError(
                f"Name {INVITED_AT_ONCE_MAX} addresses at most, and the others after these."
            )
        if wrong := [one for one in found if not _is_address(one)]:
            raise ValidationError(
                f"Not an e-mail address: {', '.join(wrong)}. Correct it, then send it again."
            )
        return found


class InviteForm(forms.Form):
    """Whom a lead invites."""

    use_required_attribute = False

    emails = AddressesField(
        label="E-mail addresses",
        max_length=INVITED_AT_ONCE_MAX * 320,
        help_text="A line each. They get a link, and join with an account of that address.",
        error_messages={"required": "Name one address at least."},
    )


def _is_address(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True

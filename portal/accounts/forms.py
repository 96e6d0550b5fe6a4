"""What signing up asks for beyond the address and the password."""

from typing import Any

from django import forms
from django.http import HttpRequest


class SignupForm(forms.Form):
    """Extra sign-up fields (allauth's ACCOUNT_SIGNUP_FORM_CLASS)."""

    full_name = forms.CharField(
        label="Full name", max_length=150, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )

    field_order = ["full_name", "email", "password1"]

    def signup(self, request: HttpRequest, user: Any) -> None:  # noqa: ARG002 - allauth calls it so
        """Store the extra fields on the new user."""
        user.full_name = self.cleaned_data["full_name"]
        user.save(update_fields=["full_name"])

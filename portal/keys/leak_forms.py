"""What a person, or a scanner, tells of a key that was seen."""

import json
from typing import Any

from django import forms

from portal.common.refusals import Refusal
from portal.common.storable import is_storable
from portal.keys import leaks, tokens
from portal.keys.leaks import Sighting

TEXT_CHARACTERS_MAX = 20_000


class LeakForm(forms.Form):
    """The text in which a person found one key or several."""

    text = forms.CharField(
        label="The key, or the text in which it stands",
        max_length=TEXT_CHARACTERS_MAX,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "autocomplete": "off"}),
        help_text="Every whole key in it is revoked. We keep none of it.",
        error_messages={"required": "Paste the key."},
    )
    url = forms.URLField(
        label="Where you saw it",
        required=False,
        max_length=leaks.URL_CHARACTERS_MAX,
        assume_scheme="https",
        # A browser's own check of addresses would send away who leaves https:// out.
        widget=forms.TextInput(attrs={"inputmode": "url", "autocapitalize": "off", "spellcheck": "false"}),
        help_text="The address of the page or file, so that the owner can take it away.",
    )
    reporter = forms.CharField(
        label="Who you are",
        required=False,
        max_length=leaks.NAME_CHARACTERS_MAX,
        help_text="A name or an address, which the owner will see.",
    )

    def clean_text(self) -> list[str]:
        """The tokens in the text."""
        found = leaks.found_in(self.cleaned_data["text"])
        if not found:
            raise forms.ValidationError(
                "There is no whole key of this portal in it. Our keys begin with owk_ and have "
                "56 characters; if one is cut off, it opens nothing."
            )
        if len(found) > leaks.KEYS_MAX:
            raise forms.ValidationError(f"Report at most {leaks.KEYS_MAX} keys at a time.")
        return found

    def sightings(self) -> list[Sighting]:
        """What was seen; call it of a valid form."""
        return [Sighting(token, url=self.cleaned_data["url"]) for token in self.cleaned_data["text"]]


class CheckForm(forms.Form):
    """Something that may be a key."""

    token = forms.CharField(
        label="Key",
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}),
        error_messages={"required": "Paste the key."},
    )

    @property
    def is_whole(self) -> bool:
        """Whether shape and checksum are right; call it of a valid form."""
        return tokens.parse(self.cleaned_data["token"]) is not None


def sightings_in(body: bytes) -> tuple[list[Sighting], str]:
    """What a scanner's JSON reports, and who it says that it is.

    One object, or a list of them as GitHub sends it: `token` and, if it likes, `url`, `source`
    and `reporter`. Raises Refusal 400 for anything else, 413 for too many.
    """
    try:
        given: Any = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refusal("invalid_json", "The body is no JSON.", status=400) from error
    rows = given if isinstance(given, list) else [given]
    if len(rows) > leaks.KEYS_MAX:
        raise Refusal("too_many_keys", f"Report at most {leaks.KEYS_MAX} keys at a time.", status=413)
    if not rows or not all(isinstance(row, dict) and _is_text(row.get("token")) for row in rows):
        raise Refusal(
            "missing_token",
            "Send an object with a “token”, or a list of such objects; “url”, “source”, “type” and "
            "“reporter” may be added.",
            status=400,
        )
    for row in rows:
        for name in ("url", "source", "type", "reporter"):
            if not is_storable(row.get(name, "")):
                raise Refusal("invalid_field", f"“{name}” is a text.", status=400)
    seen = [
        Sighting(row["token"], row.get("url", ""), row.get("source", ""), row.get("type", "")) for row in rows
    ]
    return seen, rows[0].get("reporter", "")


def _is_text(value: object) -> bool:
    # NUL may be in it, since no token is stored; half a character could not even be hashed.
    return isinstance(value, str) and bool(value) and is_storable(value.replace("\0", ""))

"""The forms with which staff make a release, give it weights and withdraw it."""

from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings

from portal.licensing.models import Licence
from portal.releases.models import REVISION_NAME, Release

SUGGESTIONS_MAX = 100


class ReleaseForm(forms.ModelForm):
    """A new release's name, texts and settings; `create_release` stores them, not this form."""

    backend_url = forms.URLField(
        label="Model server",
        required=False,
        assume_scheme="https",
        help_text="Its address, when it is not the portal's own.",
    )

    licence = forms.ModelChoiceField(Licence.objects.order_by("name"), empty_label="Choose one")

    class Meta:
        model = Release
        fields = (
            "name",
            "slug",
            "hub_id",
            "summary",
            "description",
            "stage",
            "licence",
            "parameter_count",
            "context_length",
            "served_model_name",
            "backend_url",
            "is_event_prototype",
        )
        widgets = {
            "summary": forms.Textarea(attrs={"rows": 2}),
            "description": forms.Textarea(attrs={"rows": 10}),
        }
        help_texts = {
            "slug": "The last part of its address, such as tiny-1b.",
            "hub_id": "What people download, as organisation/model.",
        }

    def clean_slug(self) -> str:
        """The slug, unless it is the console's own word."""
        slug: str = self.cleaned_data["slug"]
        if slug == "new":
            raise forms.ValidationError("“new” is the address of this form. Choose another.")
        return slug


class ImportForm(forms.Form):
    """A directory on the server, below one of the roots that the settings name."""

    directory = forms.CharField(
        max_length=1000,
        widget=forms.TextInput(attrs={"list": "directories", "autocomplete": "off", "spellcheck": "false"}),
    )
    revision_name = forms.CharField(
        label="Revision", max_length=60, initial="main", validators=[REVISION_NAME]
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["directory"].help_text = f"On the server, below {_roots_in_words()}."

    def clean_directory(self) -> str:
        """The directory's real path, if it lies below a root; the worker looks at what is in it."""
        directory = Path(self.cleaned_data["directory"]).resolve()
        if not any(directory.is_relative_to(root.resolve()) for root in settings.WEIGHTS_IMPORT_ROOTS):
            raise forms.ValidationError(
                f"This page imports from below {_roots_in_words()} only. Move the directory there, "
                "or run manage.py import_weights on the server."
            )
        return str(directory)

    def suggestions(self) -> list[str]:
        """Directories that lie ready to be imported."""
        found = [
            str(path)
            for root in settings.WEIGHTS_IMPORT_ROOTS
            if root.is_dir()
            for path in sorted(root.iterdir())
            if path.is_dir() and not path.name.startswith(".")
        ]
        return found[:SUGGESTIONS_MAX]


class WithdrawForm(forms.Form):
    """Why a release is withdrawn."""

    reason = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 4}),
        max_length=2000,
        help_text="Shown on the release's page. Say why, and what to use instead.",
        error_messages={"required": "Say why, and what to use instead: people will read it."},
    )


def _roots_in_words() -> str:
    return " or ".join(str(root) for root in settings.WEIGHTS_IMPORT_ROOTS)

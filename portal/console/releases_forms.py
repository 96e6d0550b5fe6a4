"""The forms with which staff make a release, give it weights and withdraw it."""

from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings

from portal.common.refusals import Refusal
from portal.licensing.models import Licence
from portal.releases import objectstorage, sources
from portal.releases.models import REVISION_NAME, Release, SourceKind

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
            "allows_pickle",
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
        """The slug, unless an address of the console's or of the release pages' is taken by it."""
        slug: str = self.cleaned_data["slug"]
        if slug in ("new", "downloads"):
            raise forms.ValidationError(f"“{slug}” is the address of another page. Choose another.")
        return slug


class ImportForm(forms.Form):
    """A source of weights, below one of the roots that the settings name for its kind."""

    source = forms.CharField(
        max_length=1000,
        widget=forms.TextInput(attrs={"list": "sources", "autocomplete": "off", "spellcheck": "false"}),
    )
    revision_name = forms.CharField(
        label="Revision", max_length=60, initial="main", validators=[REVISION_NAME]
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["source"].help_text = (
            "A directory, a snapshot in the Hub's cache or its models--… folder, or a bucket as "
            f"s3://bucket/prefix. Below {_roots_in_words()}."
        )

    def clean_source(self) -> str:
        """The source as it is kept, if it lies below a root; the worker looks at what is in it."""
        source: str = self.cleaned_data["source"]
        try:
            if sources.detect(source) == SourceKind.BUCKET:
                place = objectstorage.place(source)
                is_allowed = any(root.contains(place) for root in _bucket_roots())
            else:
                source = str(Path(source).resolve())
                roots = [root.resolve() for root in settings.WEIGHTS_IMPORT_ROOTS]
                is_allowed = any(Path(source).is_relative_to(root) for root in roots)
            if is_allowed:
                return sources.pinned(source)
        except (Refusal, ValueError) as error:
            # A path with a null character in it is a ValueError.
            raise forms.ValidationError(str(error)) from error
        raise forms.ValidationError(
            f"This page imports from below {_roots_in_words()} only. Move the weights there, "
            "or run manage.py import_weights on the server."
        )

    def suggestions(self) -> list[str]:
        """Directories that lie ready to be imported, and the buckets that may be."""
        found = [
            str(path)
            for root in settings.WEIGHTS_IMPORT_ROOTS
            if root.is_dir()
            for path in sorted(root.iterdir())
            if path.is_dir() and not path.name.startswith(".")
        ]
        return [*(str(root) for root in _bucket_roots()), *found][:SUGGESTIONS_MAX]


class WithdrawForm(forms.Form):
    """Why a release is withdrawn."""

    reason = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 4}),
        max_length=2000,
        help_text="Shown on the release's page. Say why, and what to use instead.",
        error_messages={"required": "Say why, and what to use instead: people will read it."},
    )


def _bucket_roots() -> list[objectstorage.Place]:
    return [objectstorage.place(root) for root in settings.WEIGHTS_IMPORT_BUCKETS]


def _roots_in_words() -> str:
    return " or ".join(
        str(root) for root in [*settings.WEIGHTS_IMPORT_ROOTS, *settings.WEIGHTS_IMPORT_BUCKETS]
    )

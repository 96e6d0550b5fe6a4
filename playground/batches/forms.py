"""The form with which a person starts a batch under one of their keys."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.template.defaultfilters import filesizeformat

from playground.batches.asking import ENDPOINTS
from portal.accounts.models import User
from portal.common.refusals import Refusal
from portal.keys.models import ApiKey, Scope
from portal.keys.restrictions import require_network


def keys_for_batches(user: User) -> QuerySet[ApiKey]:
    """The keys under which `user` may start a batch: live ones for calls, their own and their teams'."""
    keys = ApiKey.objects.visible_to(user).live().filter(scopes__contains=[Scope.INFERENCE])
    return keys.select_related("user", "service_account")


class _KeyField(forms.ModelChoiceField):
    """A key by its name and what may be shown of it."""

    def label_from_instance(self, key: Any) -> str:
        account = f", of {key.service_account.name}" if key.service_account else ""
        return f"{key.name} ({key.prefix}){account}"


class BatchForm(forms.Form):
    """A file of requests, where they are asked, and the key they count for."""

    file = forms.FileField(
        label="File of requests", widget=forms.FileInput(attrs={"accept": ".jsonl,application/jsonl"})
    )
    endpoint = forms.ChoiceField(
        choices=[(endpoint, endpoint) for endpoint in ENDPOINTS],
        help_text="The “url” of every line in the file.",
    )
    key = _KeyField(
        queryset=ApiKey.objects.none(),
        to_field_name="public_id",
        empty_label=None,
        help_text="Its limits hold for the batch, and what is used counts for it.",
    )

    def __init__(self, *args: Any, keys: QuerySet[ApiKey], address: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.address = address
        self.fields["key"].queryset = keys  # type: ignore[attr-defined]
        self.fields["file"].help_text = (
            f"JSONL, a request a line: {settings.BATCH_LINES_MAX:,} requests and "
            f"{filesizeformat(settings.BATCH_FILE_BYTES_MAX)} at most, all to the same model."
        )

    def clean_file(self) -> UploadedFile:
        """The file, if it is small enough."""
        file: UploadedFile = self.cleaned_data["file"]
        if (file.size or 0) > settings.BATCH_FILE_BYTES_MAX:
            most = filesizeformat(settings.BATCH_FILE_BYTES_MAX)
            raise forms.ValidationError(f"The file is larger than {most}. Split it into several.")
        return file

    def clean_key(self) -> ApiKey:
        """The key, if it may be used from where the person is."""
        key: ApiKey = self.cleaned_data["key"]
        try:
            require_network(key, self.address)
        except Refusal as refusal:
            raise forms.ValidationError(refusal.sentence, code=refusal.code) from refusal
        return key

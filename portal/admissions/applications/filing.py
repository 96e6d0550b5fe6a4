"""Files as answers: kept with the draft as they come, and fixed once it is handed in."""

import hashlib
from collections.abc import Mapping

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.urls import reverse

from portal.accounts.models import User
from portal.admissions.applications.answering import KeptFile
from portal.admissions.applications.conditions import locked, require_own
from portal.admissions.models import AnswerFile, Application
from portal.common.transitions import IllegalMove


@transaction.atomic
def keep_files(
    application: Application, uploads: Mapping[str, UploadedFile | None], *, by: User
) -> Application:
    """Keep each upload as the answer to its question, and remove those that are None.

    As saving what is typed it changes no state. Raises IllegalMove when it is no draft any more.
    """
    draft = locked(application)
    require_own(draft, by)
    if not draft.is_draft:
        raise IllegalMove("application_submitted", "This application has been submitted with its files.")
    put_files(draft, uploads)
    draft.save(update_fields=["answers"])
    return draft


def put_files(application: Application, uploads: Mapping[str, UploadedFile | None]) -> None:
    """Write the files of a locked application, and their names into its answers, which the caller saves."""
    for code, upload in uploads.items():
        if upload is None:
            application.files.filter(code=code).delete()
            application.answers.pop(code, None)
        else:
            application.answers[code] = _kept(application, code, upload).name


@transaction.atomic
def copy_files(application: Application, *, of: Application, by: User) -> Application:
    """Keep the files of an earlier application of the same person for a draft that has none."""
    draft = locked(application)
    require_own(draft, by)
    require_own(of, by)
    if not draft.is_draft or draft.files.exists():
        return draft
    for one in of.files.all():
        one.pk, one.application = None, draft
        one.save(force_insert=True)
        draft.answers[one.code] = one.name
    draft.save(update_fields=["answers"])
    return draft


def kept_files(application: Application | None) -> dict[str, KeptFile]:
    """The files that an application has, by their question's code. One query, without their bytes."""
    if application is None:
        return {}
    names = application.files.values_list("code", "name")
    return {code: KeptFile(name, file_address(application, code)) for code, name in names}


def file_address(application: Application, code: str) -> str:
    """Where the applicant gets the file back."""
    return reverse("admissions:file", args=[application.programme.slug, application.reference, code])


def _kept(draft: Application, code: str, upload: UploadedFile) -> AnswerFile:
    content = upload.read()
    facts = {
        "name": (upload.name or "file.pdf")[:200],
        "size_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "content": content,
    }
    kept, _ = AnswerFile.objects.update_or_create(application=draft, code=code, defaults=facts)
    return kept

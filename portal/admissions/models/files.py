"""Files that applicants hand in as answers, kept beside the answers in the database."""

from typing import Self

from django.db import models
from django.utils import timezone

from portal.admissions.models.applications import Application


class AnswerFileQuerySet(models.QuerySet["AnswerFile"]):
    """Questions about many files."""

    def without_content(self) -> Self:
        """What is known of them, without their bytes."""
        return self.defer("content")


class AnswerFile(models.Model):
    """The file that answers one question of one application."""

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="files")
    code = models.SlugField(max_length=50, help_text="The question's code.")
    name = models.CharField(max_length=200)
    size_bytes = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    content = models.BinaryField()
    uploaded_at = models.DateTimeField(default=timezone.now)

    objects = AnswerFileQuerySet.as_manager()

    class Meta:
        verbose_name = "file of an application"
        constraints = [models.UniqueConstraint(fields=["application", "code"], name="one_file_an_answer")]

    def __str__(self) -> str:
        return self.name

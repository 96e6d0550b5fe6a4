"""Mails to those who hold a revision, and what became of each."""

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone

from portal.releases.models import Revision

# Above the longest pause between two signs of life: one message to a slow provider.
MAILING_SILENCE = timedelta(seconds=90)


class Scope(models.TextChoices):
    """Whom a question about a revision's holders means."""

    ASKED = "asked", "Those who downloaded from it"
    BYTES = "bytes", "All who hold any of its bytes, through whatever revision"


class HolderMailingQuerySet(models.QuerySet["HolderMailing"]):
    """Questions about many mailings."""

    def forgotten(self, *, at: datetime | None = None) -> "HolderMailingQuerySet":
        """Those with mails to send or in hand that nobody has worked on for a while."""
        silent_since = (at or timezone.now()) - MAILING_SILENCE
        has_work = models.Exists(
            HolderMail.objects.filter(mailing=models.OuterRef("pk"), status__in=UNDECIDED)
        )
        return self.filter(has_work, alive_at__lt=silent_since)


class HolderMailing(models.Model):
    """One mail to all who held a revision at the time of the click."""

    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="mailings")
    # Of the page with the button, so that a second click on it is the same mailing.
    token = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    scope = models.CharField(max_length=10, choices=Scope, default=Scope.ASKED)
    subject = models.CharField(max_length=200)
    body = models.TextField(help_text="Markdown with placeholders.")
    reason = models.CharField(max_length=500, blank=True)
    sent_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(default=timezone.now)
    alive_at = models.DateTimeField(default=timezone.now, help_text="The worker's last sign of life.")
    trouble = models.CharField(max_length=300, blank=True, help_text="Why it does not go on at present.")

    objects = HolderMailingQuerySet.as_manager()

    class Meta:
        verbose_name = "mailing to holders"
        verbose_name_plural = "mailings to holders"
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"mailing to the holders of {self.revision}"


class MailStatus(models.TextChoices):
    """What became of one mail."""

    WAITING = "queued", "Waiting"
    SENDING = "running", "Being sent"
    SENT = "done", "Sent"
    REFUSED = "rejected", "Refused"
    UNSURE = "unsure", "May not have arrived"
    SKIPPED = "skipped", "Account deactivated"


UNDECIDED = (MailStatus.WAITING, MailStatus.SENDING)


class HolderMail(models.Model):
    """One person's mail of a mailing."""

    mailing = models.ForeignKey(HolderMailing, on_delete=models.CASCADE, related_name="mails")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    email = models.EmailField("e-mail address", help_text="As it was at the click.")
    status = models.CharField(max_length=10, choices=MailStatus, default=MailStatus.WAITING)
    tried_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        verbose_name = "mail to a holder"
        verbose_name_plural = "mails to holders"
        constraints = [models.UniqueConstraint(fields=["mailing", "user"], name="one_mail_a_holder")]
        indexes = [models.Index(fields=["mailing", "status"], name="holder_mails_by_status")]

    def __str__(self) -> str:
        return f"{self.mailing} to {self.email}"

"""What follows when an application is handed in: its signals are kept, and a worker looks at the rules."""

from functools import partial

from celery import current_app
from django.db import transaction

from portal.admissions.applications import signals
from portal.admissions.models import Application

# By its name, since the task's own module imports the verbs.
RULES_TASK = "portal.admissions.rule_tasks.apply_rules"


def after(application: Application) -> Application:
    """Keep its signals in the caller's transaction, and send the rules' task once it has committed.

    A task that is lost is made up for by `resume_rules`, so a broker that is away refuses nobody.
    """
    signals.refresh([application])
    transaction.on_commit(partial(_send, application.pk), robust=True)
    return application


def _send(pk: int) -> None:
    current_app.signature(RULES_TASK, kwargs={"application_id": pk}).apply_async()

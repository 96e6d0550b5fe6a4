"""The Celery application: what the workers and beat are started with."""

import os

from celery import Celery
from celery.signals import task_postrun, worker_init
from django_structlog.celery.steps import DjangoStructLogInitStep

from portal.common import broker
from portal.common.threads import forget_queries, take_short_turns

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

broker.install()
app = Celery("portal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.steps["worker"].add(DjangoStructLogInitStep)
app.autodiscover_tasks()
task_postrun.connect(forget_queries)
worker_init.connect(take_short_turns)

"""The portal through which an organisation releases an open-weight language model."""

from portal.celery import app as celery_app

__all__ = ["celery_app"]

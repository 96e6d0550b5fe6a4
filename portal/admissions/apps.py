"""The app of `portal.admissions`."""

from django.apps import AppConfig


class AdmissionsConfig(AppConfig):
    """`portal.admissions`."""

    name = "portal.admissions"

"""Tasks of admissions: decisions on many, rules and waves, worked on beside the requests."""

from portal.admissions.bulk import tasks as bulk_tasks
from portal.admissions.rules import tasks as rule_tasks
from portal.admissions.waves import tasks as wave_tasks

# Workers look for tasks in modules of this name only. Each keeps the name that it had before its subject was
# a package: the schedule and messages on their way know it by that.
__all__ = ["bulk_tasks", "rule_tasks", "wave_tasks"]

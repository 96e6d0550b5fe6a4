"""The conditions of a version, in plain words for people and as data for programs."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone

from portal.common import statements
from portal.licensing.models import LicenceVersion, Permission

USES = ("commercial_use", "redistribution", "modification", "attribution")
SUMMARY_FIELDS = tuple(f"{name}{ending}" for name in USES for ending in ("", "_note"))
NAMING_FIELDS = ("derivative_prefix", "derivative_suffix")
CONDITION_FIELDS = (*SUMMARY_FIELDS, "spdx", "monthly_users_max", *NAMING_FIELDS, "use_limits")
REACCEPTANCE_FIELDS = ("reacceptance", "reacceptance_before", "grace_days")
# All of a draft but its number and text.
TERM_FIELDS = (*CONDITION_FIELDS, "changes", *REACCEPTANCE_FIELDS)


@dataclass(frozen=True)
class Condition:
    """One row of the table: what it is about, the answer with its code, and what there is to add."""

    label: str
    permission: str
    word: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ConditionChange:
    """A condition that is not the same in two versions."""

    label: str
    older: Condition
    newer: Condition


def conditions_of(version: LicenceVersion) -> list[Condition]:
    """The rows of the table, always the same seven in the same order."""
    commercial, redistribution, modification, attribution = (_use(version, name) for name in USES)
    return [
        commercial,
        _many_users(version),
        redistribution,
        modification,
        attribution,
        _naming(version),
        _use_limits(version),
    ]


def condition_changes(older: LicenceVersion, newer: LicenceVersion) -> list[ConditionChange]:
    """The conditions of `newer` that are not those of `older`."""
    pairs = zip(conditions_of(older), conditions_of(newer), strict=True)
    return [ConditionChange(after.label, before, after) for before, after in pairs if before != after]


def is_same_licence(one: LicenceVersion, other: LicenceVersion) -> bool:
    """Whether two versions have the same text under the same conditions."""
    return one.sha256 == other.sha256 and all(
        getattr(one, name) == getattr(other, name) for name in CONDITION_FIELDS
    )


def terms_sha256(version: LicenceVersion) -> str:
    """The SHA-256 (hex) of all that a draft says, so that whoever publishes it publishes what they read."""
    names = [name for name in TERM_FIELDS if name != "reacceptance_before"]
    told = {name: getattr(version, name) for name in (*names, "reacceptance_before_id", "number", "text")}
    return statements.digest(statements.canonical(told))


def as_data(version: LicenceVersion, *, at: datetime | None = None) -> dict[str, Any]:
    """What a program may know of an announced version; times in ISO 8601, users a month, hashes in hex."""
    licence, moment = version.licence, at or timezone.now()
    named = version.reacceptance_before
    return {
        "type": "licence-conditions/v1",
        "licence": {
            "slug": licence.slug,
            "name": licence.name,
            "url": settings.PORTAL_URL + licence.get_absolute_url(),
        },
        "version": version.number,
        "url": settings.PORTAL_URL + version.get_absolute_url(),
        "spdx": version.spdx_id,
        "text_sha256": version.sha256,
        "is_published": not version.is_scheduled(at=moment),
        "published_at": version.published_at,
        "conditions": {
            **{
                name: {"permission": getattr(version, name), "note": getattr(version, f"{name}_note")}
                for name in USES
            },
            "separate_licence_above_monthly_users": version.monthly_users_max,
            "derivative_name": {"prefix": version.derivative_prefix, "suffix": version.derivative_suffix},
            "forbidden_uses": list(version.use_limits),
        },
        "acceptance": {
            "asked_again": version.reacceptance,
            "unless_accepted_since": named.number if named else None,
            "grace_days": version.grace_days,
            "grace_ends_at": version.grace_ends_at,
        },
    }


def _use(version: LicenceVersion, name: str) -> Condition:
    note = getattr(version, f"{name}_note")
    return Condition(
        name.replace("_", " ").capitalize(),
        getattr(version, name),
        getattr(version, f"get_{name}_display")(),
        (note,) if note else (),
    )


def _many_users(version: LicenceVersion) -> Condition:
    label, threshold = "Services with many users", version.monthly_users_max
    if threshold is None:
        return Condition(label, Permission.ALLOWED, "No limit")
    note = f"A service that more than {threshold:,} people use a month needs a separate licence."
    return Condition(label, Permission.CONDITIONS, str(Permission.CONDITIONS.label), (note,))


def _naming(version: LicenceVersion) -> Condition:
    label = "Names of derived models"
    rules = (("begin with", version.derivative_prefix), ("end with", version.derivative_suffix))
    told = " and ".join(f"{where} “{part}”" for where, part in rules if part)
    if not told:
        return Condition(label, Permission.ALLOWED, "Free to choose")
    note = f"The name of a model made from this one must {told}."
    return Condition(label, Permission.REQUIRED, "A part is given", (note,))


def _use_limits(version: LicenceVersion) -> Condition:
    label = "Uses that are not allowed"
    if not version.use_limits:
        return Condition(label, Permission.ALLOWED, "None named")
    return Condition(label, Permission.FORBIDDEN, "Not allowed", tuple(version.use_limits))

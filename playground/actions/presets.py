"""Presets: saving them in versions, naming them, and putting them away."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from playground.models import Preset, PresetVersion
from portal.accounts.models import User
from portal.common.refusals import Refusal
from portal.releases.models import Release

# More of one name's versions than this nobody tells apart; it also bounds what one person stores.
VERSIONS_MAX = 500
PRESETS_MAX = 500


@transaction.atomic
def save_preset(
    name: str,
    *,
    by: User,
    settings: Mapping[str, Any],
    prompt: str = "",
    release: Release | None = None,
    note: str = "",
) -> PresetVersion:
    """Keep settings and a prompt under a new name. Raises Refusal when the name is taken."""
    User.objects.select_for_update().get(pk=by.pk)
    mine = Preset.objects.filter(user=by)
    if mine.count() >= PRESETS_MAX:
        raise Refusal("too_many_presets", f"You have {PRESETS_MAX} presets already. Save a version of one.")
    _refuse_taken(mine.in_use(), name)
    made = Preset.objects.create(user=by, name=name)
    return _add(made, settings=dict(settings), prompt=prompt, release=release, note=note)


@transaction.atomic
def save_version(
    preset: Preset,
    *,
    settings: Mapping[str, Any],
    prompt: str = "",
    release: Release | None = None,
    note: str = "",
) -> PresetVersion:
    """Keep one more version; from now on the preset's id stands for it."""
    row = Preset.objects.select_for_update().get(pk=preset.pk)
    return _add(row, settings=dict(settings), prompt=prompt, release=release, note=note)


@transaction.atomic
def restore_version(version: PresetVersion) -> PresetVersion:
    """Make what an older version had the newest again, as a version of its own."""
    row = Preset.objects.select_for_update().get(pk=version.preset_id)
    return _add(
        row,
        settings=version.settings,
        prompt=version.prompt,
        release=version.release,
        note=f"Restored from version {version.number}",
    )


@transaction.atomic
def rename_preset(preset: Preset, *, name: str) -> None:
    """Give it another name; its id stays. Raises Refusal when the name is taken."""
    User.objects.select_for_update().get(pk=preset.user_id)
    if preset.archived_at is None:
        _refuse_taken(_others(preset), name)
    Preset.objects.filter(pk=preset.pk).update(name=name, updated_at=timezone.now())


@transaction.atomic
def archive_preset(preset: Preset, *, is_archived: bool) -> None:
    """Put it away, so that it is not offered and the API does not know it; or take it out again.

    Raises Refusal when another preset has its name by now.
    """
    User.objects.select_for_update().get(pk=preset.user_id)
    if not is_archived:
        _refuse_taken(_others(preset), preset.name)
    now = timezone.now()
    Preset.objects.filter(pk=preset.pk).update(archived_at=now if is_archived else None, updated_at=now)


def _add(preset: Preset, **facts: Any) -> PresetVersion:
    """The next version. Call it with the preset's row locked."""
    newest = preset.versions.first()
    number = newest.number + 1 if newest else 1
    if number > VERSIONS_MAX:
        raise Refusal("too_many_versions", f"A preset has {VERSIONS_MAX} versions at most. Make a new one.")
    Preset.objects.filter(pk=preset.pk).update(updated_at=timezone.now())
    return PresetVersion.objects.create(preset=preset, number=number, **facts)


def _others(preset: Preset) -> Any:
    return Preset.objects.filter(user=preset.user_id).in_use().exclude(pk=preset.pk)


def _refuse_taken(presets: Any, name: str) -> None:
    if presets.filter(name=name).exists():
        raise Refusal("preset_name_taken", f"You have a preset called “{name}” already. Choose another name.")

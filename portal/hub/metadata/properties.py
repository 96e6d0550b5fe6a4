"""What there is to say of a model, property by property, each worked out only when it is asked for."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import Sum

from portal.hub.metadata import contents
from portal.hub.metadata.answers import moment
from portal.hub.metadata.entries import sibling
from portal.releases.cards import readme
from portal.releases.cards.exporting import EvaluationRow, exported_metadata, licence_metadata
from portal.releases.cards.facts import rows_of
from portal.releases.cards.metadata import MODEL_INDEX, named
from portal.releases.models import ModelCard, Release, ReleaseStatus, Revision, WeightFile
from portal.releases.safety.results import newest_of

# What a client that names nothing gets: of each model in a list, and of one.
USUAL = (
    "_id", "modelId", "author", "sha", "lastModified", "createdAt", "private", "gated", "disabled",
    "downloads", "likes", "tags", "pipeline_tag", "library_name",
)  # fmt: skip
WHOLE = (*USUAL, "cardData", MODEL_INDEX, "config", "safetensors", "usedStorage", "siblings")
SECURITY = "securityRepoStatus"


@dataclass(frozen=True)
class Known:
    """A release, its revision (None before there is one), and the revision's files."""

    release: Release
    revision: Revision | None
    files: Sequence[WeightFile]
    with_blobs: bool = False
    # As written with the licence's version in force; None where it was not loaded with the release.
    spdx: str | None = None

    @cached_property
    def config(self) -> dict[str, Any]:
        """What config.json says."""
        return contents.config_of(self.files)

    @cached_property
    def licence_spdx(self) -> str:
        """What was written as the SPDX identifier of the licence in force, or "". One query at most."""
        if self.spdx is not None:
            return self.spdx
        version = self.release.licence.current_version()
        return version.spdx if version else ""

    @cached_property
    def rows(self) -> tuple[EvaluationRow, ...]:
        """What was measured on the revision. One query where its evaluations were not loaded with it."""
        return tuple(rows_of(newest_of(self.revision))) if self.revision else ()

    @cached_property
    def card_data(self) -> dict[str, Any]:
        """The card's metadata as the README.md has it, results included."""
        return exported_metadata(self.release, self.card, rows=self.rows, spdx=self.licence_spdx)

    @property
    def card(self) -> readme.Readme:
        """The release's card, which is loaded with it; an empty one where there is none."""
        try:
            return readme.kept(self.release.card.readme)
        except ModelCard.DoesNotExist:
            return readme.Readme()

    def shown(self, names: Iterable[str]) -> dict[str, Any]:
        """The properties of these names that there is something to say about, and always the id."""
        said = {name: PROPERTIES[name](self) for name in names if name in PROPERTIES}
        known = {name: value for name, value in said.items() if value is not None}
        return {"id": self.release.hub_id, **known}


def _last_modified(known: Known) -> str | None:
    return moment(known.revision.frozen_at) if known.revision else None


def _model_index(known: Known) -> list[dict[str, Any]] | None:
    """What `cardData` has of results, which the Hub tells beside it as well."""
    return known.card_data.get(MODEL_INDEX)


def _tags(known: Known) -> list[str]:
    said = [contents.library_of(known.config), contents.task_of(known.config)]
    licence = licence_metadata(known.release.licence, spdx=known.licence_spdx)["license"]
    tags = [
        *contents.formats_of(known.files),
        *filter(None, said),
        *named(known.card.metadata, "tags"),
        f"license:{licence}",
    ]
    return list(dict.fromkeys(tags))


def _parameters(known: Known) -> dict[str, Any] | None:
    counts = contents.parameters_of(known.files)
    return {"parameters": counts, "total": sum(counts.values())} if counts else None


def _used_storage(known: Known) -> int:
    """The bytes of all revisions, each blob once. One query."""
    files = WeightFile.objects.filter(revision__release=known.release)
    blobs = files.order_by().values("sha256", "size_bytes").distinct()
    return int(blobs.aggregate(total=Sum("size_bytes"))["total"] or 0)


def _security(known: Known) -> dict[str, Any]:
    pickles = [{"path": file.path, "level": "caution"} for file in known.files if file.is_pickle]
    return {"scansDone": False, "filesWithIssues": pickles}


PROPERTIES: Mapping[str, Callable[[Known], Any]] = {
    "_id": lambda known: f"{known.release.pk:024x}",
    "modelId": lambda known: known.release.hub_id,
    "author": lambda known: known.release.hub_id.partition("/")[0],
    "sha": lambda known: known.revision.commit if known.revision else None,
    "lastModified": _last_modified,
    "createdAt": lambda known: moment(known.release.created_at),
    "private": lambda _: False,
    "gated": lambda _: "manual",
    "disabled": lambda known: known.release.status == ReleaseStatus.WITHDRAWN,
    # How much the others download is the staff's business; clients want a number.
    "downloads": lambda _: 0,
    "likes": lambda _: 0,
    "tags": _tags,
    "pipeline_tag": lambda known: contents.task_of(known.config),
    "library_name": lambda known: contents.library_of(known.config),
    "cardData": lambda known: known.card_data,
    MODEL_INDEX: _model_index,
    "config": lambda known: known.config or None,
    "safetensors": _parameters,
    "usedStorage": _used_storage,
    "siblings": lambda known: [sibling(file, with_blobs=known.with_blobs) for file in known.files],
    SECURITY: _security,
}

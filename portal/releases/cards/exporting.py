"""The card as it leaves the portal: the authors' README.md, with the facts that the portal knows better."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.conf import settings

from portal.licensing.models import Licence
from portal.licensing.spdx import LICENCE_REF
from portal.releases.cards import components, readme
from portal.releases.cards.metadata import MODEL_INDEX
from portal.releases.models import Release

# What the list of the Hub (huggingface.co/docs/hub/repositories-licenses) has under another name than SPDX in
# lower case, and what it lacks.
_HUB_NAMES = {"gfdl-1.3": "gfdl", "odbl-1.0": "odbl", "odc-by-1.0": "odc-by", "pddl-1.0": "pddl"}
UNKNOWN_TO_THE_HUB = frozenset({"0BSD", "MIT-0", "MulanPSL-2.0", "OLDAP-2.8", "UPL-1.0"})
# What the Hub files evaluations of a chat model under.
TASK = "text-generation"


@dataclass(frozen=True)
class EvaluationRow:
    """One result: what was measured on which suite or dataset, by which metric, and when."""

    dataset: str
    metric: str
    value: float
    at: date


def licence_id(licence: Licence, *, spdx: str = "") -> str:
    """The SPDX identifier of a licence, or "" for one of the organisation's own making, whatever it allows.

    `spdx` is what was written with the version in force; where nothing was, an open licence is known by
    its name or slug here.
    """
    if spdx:
        return "" if LICENCE_REF.fullmatch(spdx) else spdx
    return components.spdx_id(licence.name) or components.spdx_id(licence.slug)


def exported(
    release: Release, card: readme.Readme, *, rows: Sequence[EvaluationRow] = (), spdx: str = ""
) -> str:
    """The README.md of `card`, with `exported_metadata`."""
    metadata = exported_metadata(release, card, rows=rows, spdx=spdx)
    body = card.body if card.body.startswith("\n") else f"\n{card.body}"
    return readme.dump(readme.Readme(metadata, body if body.endswith("\n") else f"{body}\n"))


def exported_metadata(
    release: Release, card: readme.Readme, *, rows: Sequence[EvaluationRow] = (), spdx: str = ""
) -> dict[str, Any]:
    """The metadata of `card`: the licence is the one that people accept here, `rows` are its results.

    `spdx` is as `licence_id` has it. What the authors say of results stands where the portal has none of
    its own.
    """
    # The Hub's library leaves out what has no value, so that it would not come back.
    metadata = {
        name: value
        for name, value in card.metadata.items()
        if value is not None and not name.startswith("license")
    }
    metadata |= licence_metadata(release.licence, spdx=spdx)
    if rows:
        metadata[MODEL_INDEX] = model_index(release.name, rows)
    return metadata


def licence_metadata(licence: Licence, *, spdx: str = "") -> dict[str, str]:
    """The licence in the Hub's words: by its identifier there, or as `other` with a name and a link."""
    known = licence_id(licence, spdx=spdx)
    if known and known not in UNKNOWN_TO_THE_HUB:
        plain = known.lower().removesuffix("-only").removesuffix("-or-later")
        return {"license": _HUB_NAMES.get(plain, plain)}
    return {
        "license": "other",
        "license_name": known.lower() or licence.slug,
        "license_link": settings.PORTAL_URL + licence.get_absolute_url(),
    }


def model_index(name: str, rows: Sequence[EvaluationRow]) -> list[dict[str, Any]]:
    """The Hub's `model-index` of evaluation results, one entry a dataset, in the order of `rows`.

    The format is that of `huggingface_hub.repocard_data.eval_results_to_model_index`.
    """
    metrics: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        told = {"type": row.metric, "value": row.value, "name": f"{row.metric} ({row.at.isoformat()})"}
        metrics.setdefault(row.dataset, []).append(told)
    results = [
        {"task": {"type": TASK}, "dataset": {"type": dataset, "name": dataset}, "metrics": found}
        for dataset, found in metrics.items()
    ]
    return [{"name": name, "results": results}]

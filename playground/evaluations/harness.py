"""Results of EleutherAI's lm-evaluation-harness: read from its results_*.json, and recorded for a revision.

The file (https://github.com/EleutherAI/lm-evaluation-harness, `lm_eval --output_path`) has `results`
({task: {"metric,filter": number, "metric_stderr,filter": …, "alias": …}}), `versions`, `n-shot`, `n-samples`
({task: {"original", "effective"}}), `config` (with `model`, `model_args` and, for Hub models, `model_sha`),
`git_hash`, `date`, and `lm_eval_version`.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from portal.accounts.models import User
from portal.common.refusals import Refusal
from portal.common.storable import is_storable
from portal.releases.models import Evaluation, EvaluationKind, Revision
from portal.releases.safety import evaluations
from portal.releases.safety.evaluations import SUITE

FILE_BYTES_MAX = 1024 * 1024
TASKS_MAX = 500
TEXT_CHARACTERS = 300
# So that nobody's file can pass for a suite that the portal runs itself.
PREFIX = "lm-eval/"
_COMMIT = re.compile(r"[0-9a-f]{40}")
_REVISION = re.compile(r"(?:^|,)revision=([^,]+)")
# What stands between the metrics and is none.
_NO_METRICS = frozenset({"alias", "name", "sample_len", "sample_count"})


class NotResults(ValueError):  # noqa: N818 - it is told to a person
    """A file that is not the harness's, in a sentence."""


@dataclass(frozen=True)
class Task:
    """One task of a file with its metrics, under the harness's own names such as `acc,none`."""

    name: str
    metrics: Mapping[str, float]
    samples: int
    version: str = ""
    shots: str = ""


@dataclass(frozen=True)
class Results:
    """A results file: what it measured, of which model as it says, and its SHA-256 (hex)."""

    sha256: str
    tasks: list[Task]
    model: str = ""
    commit: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


def read(content: bytes) -> Results:
    """The results in a file. Raises NotResults."""
    if len(content) > FILE_BYTES_MAX:
        raise NotResults(
            "The file is larger than 1 MiB. Send the results_….json without samples (--log_samples writes"
            " those into files of their own)."
        )
    try:
        told = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise NotResults("The file is not JSON. Send the results_….json of lm_eval.") from error
    results = told.get("results") if isinstance(told, dict) else None
    if not isinstance(results, dict) or not all(isinstance(one, dict) for one in results.values()):
        raise NotResults("The file has no “results”. Send the results_….json of lm_eval.")
    tasks = [_task(str(name), row, told) for name, row in results.items() if SUITE.fullmatch(PREFIX + name)]
    tasks = [task for task in tasks if task.metrics]
    if not tasks or len(tasks) > TASKS_MAX:
        raise NotResults(f"The file has {len(tasks)} tasks with numbers; 1 to {TASKS_MAX} can be taken.")
    return Results(hashlib.sha256(content).hexdigest(), tasks, *_model(told), _facts(told))


@transaction.atomic
def record_results(
    results: Results,
    revision: Revision,
    *,
    chosen: Sequence[tuple[str, str]],
    by: User,
    address: str | None = None,
) -> list[Evaluation]:
    """Record the `chosen` (task, metric) pairs for `revision`, one signed evaluation a task.

    Raises Refusal `other_commit` when the file names another revision of this portal.
    """
    bound = _bound(results, revision, by=by)
    made = []
    for task in results.tasks:
        metrics = {name: task.metrics[name] for name in task.metrics if (task.name, name) in chosen}
        if not metrics:
            continue
        facts = dict(results.facts) | {
            "tool": "lm-evaluation-harness",
            "task_version": task.version,
            "shots": task.shots,
            "model_in_file": results.model,
            "commit_in_file": results.commit,
            "bound_by": bound,
        }
        made.append(
            evaluations.record(
                revision,
                kind=EvaluationKind.IMPORTED,
                suite=PREFIX + task.name,
                suite_sha256=results.sha256,
                metrics=metrics,
                samples=task.samples,
                facts=facts,
                by=by,
                address=address,
            )
        )
    return made


def _bound(results: Results, revision: Revision, *, by: User) -> str:
    """What the file's numbers are bound to `revision` by. Raises Refusal when the file names another."""
    if results.commit == revision.commit:
        return "the commit id in the file"
    other = Revision.objects.filter(commit=results.commit).select_related("release").first()
    if other is not None:
        raise Refusal(
            "other_commit",
            f"The file says that {other} was measured, which is another revision. Choose that one.",
            status=422,
        )
    return f"the word of {by}"


def _task(name: str, row: Mapping[str, Any], told: Mapping[str, Any]) -> Task:
    metrics = {
        metric: float(value)
        for metric, value in row.items()
        if metric not in _NO_METRICS and "_stderr" not in metric and _is_number(value) and metric.strip()
    }
    counted = _part(told, "n-samples").get(name)
    effective = counted.get("effective") if isinstance(counted, dict) else row.get("sample_len")
    samples = effective if isinstance(effective, int) and effective > 0 else 0
    versions, shots = _part(told, "versions").get(name), _part(told, "n-shot").get(name)
    return Task(name, metrics, samples, _text(versions), _text(shots))


def _model(told: Mapping[str, Any]) -> tuple[str, str]:
    """The model's name and its commit id (40 hex digits, "" where there is none), as the file says."""
    config = _part(told, "config")
    arguments = config.get("model_args")
    named = _text(told.get("model_name"))
    if isinstance(arguments, dict):
        named = named or _text(arguments.get("pretrained") or arguments.get("model"))
        wanted = _text(arguments.get("revision"))
    else:
        found = _REVISION.search(_text(arguments))
        named = named or _text(arguments)
        wanted = found[1] if found else ""
    commits = [_text(config.get("model_sha")), _text(config.get("model_revision")), wanted]
    commit = next((one for one in commits if _COMMIT.fullmatch(one)), "")
    return named or _text(config.get("model")), commit


def _facts(told: Mapping[str, Any]) -> dict[str, Any]:
    config = _part(told, "config")
    known = {
        "lm_eval_version": told.get("lm_eval_version"),
        "git_hash": told.get("git_hash"),
        "date": told.get("date"),
        "model_type": config.get("model"),
        "model_args": config.get("model_args"),
        "limit": config.get("limit"),
        "gen_kwargs": config.get("gen_kwargs"),
        "model_dtype": config.get("model_dtype"),
    }
    return {name: _text(value) for name, value in known.items() if value not in (None, "")}


def _part(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = told.get(name)
    return part if isinstance(part, dict) else {}


def _text(value: Any) -> str:
    text = "" if value is None else str(value)[:TEXT_CHARACTERS]
    return text if is_storable(text) else ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)

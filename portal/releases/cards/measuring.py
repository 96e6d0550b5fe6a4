"""Measuring revisions: what their own files say of size and architecture, kept for the pages that show it."""

import json
from collections import Counter
from typing import Any

import structlog

from portal.common.refusals import Refusal
from portal.releases.models import Measurement, Revision, WeightFile
from portal.releases.safetensors import safetensors_header

log = structlog.get_logger(__name__)

CONFIG = "config.json"
SAFETENSORS = ".safetensors"
# Transformers' own are a few kilobytes.
CONFIG_BYTES_MAX = 1024 * 1024
# Counts in config.json, as transformers names them; models of several parts have them in `text_config`.
COUNTS = (
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "hidden_size",
    "vocab_size",
    "max_position_embeddings",
)
_COUNT_MAX = 10**9
_TEXT_CHARACTERS_MAX = 100


def measure(revision: Revision) -> Measurement:
    """Read the headers and the configuration of `revision` and keep what they say; once is enough.

    Reads a few kilobytes of each safetensors file. A file that cannot be read adds nothing, and
    counts that are not whole are left out.

    Raises OSError when the store is away, so that it is tried again.
    """
    files = list(revision.files.all())
    measured, _ = Measurement.objects.get_or_create(
        revision=revision,
        defaults={"parameter_counts": _parameter_counts(files), "config": _config(files)},
    )
    return measured


def _parameter_counts(files: list[WeightFile]) -> dict[str, int]:
    """The numbers of each dtype in all safetensors files; none unless every one could be read."""
    counts: Counter[str] = Counter()
    for file in files:
        if file.path.endswith(SAFETENSORS):
            try:
                counts.update(safetensors_header(file).element_counts())
            except Refusal as refusal:
                log.warning("revision_unmeasured", path=file.path, reason=refusal.sentence)
                return {}
    return dict(counts)


def _config(files: list[WeightFile]) -> dict[str, Any]:
    file = next((file for file in files if file.path == CONFIG), None)
    if file is None or file.size_bytes > CONFIG_BYTES_MAX:
        return {}
    try:
        said = json.loads(file.stored_at.read_bytes())
    except (ValueError, RecursionError):
        return {}
    if not isinstance(said, dict):
        return {}
    inner = said.get("text_config")
    texts = said | (inner if isinstance(inner, dict) else {})
    config: dict[str, Any] = {name: texts[name] for name in COUNTS if _is_count(texts.get(name))}
    names, kind = said.get("architectures"), said.get("model_type")
    if isinstance(names, list):
        config["architectures"] = [name for name in names if _is_word(name)]
    if _is_word(kind):
        config["model_type"] = kind
    return config


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 < value <= _COUNT_MAX


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and value.isprintable() and 0 < len(value) <= _TEXT_CHARACTERS_MAX

"""What a model's own files say of it: its configuration, and its parameters by precision.

Only what a file states is passed on. Bytes under one SHA-256 never change, so what was
read is kept; a file that the store has lost, or that says nothing, adds nothing.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from portal.common.refusals import Refusal
from portal.releases.models import WeightFile
from portal.releases.safetensors import safetensors_header

CONFIG = "config.json"
# Transformers' own are a few kilobytes.
CONFIG_BYTES_MAX = 1024 * 1024
SAFETENSORS = ".safetensors"
# Of the files that a format goes by, whatever else there is.
FORMATS = {SAFETENSORS: "safetensors", ".gguf": "gguf", ".onnx": "onnx"}
# What transformers calls a class says what it is for; those that serve several tasks are left out.
TASKS = {
    "ForCausalLM": "text-generation",
    "ForMaskedLM": "fill-mask",
    "ForSequenceClassification": "text-classification",
    "ForTokenClassification": "token-classification",
    "ForQuestionAnswering": "question-answering",
}
KEPT_FILES_MAX = 1024


def config_of(files: Iterable[WeightFile]) -> dict[str, Any]:
    """The architectures and the model type that config.json names, as the Hub shows them."""
    file = next((file for file in files if file.path == CONFIG), None)
    if file is None or file.size_bytes > CONFIG_BYTES_MAX:
        return {}
    try:
        return dict(_config(_Stored(file)))
    except OSError:
        return {}


def task_of(config: Mapping[str, Any]) -> str | None:
    """The Hub's pipeline tag for the first architecture, or None where its name does not say.

    >>> task_of({"architectures": ["LlamaForCausalLM"]}), task_of({}), task_of({"architectures": ["X"]})
    ('text-generation', None, None)
    """
    named = next(iter(config.get("architectures", ())), "")
    return next((task for ending, task in TASKS.items() if named.endswith(ending)), None)


def library_of(config: Mapping[str, Any]) -> str | None:
    """The library whose configuration it is, or None.

    >>> library_of({"model_type": "llama", "architectures": ["LlamaForCausalLM"]}), library_of({})
    ('transformers', None)
    """
    return "transformers" if {"model_type", "architectures"} <= config.keys() else None


def formats_of(files: Iterable[WeightFile]) -> list[str]:
    """The formats in which there are weights."""
    paths = [file.path.lower() for file in files]
    return [name for ending, name in FORMATS.items() if any(path.endswith(ending) for path in paths)]


def parameters_of(files: Iterable[WeightFile]) -> dict[str, int]:
    """How many parameters of each dtype the safetensors files hold; empty unless all could be read."""
    counts: Counter[str] = Counter()
    for file in files:
        if file.path.endswith(SAFETENSORS):
            try:
                counts.update(_parameters(_Stored(file)))
            except (OSError, Refusal):
                return {}
    return dict(counts)


class _Stored:
    """A file as a key of what is kept: two with the same bytes are the same."""

    def __init__(self, file: WeightFile) -> None:
        self.file = file

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Stored) and other.file.sha256 == self.file.sha256

    def __hash__(self) -> int:
        return hash(self.file.sha256)


@lru_cache(maxsize=KEPT_FILES_MAX)
def _config(stored: _Stored) -> dict[str, Any]:
    try:
        said = json.loads(stored.file.stored_at.read_bytes())
    except (ValueError, RecursionError):
        return {}
    config: dict[str, Any] = {}
    if isinstance(said, dict):
        names, kind = said.get("architectures"), said.get("model_type")
        if isinstance(names, list) and names and all(isinstance(name, str) for name in names):
            config["architectures"] = names
        if isinstance(kind, str):
            config["model_type"] = kind
    return config


@lru_cache(maxsize=KEPT_FILES_MAX)
def _parameters(stored: _Stored) -> dict[str, int]:
    return safetensors_header(stored.file).element_counts()

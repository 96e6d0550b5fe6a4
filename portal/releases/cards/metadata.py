"""The metadata of a card: what the Hub knows in it, checked before it is kept.

The names and their shapes are those of the Hub's specification
(github.com/huggingface/hub-docs, modelcard.md) and of `huggingface_hub.ModelCardData`. Other names are
kept as they are, but for `openness`, which is the portal's own: where components of the Model
Openness Framework lie that the portal does not serve, each with `url` and `license`.
"""

import math
import re
from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from portal.common.refusals import Refusal
from portal.releases.cards.components import CODES

OPENNESS = "openness"
MODEL_INDEX = "model-index"
_TEXTS = (
    "license",
    "license_name",
    "license_link",
    "library_name",
    "pipeline_tag",
    "model_name",
    "base_model_relation",
)
_LISTS = ("language", "base_model", "datasets", "metrics", "tags")
# ISO 639 codes with what BCP 47 adds to them, or the Hub's two words.
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*|code|multilingual")
# Arguments of the Hub's class that are no metadata.
_RESERVED = ("eval_results", "ignore_metadata_errors")
_URL_CHARACTERS_MAX = 500


def check(metadata: Mapping[str, Any]) -> None:
    """Refuse metadata that the Hub's own parser would not take. Raises Refusal, naming what to correct."""
    for name in _RESERVED:
        if name in metadata:
            raise _refused(f"“{name}” is no metadata of a card. Remove it.")
    if any(name != name.strip() for name in metadata):
        # The Hub's parser takes such spaces away, and then cannot read what is left.
        raise _refused("A name in the metadata begins or ends with a space. Remove the space.")
    _check_values(metadata)
    _check_texts(metadata)
    if MODEL_INDEX in metadata:
        _check_model_index(metadata[MODEL_INDEX])
    if OPENNESS in metadata:
        _check_openness(metadata[OPENNESS])


def listed(metadata: Mapping[str, Any], name: str) -> list[str] | None:
    """The texts under `name`, one or a list of them; [] where there are none, None where it is neither."""
    value = metadata.get(name)
    if value is None:
        return []
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) and text.strip() for text in texts):
        return None
    return texts


def named(metadata: Mapping[str, Any], name: str) -> list[str]:
    """The texts under `name` of metadata that was checked."""
    return listed(metadata, name) or []


def _check_values(value: Any) -> None:
    """Only what JSON can say too: the Hub's API tells clients all metadata."""
    if isinstance(value, dict):
        for inner in value.values():
            _check_values(inner)
    elif isinstance(value, list):
        for inner in value:
            _check_values(inner)
    elif isinstance(value, float) and not math.isfinite(value):
        raise _refused("A number in the metadata is not finite. Write another, or put it in quotation marks.")
    elif value is not None and not isinstance(value, str | int | float | date):
        raise _refused("A value in the metadata is neither text nor number. Put it in quotation marks.")


def _check_texts(metadata: Mapping[str, Any]) -> None:
    for name in _TEXTS:
        if name in metadata and not isinstance(metadata[name], str):
            raise _refused(f"“{name}” must be a text. Put it in quotation marks.")
    for name in _LISTS:
        if name in metadata and listed(metadata, name) is None:
            raise _refused(f"“{name}” must be a text or a list of texts. Put odd ones in quotation marks.")
    for code in listed(metadata, "language") or []:
        if not _LANGUAGE.fullmatch(code):
            raise _refused(f"“{code[:40]}” is no code of a language. Write it as in ISO 639, such as en.")
    for name in ("tags", "metrics"):
        # The Hub's class would take a text for the list of its letters.
        if isinstance(metadata.get(name), str):
            raise _refused(f"“{name}” must be a list. Begin each line with a dash.")


def _check_model_index(value: Any) -> None:
    """The shape that `huggingface_hub.repocard_data.model_index_to_eval_results` reads."""
    try:
        found = [
            (model["name"], result["task"]["type"], result["dataset"]["type"], result["dataset"]["name"],
             metric["type"], metric["value"])
            for model in value
            for result in model["results"]
            for metric in result["metrics"]
        ]  # fmt: skip
        is_whole = bool(found) and len({name for name, *_ in found}) == 1
    except (KeyError, TypeError, IndexError):
        is_whole = False
    if not is_whole:
        raise _refused(
            "“model-index” must name one model and its results, each with the type of its task, the type and "
            "name of its dataset, and metrics with type and value. Correct it, or remove it."
        )


def _check_openness(value: Any) -> None:
    if not isinstance(value, dict):
        raise _refused(f"“{OPENNESS}” must name components. Choose from: {', '.join(CODES)}.")
    for code, said in value.items():
        if code not in CODES:
            raise _refused(f"“{code[:40]}” is no component of “{OPENNESS}”. Choose from: {', '.join(CODES)}.")
        if not isinstance(said, dict) or not said or set(said) - {"url", "license"}:
            raise _refused(f"“{code}” of “{OPENNESS}” takes url and license, and nothing else. Correct it.")
        if not all(isinstance(text, str) and text.strip() for text in said.values()):
            raise _refused(f"The url and the license of “{code}” must be texts. Correct them.")
        if "url" in said and not _is_address(said["url"]):
            raise _refused(f"The url of “{code}” is no address that begins with https://. Correct it.")


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    is_whole = parts.scheme in ("http", "https") and bool(parts.hostname)
    return is_whole and len(text) <= _URL_CHARACTERS_MAX and not re.search(r"\s", text)


def _refused(sentence: str) -> Refusal:
    return Refusal("card_metadata", sentence, status=422)

"""Presets in requests: what `preset_id` stands for, filled into what the request leaves open."""

import re
from concurrent.futures import Executor
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.db.models import Q

from playground import parameters
from playground.filling import Unfillable, fill
from playground.gateway.dialects import CHAT, COMPLETIONS
from playground.gateway.errors import ApiError, bad_request
from playground.models import PresetVersion
from portal.common.remembering import Remembered
from portal.keys.models import ApiKey, ServiceAccount

FIELD, VERSION_FIELD, VARIABLES_FIELD = "preset_id", "preset_version", "variables"
PRESET_ID = re.compile(r"preset_[0-9a-f]{24}")
VERSION_MAX = 2**31 - 1
SYSTEM_ROLES = frozenset({"system", "developer"})
# Settings that mean nothing, or something else, where a request has set the other for itself.
GIVEN_WITH = {
    "max_tokens": "max_completion_tokens",
    "tool_choice": "tools",
    "top_logprobs": "logprobs",
    "response_format": "structured_outputs",
}
CHAT_ONLY = frozenset({"tools", "tool_choice"})

# Whose key it is: ids of the person and of the service account, None where it has none; which preset, and
# which version of it, None for the newest.
Question = tuple[int, int | None, str, int | None]


@dataclass(frozen=True, slots=True)
class Found:
    """One version of a preset; `model` is "" where it was saved without a release."""

    settings: dict[str, Any]
    prompt: str
    model: str


class Presets:
    """Looks presets up, at most a second old; an unknown one is asked for anew. Belongs to one event loop."""

    def __init__(self, threads: Executor) -> None:
        self._found = Remembered(find_preset, threads=threads)

    async def filled(self, path: bytes, fields: dict[str, Any], *, key: ApiKey) -> dict[str, Any]:
        """A request's fields with those of the preset that it names, one that `key` may use.

        Raises ApiError 404 for none, 400 for a field that cannot be filled in.
        """
        preset_id, number = fields[FIELD], fields.get(VERSION_FIELD)
        _check(path, preset_id, number)
        question: Question = (key.user_id, key.service_account_id, preset_id, number)
        found = await self._found.get(question) if PRESET_ID.fullmatch(preset_id) else None
        if found is None:
            self._found.forget(lambda known: known == question)
            raise _not_found(preset_id, number)
        return merged(path, fields, found)

    def forget_all(self) -> None:
        """Drop everything that is known."""
        self._found.forget_all()


def find_preset(question: Question) -> Found | None:
    """One query: the named version of the preset, or its newest.

    A person's key knows the person's own, a service account's those of its owner and of its members: they
    share the key, and nobody knows a preset's id whom they did not tell.
    """
    user_id, account_id, preset_id, number = question
    whose = Q(preset__user=user_id)
    if account_id is not None:
        members = ServiceAccount.members.through.objects.filter(serviceaccount=account_id)
        whose |= Q(preset__user__in=members.values("user"))
    versions = PresetVersion.objects.filter(whose, preset__preset_id=preset_id, preset__archived_at=None)
    if number is not None:
        versions = versions.filter(number=number)
    version = versions.select_related("release").order_by("-number").first()
    if version is None:
        return None
    return Found(version.settings, version.prompt, version.release.slug if version.release else "")


def merged(path: bytes, fields: dict[str, Any], found: Found) -> dict[str, Any]:
    """The request's fields over the preset's: whatever the request names, null included, is its own.

    Raises ApiError 400 for variables without values.
    """
    own = {name: value for name, value in fields.items() if name not in _OURS}
    is_raw = path == COMPLETIONS
    mode = parameters.RAW if is_raw else parameters.CHAT
    given = parameters.fields_of({**found.settings, "mode": mode})
    if found.model:
        given["model"] = found.model
    for name, value in given.items():
        if name in own or GIVEN_WITH.get(name) in own or (is_raw and name in CHAT_ONLY):
            continue
        own[name] = value
    if is_raw:
        if not own.get("prompt") and found.prompt:
            own["prompt"] = _filled_prompt(found, fields)
        return own
    return own | {"messages": _messages(own.get("messages"), found, fields)}


def _messages(given: Any, found: Found, fields: dict[str, Any]) -> Any:
    """The request's messages, else the prompt; behind the system prompt, unless they have their own."""
    if given and not isinstance(given, list):
        return given
    messages = list(given or [])
    if not messages and found.prompt:
        messages.append({"role": "user", "content": _filled_prompt(found, fields)})
    has_own = any(isinstance(one, dict) and one.get("role") in SYSTEM_ROLES for one in messages)
    if (words := found.settings.get("system_prompt")) and messages and not has_own:
        messages.insert(0, {"role": "system", "content": words})
    return messages


def _filled_prompt(found: Found, fields: dict[str, Any]) -> str:
    values = fields.get(VARIABLES_FIELD)
    values = {} if values is None else values
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        sentence = "The field “variables” must be an object of texts."
        raise bad_request("invalid_type", sentence, param=VARIABLES_FIELD)
    try:
        return fill(found.prompt, values)
    except Unfillable as fault:
        code = "missing_variable" if fault.names else "prompt_too_long"
        raise bad_request(code, str(fault), param=VARIABLES_FIELD) from fault


def _check(path: bytes, preset_id: Any, number: Any) -> None:
    if path not in {CHAT, COMPLETIONS}:
        sentence = "Presets are for /v1/chat/completions and /v1/completions."
        raise bad_request("field_not_allowed", sentence, param=FIELD)
    if not isinstance(preset_id, str):
        raise bad_request("invalid_type", "The field “preset_id” must be a text.", param=FIELD)
    if number is None:
        return
    if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= VERSION_MAX:
        sentence = "The field “preset_version” must be a whole number from 1."
        raise bad_request("invalid_type", sentence, param=VERSION_FIELD)


def _not_found(preset_id: str, number: int | None) -> ApiError:
    named = f"{preset_id[:60]!r}" + (f" with a version {number}" if number else "")
    message = f"You have no preset {named}. Your presets are listed in the playground."
    return ApiError(HTTPStatus.NOT_FOUND, "preset_not_found", message, param=FIELD)


_OURS = frozenset({FIELD, VERSION_FIELD, VARIABLES_FIELD})

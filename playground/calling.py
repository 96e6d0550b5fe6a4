"""The exact call that an answer came from, to copy: curl, Python and JavaScript, with this portal's address.

No key is filled in: the code reads it from OPENAI_API_KEY, as OpenAI's clients do.
"""

import json
import pprint
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from playground.models import Generation
from playground.parameters import is_raw
from playground.prompting import body_for, path_for

# What OpenAI's Python client knows by name; all else goes into its extra_body.
_NAMED = frozenset(
    {
        *("model", "messages", "prompt", "temperature", "top_p", "max_tokens", "stop", "seed", "n"),
        *("presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "response_format", "tools"),
    }
)
WIDTH = 88


@dataclass(frozen=True)
class Sample:
    """A call in one language; `name` is unique on the page."""

    name: str
    title: str
    code: str


def samples_of(generation: Generation) -> list[Sample]:
    """The call of one answer in each language. One query."""
    body = body_for(generation) | {"model": generation.release.slug}
    return samples(path_for(generation.params), body, raw=is_raw(generation.params))


def samples(path: str, body: Mapping[str, Any], *, raw: bool) -> list[Sample]:
    """A call of `path` with `body` in each language."""
    method = "completions" if raw else "chat.completions"
    text = "choices[0].text" if raw else "choices[0].message.content"
    return [
        Sample("curl", "curl", _curl(path, body)),
        Sample("python", "Python", _python(method, text, body)),
        Sample("javascript", "JavaScript", _javascript(method, text, body)),
    ]


def _base_url() -> str:
    return f"{settings.PORTAL_URL.rstrip('/')}/v1"


def _curl(path: str, body: Mapping[str, Any]) -> str:
    data = shlex.quote(json.dumps(body, ensure_ascii=False, indent=2))
    return (
        f"curl {shlex.quote(_base_url() + path.removeprefix('/v1'))} \\\n"
        '  -H "Authorization: Bearer $OPENAI_API_KEY" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        f"  -d {data}\n"
    )


def _python(method: str, text: str, body: Mapping[str, Any]) -> str:
    named = {name: value for name, value in body.items() if name in _NAMED}
    extra = {name: value for name, value in body.items() if name not in _NAMED}
    arguments = [f"    {name}={_literal(value)},\n" for name, value in named.items()]
    if extra:
        arguments.append(f"    extra_body={_literal(extra)},\n")
    return (
        "from openai import OpenAI\n\n"
        f'client = OpenAI(base_url="{_base_url()}")\n'
        f"answer = client.{method}.create(\n{''.join(arguments)})\n"
        f"print(answer.{text})\n"
    )


def _literal(value: Any) -> str:
    lines = pprint.pformat(value, width=WIDTH, sort_dicts=False).splitlines()
    return "\n    ".join(lines)


def _javascript(method: str, text: str, body: Mapping[str, Any]) -> str:
    asked = json.dumps(body, ensure_ascii=False, indent=2)
    return (
        'import OpenAI from "openai";\n\n'
        f'const client = new OpenAI({{ baseURL: "{_base_url()}" }});\n'
        f"const answer = await client.{method}.create({asked});\n"
        f"console.log(answer.{text});\n"
    )

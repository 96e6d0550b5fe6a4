"""The code of a call does what the answer's own call did."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from playground import actions, calling
from playground.actions import Outcome
from playground.prompting import body_for
from tests.playground.conftest import wish

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}


@pytest.fixture
def answered(ada, release):
    """An answer with words that need quoting everywhere."""
    prompt = 'It\'s "quoted" `$HOME` \\ and\nnew lines, 日本 </script>'
    asked = actions.send(wish(prompt, top_k=5, seed=3, json_schema=SCHEMA), by=ada, release=release)
    actions.finish(actions.begin(asked.pk), Outcome(text="x"))
    return asked


def asked_by(code: str, tmp_path: Path, *, stub: str, command: list[str]) -> dict:
    """What `code` asks, told by a stand-in for the client."""
    for name, text in json.loads(stub).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        command, input=code, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    )
    return json.loads(done.stdout.splitlines()[0])


def test_python_asks_the_same(answered, release, tmp_path):
    code = {sample.name: sample.code for sample in calling.samples_of(answered)}["python"]
    client = (
        "import json, types\n"
        "class OpenAI:\n"
        "    def __init__(self, base_url):\n"
        "        self.chat = types.SimpleNamespace(completions=self)\n"
        "    def create(self, extra_body=None, **named):\n"
        "        print(json.dumps(named | (extra_body or {})))\n"
        "        said = types.SimpleNamespace(message=types.SimpleNamespace(content='ok'))\n"
        "        return types.SimpleNamespace(choices=[said])\n"
    )

    asked = asked_by(code, tmp_path, stub=json.dumps({"openai.py": client}), command=[sys.executable, "-"])

    assert asked == body_for(answered) | {"model": release.slug}
    assert "extra_body={'top_k': 5}" in code


def test_curl_asks_the_same(answered, release, tmp_path):
    code = {sample.name: sample.code for sample in calling.samples_of(answered)}["curl"]
    fake = tmp_path / "curl"
    fake.write_text('#!/bin/sh\nfor last; do :; done\nprintf "%s" "$last"\n')
    fake.chmod(0o755)

    done = subprocess.run(
        ["bash", "-c", code],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )

    assert json.loads(done.stdout) == body_for(answered) | {"model": release.slug}


def test_a_raw_prompt_is_called_as_a_completion(ada, release):
    raw = actions.send(wish("Once", mode="raw"), by=ada, release=release)

    code = {sample.name: sample.code for sample in calling.samples_of(raw)}

    assert "/v1/completions" in code["curl"]
    assert "client.completions.create(" in code["python"]
    assert "choices[0].text" in code["javascript"]


def test_ada_sees_the_code_and_mallory_does_not(as_ada, as_mallory, answered):
    path = f"/playground/generations/{answered.pk}/code/"

    page = as_ada.get(path).content.decode()

    assert "Authorization: Bearer $OPENAI_API_KEY" in page
    assert "</script>&#x27;" not in page
    assert "日本 &lt;/script&gt;" in page
    assert as_mallory.get(path).status_code == 404

"""Commands to copy: how the field's tools fetch a revision or one of its files from this portal, and run it.

Each is meant for a POSIX shell (or Python) and quoted for it: a file may have any name.
"""

import json
import shlex
from collections.abc import Collection
from dataclasses import dataclass

from django.conf import settings
from django.urls import reverse

from portal.hub.checksums import file_url
from portal.hub.models import Carrier
from portal.releases.models import Release, Revision, WeightFile

_AUTHORIZATION = '"Authorization: Bearer $KEY"'
_CURL_TITLE = "curl (run it again to go on; 416 means that a file is complete)"
# Eight connections at a time, as the Hub's own client opens.
_ARIA2 = "aria2c -c -x 8 -s 8"


@dataclass(frozen=True, slots=True)
class Command:
    """A piece of shell or Python; `name` is unique on its page."""

    name: str
    title: str
    code: str


def revision_commands(release: Release, revision: Revision) -> list[Command]:
    """How to fetch all of a revision, by each tool."""
    lists = settings.PORTAL_URL + release.get_absolute_url() + revision.commit
    curl = f"curl -fsS {lists}/curl.txt |\n  curl -fL -C - --create-dirs -H {_AUTHORIZATION} -K -"
    commands = [
        Command("hf", "hf, from huggingface_hub", f"{_hub_variables()}{_hf(release, revision)}"),
        Command("python", "Python", _python("snapshot_download", release, revision)),
        Command("curl", _CURL_TITLE, curl),
    ]
    if _takes_headers():
        aria2 = f"curl -fsS {lists}/aria2.txt |\n  {_ARIA2} -j 2 -i - \\\n  --header={_AUTHORIZATION}"
        commands.append(Command("aria2", "aria2, eight connections a file", aria2))
    return commands


def run_commands(release: Release, revision: Revision, *, paths: Collection[str]) -> list[Command]:
    """How to run a revision that has files at `paths`, by each engine; the weights come from this portal."""
    context = release.context_length
    options = f" --revision {wanted}" if (wanted := _wanted(revision)) else ""
    vllm = f"vllm serve {release.hub_id}{options} --max-model-len {context}"
    return [
        Command("vllm", "vLLM", f"{_hub_variables()}{vllm}"),
        Command("transformers", "transformers", _transformers(release, revision)),
        Command("llama-cpp", "llama.cpp", f"{_hub_variables()}{_llama_cpp(release, revision, paths)}"),
    ]


def check_command(release: Release, revision: Revision) -> Command:
    """How to check a downloaded folder against the portal's checksums."""
    url = settings.PORTAL_URL + reverse("releases:sums", args=[release.slug, revision.commit])
    return Command("sums", "Check the files, in their folder", f"curl -fsS {url} |\n  sha256sum -c -")


def file_commands(file: WeightFile) -> list[Command]:
    """How to fetch one file, by each tool; its revision and release are loaded."""
    revision = file.revision
    release, name, url = revision.release, _file_word(file), shlex.quote(file_url(file))
    path = shlex.quote(file.path)
    hf = _hf(release, revision, path=f"-- {path}" if path.startswith("-") else path)
    curl = f"curl -fL -C - --create-dirs \\\n  -H {_AUTHORIZATION} \\\n  -o {name} \\\n  {url}"
    commands = [
        Command("curl", _CURL_TITLE, curl),
        Command("hf", "hf, from huggingface_hub", f"{_hub_variables()}{hf}"),
        Command("python", "Python", _python("hf_hub_download", release, revision, file)),
    ]
    if _takes_headers():
        aria2 = f"{_aria2_checked(file)} \\\n  --header={_AUTHORIZATION} \\\n  -o {name} \\\n  {url}"
        commands.insert(1, Command("aria2", "aria2, eight connections", aria2))
    return commands


def link_commands(file: WeightFile, *, url: str) -> list[Command]:
    """How to fetch a file by a signed link: no key, so nothing else to set up."""
    name, quoted = _file_word(file, is_bare=True), shlex.quote(url)
    return [
        Command("link-curl", "curl", f"curl -fL -C - -o {name} \\\n  {quoted}"),
        Command("link-aria2", "aria2", f"{_aria2_checked(file)} \\\n  -o {name} \\\n  {quoted}"),
    ]


def _hub_variables() -> str:
    return f"export HF_ENDPOINT={settings.PORTAL_URL}/hub\nexport HF_TOKEN=$KEY\n"


def _hf(release: Release, revision: Revision, *, path: str = "") -> str:
    wanted = _wanted(revision)
    options = f" --revision {wanted}" if wanted else ""
    return f"hf download {release.hub_id}{options}{path and f' {path}'}"


def _python(function: str, release: Release, revision: Revision, file: WeightFile | None = None) -> str:
    arguments = [json.dumps(release.hub_id)]
    if file is not None:
        arguments.append(json.dumps(file.path))
    if wanted := _wanted(revision):
        arguments.append(f"revision={json.dumps(wanted)}")
    arguments += [f'endpoint="{settings.PORTAL_URL}/hub"', 'token=os.environ["KEY"]']
    lines = "".join(f"    {argument},\n" for argument in arguments)
    return f"import os\n\nfrom huggingface_hub import {function}\n\npath = {function}(\n{lines})"


def _transformers(release: Release, revision: Revision) -> str:
    arguments = ['"text-generation"', f"model={json.dumps(release.hub_id)}"]
    if wanted := _wanted(revision):
        arguments.append(f"revision={json.dumps(wanted)}")
    return (
        "import os\n\n"
        f'os.environ["HF_ENDPOINT"] = "{settings.PORTAL_URL}/hub"\n'
        'os.environ["HF_TOKEN"] = os.environ["KEY"]\n\n'
        "from transformers import pipeline\n\n"
        f"generate = pipeline({', '.join(arguments)})\n"
        'messages = [{"role": "user", "content": "Hello!"}]\n'
        'print(generate(messages, max_new_tokens=100)[0]["generated_text"][-1]["content"])'
    )


def _llama_cpp(release: Release, revision: Revision, paths: Collection[str]) -> str:
    """A GGUF file is run as it is; safetensors are converted first, by llama.cpp's own script."""
    folder = shlex.quote(release.hub_id.rpartition("/")[2])
    ready = min((path for path in paths if path.endswith(".gguf")), default="")
    if ready:
        name = shlex.quote(f"{release.hub_id.rpartition('/')[2]}/{ready}")
        fetch = _hf(release, revision, path=shlex.quote(ready))
        return f"{fetch} --local-dir {folder}\nllama-server -m {name} -c {release.context_length}"
    return (
        f"{_hf(release, revision)} --local-dir {folder}\n"
        f"python llama.cpp/convert_hf_to_gguf.py {folder} --outfile {folder}.gguf\n"
        f"llama-server -m {folder}.gguf -c {release.context_length}"
    )


def _wanted(revision: Revision) -> str:
    """What the Hub's clients must be told: nothing for `main`, which is what they ask for anyway."""
    if not revision.is_current:
        return revision.commit
    return "" if revision.name == "main" else revision.name


def _aria2_checked(file: WeightFile) -> str:
    return f"{_ARIA2} \\\n  --checksum=sha-256={file.sha256}"


def _file_word(file: WeightFile, *, is_bare: bool = False) -> str:
    """The name to store the file under, as one word that is no option."""
    name = file.path.rpartition("/")[2] if is_bare else file.path
    return shlex.quote(f"./{name}" if name.startswith("-") else name)


def _takes_headers() -> bool:
    """Whether aria2 may have a key: it would send it on to the object storage, which refuses two proofs."""
    return str(settings.WEIGHTS_DELIVERY) != Carrier.BUCKET

"""What developers run: transformers and vLLM load a real model by its name, over https."""

import dataclasses
import json
import subprocess
import time
from urllib.request import Request, urlopen

import pytest

from portal.hub.models import Download
from portal.local.parts import Leash
from portal.local.preflight import free_port
from portal.local.vllm import HubModel, Vllm
from portal.releases.models import Revision
from tests import cast
from tests.clients.conftest import imported, key

pytestmark = [pytest.mark.model, pytest.mark.django_db]
SMOL = "open-weights/smol"
LOAD_SECONDS = 110
LOADING = f"""
import sys
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
try:
    tokenizer = AutoTokenizer.from_pretrained("{SMOL}")
    model = AutoModelForCausalLM.from_pretrained("{SMOL}", dtype=torch.float32)
except Exception as error:
    sys.exit(type(error).__name__ + ": " + str(error))
asked = tokenizer("The capital of France is", return_tensors="pt")
print("SAID", tokenizer.decode(model.generate(**asked, max_new_tokens=4, do_sample=False)[0]))
"""


@pytest.fixture(scope="module")
def smol(world, vllm_installation, django_db_blocker) -> Revision:
    """The small real model behind the portal, and one who is approved for it."""
    with django_db_blocker.unblock():
        release = cast.release("smol")
        revision = imported(release, vllm_installation.model)
        world.tokens["sam"] = key(cast.developer("sam@example.org", release))
    return revision


@pytest.fixture
def home(world, tmp_path):
    """What a developer sets to trust the portal, and an empty cache."""
    authority = str(world.portal.authority)
    return tmp_path, {"SSL_CERT_FILE": authority, "REQUESTS_CA_BUNDLE": authority}


@pytest.fixture
def loaded(world, smol, vllm_installation, home):
    """Runs LOADING for one who asks; what it said."""

    def load(who: str) -> subprocess.CompletedProcess[str]:
        folder, trust = home
        source = HubModel(f"{world.portal.url}/hub", SMOL, smol.commit, world.tokens[who], folder)
        part = vllm_installation.serving(source)
        return subprocess.run(
            [str(vllm_installation.python), "-c", LOADING], env={**part.env, **trust}, cwd=folder,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=LOAD_SECONDS, check=False,
        )  # fmt: skip

    return load


def test_transformers_loads_the_tokenizer_and_the_weights(loaded, smol):
    done = loaded("sam")

    assert "SAID The capital of France is Paris" in done.stdout
    weights = Download.objects.filter(file__revision=smol, file__path="model.safetensors").get()
    assert weights.sent_bytes == weights.file.size_bytes
    assert "transformers/" in weights.client


def test_transformers_tells_who_is_refused_why(world, loaded):
    done = loaded("not applied")

    assert done.returncode != 0
    assert "You are trying to access a gated repo" in done.stdout
    assert "Apply to Early access" in " ".join(done.stdout.split())
    assert world.portal.url in done.stdout


def test_vllm_serves_the_model_by_its_name(world, smol, vllm_installation, home):
    folder, trust = home
    vllm = Vllm(vllm_installation.cache, free_port())
    source = HubModel(f"{world.portal.url}/hub", SMOL, smol.commit, world.tokens["sam"], folder)
    part = vllm.serving(source)
    options = part.argv[part.argv.index("--host") :]
    # What `vllm serve` runs; this build of vLLM for CPUs goes by another name, at which the command stumbles.
    command = (str(vllm.python), "-m", "vllm.entrypoints.openai.api_server", "--model", SMOL, *options)
    log = folder / "vllm.log"
    with log.open("wb") as output:
        leash = Leash(dataclasses.replace(part, argv=command, env={**part.env, **trust}), output=output)
        try:
            until = time.monotonic() + LOAD_SECONDS
            while not vllm.answers():
                assert leash.process.poll() is None, log.read_text(errors="replace")[-3000:]
                assert time.monotonic() < until, log.read_text(errors="replace")[-3000:]
                time.sleep(0.2)
            asked = {"model": SMOL, "prompt": "The capital of France is", "max_tokens": 4, "temperature": 0}
            request = Request(
                f"{vllm.url}/v1/completions", json.dumps(asked).encode(), {"Content-Type": "application/json"}
            )
            with urlopen(request, timeout=60) as answer:
                [choice] = json.load(answer)["choices"]
        finally:
            leash.stop()

    assert "Paris" in choice["text"]
    assert Download.objects.filter(
        file__revision=smol, file__path="model.safetensors", client__contains="vllm"
    ).exists()

"""One portal over https, its people and releases, and the clients of three generations that come to it."""

import json
import os
import subprocess
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from portal.accounts.models import User
from portal.admissions.models import ApplicationStatus
from portal.hub.models import Download
from portal.keys import actions as keys
from portal.keys import tokens
from portal.keys.models import ApiKey, Scope
from portal.releases import actions, importing
from portal.releases.models import Release, Revision
from portal.releases.yanking import yank
from tests import cast, emptying
from tests.clients.portal import TlsPortal
from tests.conftest import signed_in
from tests.environments import environment

DRIVER = Path(__file__).with_name("driver.py")
MODEL = "open-weights/tiny"
FILES = {
    "config.json": b'{"model_type": "llama", "architectures": ["LlamaForCausalLM"]}',
    "README.md": b"# Tiny\n",
    "model-1.safetensors": cast.safetensors(3 * 1024 * 1024),
    "model-2.safetensors": cast.safetensors(2 * 1024 * 1024, layer=1),
    "model.safetensors.index.json": json.dumps(
        {
            "metadata": {"total_size": 5},
            "weight_map": {
                "layers.0.weight": "model-1.safetensors",
                "layers.1.weight": "model-2.safetensors",
            },
        }
    ).encode(),
    "onnx/models of \u00e9t\u00e9.onnx": b"onnx",
}
BIG = "open-weights/big"
BIG_BYTES = 600 * 1024 * 1024
COMMAND_SECONDS = 120


@dataclass
class World:
    """What the clients find: the portal, a token for each who asks, and what they ask for."""

    portal: TlsPortal
    revision: Revision
    big: Revision
    tokens: dict[str, str] = field(default_factory=dict)
    references: dict[str, str] = field(default_factory=dict)
    # Of Ada's browser.
    session: str = ""


@pytest.fixture(scope="package")
def world(django_db_setup, django_db_blocker, tmp_path_factory):
    """Committed data that lasts for all of these tests, and the portal that serves it."""
    root = tmp_path_factory.mktemp("clients")
    kept = django_settings.WEIGHTS_ROOT
    django_settings.WEIGHTS_ROOT = root / "store"
    portal = TlsPortal(root, WEIGHTS_ROOT=root / "store")
    with django_db_blocker.unblock():
        try:
            made = people(portal, root)
            portal.start()
            yield made
        finally:
            portal.stop()
            django_settings.WEIGHTS_ROOT = kept
            emptying.empty()


@pytest.fixture(scope="package", params=["0.36", "1", "2"])
def generation(request) -> str:
    """Each of the Hub's clients: they differ in what they ask and show."""
    return request.param


class HubClient:
    """A client in its own environment, with a home and a cache of its own."""

    def __init__(self, world: World, generation: str, home: Path) -> None:
        self.generation = generation
        self.home = home
        self._made = environment(f"hub-{generation}")
        self._world = world

    def variables(self, who: str = "ada", **more: str) -> dict[str, str]:
        """What a developer sets."""
        token = self._world.tokens.get(who, who)
        authority = str(self._world.portal.authority)
        return {
            "PATH": os.environ["PATH"], "HOME": str(self.home), "HF_HOME": str(self.home / "hf"),
            "HF_ENDPOINT": f"{self._world.portal.url}/hub", "SSL_CERT_FILE": authority,
            "REQUESTS_CA_BUNDLE": authority, "HF_HUB_DISABLE_PROGRESS_BARS": "1", "PYTHONWARNINGS": "ignore",
            "PYTHONUNBUFFERED": "1",
        } | ({"HF_TOKEN": token} if token else {}) | more  # fmt: skip

    def hf(self, *arguments: str, who: str = "ada", **more: str) -> subprocess.CompletedProcess[str]:
        """Run `hf`; its standard output and error together in `stdout`."""
        return subprocess.run(
            [str(self._made.command("hf")), *arguments], env=self.variables(who, **more), cwd=self.home,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=COMMAND_SECONDS, check=False,
        )  # fmt: skip

    def start_hf(self, *arguments: str, who: str = "ada", log: str = os.devnull) -> "subprocess.Popen[bytes]":
        """Start `hf` and go on; what it says goes into the file `log` in its home."""
        with (self.home / log).open("wb") as output:
            return subprocess.Popen(
                [str(self._made.command("hf")), *arguments], env=self.variables(who), cwd=self.home,
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip

    def calls(self, *wishes: tuple, who: str = "ada") -> list[dict]:
        """Make Python calls, each `(name, arguments, options)`, in one process; what each said."""
        full = [
            [name, list(args[0]) if args else [], args[1] if len(args) > 1 else {}] for name, *args in wishes
        ]
        done = subprocess.run(
            [str(self._made.python), str(DRIVER)], input=json.dumps(full), env=self.variables(who),
            cwd=self.home, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False,
        )  # fmt: skip
        assert "SAID " in done.stdout, done.stdout + done.stderr
        return json.loads(done.stdout.rpartition("SAID ")[2])


@pytest.fixture
def client(world, generation, tmp_path) -> HubClient:
    """A client that has never been here."""
    return HubClient(world, generation, tmp_path)


def people(portal: TlsPortal, root: Path) -> World:
    """Everybody who comes, and how each is refused."""
    tiny = cast.release("tiny")
    made = World(portal, freeze(tiny, root / "tiny"), big(root))
    programme = cast.programme(tiny, Release.objects.get(slug="big"))
    for slug in ("withdrawn", "outdated", "yanked"):
        other = cast.release(slug)
        Release.objects.filter(pk=other.pk).update(opened_at=timezone.now())
        frozen = freeze(other, root / slug)
        programme.releases.add(other)
    ada = cast.person("ada@example.org")
    cast.application(ada, programme, ApplicationStatus.APPROVED)
    for release in programme.releases.all():
        cast.accept(ada, release)
    made.session = signed_in(ada).cookies[django_settings.SESSION_COOKIE_NAME].value
    made.tokens |= {"ada": key(ada), "nobody": "", "unknown": tokens.mint().token}
    made.tokens["wrong scope"] = key(ada, Scope.INFERENCE)
    for state in ("revoked", "expired"):
        made.tokens[state] = key(ada)
        stamp = {"revoked_at": timezone.now()} if state == "revoked" else {"expires_at": timezone.now()}
        newest = ApiKey.objects.order_by("-pk")[0]
        ApiKey.objects.filter(pk=newest.pk).update(**stamp)
        made.references[state] = newest.public_id
    made.tokens["expiring"] = key(ada)
    ApiKey.objects.filter(pk=ApiKey.objects.order_by("-pk")[0].pk).update(
        expires_at=timezone.now() + timedelta(days=2)
    )
    mallory = cast.person("mallory@example.org")
    made.tokens["not applied"] = key(mallory)
    for state in (ApplicationStatus.SUBMITTED, ApplicationStatus.DECLINED, ApplicationStatus.WAITLISTED):
        applicant = cast.person(f"{state}@example.org")
        made.references[state] = cast.application(applicant, programme, state).reference
        made.tokens[state] = key(applicant)
    refuser = cast.person("refuser@example.org")
    made.references["licence"] = cast.application(refuser, programme, ApplicationStatus.APPROVED).reference
    made.tokens["licence"] = key(refuser)
    made.tokens["quota"] = key(hungry(tiny, made.revision))
    for generation in ("0.36", "1", "2"):
        for role in ("asks", "waits"):
            cast.application(cast.person(f"{role}-{generation}@example.org"), programme)
        cast.person(f"guest-{generation}@example.org")
    made.tokens["reviewer"] = key(cast.staff("rosa@example.org", "Reviewers"), Scope.REVIEW)
    yank(frozen, reason="It answers in rhyme.", by=None)
    actions.withdraw(Release.objects.get(slug="withdrawn"), reason="It was unsafe.", by=None)
    cast.publish(Release.objects.get(slug="outdated").licence, "2.0")
    return made


def hungry(tiny: Release, revision: Revision) -> User:
    """A developer who has had enough for today."""
    person = cast.developer("hungry@example.org", tiny)
    enough = django_settings.DOWNLOAD_BYTES_PER_DAY
    Download.objects.create(
        user=person,
        file=revision.files.all()[0],
        spans=[[0, enough - 1]],
        asked_bytes=enough,
        sent_bytes=enough,
        ended_at=timezone.now(),
    )
    return person


def key(user: User, scope: Scope = Scope.WEIGHTS) -> str:
    """A new key's token."""
    return keys.create(user, name="laptop", scopes=[scope], by=user).token


def freeze(release: Release, folder: Path) -> Revision:
    """FILES as the release's revision."""
    for path, data in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return imported(release, folder)


def big(root: Path) -> Revision:
    """A release whose one file takes a while."""
    folder = root / "big"
    folder.mkdir()
    with (folder / "model.safetensors").open("wb") as file:
        file.write(cast.safetensors_head(BIG_BYTES))
        file.truncate(BIG_BYTES)
    return imported(cast.release("big"), folder)


def imported(release: Release, folder: Path) -> Revision:
    """The folder as the release's revision."""
    work = actions.request_import(release, source=str(folder), by=None, dispatch=False)
    importing.run(work.pk)
    revision = release.current_revision()
    assert revision is not None
    return revision

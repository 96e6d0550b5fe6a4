"""Who may download and who may not: each denial names its gate, in headers, JSON and on a page."""

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.admissions.models import ApplicationStatus
from portal.events.models import Registration, RegistrationStatus
from portal.hub.models import Download
from portal.keys import actions as keys
from portal.keys.models import ApiKey, Scope
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb
from portal.licensing.models import LicenceVersion
from portal.releases.models import ReleaseStatus
from tests import cast
from tests.conftest import signed_in
from tests.hub.conftest import HUB, WEIGHTS, bearer_of, body

FILE = f"{HUB}/model.safetensors"
BROWSER = {"Accept": "text/html,application/xhtml+xml"}
pytestmark = pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")


def refused(response, *, status, gate, sentence):
    """The Hub's own form of a denial: status, code, and one ASCII line three times."""
    said = response.json()
    assert response.status_code == status
    assert said["gate"] == gate
    assert sentence in said["error"]
    assert said["error"].isascii()
    assert response["X-Error-Message"] == said["error"]
    assert response["X-Error-Code"] == "GatedRepo"
    assert response["X-HF-Warning"] == f"access; {said['error']}"
    assert response["X-Request-Id"]
    assert not Download.objects.exists()


def test_ada_downloads_with_her_key_and_it_is_logged(client, ada, bearer, revision):
    response = client.get(FILE, headers=bearer | {"User-Agent": "hf_hub/2.4.0"})

    assert response.status_code == 200
    assert body(response) == WEIGHTS
    download = Download.objects.get()
    assert (download.user, download.key, download.file.path) == (
        ada,
        ApiKey.objects.get(),
        "model.safetensors",
    )
    assert (download.spans, download.sent_bytes) == ([[0, 1048575]], 1048576)
    assert (download.address, download.client) == ("127.0.0.1", "hf_hub/2.4.0")
    assert download.acceptance.sha256 == revision.release.licence.current_version().sha256
    assert download.ended_at >= download.started_at
    entry = Entry.objects.get(verb=Verb.WEIGHTS_DOWNLOADED)
    assert entry.actor_label == "ada@example.org"
    assert entry.data["commit"] == revision.commit
    assert entry.data["path"] == "model.safetensors"


def test_ada_downloads_in_her_browser(as_ada, revision):
    response = as_ada.get(FILE, headers=BROWSER)

    assert body(response) == WEIGHTS
    assert response["Content-Disposition"].startswith('attachment; filename="model.safetensors"')
    assert Download.objects.get().key is None


def test_a_head_is_not_logged(client, bearer, revision):
    assert client.head(FILE, headers=bearer).status_code == 200
    assert not Download.objects.exists()
    assert not Entry.objects.filter(verb=Verb.WEIGHTS_DOWNLOADED).exists()


@pytest.mark.parametrize("method", ["get", "head"])
def test_a_stranger_is_told_to_log_in(client, revision, method):
    response = getattr(client, method)(FILE)

    assert response.status_code == 401
    assert response["X-Error-Code"] == "GatedRepo"
    assert response["X-Error-Message"].startswith(
        "Access to model open-weights/tiny is restricted. You must have access to it and be authenticated "
        "to access it. Please log in. https://portal.example.org/accounts/login/"
    )
    assert response["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "token", ["owk_0123456789ab_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef12Zfb5", "owk_half", "hf_abcdef"]
)
def test_an_unknown_key_is_refused_in_the_words_that_clients_know(client, revision, token):
    response = client.get(FILE, headers={"Authorization": f"Bearer {token}"})

    assert response.status_code == 401
    assert "X-Error-Code" not in response
    assert response["X-Error-Message"] == "Invalid credentials in Authorization header"


def test_an_unknown_key_is_refused_beside_a_session_too(as_ada, revision):
    assert as_ada.get(FILE, headers={"Authorization": "Bearer owk_half"}).status_code == 401


def test_a_revoked_key_is_refused_by_its_date(client, bearer, revision):
    ApiKey.objects.update(revoked_at="2026-11-20T12:00Z")

    response = client.get(FILE, headers=bearer)

    refused(
        response, status=401, gate="revoked_key", sentence="This API key was revoked on 20 November 2026."
    )


def test_an_expired_key_is_refused_by_its_date(client, bearer, revision):
    ApiKey.objects.update(expires_at="2026-11-20T12:00Z")

    response = client.get(FILE, headers=bearer)

    refused(response, status=401, gate="expired_key", sentence="This API key expired on 20 November 2026.")


def test_a_key_without_the_scope_is_refused(client, ada, revision):
    response = client.get(FILE, headers=bearer_of(ada, Scope.INFERENCE))

    refused(response, status=403, gate="wrong_scope", sentence="may not be used to download weights")


def test_a_key_of_another_network_is_refused(client, ada, revision):
    key = keys.create(ada, name="ci", scopes=[Scope.WEIGHTS], by=ada, networks=["203.0.113.0/24"])

    response = client.get(FILE, headers={"Authorization": f"Bearer {key.token}"})

    refused(response, status=403, gate="network_not_allowed", sentence="may not be used from 127.0.0.1")


def test_a_key_for_another_release_is_refused_files_and_metadata(client, ada, revision):
    other = cast.release(slug="other")
    key = keys.create(ada, name="ci", scopes=[Scope.WEIGHTS], by=ada, releases=[other])
    headers = {"Authorization": f"Bearer {key.token}"}

    file, model = (
        client.get(FILE, headers=headers),
        client.get("/hub/api/models/open-weights/tiny", headers=headers),
    )

    for response in (file, model):
        refused(response, status=403, gate="release_not_allowed", sentence="was not made for Tiny")


def test_mallory_is_told_to_apply(client, mallory, revision):
    cast.programme(revision.release)

    response = client.get(FILE, headers=bearer_of(mallory))

    refused(response, status=403, gate="approved", sentence="Apply to Early access: it takes a few minutes.")
    assert "https://portal.example.org/apply/early-access/" in response["X-Error-Message"]


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (ApplicationStatus.SUBMITTED, "is waiting for a reviewer"),
        (ApplicationStatus.DECLINED, "was declined"),
        (ApplicationStatus.REVOKED, "was revoked"),
    ],
)
def test_an_applicant_is_told_where_the_application_stands(client, mallory, revision, status, sentence):
    made = cast.application(mallory, cast.programme(revision.release), status)

    response = client.get(FILE, headers=bearer_of(mallory))

    refused(response, status=403, gate="approved", sentence=sentence)
    assert made.reference in response["X-Error-Message"]


def test_ada_is_told_to_accept_a_new_version(client, bearer, revision):
    cast.publish(revision.release.licence, "2.0")

    response = client.get(FILE, headers=bearer)

    refused(
        response, status=403, gate="licence_current", sentence="Read and accept Open Weights Licence 2.0."
    )


def test_ada_downloads_while_there_is_grace_and_the_terminal_counts_the_days(
    client, ada, bearer, revision, settings
):
    settings.PORTAL_URL = "https://portal.example.org"
    version = LicenceVersion(licence=revision.release.licence, number="2.0", text="# Licence 2.0")
    version.sha256, version.published_at = version.text_sha256(), timezone.now()
    version.grace_ends_at = version.published_at + timedelta(days=3, hours=1)
    version.save()

    response = client.get(FILE, headers=bearer)

    last_day = f"{version.grace_ends_at:%-d %B}"
    assert body(response) == WEIGHTS
    assert response["X-HF-Warning"] == (
        f"licence; Accept Open Weights Licence 2.0 by {last_day}, 3 days left. "
        "https://portal.example.org/licences/licence-of-tiny/"
    )


def test_ada_whose_account_is_deactivated_is_refused(client, ada, bearer, revision):
    ada.is_active = False
    ada.save()

    response = client.get(FILE, headers=bearer)

    refused(response, status=403, gate="account_active", sentence="Your account has been deactivated.")


def test_a_withdrawn_release_gives_nothing_out(client, bearer, revision):
    release = revision.release
    release.status, release.opened_at = ReleaseStatus.WITHDRAWN, revision.frozen_at
    release.save()

    response = client.get(FILE, headers=bearer)

    refused(response, status=403, gate="release_open", sentence="has been withdrawn")


def test_a_release_that_is_not_open_is_not_there(client, bearer, revision):
    revision.release.status = ReleaseStatus.CLEARED
    revision.release.save()

    response = client.get(FILE, headers=bearer)

    assert response.status_code == 404
    assert response["X-Error-Code"] == "RepoNotFound"


def test_an_event_pass_does_not_open_the_weights(client, mallory, revision):
    release = revision.release
    release.status, release.is_event_prototype = ReleaseStatus.CLEARED, True
    release.save()
    event = cast.event(starts_in=-cast.timedelta(hours=1))
    event.prototypes.add(release)
    Registration.objects.create(event=event, user=mallory, status=RegistrationStatus.CHECKED_IN)
    cast.accept(mallory, release)

    response = client.get(FILE, headers=bearer_of(mallory))

    refused(response, status=403, gate="release_open", sentence="is not open yet")


def test_mallory_sees_the_checklist_in_her_browser(as_mallory, revision):
    cast.programme(revision.release)

    response = as_mallory.get(FILE, headers=BROWSER)

    content = response.content.decode()
    assert response.status_code == 403
    assert 'data-refusal="approved"' in content
    assert 'href="/apply/early-access/"' in content


def test_a_stranger_sees_the_checklist_in_the_browser(client, revision):
    response = client.get(FILE, headers=BROWSER)

    assert response.status_code == 401
    assert 'data-refusal="signed_in"' in response.content.decode()


def test_staff_who_are_not_approved_are_refused_as_well(revision):
    remy = cast.staff("remy@example.org", "Release managers")

    response = signed_in(remy).get(FILE)

    refused(response, status=403, gate="approved", sentence="No programme opens this release yet.")


def test_a_download_asks_for_no_more_queries_than_promised(
    client, bearer, revision, django_assert_max_num_queries
):
    client.head(FILE, headers=bearer)

    # Of a process that has just started; afterwards it remembers, and a HEAD asks nothing.
    with django_assert_max_num_queries(18):
        client.head(FILE, headers=bearer)
    with django_assert_max_num_queries(36):
        body(client.get(FILE, headers=bearer))

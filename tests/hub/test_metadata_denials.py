"""Each denial says which it is, with a reference and a link, in the three places that clients print."""

from datetime import UTC, datetime

import pytest

from portal.admissions.models import ApplicationStatus
from portal.hub.models import Download
from portal.keys.models import ApiKey, Scope
from portal.releases.models import ReleaseStatus
from tests import cast
from tests.hub.conftest import bearer_of
from tests.hub.freezing import freeze

MODEL = "/hub/api/models/open-weights/tiny"
CHECK = f"{MODEL}/auth-check"
PORTAL = "https://portal.example.org"
THEN = datetime(2026, 11, 20, 12, tzinfo=UTC)
METADATA = [
    MODEL,
    f"{MODEL}/revision/main",
    f"{MODEL}/tree/main",
    f"{MODEL}/refs",
    f"{MODEL}/commits/main",
    CHECK,
]


@pytest.fixture
def model(release):
    return freeze(release, {"config.json": b"{}"})


def denied(response, *, status, gate, sentence):
    """The Hub's own form of a denial: one ASCII line, three times."""
    assert response.json() == {"error": sentence, "gate": gate}
    assert response.status_code == status
    assert sentence.isascii()
    assert response["X-Error-Code"] == "GatedRepo"
    assert response["X-Error-Message"] == sentence
    assert response["X-HF-Warning"] == f"access; {sentence}"
    assert response["Content-Type"] == "application/json"
    assert response["Cache-Control"] == "no-store"
    assert response["X-Request-Id"]
    assert response.headers.get("WWW-Authenticate") == ("Bearer" if status == 401 else None)


@pytest.mark.parametrize("address", METADATA)
def test_a_stranger_is_told_to_log_in(client, model, address):
    denied(
        client.get(address),
        status=401,
        gate="signed_in",
        sentence="Access to model open-weights/tiny is restricted. You must have access to it and be "
        f"authenticated to access it. Please log in. {PORTAL}/accounts/login/",
    )


@pytest.mark.parametrize(
    "token", ["owk_0123456789ab_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef12Zfb5", "owk_half", "hf_abcdef"]
)
@pytest.mark.parametrize("address", [*METADATA, "/hub/api/whoami-v2", "/hub/api/models"])
def test_an_unknown_token_is_refused_in_the_words_that_clients_know(client, model, token, address):
    response = client.get(address, headers={"Authorization": f"Bearer {token}"})

    assert response.status_code == 401
    assert "X-Error-Code" not in response
    assert response["X-Error-Message"] == "Invalid credentials in Authorization header"
    assert response.json()["error"] == "Invalid credentials in Authorization header"
    assert response["X-HF-Warning"].startswith("access; ")
    assert response["X-HF-Warning"].endswith(f" {PORTAL}/keys/")


@pytest.mark.parametrize("address", METADATA)
def test_a_revoked_key_is_named_with_its_date(client, bearer, model, address):
    ApiKey.objects.update(revoked_at=THEN)

    denied(
        client.get(address, headers=bearer),
        status=401,
        gate="revoked_key",
        sentence="This API key was revoked on 20 November 2026. Make a new one under Keys. "
        f"{PORTAL}/keys/ (reference owk_{ApiKey.objects.get().public_id}...)",
    )


def test_an_expired_key_is_named_with_its_date(client, bearer, model):
    ApiKey.objects.update(expires_at=THEN)

    denied(
        client.get(MODEL, headers=bearer),
        status=401,
        gate="expired_key",
        sentence="This API key expired on 20 November 2026. Make a new one under Keys. "
        f"{PORTAL}/keys/ (reference owk_{ApiKey.objects.get().public_id}...)",
    )


def test_a_key_of_another_scope_is_named(client, ada, model):
    denied(
        client.get(MODEL, headers=bearer_of(ada, Scope.INFERENCE)),
        status=403,
        gate="wrong_scope",
        sentence="This API key may not be used to download weights. Make one with that scope under Keys. "
        f"{PORTAL}/keys/ (reference owk_{ApiKey.objects.get().public_id}...)",
    )


def test_an_account_without_a_verified_address_reads_nothing(client, mallory, model):
    bearer = bearer_of(mallory)
    mallory.emailaddress_set.update(verified=False)

    for address in (*METADATA, "/hub/api/models"):
        denied(
            client.get(address, headers=bearer),
            status=403,
            gate="email_verified",
            sentence="Verify your e-mail address: follow the link that we sent you, or ask for a new one. "
            f"{PORTAL}/accounts/email/",
        )


def test_a_deactivated_account_reads_nothing(client, ada, bearer, model):
    ada.is_active = False
    ada.save()

    for address in (*METADATA, "/hub/api/models"):
        denied(
            client.get(address, headers=bearer),
            status=403,
            gate="account_active",
            sentence="Your account has been deactivated. Write to the organisation if you think this is a "
            "mistake.",
        )


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (ApplicationStatus.DRAFT, "is a draft. Finish and submit it."),
        (ApplicationStatus.SUBMITTED, "is waiting for a reviewer. We will write to you."),
        (ApplicationStatus.IN_REVIEW, "is being reviewed. We will write to you."),
        (ApplicationStatus.WAITLISTED, "is on the waiting list. We will write to you."),
        (ApplicationStatus.DECLINED, "was declined. Its page has the reviewer's message."),
    ],
)
def test_an_applicant_is_told_where_the_application_stands(client, mallory, model, status, sentence):
    made = cast.application(mallory, cast.programme(model.release), status)

    denied(
        client.get(CHECK, headers=bearer_of(mallory)),
        status=403,
        gate="approved",
        sentence=f"Your application {made.reference} {sentence} {PORTAL}/apply/early-access/",
    )


def test_mallory_is_told_to_apply(client, mallory, model, release):
    cast.programme(release)

    denied(
        client.get(CHECK, headers=bearer_of(mallory)),
        status=403,
        gate="approved",
        sentence=f"Apply to Early access: it takes a few minutes. {PORTAL}/apply/early-access/",
    )


def test_who_never_accepted_the_licence_is_told_so(client, model, release):
    nora = cast.person("nora@example.org")
    made = cast.application(nora, cast.programme(release), ApplicationStatus.APPROVED)

    denied(
        client.get(CHECK, headers=bearer_of(nora)),
        status=403,
        gate="licence_accepted",
        sentence="Read and accept Open Weights Licence 1.0. "
        f"{PORTAL}/licences/licence-of-tiny/ (reference {made.reference})",
    )


def test_who_accepted_an_older_licence_is_told_both_versions(client, ada, bearer, model, release):
    cast.publish(release.licence, "2.0")

    denied(
        client.get(CHECK, headers=bearer),
        status=403,
        gate="licence_current",
        sentence="You accepted version 1.0, which is no longer in force. Read and accept Open Weights "
        f"Licence 2.0. {PORTAL}/licences/licence-of-tiny/ (reference {ada.applications.get().reference})",
    )


def test_a_withdrawn_release_says_so(client, ada, bearer, model, release):
    release.status, release.opened_at = ReleaseStatus.WITHDRAWN, THEN
    release.save()

    denied(
        client.get(CHECK, headers=bearer),
        status=403,
        gate="release_open",
        sentence="Tiny has been withdrawn. Its page says why and what to use instead. "
        f"{PORTAL}/releases/tiny/ (reference {ada.applications.get().reference})",
    )


def test_who_took_the_days_bytes_is_told_when_to_go_on(client, ada, bearer, model, settings):
    settings.DOWNLOAD_BYTES_PER_DAY = 1024
    file = model.files.get()
    Download.objects.create(user=ada, file=file, spans=[[0, 1023]], asked_bytes=1024)

    response = client.get(CHECK, headers=bearer)

    assert response.json()["error"].startswith("You have downloaded 1.0 KB today, and one person may ")
    assert response.json()["error"].endswith(
        f" {PORTAL}/releases/downloads/ (reference owk_{ApiKey.objects.get().public_id}...)"
    )
    denied(response, status=403, gate="bytes_per_day", sentence=response["X-Error-Message"])

"""Starting a batch by the page: under one's own live keys, within the limits, or not at all."""

from typing import Any

from django.test import Client

from playground.batches.models import ApiFile, Batch
from portal.accounts.models import User
from portal.keys import actions
from portal.keys.actions import CreatedKey
from portal.keys.models import ApiKey, Scope
from portal.releases.models import Release
from tests import cast
from tests.batches.stack import jsonl, request
from tests.batches.test_pages import upload


def test_ada_starts_a_batch_with_a_file(as_ada: Client, ada: User, key: CreatedKey) -> None:
    content = jsonl(request("a"), request("b"))

    response = as_ada.post("/batches/new/", upload(key.key, content))

    batch = Batch.objects.get()
    assert response["Location"] == f"/batches/{batch.pk}/"
    assert (batch.key, batch.user, batch.endpoint) == (key.key, ada, "/v1/chat/completions")
    assert batch.input_file.filename == "mine.jsonl"
    assert batch.input_file.path.read_bytes() == content


def test_a_file_that_is_too_large_is_refused_and_the_form_keeps_the_rest(
    as_ada: Client, key: CreatedKey, settings: Any
) -> None:
    settings.BATCH_FILE_BYTES_MAX = 10

    response = as_ada.post("/batches/new/", upload(key.key, endpoint="/v1/embeddings"))

    page = response.content.decode()
    assert response.status_code == 422
    assert "The file is larger than 10\xa0bytes." in page
    assert '<option value="/v1/embeddings" selected>' in page
    assert not ApiFile.objects.exists()


def test_a_batch_that_is_refused_leaves_no_file(as_ada: Client, key: CreatedKey, settings: Any) -> None:
    settings.BATCHES_LIVE_PER_PERSON = 0

    response = as_ada.post("/batches/new/", upload(key.key))

    assert response.status_code == 422
    assert "batches of yours are not over yet" in response.content.decode()
    assert not ApiFile.objects.filter(deleted_at=None).exists()
    assert not Batch.objects.exists()


def test_only_live_keys_for_calls_of_ones_own_are_offered(
    as_ada: Client, ada: User, key: CreatedKey, release: Release
) -> None:
    eve = cast.developer("eve@example.org", release)
    hers = actions.create(eve, name="eves", scopes=[Scope.INFERENCE], by=eve).key
    weights = actions.create(ada, name="weights", scopes=[Scope.WEIGHTS], by=ada).key
    revoked = actions.create(ada, name="revoked", scopes=[Scope.INFERENCE], by=ada).key
    actions.revoke(revoked, by=ada)

    offered = as_ada.get("/batches/new/").context["form"].fields["key"].queryset
    refused = [as_ada.post("/batches/new/", upload(one)).status_code for one in (hers, weights, revoked)]

    assert list(offered) == [key.key]
    assert refused == [422, 422, 422]
    assert not Batch.objects.exists()


def test_a_key_of_another_network_starts_nothing(as_ada: Client, key: CreatedKey) -> None:
    ApiKey.objects.filter(pk=key.key.pk).update(networks=["203.0.113.0/24"])

    response = as_ada.post("/batches/new/", upload(key.key))

    assert response.status_code == 422
    assert "may not be used from 127.0.0.1" in response.content.decode()


def test_ada_without_keys_is_sent_to_make_one(as_ada: Client) -> None:
    page = as_ada.get("/batches/new/").content.decode()

    assert "A batch needs a key" in page
    assert 'href="/keys/new/"' in page

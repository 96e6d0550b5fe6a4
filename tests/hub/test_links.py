"""Signed links: who may make one, whom it lets in, and when it ends."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.admissions.models import Application, ApplicationStatus
from portal.common.refusals import Refusal
from portal.hub import links
from portal.hub.models import DownloadLink
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb
from tests import cast
from tests.hub.conftest import WEIGHTS

SIZE = len(WEIGHTS)


@pytest.fixture
def file(revision):
    """The model's large file."""
    return revision.files.get(path="model.safetensors")


@pytest.fixture
def made(file, ada):
    """Ada's link to it."""
    return links.create(file, by=ada)


def token_of(made) -> str:
    return made.url.split("/")[-2]


def refusal_of(token, visitor=None, **how):
    with pytest.raises(Refusal) as caught:
        links.find(token, visitor=visitor, **how)
    return caught.value


def test_ada_makes_a_link_for_a_day_and_five_downloads(settings, file, ada):
    before = timezone.now()

    made = links.create(file, by=ada, address="192.0.2.1")

    link = DownloadLink.objects.get()
    assert made.url == f"https://portal.example.org/hub/links/{token_of(made)}/model.safetensors"
    assert (link.user, link.file, link.uses_max, link.left_bytes) == (ada, file, 5, 5 * SIZE)
    assert timedelta(hours=24) <= link.expires_at - before < timedelta(hours=24, minutes=1)
    secret = token_of(made).partition(".")[2]
    assert len(secret) == 32
    assert secret not in repr(made)
    assert secret not in str(DownloadLink.objects.values().get())
    entry = Entry.objects.get(verb=Verb.LINK_CREATED)
    assert (entry.actor_id, entry.address, entry.data["path"]) == (ada.pk, "192.0.2.1", "model.safetensors")
    assert secret not in str(entry.data)


def test_the_operator_decides_how_long_and_how_often(settings, file, ada):
    settings.HUB_LINK_HOURS, settings.HUB_LINK_USES = 1, 2

    link = links.create(file, by=ada).link

    assert link.left_bytes == 2 * SIZE
    assert link.expires_at - link.created_at == timedelta(hours=1)


def test_a_name_is_quoted_in_the_address(revision, ada):
    made = links.create(revision.files.get(path__startswith="onnx/"), by=ada)

    assert made.url.endswith("/models%20of%20%C3%A9t%C3%A9.onnx")


def test_mallory_cannot_make_a_link(file, mallory):
    with pytest.raises(Refusal) as caught:
        links.create(file, by=mallory)

    assert caught.value.code == "approved"
    assert not DownloadLink.objects.exists()


@pytest.mark.parametrize("uses", [0, -1, 101, 40_000])
def test_a_number_of_uses_that_cannot_be_is_refused(file, ada, uses):
    with pytest.raises(Refusal) as caught:
        links.create(file, by=ada, uses=uses)

    assert (caught.value.code, caught.value.status) == ("link_uses", 400)


def test_ada_has_as_many_live_links_as_one_may(settings, file, ada):
    settings.HUB_LINKS_PER_PERSON = 2
    first = links.create(file, by=ada).link
    links.create(file, by=ada)

    with pytest.raises(Refusal) as caught:
        links.create(file, by=ada)
    links.revoke(first, by=ada)
    links.create(file, by=ada)

    assert caught.value.code == "too_many_links"


def test_a_link_is_found_with_all_that_the_door_needs_in_one_query(made, file, ada):
    with CaptureQueriesContext(connection) as queries:
        link = links.find(token_of(made), visitor=None)
        assert (link.user, link.file.revision.release.licence.slug) == (ada, "licence-of-tiny")

    assert len(queries) == 1
    assert links.find(token_of(made), visitor=ada) == link


@pytest.mark.parametrize(
    "alter",
    [
        lambda token: token[:-1] + ("a" if token[-1] != "a" else "b"),
        lambda token: token[:-1],
        lambda token: token + "a",
        lambda token: token.replace(".", ""),
        lambda token: "0" * 12 + token[12:],
        lambda token: token.swapcase(),
        lambda token: "\udcff" + token[1:],
        lambda token: "\0" + token[1:],
        lambda token: "",
    ],
)
def test_an_altered_link_is_answered_like_one_that_never_was(made, alter):
    with CaptureQueriesContext(connection) as queries:
        refused = refusal_of(alter(token_of(made)))

    assert refused == refusal_of("0" * 12 + "." + "0" * 32)
    assert (refused.code, refused.status, refused.remedy) == ("link_unknown", 404, "/releases/")
    assert len(queries) == 1


def test_mallory_cannot_use_adas_link_where_she_is_signed_in(made, mallory):
    links.revoke(made.link, by=None)

    refused = refusal_of(token_of(made), visitor=mallory)

    assert (refused.code, refused.status, refused.remedy) == ("link_of_another", 403, "/releases/tiny/")


def test_a_link_expires(made):
    last = made.link.expires_at

    refused = refusal_of(token_of(made), at=last)

    assert links.find(token_of(made), visitor=None, at=last - timedelta(seconds=1)) == made.link
    assert (refused.code, refused.status, refused.remedy) == ("link_expired", 403, "/releases/tiny/")
    assert refused.sentence.startswith("This link worked until ")
    assert refused.sentence.endswith("Make a new one on the release's page.")


def test_ada_revokes_her_link_once(made, ada):
    first = links.revoke(made.link, by=ada, address="192.0.2.1")
    second = links.revoke(made.link, by=ada)

    assert (first, second) == (True, False)
    assert refusal_of(token_of(made)).code == "link_revoked"
    assert Entry.objects.filter(verb=Verb.LINK_REVOKED).count() == 1


def test_a_link_lets_so_many_bytes_leave_in_however_many_pieces(file, ada):
    made = links.create(file, by=ada, uses=1)

    pieces = [links.reserve(made.link, count) for count in (SIZE // 2, SIZE, SIZE - SIZE // 2, 1)]

    assert pieces == [True, False, True, False]
    assert refusal_of(token_of(made)).sentence == (
        "This link was good for one download of the file, and is used up. "
        "Make a new one on the release's page."
    )


def test_what_did_not_leave_is_given_back(made):
    assert links.reserve(made.link, SIZE)

    links.settle(made.link.pk, asked_bytes=SIZE, sent_bytes=SIZE - 300)

    made.link.refresh_from_db()
    assert made.link.left_bytes == 4 * SIZE + 300


def test_a_link_to_an_empty_file_ends_too(revision, ada):
    made = links.create(revision.files.get(path="empty.txt"), by=ada, uses=2)

    taken = [links.reserve(made.link, 0) for _ in range(3)]
    links.settle(made.link.pk, asked_bytes=0, sent_bytes=0)

    assert taken == [True, True, False]
    assert refusal_of(token_of(made)).code == "link_used_up"


def test_an_approval_that_is_revoked_ends_the_making_of_links(file, ada):
    Application.objects.update(status=ApplicationStatus.REVOKED)

    with pytest.raises(Refusal):
        links.create(file, by=ada)


@pytest.mark.django_db(transaction=True)
def test_a_last_use_is_given_to_one_of_many_at_once(file, ada):
    made = links.create(file, by=ada, uses=1)

    def reserve(_):
        try:
            return links.reserve(made.link, SIZE)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(reserve, range(8)))

    assert sum(taken) == 1


@pytest.mark.django_db(transaction=True)
def test_many_clicks_at_once_make_no_link_too_many(settings, file, ada):
    settings.HUB_LINKS_PER_PERSON = 3

    def create(_):
        try:
            return links.create(file, by=ada)
        except Refusal as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(create, range(8)))

    assert DownloadLink.objects.count() == 3


def test_ada_sees_her_links_only(made, file, ada):
    bob = cast.developer("bob@example.org", file.revision.release)
    links.create(file, by=bob)

    assert list(DownloadLink.objects.visible_to(ada)) == [made.link]

"""Share links: who reads them, when they are over, what they show, and asking for the same again."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from playground import actions
from playground.actions import Outcome
from playground.models import Audience, Conversation, Generation, ShareLink
from playground.sharing import is_working
from portal.common.refusals import Refusal
from portal.ledger.models import Entry
from portal.releases.models import Release, ReleaseStatus, Revision
from tests import cast
from tests.conftest import signed_in
from tests.playground.conftest import wish

PAGE = "/playground/shares/"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def answer(ada, release) -> Generation:
    """The second answer of a talk that went on to a third."""
    first = said(ada, release, "First?", "The first.")
    talk = first.turn.conversation
    second = said(ada, release, "Second?", "The **second**.", talk=talk, seed=11, system_prompt="Be brief.")
    said(ada, release, "Secret?", "A secret.", talk=talk)
    return second


def said(by, release, prompt, text, *, talk=None, **settings):
    asked = actions.send(wish(prompt, **settings), by=by, release=release, conversation=talk)
    actions.finish(actions.begin(asked.pk), Outcome(text=text, finish_reason="stop", completion_tokens=3))
    return Generation.objects.with_story().get(pk=asked.pk)


def share(answer, audience=Audience.APPROVED, *, lasts=timedelta(days=7), title="A talk"):
    by = answer.turn.conversation.user
    return actions.share(answer, by=by, audience=audience, title=title, lasts=lasts)


def reads(link, visitor):
    return visitor.get(link.get_absolute_url()).status_code


def test_ada_shares_by_the_form(as_ada, answer):
    form = as_ada.get(f"/playground/generations/{answer.pk}/share/")
    made = as_ada.post(
        f"/playground/generations/{answer.pk}/share/",
        {"title": "Look", "audience": "approved", "expiry": "day"},
    )

    link = ShareLink.objects.get()
    assert "Share this answer" in form.text
    assert (made.status_code, made["Location"]) == (302, f"{PAGE}{link.pk}/")
    assert (link.title, link.audience, link.at) == ("Look", "approved", answer)
    assert timedelta(hours=23) < link.expires_at - timezone.now() < timedelta(hours=25)
    entry = Entry.objects.filter(verb="share_link.created").get()
    assert entry.data == {"release": "tiny", "audience": "approved"}
    page = as_ada.get(PAGE).text
    assert f"http://testserver{link.get_absolute_url()}" in page


def test_a_link_shows_the_branch_as_it_stood_and_nothing_after(client, as_rosa, answer, release):
    berta = cast.developer("berta@example.org", release)
    link = share(answer)
    visitor = signed_in(berta)

    page = visitor.get(link.get_absolute_url())

    assert page.status_code == 200
    for words in (
        "First?",
        "The first.",
        "<strong>second</strong>",
        "Be brief.",
        "Seed 11",
        "Shared by",
        "Ada",
    ):
        assert words in page.text
    for words in ("Secret?", "A secret.", "ada@example.org"):
        assert words not in page.text
    assert page["X-Robots-Tag"] == "noindex"
    visitor.head(link.get_absolute_url())
    signed_in(link.user).get(link.get_absolute_url())
    link.refresh_from_db()
    assert link.view_count == 1


def test_what_a_model_wrote_runs_and_loads_nothing_on_a_shared_page(client, ada, release):
    text = "<script>alert(1)</script> ![pixel](http://evil.org/p.png) [x](javascript:alert(1))"
    link = share(said(ada, release, "<b>Why</b>?", text), Audience.SHOWCASE)

    for path in (link.get_absolute_url(), "/playground/showcase/tiny/"):
        page = client.get(path).text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
        assert "<script>alert" not in page
        assert 'src="http://evil.org' not in page
        assert 'href="javascript:' not in page
        assert "<b>Why" not in page


def test_each_audience_is_let_in_and_nobody_else(client, as_ada, as_mallory, answer, release):
    berta = signed_in(cast.developer("berta@example.org", release))
    private, approved, showcase = (share(answer, audience) for audience in Audience)

    assert [reads(link, as_ada) for link in (private, approved, showcase)] == [200, 200, 200]
    assert [reads(link, berta) for link in (private, approved, showcase)] == [404, 200, 200]
    assert [reads(link, as_mallory) for link in (private, approved, showcase)] == [404, 403, 200]
    assert [reads(link, client) for link in (private, approved, showcase)] == [302, 302, 200]
    assert 'data-gate="approved"' in as_mallory.get(approved.get_absolute_url()).text
    assert "The <strong>" not in as_mallory.get(approved.get_absolute_url()).text


def test_revoked_expired_and_deleted_links_say_the_same(as_ada, client, ada, answer):
    revoked, over, deleted = (share(answer, Audience.SHOWCASE) for _ in range(3))
    as_ada.post(f"{PAGE}{revoked.pk}/revoke/")
    as_ada.post(f"{PAGE}{revoked.pk}/revoke/")
    ShareLink.objects.filter(pk=over.pk).update(expires_at=timezone.now())
    deleted_pk = deleted.pk
    deleted.delete()

    pages = [client.get(f"/playground/shared/{pk}/") for pk in (revoked.pk, over.pk, deleted_pk)]

    assert [page.status_code for page in pages] == [410, 410, 410]
    assert all("This link shows nothing any more" in page.text for page in pages)
    assert all("The <strong>" not in page.text for page in pages)
    assert as_ada.post(f"{revoked.get_absolute_url()}reproduce/").status_code == 410
    assert Entry.objects.filter(verb="share_link.revoked").count() == 1
    told = as_ada.get(PAGE).text
    assert ("Revoked" in told, "Expired" in told) == (True, True)


def test_a_link_goes_with_its_conversation(client, ada, answer):
    link = share(answer, Audience.SHOWCASE)

    actions.delete(answer.turn.conversation, by=ada)

    assert reads(link, client) == 410


def test_a_link_is_changed_while_it_works(as_ada, ada, client, answer):
    link = share(answer, Audience.SHOWCASE, lasts=None)
    changed = {"title": "New", "audience": "private", "expiry": "month"}

    assert as_ada.post(f"{PAGE}{link.pk}/", changed).status_code == 302
    link.refresh_from_db()
    assert (link.title, link.audience, is_working(link)) == ("New", "private", True)
    assert is_working(link, at=timezone.now() + timedelta(days=31)) is False
    assert reads(link, client) == 302
    assert Entry.objects.filter(verb="share_link.created", data__is_changed=True).count() == 1

    actions.revoke_share(link, by=ada)
    assert as_ada.post(f"{PAGE}{link.pk}/", changed).status_code == 422
    assert as_ada.post(f"{PAGE}{link.pk}/", {"audience": "everyone"}).status_code == 422


def test_what_is_not_kept_live_or_imported_is_not_shared(ada, release, answer):
    unkept = actions.send(wish(is_unkept=True), by=ada, release=release)
    with pytest.raises(Refusal) as refusal:
        share(Generation.objects.with_story().get(pk=unkept.pk))
    assert refusal.value.code == "answer_not_ended"
    actions.finish(actions.begin(unkept.pk), Outcome(text="x"))
    with pytest.raises(Refusal) as refusal:
        share(Generation.objects.with_story().get(pk=unkept.pk))
    assert refusal.value.code == "conversation_not_kept"
    Generation.objects.filter(pk=answer.pk).update(is_imported=True)
    with pytest.raises(Refusal) as refusal:
        share(Generation.objects.with_story().get(pk=answer.pk))
    assert refusal.value.code == "answer_imported"


def test_nothing_of_a_release_that_is_not_public_is_shown_to_everyone(client, as_ada, answer, release):
    link = share(answer, Audience.SHOWCASE)
    release.status = ReleaseStatus.EVALUATING
    release.save()

    assert reads(link, client) == 302
    assert client.get("/playground/showcase/tiny/").status_code == 404
    refused = as_ada.post(
        f"/playground/generations/{answer.pk}/share/",
        {"title": "Look", "audience": "showcase", "expiry": "day"},
    )
    assert (refused.status_code, "nothing of it can be shown to everyone" in refused.text) == (422, True)


def test_berta_asks_for_the_same_again(answer, release):
    link = share(answer)
    berta = cast.developer("berta@example.org", release)
    visitor, token = signed_in(berta), str(uuid4())

    made = visitor.post(f"{link.get_absolute_url()}reproduce/", {"token": token})
    again = visitor.post(f"{link.get_absolute_url()}reproduce/", {"token": token})

    talk = Conversation.objects.get(user=berta)
    assert made["Location"] == again["Location"] == talk.get_absolute_url()
    copied, asked = Generation.objects.filter(turn__conversation=talk).order_by("queued_at")
    assert (copied.text, copied.is_imported, copied.status) == ("The first.", True, "done")
    assert (asked.turn.prompt, asked.turn.follows, asked.status) == ("Second?", copied, "queued")
    assert asked.params == answer.params
    assert talk.settings == {"system_prompt": "Be brief.", "temperature": 0.7, "max_tokens": 100, "seed": 11}


def test_a_revision_that_is_served_beside_answers_and_one_that_is_not_is_refused(answer, ada, release):
    Generation.objects.filter(pk=answer.pk).update(params=answer.params | {"revision": "a" * 40})
    link = share(Generation.objects.with_story().get(pk=answer.pk))
    old = Revision.objects.create(
        release=release, name="old", commit="a" * 40, total_bytes=1, is_current=False
    )
    Revision.objects.create(release=release, name="main", commit="b" * 40, total_bytes=1)
    with pytest.raises(Refusal) as refusal:
        actions.reproduce(link, by=ada, token=uuid4())
    assert (refusal.value.code, "Revision aaaaaaa of Tiny" in refusal.value.sentence) == (
        "revision_not_served",
        True,
    )
    assert Conversation.objects.count() == 1

    Revision.objects.filter(pk=old.pk).update(backend_url="http://old.example.org")
    asked = actions.reproduce(link, by=ada, token=uuid4())

    assert asked.revision == old


def test_who_may_not_try_the_release_reads_a_showcase_and_asks_nothing(as_mallory, answer):
    link = share(answer, Audience.SHOWCASE)

    refused = as_mallory.post(f"{link.get_absolute_url()}reproduce/", {"token": str(uuid4())})

    assert refused.status_code == 403
    assert Conversation.objects.count() == 1


def test_the_showcase_lists_what_works_and_staff_take_down(client, as_ada, as_rosa, mallory, answer):
    links = [share(answer, audience, title=f"For {audience}") for audience in Audience]
    shown = links[-1]
    milo = cast.staff("milo@example.org", "Release managers")

    page = client.get("/playground/showcase/tiny/").text
    assert "For showcase" in page
    assert ("For approved" in page, "For private" in page) == (False, False)
    assert "Take down" not in page
    for visitor in (as_ada, as_rosa, signed_in(mallory)):
        assert visitor.post(f"{shown.get_absolute_url()}take-down/").status_code == 404
    assert signed_in(milo).post(f"{links[1].get_absolute_url()}take-down/").status_code == 404
    assert "Take down" in signed_in(milo).get("/playground/showcase/tiny/").text

    assert signed_in(milo).post(f"{shown.get_absolute_url()}take-down/").status_code == 302

    assert reads(shown, client) == 410
    assert "For showcase" not in client.get("/playground/showcase/tiny/").text
    assert Entry.objects.get(verb="share_link.revoked").actor_id == milo.pk


def test_a_stranger_finds_the_showcase_on_the_page_of_a_release(client, answer, release):
    address = "/playground/showcase/tiny/"
    page = client.get("/releases/tiny/").text
    nothing = client.get(address, headers=HTMX).text
    links = [share(answer, Audience.SHOWCASE, title=f"Talk {number}.") for number in range(4)]
    share(answer, Audience.APPROVED, title="Not for all")

    newest = client.get(address, headers=HTMX).text

    assert page.count(f'href="{address}"') == 1
    assert f'hx-get="{address}"' in page
    assert "Nobody shares an answer of it with everyone yet." in nothing
    assert re.findall("Talk .", newest) == ["Talk 3", "Talk 2", "Talk 1"]
    assert links[3].get_absolute_url() in newest
    assert "<html" not in newest
    assert "Not for all" not in newest


@pytest.mark.parametrize(
    ("status", "opened", "is_public"),
    [("open", True, True), ("withdrawn", True, True), ("withdrawn", False, False), ("cleared", False, False)],
)
def test_the_page_of_a_release_names_its_showcase_where_there_is_one(
    client, release, status, opened, is_public
):
    Release.objects.update(status=status, opened_at=timezone.now() if opened else None)

    pages = [client.get(path) for path in ("/releases/tiny/", "/playground/showcase/tiny/")]

    assert Release.objects.get().is_public is is_public
    assert [page.status_code == 200 for page in pages] == [is_public, is_public]
    assert ("/playground/showcase/tiny/" in pages[0].text) is is_public


def test_nobody_else_changes_adas_links(as_mallory, client, answer, release):
    link = share(answer)
    berta = signed_in(cast.developer("berta@example.org", release))

    for visitor in (berta, as_mallory):
        assert visitor.get(f"{PAGE}{link.pk}/").status_code == 404
        assert visitor.post(f"{PAGE}{link.pk}/", {}).status_code == 404
        assert visitor.post(f"{PAGE}{link.pk}/revoke/").status_code == 404
        assert visitor.get(f"/playground/generations/{answer.pk}/share/").status_code == 404
    assert "A talk" not in berta.get(PAGE).text
    assert client.get(PAGE).status_code == 302


@pytest.mark.parametrize("count", [1, 3])
def test_pages_take_a_fixed_number_of_queries(as_ada, ada, release, count, django_assert_max_num_queries):
    client = Client()
    first = said(ada, release, "0?", "0.")
    last = first
    for number in range(count):
        last = said(ada, release, f"{number}?", f"{number}.", talk=first.turn.conversation)
    link = share(last, Audience.SHOWCASE)
    for _ in range(count):
        share(first, Audience.SHOWCASE)

    with django_assert_max_num_queries(5):
        client.get(link.get_absolute_url())
    with django_assert_max_num_queries(5):
        as_ada.get(PAGE)
    with django_assert_max_num_queries(4):
        client.get("/playground/showcase/tiny/")

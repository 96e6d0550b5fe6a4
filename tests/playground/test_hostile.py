"""What a model writes to do harm, rendered in the real browser: nothing runs, loads, leads away or hangs."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from playground import actions, streams
from playground.models import Conversation, Generation, GenerationStatus, Turn
from playground.rendering import render
from portal.accounts.models import User
from portal.releases.models import Release
from tests.look.checks import DESK, watch_policy
from tests.playground.conftest import wish
from tests.playground.corpus import corpus

CORPUS = corpus()
PAGE_SCRIPT = (Path(__file__).parent / "hostile_page.js").read_text()
LIMIT_SECONDS = 2
LONG = 600
WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", ({ blockedURI, effectiveDirective, sample }) => {
  window.violations.push(`${effectiveDirective} ${blockedURI} ${sample}`);
});
"""


@dataclass
class Watched:
    """The playground's page, and all that happened to it which should not."""

    page: Page
    base_url: str
    path: str = "/playground/"
    happened: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Record dialogs, windows and requests, those of navigations included; none leaves the machine."""
        page = self.page
        page.on("dialog", lambda dialog: (self.happened.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.context.on("page", lambda _: self.happened.append("a window"))
        page.context.route("**/*", self._request)

    def _request(self, route: Any) -> None:
        path = route.request.url.removeprefix(self.base_url)
        if path.startswith("/static/") or path == self.path:
            route.continue_()
            return
        if path.endswith("/status/"):
            # The page's own question after the model, which would outlive the test.
            route.fulfill(status=204)
            return
        self.happened.append(f"request for {route.request.url}")
        route.abort()

    def assert_calm(self) -> None:
        """Assert that nothing ran and nothing happened."""
        told = self.page.evaluate(
            "({ran: 'pwned' in window, violations, at: location.href, same: 'hostile' in window})"
        )

        assert told == {"ran": False, "violations": [], "at": self.base_url + self.path, "same": True}
        assert self.happened == []
        assert self.complaints == []


@pytest.fixture
def watched(browser: Browser, live_server: Any, as_ada: Client) -> Iterator[Watched]:
    """Ada's empty playground under the real policy, watched once it stands."""
    context = browser.new_context(viewport=DESK, base_url=live_server.url)
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": as_ada.cookies[name].value, "url": live_server.url}])
    context.add_init_script(WATCH)
    page = context.new_page()
    complaints = watch_policy(page)
    page.goto("/playground/")
    page.evaluate(PAGE_SCRIPT)
    watched = Watched(page, live_server.url, complaints=complaints)
    watched.watch()
    yield watched
    watched.assert_calm()
    context.close()


def in_pieces(page: Page, names: list[str], pieces: int) -> dict[str, list[str]]:
    """Render these at once, each in so many pieces; what was found in any state, by name."""
    texts = json.dumps([CORPUS[name] for name in names])
    told = page.evaluate("([texts, pieces]) => hostile.inPieces(JSON.parse(texts), pieces)", [texts, pieces])
    return {name: found for name, found in zip(names, told["faults"], strict=True) if found}


def processor_seconds(page: Page) -> float:
    """What the page has cost so far: not the clock's time, which a busy machine stretches."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    metrics = session.send("Performance.getMetrics")["metrics"]
    session.detach()
    return next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration")


def test_the_corpus_is_large_and_has_no_twins() -> None:
    assert len(CORPUS) >= 200
    assert len(set(CORPUS.values())) == len(CORPUS)


def test_the_server_renders_each_in_time() -> None:
    slow = {}
    for name, text in CORPUS.items():
        started = time.process_time()
        render(text)
        if (took := time.process_time() - started) > LIMIT_SECONDS:
            slow[name] = took

    assert slow == {}


@pytest.mark.browser
def test_the_watch_sees_what_it_watches_for(watched: Watched) -> None:
    harm = '<p onclick="x"><img src="/x.png"><img src="https://evil.example/x.png" onerror="x()"></p>'

    faults = watched.page.evaluate(
        """html => {
            const box = document.createElement("div");
            box.innerHTML = html;
            document.body.append(box);
            return hostile.strange(box);
        }""",
        harm,
    )
    watched.page.wait_for_timeout(300)
    violations = watched.page.evaluate("violations.splice(0)")

    assert len(faults) == 5
    assert {violation.split()[0] for violation in violations} == {"script-src-attr", "img-src"}
    assert watched.happened == [f"request for {watched.base_url}/x.png"]
    assert len(watched.complaints) > 0
    watched.happened.clear()
    watched.complaints.clear()


@pytest.mark.browser
@pytest.mark.parametrize("pieces", [3, 25])
def test_nothing_happens_while_it_streams(watched: Watched, pieces: int) -> None:
    faults = {}
    # Long outputs are tried in few pieces; their half-states are alike.
    names = [name for name, text in CORPUS.items() if pieces < 10 or len(text) <= LONG]
    for start in range(0, len(names), 60):
        faults |= in_pieces(watched.page, names[start : start + 60], pieces)

    assert faults == {}


@pytest.mark.browser
def test_nothing_happens_letter_by_letter(watched: Watched) -> None:
    short = [name for name, text in CORPUS.items() if len(text) <= 160]

    assert in_pieces(watched.page, short, 160) == {}


@pytest.mark.browser
def test_each_is_shown_in_time(watched: Watched) -> None:
    slow = {}
    for name, text in CORPUS.items():
        before = processor_seconds(watched.page)
        # As JSON in ASCII: half a pair of UTF-16 must reach the page, too.
        watched.page.evaluate("text => hostile.whole(JSON.parse(text))", json.dumps(text))
        if (took := processor_seconds(watched.page) - before) > LIMIT_SECONDS:
            slow[name] = took

    assert slow == {}


@pytest.mark.browser
def test_the_servers_html_is_the_browsers_element_for_element(watched: Watched) -> None:
    names = [name for name, text in CORPUS.items() if len(text) <= LONG]
    texts = [streams.storable(CORPUS[name]) for name in names]

    served = watched.page.evaluate("htmls => hostile.served(htmls)", [render(text) for text in texts])
    live = watched.page.evaluate("texts => hostile.inPieces(texts, 4)", texts)

    assert {name: found for name, found in zip(names, served["faults"], strict=True) if found} == {}
    assert dict(zip(names, live["html"], strict=True)) == dict(zip(names, served["html"], strict=True))


@pytest.mark.browser
def test_nothing_happens_in_a_conversation_that_is_opened(
    watched: Watched, ada: User, release: Release
) -> None:
    # The longest are tried one by one above; together they are a page of megabytes.
    texts = [text for text in CORPUS.values() if len(text) < 9000]
    watched.path = conversation_of(ada, release, texts).get_absolute_url()
    watched.page.goto(watched.path)
    watched.page.evaluate(PAGE_SCRIPT)

    expect(watched.page.locator(".answer-prose")).to_have_count(len(texts), timeout=60_000)
    faults = watched.page.evaluate(
        """async () => {
            const answers = [...document.querySelectorAll(".answer-prose")];
            await hostile.quiet(answers);
            return answers.flatMap(hostile.strange);
        }"""
    )

    assert faults == []


def conversation_of(user: User, release: Release, texts: list[str]) -> Conversation:
    """A conversation with these answers, as the worker stores them."""
    first = actions.send(wish(), by=user, release=release)
    actions.cancel(first, by=user)
    talk = first.turn.conversation
    before: Generation | None = None
    now = timezone.now()
    for text in texts:
        turn = Turn.objects.create(conversation=talk, follows=before, prompt="Hello", send_key=uuid4())
        before = Generation.objects.create(
            turn=turn,
            status=GenerationStatus.DONE,
            params=first.params,
            text=streams.storable(text),
            ended_at=now,
        )
    return talk

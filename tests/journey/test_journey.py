"""The main job, end to end: a real browser, PostgreSQL, Valkey, Celery workers and vLLM with a real model."""

import hashlib
import re
import urllib.error
import urllib.request

import pytest
from openai import OpenAI, PermissionDeniedError
from playwright.sync_api import Page, expect

from tests.journey import steps

pytestmark = [pytest.mark.browser, pytest.mark.model, pytest.mark.live]

MODEL = "smollm2-135m-instruct"
HUB_ID = f"open-weights/{MODEL}"
NEWCOMER = "nora@example.org"
WELCOME = "Welcome aboard, Nora."
# vLLM reads the head of the weights once more as it starts; whole files count here.
WHAT_THE_MODEL_SERVER_TOOK = """
from django.db.models import F
from portal.hub.models import Download
took = Download.objects.filter(user__email="model-server@example.com")
first = took.first()
sent = sum(took.filter(sent_bytes=F("file__size_bytes")).values_list("sent_bytes", flat=True))
print(first.user.name, first.key.name, first.client, sent, sep="|")
"""
PROMPT = "Tell me a story about a fox and a river. Make it long."


@pytest.fixture(scope="module")
def nora(live_portal, new_page) -> Page:
    """A newcomer, from sign-up to an accepted licence."""
    page, url = new_page(), live_portal.url
    steps.sign_up(page, url, email=NEWCOMER, name="Nora Newcomer")
    page.goto(f"{url}/dashboard/")
    expect(page.locator("main")).to_contain_text("Apply to Early access")
    reference = steps.apply(page, url)

    reviewer = new_page()
    steps.sign_in(reviewer, url, email="reviewer@example.com")
    steps.approve(reviewer, url, reference=reference, message=WELCOME)

    page.goto(f"{url}/apply/early-access/")
    expect(page.locator("main")).to_contain_text(WELCOME)
    steps.open_mail(page, url, to=NEWCOMER, subject="approved")
    expect(page.locator("main")).to_contain_text(WELCOME)
    steps.accept_licence(page, url)
    return page


def test_newcomer_sees_every_gate_open(live_portal, nora):
    nora.goto(f"{live_portal.url}/dashboard/")

    expect(nora.locator("main")).not_to_contain_text("Read and accept")
    expect(nora.locator("main")).not_to_contain_text("Apply to Early access")


def test_newcomer_is_answered_by_the_model_in_pieces_and_a_reload_loses_nothing(live_portal, nora):
    nora.goto(f"{live_portal.url}/playground/")
    nora.locator("[name=max_tokens]").fill("160")
    nora.locator("[name=temperature]").fill("0.2")
    nora.locator("[name=prompt]").fill(PROMPT)
    nora.keyboard.press("Enter")
    text = nora.locator(".answer [data-text]").last
    expect(text).not_to_be_empty(timeout=steps.SLOW_MS)

    pieces = {text.inner_text()}
    for _ in range(20):
        nora.wait_for_timeout(100)
        if not text.count():
            break
        pieces.add(text.inner_text())
    before_reload = max(pieces, key=len)
    nora.reload()
    finished = nora.locator(".answer[data-status=done] .answer-prose").last
    expect(finished).to_be_visible(timeout=steps.SLOW_MS)

    assert len(pieces) > 2
    assert words(finished.inner_text()).startswith(words(before_reload))
    foot = nora.locator(".answer-facts").last
    expect(foot).to_contain_text(re.compile(r"Prompt\s*\d+ tokens"))
    expect(foot).to_contain_text(re.compile(r"First token\s*\d+\.\d+ s"))
    expect(foot).to_contain_text(re.compile(r"Speed\s*\d+\.\d+ tokens/s"))


def test_newcomer_stops_an_answer_and_keeps_what_had_come(live_portal, nora):
    nora.goto(f"{live_portal.url}/playground/")
    nora.locator("[name=max_tokens]").fill("1500")
    nora.locator("[name=prompt]").fill(PROMPT)
    nora.keyboard.press("Enter")
    expect(nora.locator(".answer [data-text]").last).not_to_be_empty(timeout=steps.SLOW_MS)

    nora.get_by_role("button", name="Stop").click()

    expect(nora.locator(".answer[data-status=cancelled]").last).to_contain_text("You stopped this answer")


def test_newcomer_calls_the_api_and_downloads_the_very_weights_that_are_served(live_portal, nora):
    url = live_portal.url
    key = steps.make_key(nora, url, name="laptop")
    client = OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=120)
    request = {"model": MODEL, "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 24}

    models = [model.id for model in client.models.list()]
    whole = client.chat.completions.create(**request)
    chunks = [
        chunk.choices[0].delta.content for chunk in client.chat.completions.create(**request, stream=True)
    ]

    assert models == [MODEL]
    assert whole.choices[0].message.content
    assert len([chunk for chunk in chunks if chunk]) > 1

    nora.goto(f"{url}/releases/{MODEL}/")
    shown = re.search(r"model\.safetensors.*?([0-9a-f]{64})", nora.content(), re.DOTALL).group(1)
    address = f"{url}/hub/{HUB_ID}/resolve/main/model.safetensors"
    loaded = live_portal.model_directory
    served = (loaded / "model.safetensors").read_bytes()
    body = fetch(address, key=key)
    part = fetch(address, key=key, byte_range="bytes=100-299")

    assert hashlib.sha256(body).hexdigest() == shown == hashlib.sha256(served).hexdigest()
    assert part == served[100:300]

    nora.locator("a[href*='config.json']").first.click()
    with nora.expect_download(timeout=steps.SLOW_MS) as download:
        nora.get_by_role("link", name="Download", exact=True).click()
    assert download.value.path().read_bytes() == (loaded / "config.json").read_bytes()


def test_auditor_sees_that_vllm_was_served_through_the_door_like_everybody(live_portal):
    said = live_portal.manage("shell", "--no-imports", "--command", WHAT_THE_MODEL_SERVER_TOOK)
    name, key, client, whole_files_bytes = said.strip().splitlines()[-1].split("|")
    files = [file.stat().st_size for file in live_portal.model_directory.iterdir()]

    assert (name, key) == ("Model server", "model server")
    assert client.startswith("vllm/")
    assert int(whole_files_bytes) == sum(files)


def test_outsider_is_refused_at_every_door_by_name(live_portal, nora, new_page):
    url, page = live_portal.url, new_page()
    steps.sign_in(page, url, email="applicant@example.com")
    key = live_portal.manage("create_key", "applicant@example.com", "--name", "mine").strip().splitlines()[-1]
    client = OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)

    with pytest.raises(PermissionDeniedError) as refused:
        client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "Hello"}])
    with pytest.raises(urllib.error.HTTPError) as shut:
        fetch(f"{url}/hub/{HUB_ID}/resolve/main/model.safetensors", key=key)

    assert refused.value.code == "approved"
    assert "Apply to Early access" in str(refused.value)
    assert shut.value.code == 403
    assert "Apply to Early access" in shut.value.headers["X-Error-Message"]

    page.goto(f"{url}/playground/")
    expect(page.locator("main")).to_contain_text("Apply to Early access")
    nora.goto(f"{url}/playground/")
    conversation = str(nora.locator("#talk-list a").first.get_attribute("href"))
    assert nora.request.get(f"{url}{conversation}").status == 200
    assert page.request.get(f"{url}{conversation}").status == 404


def test_newcomer_registers_for_an_event_and_is_checked_in(live_portal, nora, new_page):
    url = live_portal.url
    nora.goto(f"{url}/events/")
    nora.locator("main a[href*='/events/prototype-evening']").first.click()
    event_url = nora.url
    nora.get_by_role("button", name=re.compile("Register")).click()
    expect(nora.locator("main")).to_contain_text(re.compile("registered", re.IGNORECASE))
    calendar = nora.request.get(f"{event_url}calendar.ics").text()

    reviewer = new_page()
    steps.sign_in(reviewer, url, email="reviewer@example.com")
    reviewer.goto(f"{url}/console{steps.path_of(event_url)}")
    row = reviewer.locator("tr, li").filter(has_text=NEWCOMER).last
    row.get_by_role("button", name=re.compile("Check")).click()

    expect(reviewer.locator("tr, li").filter(has_text=NEWCOMER).last).to_contain_text("Checked in")
    assert "BEGIN:VEVENT" in calendar


def test_auditor_finds_the_whole_journey_in_a_ledger_that_holds(live_portal, nora):
    assert "The ledger holds" in live_portal.manage("verify_ledger")


def fetch(url: str, *, key: str, byte_range: str = "") -> bytes:
    headers = {"Authorization": f"Bearer {key}"} | ({"Range": byte_range} if byte_range else {})
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=120) as answer:
        return answer.read()


def words(text: str) -> str:
    """The letters of a text alone: Markdown renders its spaces and marks away."""
    return re.sub(r"[^0-9A-Za-z]", "", text)

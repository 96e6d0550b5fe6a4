"""Answers in the browser: as the server has them, sane while half-written, quick, accessible."""

import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, Page, expect

from playground.rendering import render
from tests.look.checks import DESK, PHONE, assert_accessible, assert_fits, watch_policy
from tests.playground.test_hostile import PAGE_SCRIPT, conversation_of, processor_seconds

pytestmark = pytest.mark.browser

DOCUMENTS = {path.stem: path.read_text() for path in (Path(__file__).parent / "documents").glob("*.txt")}
SHOW = """async ([text, isWriting]) => {
    const { render } = await import("/static/playground/rendering.js");
    let element = document.querySelector("#live");
    if (!element) {
        element = document.createElement("div");
        element.id = "live";
        document.querySelector(".talk-scroll").prepend(element);
    }
    await render(element, text, { isWriting });
    return [...element.children].map((child) => child.outerHTML).join("");
}"""


@pytest.fixture
def page(browser: Browser, live_server: Any, as_ada: Client) -> Iterator[Page]:
    """Ada's browser on an empty playground; a complaint of the browser fails the test."""
    context = browser.new_context(viewport=DESK, base_url=live_server.url)
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": as_ada.cookies[name].value, "url": live_server.url}])
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    context.route("**/status/", lambda route: route.fulfill(status=204))
    fresh = context.new_page()
    complaints = watch_policy(fresh)
    fresh.goto("/playground/")
    fresh.evaluate(PAGE_SCRIPT)
    yield fresh
    context.close()
    assert complaints == []


def shown(page: Page, text: str, *, is_writing: bool = True) -> str:
    """The HTML of an answer that has come so far."""
    return str(page.evaluate(SHOW, [text, is_writing]))


@pytest.mark.parametrize("pieces", [1, 7, 400])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_the_same_from_both(page: Page, name: str, pieces: int) -> None:
    text = DOCUMENTS[name]

    served = page.evaluate("htmls => hostile.served(htmls)", [str(render(text))])
    live = page.evaluate("([texts, pieces]) => hostile.inPieces(texts, pieces)", [[text], pieces])

    assert live["html"] == served["html"]
    assert live["faults"] == served["faults"] == [[]]


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("a **bold", "<p>a <strong>bold</strong></p>"),
        ("a **bold*", "<p>a <strong>bold</strong></p>"),
        ("a **", "<p>a</p>"),
        ("a **b *c", "<p>a <strong>b <em>c</em></strong></p>"),
        ("a `co", "<p>a <code>co</code></p>"),
        ("a `", "<p>a</p>"),
        ("a ~~b", "<p>a <s>b</s></p>"),
        ("see [the page](https://exa", "<p>see the page</p>"),
        ("![cat](https://exa", "<p>cat</p>"),
        ("so $a_1 * b_2 *", "<p>so $a_1 * b_2</p>"),
        ("costs $5 and", "<p>costs $5 and</p>"),
        ("text\n-", "<p>text</p>"),
        ("text\n``", "<p>text</p>"),
        ("snake_case and 2*3", "<p>snake_case and 2*3</p>"),
    ],
)
def test_what_is_half_written_looks_as_it_will(page: Page, text: str, html: str) -> None:
    assert shown(page, text) == html


def test_a_formula_stands_apart_before_its_end_has_come(page: Page) -> None:
    shown(page, "Text:\n\n$$\n\\frac{a}")

    assert page.locator("#live > .answer-math.is-display").inner_text() == "$$\n\\frac{a}"


@pytest.mark.parametrize("text", ["| a | b |", "| a | b |\n", "| a | b |\n|-", "| a | b |\n|---|---|"])
def test_a_table_is_one_from_its_first_row(page: Page, text: str) -> None:
    shown(page, text)

    assert page.locator("#live .answer-table th").all_inner_texts() == ["a", "b"]
    assert page.locator("#live p").count() == 0


def test_a_list_goes_on_behind_a_gap(page: Page) -> None:
    for text in ("1. a\n\n2", "1. a\n\n2. b\n\n", "1. a\n\n2. b\n\n3", "1. a\n\n2. b\n\n3. c"):
        shown(page, text)

    assert page.locator("#live ol").count() == 1
    assert page.locator("#live li").count() == 3


def test_a_links_address_that_comes_last_reaches_the_words_before(page: Page) -> None:
    shown(page, "[words][r]\n\nOne.\n\nTwo.\n\nThree.\n\n")
    assert page.locator("#live a").count() == 0

    shown(page, "[words][r]\n\nOne.\n\nTwo.\n\nThree.\n\n[r]: https://late.example\n")

    assert page.locator("#live a").get_attribute("href") == "https://late.example"


def test_a_finished_block_is_left_alone(page: Page) -> None:
    shown(page, "First.\n\nSecond.\n\nThird")
    page.evaluate("getSelection().selectAllChildren(document.querySelector('#live p'))")
    page.evaluate("window.first = document.querySelector('#live p')")

    shown(page, "First.\n\nSecond.\n\nThird and **more**.\n\n- Fourth")

    assert page.evaluate("getSelection().toString()") == "First."
    assert page.evaluate("window.first === document.querySelector('#live p')")


def test_another_text_replaces_what_was_shown(page: Page) -> None:
    shown(page, "# One\n\nTwo\n\nThree\n\nFour")

    assert shown(page, "Instead") == "<p>Instead</p>"


def test_code_is_coloured_when_its_fence_closes_and_copied_as_it_is(page: Page) -> None:
    shown(page, "```python\nx = 1  # one\n")
    page.wait_for_timeout(300)
    assert page.locator("#live .hljs-number").count() == 0

    shown(page, "```python\nx = 1  # one\n```")
    expect(page.locator("#live .hljs-number")).to_have_text("1")
    page.locator("#live").get_by_role("button", name="Copy code").click()

    expect(page.locator("#live .answer-code-copy")).to_contain_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "x = 1  # one\n"


def test_code_whose_fence_turns_out_to_be_none_goes_on_whole(page: Page) -> None:
    shown(page, "```python\nx = 1\n```")
    expect(page.locator("#live .hljs-number")).to_have_text("1")

    shown(page, "```python\nx = 1\n``` no\ny = 2\n")

    assert page.locator("#live code").inner_text() == "x = 1\n``` no\ny = 2\n"


def test_an_answer_of_thirty_thousand_tokens_does_not_freeze_the_page(page: Page) -> None:
    text = (DOCUMENTS["rich"] + "\n\n") * (120_000 // len(DOCUMENTS["rich"]))
    before = processor_seconds(page)

    for end in range(0, len(text), 6000):
        shown(page, text[:end])
    for piece in range(30):
        shown(page, text + " a few words more" * piece)

    # In a stream of words at the end of it, a step costs what the last blocks cost, not the whole.
    assert processor_seconds(page) - before < 25
    start = processor_seconds(page)
    for piece in range(30, 60):
        shown(page, text + " a few words more" * piece)
    assert (processor_seconds(page) - start) / 30 < 0.1


CODE = (
    "Here:\n\n```python\n" + "".join(f"x_{one} = {one}  # a line\n" for one in range(3000)) + "```\n\nDone."
)
ROWS = "".join(f"| {one} | **{one}** | `x_{one}` |\n" for one in range(1500))
TABLE = f"Here:\n\n| a | b | c |\n|---|---|---|\n{ROWS}\nDone."
WORK = """async ([text, steps]) => {
    const { default: MarkdownIt } = await import("/static/vendor/markdown-it-15.0.3/markdown-it.js");
    const { render } = await import("/static/playground/rendering.js");
    const element = document.createElement("div");
    document.querySelector(".talk-scroll").prepend(element);
    const work = { characters: 0, nodes: 0 };
    const { parse } = MarkdownIt.prototype;
    MarkdownIt.prototype.parse = function (source, env) {
        work.characters += source.length;
        return parse.call(this, source, env);
    };
    const count = (records) => { for (const { addedNodes } of records) work.nodes += addedNodes.length; };
    const watch = new MutationObserver(count);
    watch.observe(element, { childList: true, subtree: true });
    for (let step = 1; step <= steps; step += 1) {
        await render(element, text.slice(0, Math.ceil((text.length * step) / steps)));
    }
    count(watch.takeRecords());
    MarkdownIt.prototype.parse = parse;
    const shown = [...element.querySelectorAll("code")].map((one) => one.textContent).join("");
    return { ...work, rows: element.querySelectorAll("tr").length, code: shown.length };
}"""


def test_a_step_of_a_long_block_of_code_costs_what_is_new_of_it(page: Page) -> None:
    work = page.evaluate(WORK, [CODE, 200])

    assert work["code"] == CODE.rindex("```") - CODE.index("x_0")
    # Each character was read some hundred times as long as every step read the block anew.
    assert work["characters"] < 2_000
    assert work["nodes"] < 20


STEPS = [f"x_{one} = {one}  # a line\n{'' if one % 9 else chr(10)}" for one in range(3000)]


@pytest.mark.parametrize(
    ("opening", "indent", "closing"),
    [("```python", 5, "     ```\n2. Done.\n"), ("Code:\n", 9, "")],
    ids=["fenced", "indented"],
)
def test_a_step_of_long_code_in_a_list_costs_what_is_new_of_it(page, opening, indent, closing) -> None:
    head = f"1. First:\n   - so:\n\n     {opening}\n"
    text = head + "".join(" " * indent + step for step in STEPS) + closing

    work = page.evaluate(WORK, [text, 200])

    assert work["code"] == len("".join(STEPS))
    # All of it is read again only where it ends.
    assert work["characters"] < 2 * len(text)
    assert work["nodes"] < 100


def test_a_step_of_a_long_table_costs_the_rows_that_are_new(page: Page) -> None:
    work = page.evaluate(WORK, [TABLE, 200])

    assert work["rows"] == 1_501
    assert work["characters"] < 2 * len(TABLE)
    # A row and the line's end behind it; a few for the row that a step ends in.
    assert work["nodes"] < 3 * 1_501 + 10 * 200


# What may end code or a table, look as if it did, or be read in another way when more of it has come.
LINES = (
    *(
        "",
        "",
        "```",
        "```py",
        "~~~",
        "    ```",
        "  ```",
        "``` x",
        "````",
        "`",
        "words",
        "**bold",
        "\ttab",
        "  two",
        "   three",
        "    four",
        "      six",
        "  \t\ttabs",
        "   ",
        "   ```",
        "     ~~~",
        "   - in",
    ),
    *(
        "| a | b |",
        "|---|---|",
        "| **c | d* |",
        "| [w][r] | $x$ |",
        "| e",
        "f | g | h",
        "| `a | b` |",
        "| \\| | $1 |",
    ),
    *(
        "- item",
        "1. one",
        "# head",
        "> quote",
        "***",
        "--",
        "---|---",
        "$$",
        "x^2 $$",
        "\\[",
        "é😀",
        "[r]: https://a.b",
    ),
)
OPENINGS = (
    *("```", "~~~js", "  ```", "**words", "| a | b |\n|---|---|", "| a | `b |\n|:--|--:|\n| 1 | 2 |"),
    *("1. one\n   ```py", "- ```", "- a\n  - b\n\n     ~~~", "10) ```js\n    x", "> - a\n>   ```", "-\t```"),
    *("    indented", "words\n\n    indented", "1. one\n\n       indented", "-     indented"),
)


@pytest.mark.parametrize("pieces", [1, 5, 37])
def test_what_grows_at_its_end_is_the_same_from_both(page: Page, pieces: int) -> None:
    chance = random.Random(pieces)
    texts = [
        "\n".join(
            [
                chance.choice(OPENINGS),
                *chance.choices(LINES, k=chance.randint(3, 16)),
                "",
                "End.",
                "",
                "Last.",
            ]
        )
        for _ in range(120)
    ]

    served = page.evaluate("htmls => hostile.served(htmls)", [str(render(text)) for text in texts])
    live = page.evaluate("([texts, pieces]) => hostile.inPieces(texts, pieces)", [texts, pieces])

    differing = [
        text for text, one, other in zip(texts, live["html"], served["html"], strict=True) if one != other
    ]
    assert differing == []
    assert live["faults"] == [[]] * len(texts)


# At each line's end: the code of an answer that is written so far, and of one that ended there.
ALONG = """async (texts) => {
    const { render } = await import("/static/playground/rendering.js");
    const place = () => document.querySelector(".talk-scroll").appendChild(document.createElement("div"));
    const code = (element) => {
        const all = [...element.querySelectorAll(".answer-code code")];
        return JSON.stringify(all.map((one) => one.textContent));
    };
    const differing = [];
    for (const text of texts) {
        const live = place();
        for (let end = text.indexOf("\\n") + 1; end > 0; end = text.indexOf("\\n", end) + 1) {
            const whole = place();
            await render(live, text.slice(0, end));
            await render(whole, text.slice(0, end), { isWriting: false });
            const [mine, other] = [code(live), code(whole)];
            if (mine !== other) differing.push([text.slice(0, end), mine, other]);
            whole.remove();
        }
        live.remove();
    }
    return differing;
}"""


def test_code_that_grows_is_at_each_line_what_it_would_be_as_a_whole(page: Page) -> None:
    chance = random.Random(24)
    # An open formula takes what follows as long as it is written.
    lines = [line for line in LINES if "$$" not in line and "\\[" not in line]
    texts = [
        "\n".join([chance.choice(OPENINGS), *chance.choices(lines, k=chance.randint(3, 16)), "", "End.", ""])
        for _ in range(150)
    ]

    assert page.evaluate(ALONG, texts) == []


def test_a_text_too_long_to_be_rendered_grows_in_one_node(page: Page) -> None:
    text = "words " * 45_000
    shown(page, text)
    page.evaluate("window.plain = document.querySelector('#live .answer-plain').firstChild")

    shown(page, text + "and more")

    assert page.evaluate("plain.isConnected && plain.data.endsWith('words and more')")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_a_rich_answer_is_accessible_and_fits(page, ada, release, scheme, size) -> None:
    talk = conversation_of(ada, release, list(DOCUMENTS.values()))
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size(size)

    page.goto(talk.get_absolute_url())

    expect(page.locator(".hljs-keyword").first).to_be_attached()
    expect(page.locator(".answer-math math").first).to_be_attached()
    page.wait_for_timeout(300)
    assert_accessible(page)
    assert_fits(page)
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=Path(folder) / f"rich-{scheme}-{size['width']}.png", full_page=True)


def test_without_scripts_an_answer_is_readable(browser, live_server, as_ada, ada, release) -> None:
    talk = conversation_of(ada, release, [DOCUMENTS["rich"]])
    context = browser.new_context(java_script_enabled=False, base_url=live_server.url)
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": as_ada.cookies[name].value, "url": live_server.url}])
    page = context.new_page()

    page.goto(talk.get_absolute_url())
    answer = page.locator(".answer-prose")

    assert "return f" in answer.locator("pre").first.inner_text()
    assert answer.locator(".answer-math").first.inner_text() == r"$e^{i\pi} + 1 = 0$"
    assert answer.locator("table").count() == 2
    context.close()


def test_lists_quotes_and_tables_begin_where_their_language_does(page: Page, ada, release) -> None:
    talk = conversation_of(ada, release, [DOCUMENTS["right_to_left"]])
    page.goto(talk.get_absolute_url())
    found = page.locator(".answer-rich")
    directions = found.locator("ol, ul, blockquote, table").evaluate_all(
        "all => all.map((one) => getComputedStyle(one).direction)"
    )
    assert directions == ["rtl", "rtl", "rtl", "rtl", "ltr"]
    side = "(one) => getComputedStyle(one).textAlign"
    # What is English in an Arabic list stands beside its mark all the same.
    assert found.locator("li", has_text="English alone").last.evaluate(side) == "right"
    assert found.locator("li", has_text="A list").evaluate(side) == "left"

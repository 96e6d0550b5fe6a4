"""A model's Markdown on the server: what it becomes, what a link may be, and where a dollar is money."""

import pytest

from playground.mathematics import formula_end
from playground.models import Generation
from playground.rendering import RENDERED_MAX, destination, json_block, render, shows
from playground.templatetags.rendering import rendered


def paragraph(text: str) -> str:
    """What a paragraph of this becomes."""
    return str(render(text)).removeprefix("<p>").removesuffix("</p>\n")


def link(href: str, words: str) -> str:
    """A link as it leaves."""
    return f'<a href="{href}" target="_blank" rel="nofollow noopener noreferrer">{words}</a>'


def test_headings_are_an_outline_below_the_answers_own() -> None:
    assert render("### A\n\n###### B\n\n# C\n\n## D") == "<h3>A</h3>\n<h4>B</h4>\n<h3>C</h3>\n<h4>D</h4>\n"


def test_code_has_its_language_and_scrolls_by_keyboard() -> None:
    assert render('```python title="<b>"\na < b\n```') == (
        '<div class="answer-code"><div class="answer-code-head">'
        '<span class="answer-code-name">python</span></div>'
        '<pre tabindex="0" role="group" aria-label="Code: python"><code>a &lt; b\n</code></pre></div>\n'
    )


def test_json_that_a_schema_asked_for_is_code_and_all_else_is_markdown() -> None:
    said = '{"a": "*b* ```` c"}'

    assert rendered(Generation(text=said, params={"json_schema": "{}"})) == render(json_block(said))
    assert json_block(said) == '`````json\n{\n  "a": "*b* ```` c"\n}\n`````'
    assert "*b* ```` c" in rendered(Generation(text=said, params={"json_schema": "{}"}))
    assert "<em>b</em>" in rendered(Generation(text='{"a": *b*', params={"json_schema": "{}"}))
    assert "<em>b</em>" in rendered(Generation(text="*b*", params={}))


def test_a_table_scrolls_and_is_aligned_without_styles() -> None:
    html = str(render("| a | b |\n|--:|---|\n| 1 | 2 |"))

    box = '<div class="answer-table" tabindex="0" role="group" aria-label="Table">'
    assert html.startswith(f'{box}<table dir="auto">')
    assert '<td class="to-right">1</td>\n<td>2</td>' in html
    assert "style" not in html


def test_a_line_of_the_model_is_a_line() -> None:
    assert paragraph("roses\nviolets") == "roses<br>\nviolets"


def test_a_picture_is_its_words_and_address() -> None:
    assert paragraph("![a **cat**](https://evil.example/c.png)") == (
        '<span class="answer-image">Image: a cat <bdi>(https://evil.example/c.png)</bdi></span>'
    )


@pytest.mark.parametrize(
    ("source", "href", "words", "host"),
    [
        ("[here](https://example.org/a)", "https://example.org/a", "here", "example.org"),
        ("[a.example](https://b.example:81)", "https://b.example:81", "a.example", "b.example:81"),
        ("[a@b.example](mailto:c@d.example)", "mailto:c@d.example", "a@b.example", "c@d.example"),
        ("<https://xn--e1afmkfd.a>", "https://xn--e1afmkfd.a", "https://пример.a", "xn--e1afmkfd.a"),
        ("[example.org](https://example.org/a)", "https://example.org/a", "example.org", None),
        ("<https://example.org/a?b>", "https://example.org/a?b", "https://example.org/a?b", None),
    ],
)  # fmt: skip
def test_a_link_tells_its_host_where_its_words_do_not(source, href, words, host) -> None:
    told = f'<bdi class="answer-host"> ({host})</bdi>' if host else ""

    assert paragraph(source) == link(href, words) + told


@pytest.mark.parametrize(
    "address",
    [
        "javascript:x", "data:text/html,x", "vbscript:x", "file:///x", "//evil.example", "/accounts/", "#x",
        "?x", "", "https://a@evil.example", "https://evil.example%00.a.example", "https://a\\b", "https://",
        "ftp://a.example",
    ],
)  # fmt: skip
def test_what_may_not_be_a_link_has_no_destination(address: str) -> None:
    assert destination(address) is None
    assert paragraph(f"[x](<{address}>)").startswith("[x](")


def test_words_show_a_host_only_alone_or_before_a_path() -> None:
    assert shows("https://a.example/b", "a.example")
    assert not shows("a.example.evil.example", "a.example")
    assert not shows("a.example is safe", "a.example")
    assert not shows("a.example/ is safe", "a.example")


@pytest.mark.parametrize(
    ("source", "formula"),
    [
        ("$x$", "$x$"),
        ("$5x + 3$ more", "$5x + 3$"),
        ("$$x$$", "$$x$$"),
        (r"\(x\) and \(y\)", r"\(x\)"),
        (r"\[a_1\]", r"\[a_1\]"),
        (r"$a \$ b$", r"$a \$ b$"),
        ("$5 and $10", None),
        ("$5-$10", None),
        ("$5 for us and 6$", None),
        ("$ x $", None),
        ("$a `code` b$", None),
        (r"\(\)", None),
        ("$", None),
    ],
)
def test_where_a_formula_ends(source: str, formula: str | None) -> None:
    assert formula_end(source, 0) == (formula and len(formula))


def test_markdown_means_nothing_in_a_formula_and_a_formula_nothing_in_code() -> None:
    assert paragraph("$a_1 * b_2 * c$") == '<span class="answer-math">$a_1 * b_2 * c$</span>'
    assert paragraph("`$x$`") == "<code>$x$</code>"
    assert render("$$\nx < y\n$$") == (
        '<div class="answer-math is-display" tabindex="0" role="group" aria-label="Formula">'
        "$$\nx &lt; y\n$$</div>\n"
    )


def test_marks_that_turn_directions_are_seen_and_not_obeyed() -> None:
    assert paragraph("a\u202eb\x1b[0m\ud800") == "a\ufffdb\ufffd[0m\ufffd"


def test_emphasis_without_end_is_flattened() -> None:
    html = str(render("*a **b " * 500 + "b** a*" * 500))

    assert html.count("<em>") + html.count("<strong>") < 20 * 2


def test_what_is_too_long_is_shown_as_written() -> None:
    text = "*a*" * (RENDERED_MAX // 3 + 1)

    assert render(text) == f'<div class="answer-plain">{text}</div>'


def test_no_page_lets_the_browser_ask_dns_after_its_links(as_ada) -> None:
    assert as_ada.get("/playground/").headers["X-DNS-Prefetch-Control"] == "off"

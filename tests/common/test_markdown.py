"""Markdown from anybody is safe to show."""

import pytest

from portal.common.markdown import render


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("**bold** `code`", "<p><strong>bold</strong> <code>code</code></p>\n"),
        ("| a |\n|---|\n| 1 |", None),
        (
            "<script>alert(1)</script>",
            "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n",
        ),
        ("![x](https://evil.example/p.png)", "<p></p>\n"),
        ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>\n"),
        (
            "[x](https://example.org)",
            '<p><a href="https://example.org" rel="nofollow noopener noreferrer">x</a></p>\n',
        ),
        ("<img src=x onerror=alert(1)>", "<p>&lt;img src=x onerror=alert(1)&gt;</p>\n"),
    ],
)
def test_text_renders_to_safe_html(text, html):
    rendered = render(text)

    assert rendered == html if html is not None else "<table>" in rendered
    assert "<script" not in rendered
    assert "<img" not in rendered


def test_code_keeps_its_language():
    assert render("```python\nx = 1\n```") == '<pre><code class="language-python">x = 1\n</code></pre>\n'

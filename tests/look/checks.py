"""What every page must hold in a real browser; other tests call these with a Playwright page."""

from pathlib import Path
from typing import Any

AXE = Path(__file__).parent / "vendor" / "axe-core-4.14.1" / "axe.min.js"
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}


RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN_AXE = """rules => axe.run(document, {runOnly: rules}).then(result => result.violations.flatMap(rule =>
    rule.nodes.map(node => {
        const reason = node.failureSummary.split("\\n")[1]?.trim();
        return `${rule.id}: ${rule.help} at ${node.target.join(" ")} (${reason})`;
    })
))"""


def accessibility_faults(page: Any) -> list[str]:
    """Run axe-core in `page` and return one line a fault: rule, what is wrong, where."""
    # evaluate() is not bound by the page's policy, which would refuse a <script> element with a body.
    page.evaluate(AXE.read_text())
    return list(page.evaluate(RUN_AXE, RULES))


def assert_accessible(page: Any) -> None:
    """Assert that axe-core finds nothing in `page` as it stands."""
    faults = accessibility_faults(page)

    assert faults == [], "\n".join([page.url, *faults])


def assert_fits(page: Any) -> None:
    """Assert that nothing makes the page scroll sideways at its present width."""
    too_wide = page.evaluate(
        """() => document.documentElement.scrollWidth <= window.innerWidth ? [] :
            [...document.querySelectorAll("body *")]
                .filter(element => element.getBoundingClientRect().right > window.innerWidth + 1)
                .slice(0, 5).map(element => `${element.tagName.toLowerCase()}.${element.className}`)"""
    )

    assert too_wide == [], f"{page.url} is wider than {page.viewport_size['width']} px: {too_wide}"


def watch_policy(page: Any) -> list[str]:
    """Collect what the browser says against the page from now on: policy violations and script errors."""
    complaints: list[str] = []
    page.on(
        "console",
        lambda message: complaints.append(f"{page.url}: {message.text}") if message.type == "error" else None,
    )
    page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
    return complaints

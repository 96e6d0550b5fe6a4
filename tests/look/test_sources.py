"""What the files tell: icons exist, nothing is inline, static files are whole, words are compiled."""

import json
import re
import subprocess
import sys
from gettext import GNUTranslations
from pathlib import Path

import pytest
from django.conf import settings
from django.template import Context, Template

from portal.common.templatetags.look import UnknownIcon, drawings

TEMPLATES = sorted((settings.BASE_DIR / "templates").rglob("*.html"))
PAGES = [path for path in TEMPLATES if "mail" not in path.parts and "email" not in path.parts]
WORDS = settings.BASE_DIR / "locale" / "en_GB" / "LC_MESSAGES"


def named(path: Path) -> str:
    """A template's name as a test id."""
    return str(path.relative_to(settings.BASE_DIR / "templates"))


def test_every_icon_that_a_template_names_is_vendored() -> None:
    wanted = {
        name
        for path in TEMPLATES
        for name in re.findall(r"{% icon \"([^\"]+)\"|icon=\"([^\"]+)\"", path.read_text())
        for name in name
        if name
    }

    assert wanted - drawings().keys() == set()


def test_unknown_icon_is_refused_in_development_and_drawn_as_a_point_in_production(settings) -> None:
    template = Template('{% load look %}{% icon "no-such-icon" %}')

    settings.DEBUG = False
    assert "<svg" in template.render(Context())
    settings.DEBUG = True
    with pytest.raises(UnknownIcon):
        template.render(Context())


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_template_has_nothing_that_the_policy_forbids(path: Path) -> None:
    text = re.sub(r"{% comment %}.*?{% endcomment %}|{%.*?%}|{#.*?#}", "", path.read_text(), flags=re.DOTALL)

    assert re.findall(r"\sstyle=|\son[a-z]+=\"|<style|hx-on|\"js:|javascript:", text) == []
    for opening, body in re.findall(r"(<script[^>]*>)(.*?)</script>", text, re.DOTALL):
        assert "application/json" in opening or not body.strip()


def test_static_files_are_collected_with_a_manifest(tmp_path) -> None:
    environment = {
        "PORTAL_HOME": str(tmp_path),
        "DEBUG": "0",
        "PATH": "",
        "SECRET_KEY": "x",
        "KEY_PEPPER": "x",
    }

    answer = subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--noinput"],
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.returncode == 0, answer.stderr
    collected = tmp_path / "static"
    named = json.loads((collected / "staticfiles.json").read_text())["paths"]
    for path in (settings.BASE_DIR / "static" / "playground").glob("*.js"):
        script = (collected / named[f"playground/{path.name}"]).read_text()
        wanted = re.findall(r"(?:from |import\()\"([^\"]+)\"", path.read_text())
        found = re.findall(r"(?:from |import\()\"([^\"]+)\"", script)
        assert [address_in(path, name) for name in found] == [
            named[address_in(path, name)] for name in wanted
        ]


def address_in(importer: Path, name: str) -> str:
    """The name under static/ of what a module there imports by a relative address."""
    return str((importer.parent / name).resolve().relative_to(settings.BASE_DIR / "static"))


def test_words_are_compiled_from_their_source() -> None:
    with (WORDS / "django.mo").open("rb") as compiled:
        catalogue = GNUTranslations(compiled)
    source_text = (WORDS / "django.po").read_text()
    pairs = re.findall(
        r'^msgid ("(?:[^"\\]|\\.)+")\nmsgstr ("(?:[^"\\]|\\.)*")$',
        source_text,
        re.MULTILINE,
    )

    assert len(pairs) > 50
    for source, meaning in pairs:
        spoken = meaning[1:-1].replace('\\"', '"')
        assert catalogue.gettext(source[1:-1].replace('\\"', '"')) == spoken

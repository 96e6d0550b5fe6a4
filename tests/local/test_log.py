"""Every line carries its part's name; colour is for terminals whose people want it."""

import io

from portal.local.log import Log


class Terminal(io.StringIO):
    """A terminal as far as a log can tell."""

    def isatty(self) -> bool:
        """Yes."""
        return True


def test_lines_carry_their_parts_name_and_none_for_the_portal_itself():
    out = io.StringIO()
    log = Log(terminal=out)

    log.line("web", "hello")
    log.line("inference", "hello")
    log.say("Portal is ready at http://127.0.0.1:8000")

    assert out.getvalue() == "web      | hello\ninference| hello\nPortal is ready at http://127.0.0.1:8000\n"


def test_terminal_gets_one_colour_a_part(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = Terminal()
    log = Log(terminal=out)

    log.line("web", "a")
    log.line("beat", "b")
    log.line("web", "c")

    first, second, third = out.getvalue().splitlines()
    assert first == "\x1b[36mweb      |\x1b[0m a"
    assert second == "\x1b[32mbeat     |\x1b[0m b"
    assert third == "\x1b[36mweb      |\x1b[0m c"


def test_no_color_is_honoured(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    out = Terminal()

    Log(terminal=out).line("web", "a")

    assert out.getvalue() == "web      | a\n"


def test_file_keeps_every_line_for_its_owner_alone_muted_ones_too(tmp_path):
    out = io.StringIO()
    path = tmp_path / "portal.log"
    log = Log(path, terminal=out)

    log.line("web", "seen")
    log.line("web", "kept", is_muted=True)

    assert out.getvalue() == "web      | seen\n"
    assert [line.split(" ", 1)[1] for line in path.read_text().splitlines()] == [
        "web      | seen",
        "web      | kept",
    ]
    assert path.stat().st_mode & 0o777 == 0o600


def test_terminal_that_went_away_stops_nothing(tmp_path):
    out = io.StringIO()
    log = Log(tmp_path / "portal.log", terminal=out)
    out.close()

    log.line("web", "kept")

    assert (tmp_path / "portal.log").read_text().endswith("web      | kept\n")

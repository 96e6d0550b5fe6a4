"""Why something is taken back: a reason that people will read."""

from portal.common.refusals import Refusal

REASON_CHARACTERS_MAX = 500
WHY = "Say why: people will read it."
WHY_AND_WHAT_INSTEAD = "Say why, and what to use instead: people will read it."
SHORTER = f"Say it in {REASON_CHARACTERS_MAX} characters."


def required_reason(reason: str, *, asked: str = WHY) -> str:
    """The reason in as many lines as it has. Raises Refusal with `asked` when there is none."""
    if not (text := reason.strip()):
        raise Refusal("no_reason", asked, status=422)
    return text


def required_line(reason: str, *, asked: str = WHY, shorter: str = SHORTER) -> str:
    """The reason in one line. Raises Refusal: `asked` when there is none, `shorter` for a long one."""
    text = " ".join(required_reason(reason, asked=asked).split())
    if len(text) > REASON_CHARACTERS_MAX:
        raise Refusal("long_reason", shorter, status=422)
    return text

"""What a stop is acknowledged with: what is kept of the answer, and what its limits have again."""


def kept(text: str, *, tokens: int | None = None) -> str:
    """What is kept of a stopped answer; `tokens` is None where nobody knows or nobody may.

    >>> kept("Hello", tokens=1), kept("")
    ('You stopped this answer. What had come is kept: 5 characters, 1 token.', \
'You stopped this before the model said anything.')
    """
    if not text:
        return "You stopped this before the model said anything."
    counted = [_count(len(text), "character")] + ([_count(tokens, "token")] if tokens is not None else [])
    return f"You stopped this answer. What had come is kept: {', '.join(counted)}."


def given_back(*, is_begun: bool, held: int | None, returned: int | None) -> str:
    """What the limits have again of the tokens `held`; "" where nothing is known of them.

    >>> given_back(is_begun=True, held=512, returned=400)
    '400 of the 512 tokens held for it are given back.'
    """
    if not is_begun:
        return "No tokens were held for it yet."
    if held is None or returned is None:
        return ""
    if not returned:
        return f"All {held:,} tokens held for it count: how many the model used of them is not known."
    return f"{returned:,} of the {held:,} tokens held for it are given back."


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"

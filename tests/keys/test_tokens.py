"""The shape of a token, and that its examples tell the truth."""

import doctest
import re

from hypothesis import assume, given
from hypothesis import strategies as st

from portal.keys import authentication, tokens

minted = st.builds(tokens.mint)


def test_the_examples_in_the_docstrings_hold():
    for module in (tokens, authentication):
        results = doctest.testmod(module)

        assert (results.failed, results.attempted > 0) == (0, True), module


@given(minted)
def test_a_minted_token_has_the_promised_shape_and_parses(made):
    assert re.fullmatch(r"owk_[0-9A-Za-z]{12}_[0-9A-Za-z]{38}", made.token)
    assert tokens.parse(made.token) == made.public_id


@given(minted, st.integers(min_value=0, max_value=54), st.sampled_from(tokens.ALPHABET))
def test_a_token_with_one_wrong_character_does_not_parse(made, place, character):
    changed = made.token[:place] + character + made.token[place + 1 :]
    assume(changed != made.token)

    assert tokens.parse(changed) is None


@given(minted, st.data())
def test_a_token_with_two_characters_swapped_does_not_parse(made, data):
    place = data.draw(st.integers(min_value=0, max_value=len(made.token) - 2))
    swapped = made.token[:place] + made.token[place + 1] + made.token[place] + made.token[place + 2 :]
    assume(swapped != made.token)

    assert tokens.parse(swapped) is None


@given(st.text(max_size=80))
def test_no_text_whatever_makes_the_parser_fail(text):
    assert tokens.parse(text) is None


@given(minted, minted)
def test_a_digest_proves_its_own_token_only(mine, yours):
    assert tokens.proves(mine.token, against=tokens.digest(mine.token))
    assert not tokens.proves(yours.token, against=tokens.digest(mine.token))


def test_the_digest_depends_on_the_pepper(settings):
    made = tokens.mint()
    before = tokens.digest(made.token)

    settings.KEY_PEPPER = "another"

    assert tokens.digest(made.token) != before


def test_a_minted_token_does_not_show_itself_in_a_traceback():
    made = tokens.mint()

    assert made.token not in repr(made)

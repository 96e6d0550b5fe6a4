"""Who holds a token: every way in which one is refused, and how its use is remembered."""

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.keys import actions, tokens
from portal.keys.authentication import find_key
from portal.keys.models import ApiKey, Scope
from portal.keys.refusals import KeyRefusal


def refusal_of(token, scope=Scope.WEIGHTS):
    with pytest.raises(KeyRefusal) as refused:
        find_key(token, scope=scope)
    assert refused.value.remedy == "/keys/"
    assert not token or token not in refused.value.sentence
    return refused.value.code, refused.value.status


def test_a_live_token_finds_its_key_and_person(laptop, ada, django_assert_num_queries):
    ApiKey.objects.update(last_used_at=timezone.now())

    with django_assert_num_queries(1):
        key = find_key(laptop.token, scope=Scope.WEIGHTS)
        assert (key.pk, key.user) == (laptop.key.pk, ada)


@pytest.mark.parametrize(
    "token", ["sk-1234", "owk_short", "owk_0123456789ab_" + "x" * 38, "owk_é", "x" * 100_000]
)
def test_a_malformed_token_is_refused_without_a_database(token):
    assert refusal_of(token) == ("malformed_key", 401)


def test_no_token_is_refused(db):
    assert refusal_of("") == ("missing_key", 401)


def test_an_unknown_token_and_a_forged_secret_look_the_same(laptop):
    forged = tokens.mint(public_id=laptop.key.public_id)

    assert refusal_of(tokens.mint().token) == refusal_of(forged.token) == ("unknown_key", 401)


def test_a_forger_does_not_learn_that_a_key_is_revoked(laptop, ada):
    actions.revoke(laptop.key, by=ada)

    assert refusal_of(tokens.mint(public_id=laptop.key.public_id).token) == ("unknown_key", 401)


def test_a_revoked_token_is_refused(laptop, ada):
    actions.revoke(laptop.key, by=ada)

    assert refusal_of(laptop.token) == ("revoked_key", 401)


def test_an_expired_token_is_refused(laptop):
    ApiKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    assert refusal_of(laptop.token) == ("expired_key", 401)


def test_a_token_without_the_scope_is_refused(ada):
    created = actions.create(ada, name="calls only", scopes=[Scope.INFERENCE], by=ada)

    assert refusal_of(created.token, scope=Scope.WEIGHTS) == ("wrong_scope", 403)


def test_use_is_remembered_once_a_minute(laptop):
    noon = timezone.now()

    for seconds in (0, 30, 59, 90):
        find_key(laptop.token, scope=Scope.WEIGHTS, at=noon + timedelta(seconds=seconds))

    laptop.key.refresh_from_db()
    assert laptop.key.last_used_at == noon + timedelta(seconds=90)


def test_use_within_the_minute_writes_nothing(laptop, django_assert_num_queries):
    noon = timezone.now()
    find_key(laptop.token, scope=Scope.WEIGHTS, at=noon)

    with django_assert_num_queries(1):
        find_key(laptop.token, scope=Scope.WEIGHTS, at=noon + timedelta(seconds=59))

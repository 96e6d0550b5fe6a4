"""The scripts that reserve and settle, in random orders on a real Valkey: no limit is ever exceeded."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import redis
from django.conf import settings
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from playground.gateway import limit_scripts, refusing
from playground.gateway.limits import terms_of
from portal.keys.applying import SCOPE, LimitInForce

# A minute's limit leaks while the test runs; so large a share of it may have by then.
LEAK = 1.2
NUMBERS = st.one_of(st.none(), st.integers(0, 300))


@dataclass
class Bench:
    """Scripts, a Valkey, and a model of what ought to be in it."""

    client: redis.Redis
    limits: tuple[LimitInForce, ...]
    held: dict[str, int] = field(default_factory=dict)
    used: int = 0
    asked: int = 0

    def __post_init__(self) -> None:
        forget(self.client)
        self.terms = terms_of(self.limits)

    def reserve(self, tokens: int) -> list:
        self.asked += 1
        command = (f"r{self.asked}", tokens, self.terms.names, *self.terms.arguments)
        reply = self.client.eval(limit_scripts.RESERVE, 0, *command)
        while reply[0] < 0:
            for index in reply[1:]:
                limit = self.limits[index]
                self.client.eval(limit_scripts.SEED, 0, limit.name, limit.limit_id, 0, 0, 0)
            reply = self.client.eval(limit_scripts.RESERVE, 0, *command)
        if reply[0] == 0:
            self.held[f"r{self.asked}"] = tokens
        return reply

    def settle(self, request_id: str, share: int) -> None:
        tokens = self.held.pop(request_id)
        used = tokens * share // 100
        record, run = f"{tokens} {self.terms.names}", self.run()
        replies = [self.client.eval(limit_scripts.SETTLE, 0, request_id, used, run, record) for _ in range(2)]
        assert replies == [1, 0]
        self.used += used

    def die(self, request_id: str) -> None:
        self.used += self.held.pop(request_id)
        self.client.zadd(limit_scripts.LEASES, {request_id: 1})
        # Any request notices it.
        self.client.eval(limit_scripts.RESERVE, 0, "other", 0, "")
        self.client.eval(limit_scripts.SETTLE, 0, "other", 0, self.run(), "0 ")

    def run(self) -> bytes:
        return self.client.get(limit_scripts.RUN)

    def state(self, name: str) -> dict[str, float]:
        told = self.client.hgetall(f"{SCOPE}{name}")
        return {
            field.decode(): float(value) for field, value in told.items() if field not in {b"seeded", b"late"}
        }

    def require_true(self) -> None:
        """What Valkey holds is what happened, and within every limit."""
        reserved = sum(self.held.values())
        for limit in self.limits:
            state = self.state(limit.name)
            if self.asked and (state or self.held):
                assert state.get("running", 0) == len(self.held)
                assert state.get("reserved", 0) == reserved
            if limit.has_budget and state:
                assert state.get("day_used", 0) == state.get("total_used", 0) == self.used
            within(len(self.held), limit.concurrent_requests)
            within(self.used + reserved, limit.tokens_per_day)
            within(self.used + reserved, limit.tokens_total)
            if limit.tokens_per_minute is not None:
                within(self.used + reserved, int(limit.tokens_per_minute * LEAK))


def forget(client: redis.Redis) -> None:
    """Lose all that Valkey knows of limits, and greet it as the gateway does."""
    for key in client.scan_iter("gateway:*"):
        client.delete(key)
    client.eval(limit_scripts.GREET, 0)


def within(used: int, limit: int | None) -> None:
    assert limit is None or used <= limit


@pytest.fixture(scope="module")
def client() -> Iterator[redis.Redis]:
    with redis.Redis.from_url(settings.REDIS_URL) as made:
        yield made


@st.composite
def limits_in_force(draw) -> tuple[LimitInForce, ...]:
    names = draw(st.lists(st.sampled_from(["key:1", "user:1", "release:1"]), min_size=1, unique=True))
    return tuple(
        LimitInForce(name, number, "This key", draw(NUMBERS), draw(NUMBERS), *(draw(NUMBERS) for _ in "abc"))
        for number, name in enumerate(names)
    )


STEPS = st.lists(
    st.tuples(st.sampled_from(["reserve", "reserve", "settle", "die"]), st.integers(0, 100)), max_size=25
)


@hypothesis_settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(limits=limits_in_force(), steps=STEPS)
def test_no_order_of_things_exceeds_a_limit_or_loses_a_token(client, limits, steps):
    bench = Bench(client, limits)

    for kind, number in steps:
        if kind == "reserve":
            bench.reserve(number)
        elif bench.held:
            request_id = sorted(bench.held)[number % len(bench.held)]
            bench.settle(request_id, number) if kind == "settle" else bench.die(request_id)
        bench.require_true()
    for request_id in list(bench.held):
        bench.settle(request_id, 50)

    bench.require_true()
    assert client.hlen(limit_scripts.RESERVATIONS) == client.zcard(limit_scripts.LEASES) == 0


def one(**numbers: int) -> tuple[LimitInForce, ...]:
    return (LimitInForce("user:1", 1, "Your account", **numbers),)


def test_a_reservation_is_all_or_nothing(client):
    limits = (*one(tokens_total=1000), LimitInForce("release:1", 2, "All", tokens_total=100))
    bench = Bench(client, limits)

    refused = bench.reserve(500)

    assert (refused[0], refused[8]) == (refusing.TOKENS_TOTAL, 1)
    assert bench.state("user:1").get("reserved", 0) == 0


def test_a_minutes_tokens_come_back_evenly(client):
    bench = Bench(client, one(tokens_per_minute=60_000))
    bench.reserve(60_000)
    bench.settle("r1", 100)

    refused = bench.reserve(3_000)

    assert refused[0] == refusing.TOKENS_PER_MINUTE
    assert 2_500 < refused[11] <= 3_000


def test_what_is_given_back_can_be_used_at_once(client):
    bench = Bench(client, one(tokens_per_minute=100, tokens_per_day=100, tokens_total=100))
    bench.reserve(100)

    waits = bench.reserve(60)
    bench.settle("r1", 10)
    passes = bench.reserve(60)

    assert (waits[0] != 0, waits[11]) == (True, 1000)
    assert passes[0] == 0


def test_a_settlement_of_a_request_that_valkey_lost_counts_once(client):
    bench = Bench(client, one(tokens_per_day=1000))
    bench.reserve(500)
    bench.settle("r1", 100)
    record, run = f"300 {bench.terms.names}", bench.run()
    forget(client)

    lost = [client.eval(limit_scripts.SETTLE, 0, "r9", 300, b"another", record) for _ in range(2)]
    same = client.eval(limit_scripts.SETTLE, 0, "r8", 300, run, record)
    # The database knows of 400, which may or may not hold those 300.
    today = int(client.time()[0]) // 86400
    client.eval(limit_scripts.SEED, 0, "user:1", 1, today, 400, 400)

    assert (lost, same) == ([1, 0], 0)
    assert bench.state("user:1")["day_used"] == 700


def test_what_runs_is_held_again_after_valkey_forgot_it(client):
    bench = Bench(client, one(tokens_per_minute=1000))
    bench.reserve(500)
    record = f"500 {bench.terms.names}"
    forget(client)

    for _ in range(2):
        client.eval(limit_scripts.RENEW, 0, "r1", b"another", record)

    assert bench.state("user:1") == {"running": 1, "reserved": 500}


def test_an_old_state_of_valkey_is_no_fresh_budget(client):
    bench = Bench(client, one(tokens_per_day=1000))
    bench.reserve(100)
    bench.settle("r1", 100)
    client.set(limit_scripts.RUN, "before")
    client.eval(limit_scripts.GREET, 0)
    client.hset(f"{SCOPE}user:1", "seeded", "before:1")

    reply = client.eval(limit_scripts.RESERVE, 0, "r2", 10, bench.terms.names, *bench.terms.arguments)
    today = int(client.time()[0]) // 86400
    client.eval(limit_scripts.SEED, 0, "user:1", 1, today, 995, 995)

    assert reply == [-1, 0]
    assert bench.reserve(10)[0] == refusing.TOKENS_PER_DAY

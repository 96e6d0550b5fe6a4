"""How the review queue stands 100,000 applications: queries and time of its page, beside a thousand.

    .venv/bin/python -m benchmarks.review_queue [--many 100000] [--few 1000] [--rounds 15]

Needs DATABASE_URL (a throw-away database with the portal's tables) and REDIS_URL. For each filter and for
the search: the number of queries at the small and at the large number of applications, the page's time at
both (the fastest of the rounds: what else the machine does is not the page's), and their ratio. It should
be at most 2, with as many queries. Fails nothing.
"""

import argparse
import os
import random
import time
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlencode

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from django.utils import timezone  # noqa: E402

from portal.accounts.models import User  # noqa: E402
from portal.admissions import countries  # noqa: E402
from portal.admissions.models import Application, ApplicationStatus  # noqa: E402
from portal.admissions.models.applications import REFERENCE_ALPHABET  # noqa: E402
from portal.admissions.programmes import starter  # noqa: E402
from portal.admissions.searching import answer_token, words_in  # noqa: E402
from tests import cast  # noqa: E402

URL = "/console/applications/"
WORDS = (
    *("research", "minutes", "robots", "chemistry", "poems", "translation"),
    *("schools", "hospitals", "weather", "maps", "music", "games"),
)
STATES = (
    *[ApplicationStatus.SUBMITTED] * 5,
    *[ApplicationStatus.APPROVED] * 3,
    ApplicationStatus.IN_REVIEW,
    ApplicationStatus.WAITLISTED,
    ApplicationStatus.DECLINED,
)
BATCH = 5_000
UNREAD_SHARE = 0.01
# A prime, so that every number has a reference of its own.
STRIDE = 104_729_573
PAGES = {
    "waiting": "",
    "all": "?status=all",
    "one state": "?status=approved",
    "programme": "?programme=early-access",
    "country": "?country=NZ&status=all",
    "age": "?age=7",
    "search, many": "?status=all&q=robots+poems",
    "search, few": "?status=all&q=person777",
    "promised": "?due=soon",
    "reviewer": "?assignee=mine&status=all",
    "nobody has it": "?assignee=nobody",
    "score": "?score=4&status=all",
    "answer, many": f"?status=all&answer={answer_token('intended_use', 'Research')}",
    "answer, few": f"?status=all&answer={answer_token('intended_use', 'Teaching')}",
    "unread": "?unread=on&status=all",
    "all together": "?programme=early-access&country=DE&age=3&q=weather",
}


USES = ("Research",) * 90 + ("A product or a service",) * 9 + ("Teaching",)


def seed(number: int, reviewers: list[User]) -> None:
    """Make applications up to `number`, the same each time; a third are the `reviewers`' in turns."""
    dice = random.Random(number)
    programme, codes, now = starter.early_access(by=None), list(countries.NAMES), timezone.now()
    have = Application.objects.count()
    for start in range(have, number, BATCH):
        people = User.objects.bulk_create(
            User(email=f"person{one}@example.org", full_name=f"Person {one}")
            for one in range(start, min(start + BATCH, number))
        )
        made = []
        for person in people:
            said = " ".join(dice.choices(WORDS, k=12))
            country = dice.choice([*codes, *["DE", "US"] * 60])
            use, status = dice.choice(USES), dice.choice(STATES)
            submitted_at = now - timedelta(seconds=dice.randrange(40 * 86_400))
            application = Application(
                reference=reference(person.pk),
                programme=programme,
                applicant=person,
                status=status,
                submitted_at=submitted_at,
                due_at=submitted_at + timedelta(days=39),
                answers={"use_case": said, "country": country, "intended_use": use},
                country=country,
                assignee=dice.choice([None, None, dice.choice(reviewers)]),
                score=dice.choice([None, None, dice.uniform(1, 5)]),
                unread_at=now if dice.random() < UNREAD_SHARE else None,
            )
            application.search_words = words_in(
                [
                    *(application.reference, person.full_name, person.email, said),
                    *(countries.name_of(country), use, answer_token("intended_use", use)),
                ]
            )
            made.append(application)
        Application.objects.bulk_create(made)
    with connection.cursor() as cursor:
        # As a table is that grew over days; else autovacuum would come in the middle of the first pages.
        cursor.execute("VACUUM ANALYZE")


def reference(number: int) -> str:
    """A reference for each number; of 100,000 random ones two would be the same now and then."""
    rest, letters = number * STRIDE % len(REFERENCE_ALPHABET) ** 8, ""
    for _ in range(8):
        rest, place = divmod(rest, len(REFERENCE_ALPHABET))
        letters += REFERENCE_ALPHABET[place]
    return f"REQ-{letters}"


def page_in_the_middle() -> str:
    """The address of a page far behind the first."""
    rows = Application.objects.received().order_by("submitted_at", "pk")
    moment, pk = rows.values_list("submitted_at", "pk")[rows.count() // 2]
    return f"?{urlencode({'status': 'all', 'after': f'{moment:%Y-%m-%dT%H:%M:%S.%f+00:00}~{pk}'})}"


def measure(client: Client, rounds: int) -> dict[str, tuple[int, float]]:
    """For each page its queries, and the milliseconds of its fastest round."""
    found = {}
    for name, query in {**PAGES, "in the middle": page_in_the_middle()}.items():
        queries = count_queries(lambda query=query: client.get(URL + query))  # type: ignore[misc]
        taken = []
        for _ in range(rounds):
            began = time.perf_counter()
            assert client.get(URL + query).status_code == 200
            taken.append((time.perf_counter() - began) * 1000)
        found[name] = (queries, min(taken))
    return found


def count_queries(ask: Callable[[], object]) -> int:
    """How many queries `ask` makes, once everything is warm."""
    ask()
    with CaptureQueriesContext(connection) as queries:
        ask()
    return len(queries)


def main() -> None:
    """Seed, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--many", type=int, default=100_000)
    parser.add_argument("--few", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    settings.ALLOWED_HOSTS = ["*"]
    # As in production; the count of queries turns their log on for itself.
    settings.DEBUG = False
    client = Client()
    reviewers = [cast.staff(f"benchmark{number}@example.org", "Reviewers") for number in range(5)]
    client.force_login(reviewers[0], backend="django.contrib.auth.backends.ModelBackend")
    seed(options.few, reviewers)
    few = measure(client, options.rounds)
    seed(options.many, reviewers)
    many = measure(client, options.rounds)
    line = "{:<14} {:>15} {:>15} {:>10} {:>10} {:>7}"
    print(line.format("", f"queries {options.few}", f"queries {options.many}", "ms few", "ms many", "ratio"))
    for name, (queries, took) in few.items():
        queries_then, took_then = many[name]
        print(
            line.format(
                name, queries, queries_then, f"{took:.1f}", f"{took_then:.1f}", f"{took_then / took:.2f}"
            )
        )


if __name__ == "__main__":
    main()

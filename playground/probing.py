"""Asking every model server whether it answers."""

import asyncio

import aiohttp
from django.conf import settings

from playground.readiness import key_of, note
from portal.releases.models import Release, ReleaseStatus, Revision

PROBE_TIMEOUT_SECONDS = 4


def probe() -> bool:
    """Ask every model server whether it answers and write down the answer; whether one became ready."""
    served = Release.objects.exclude(status__in=[ReleaseStatus.DRAFT, ReleaseStatus.WITHDRAWN])
    urls = {url.rstrip("/") for url in served.exclude(backend_url="").values_list("backend_url", flat=True)}
    compared = Revision.objects.served().filter(release__in=served)
    urls |= {url.rstrip("/") for url in compared.values_list("backend_url", flat=True)}
    if settings.VLLM_BASE_URL:
        urls.add(settings.VLLM_BASE_URL)
    answers = asyncio.run(_ask_all(sorted(urls)))
    return sum(note(key_of(url), answer) for url, answer in answers.items()) > 0


async def _ask_all(urls: list[str]) -> dict[str, str]:
    timeout = aiohttp.ClientTimeout(total=PROBE_TIMEOUT_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        answers = await asyncio.gather(*(_ask(session, url) for url in urls))
    return dict(zip(urls, answers, strict=True))


async def _ask(session: aiohttp.ClientSession, url: str) -> str:
    """Ask one server: "yes", "no" when nobody listens or it is unwell, "late" when it takes too long."""
    try:
        async with session.get(f"{url}/health") as response:
            return "yes" if response.status == 200 else "no"  # noqa: PLR2004
    except TimeoutError:
        return "late"
    except (aiohttp.ClientError, OSError):
        return "no"

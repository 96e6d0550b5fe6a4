"""Liveness, readiness and metrics for whoever runs the portal."""

import secrets

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from django_prometheus.exports import ExportToDjangoView


@require_safe
def healthz(_: HttpRequest) -> HttpResponse:
    """200 while the process answers at all; touches nothing else."""
    return HttpResponse("ok", content_type="text/plain")


@require_safe
def readyz(_: HttpRequest) -> HttpResponse:
    """200 when PostgreSQL and Valkey answer, else 503 with the name of the part that does not."""
    parts = {"database": _database_answers(), "valkey": _valkey_answers()}
    ready = all(parts.values())
    return JsonResponse({"ready": ready, **parts}, status=200 if ready else 503)


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus metrics, for the bearer of METRICS_TOKEN; open in development only."""
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    token = settings.METRICS_TOKEN
    if not settings.DEBUG and not (token and secrets.compare_digest(given.encode(), token.encode())):
        raise Http404
    return ExportToDjangoView(request)  # type: ignore[no-any-return]


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _valkey_answers() -> bool:
    try:
        client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)
        return bool(client.ping())
    except redis.RedisError:
        return False

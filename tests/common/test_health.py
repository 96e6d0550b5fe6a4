"""What an operator's monitoring asks."""

from django.test import Client


def test_monitor_finds_the_process_alive():
    assert Client().get("/healthz").content == b"ok"


def test_monitor_finds_the_portal_ready(db):
    answer = Client().get("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "database": True, "valkey": True}


def test_monitor_is_told_which_part_is_away(db, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    answer = Client().get("/readyz")

    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "database": True, "valkey": False}


def test_stranger_may_not_read_the_metrics(db, settings):
    assert Client().get("/metrics").status_code == 404

    settings.METRICS_TOKEN = "watching"
    assert Client().get("/metrics", headers={"Authorization": "Bearer guess"}).status_code == 404
    assert Client().get("/metrics", headers={"Authorization": "Bearer watching"}).status_code == 200

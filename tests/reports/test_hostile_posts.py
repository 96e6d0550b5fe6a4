"""What is sent to the forms of reports, however wrong, is answered with a sentence."""

import pytest

from playground.reporting.models import Report, ReportStatus
from tests.reports.conftest import posted

HOSTILE = ("a\0b", "²", "9" * 5_000, "\ud800".encode("utf-8", "surrogatepass"), "-1")
QUEUE = "/console/reports/"


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("field", ["release", "revision", "category", "severity", "token"])
def test_a_report(as_ada, release, field, value):
    answer = as_ada.post("/reports/new/", posted(release="tiny") | {field: value})

    assert answer.status_code == 422
    assert "errorlist" in answer.text or "_error" in answer.text
    assert Report.objects.count() == 0


@pytest.mark.parametrize("value", ["a\0b", "9" * 5_000, "two words"])
def test_a_request_id(as_ada, release, value):
    assert as_ada.post("/reports/new/", posted(release="tiny", request_id=value)).status_code == 422
    assert Report.objects.count() == 0


@pytest.mark.parametrize("value", ["a\0b", "9" * 5_000])
def test_a_message(as_ada, report, value):
    assert as_ada.post(report.get_absolute_url(), {"message": value}).status_code == 422


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize(("step", "field"), [("dismiss", "reason"), ("assign", "to"), ("rate", "severity")])
def test_a_step(as_tess, report, step, field, value):
    answer = as_tess.post(f"{QUEUE}{report.reference}/do/{step}/", {field: value})

    assert answer.status_code == 422
    assert "data-refusal" in answer.text
    assert Report.objects.get().status == ReportStatus.NEW


@pytest.mark.parametrize("value", HOSTILE)
def test_a_fix_a_pause_and_a_case(as_tess, accepted, value):
    address = f"{QUEUE}{accepted.reference}/"
    case = {"messages": value, "category": "fraud", "expectation": "contains", "expected": value}

    assert as_tess.post(f"{address}fix/", {"revision": value}).status_code == 422
    assert as_tess.post(f"{address}case/", case).status_code == 422
    assert as_tess.post(f"{address}pause/", {"reason": "a\0b"}).status_code == 422
    assert as_tess.post(f"{QUEUE}cases/{'9' * 30}/retire/").status_code == 404


@pytest.mark.parametrize(
    "name", ["q", "severity", "category", "release", "assignee", "status", "after", "before"]
)
@pytest.mark.parametrize("value", ["a\0b", "²", "9" * 50, "0001-01-01~1", "-1"])
def test_filters(as_tess, report, name, value):
    assert as_tess.get(QUEUE, {name: value}).status_code == 200
    assert as_tess.get(f"{QUEUE}{report.reference}/", {name: value}).status_code == 200
    assert as_tess.get(f"{QUEUE}cases/", {name: value}).status_code == 200

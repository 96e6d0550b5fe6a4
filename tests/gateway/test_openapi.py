"""The description at /v1/openapi.json, and the table of error codes, against the code."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from django.conf import settings

from playground.batches import api_urls
from playground.gateway.app import FORWARDED
from playground.reference import codes, description, operations

# Where what the API answers is raised.
RAISING = (
    "playground/gateway",
    "portal/keys/authentication.py",
    "portal/keys/restrictions.py",
    "portal/access/gates.py",
    "playground/batches",
    "playground/account.py",
)
# A call by one of these names carries a code among its strings, which may be chosen by a condition.
RAISERS = frozenset({"ApiError", "KeyRefusal", "Refusal", "bad_request", "away", "Fault", "not_found"})
# What is assigned to these names carries codes as well.
NAMED = frozenset({"code", "WORKER_LOST", "UNASKED"})
CODE = re.compile(r"[a-z]+(_[a-z]+)+")
# Words that look like codes in those calls and are none.
NO_CODES = frozenset({"invalid_request_error"})
METHODS = frozenset({"get", "post", "delete"})


def raised_codes() -> set[str]:
    """The codes in the code: in calls of what raises, and in what is assigned to `code`."""
    found: set[str] = set()
    for place in RAISING:
        path = settings.BASE_DIR / place
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            found |= _codes_in(file)
    return found - NO_CODES


def _codes_in(file: Path) -> set[str]:
    told: list[ast.expr] = []
    gates: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Gate":
            # A gate begins with its code, which may be a single word.
            gates.add(ast.literal_eval(node.args[0]))
        elif (
            isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in RAISERS
        ):
            told += [*node.args[:2], *_not_found_codes(node)]
            told += [keyword.value for keyword in node.keywords if keyword.arg == "code"]
        elif isinstance(node, ast.Assign) and NAMED & {getattr(name, "id", "") for name in _names(node)}:
            told.append(node.value)
    return gates | {
        part.value
        for value in told
        for part in ast.walk(value)
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and CODE.fullmatch(part.value)
    }


def _not_found_codes(node: ast.Call) -> list[ast.expr]:
    """What `not_found("file", …)` makes of its first word."""
    if getattr(node.func, "id", "") != "not_found":
        return []
    kind = node.args[0]
    return [ast.Constant(f"{kind.value}_not_found")] if isinstance(kind, ast.Constant) else []


def _names(node: ast.Assign) -> list[ast.expr]:
    return [
        name
        for target in node.targets
        for name in (target.elts if isinstance(target, ast.Tuple) else [target])
    ]


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    """The description."""
    read: dict[str, Any] = json.loads(description.told(FORWARDED).body)
    return read


def references(part: Any) -> list[str]:
    """Every $ref in `part`."""
    if isinstance(part, list):
        return [found for one in part for found in references(one)]
    if not isinstance(part, dict):
        return []
    here = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
    return here + [found for one in part.values() for found in references(one)]


def test_the_table_holds_the_codes_that_the_code_raises_and_no_others():
    assert raised_codes() == set(codes.CODES)


def test_every_code_has_a_meaning_and_an_advice_that_are_sentences():
    for row in codes.CODES.values():
        assert row.meaning.endswith("."), row.code
        assert row.advice.endswith("."), row.code


def test_what_is_worth_another_try():
    assert codes.CODES["rate_limit_exceeded"].is_worth_retrying
    assert codes.CODES["model_loading"].is_worth_retrying
    assert not codes.CODES["insufficient_quota"].is_worth_retrying
    assert not codes.CODES["invalid_json"].is_worth_retrying


def test_the_description_has_every_path_that_the_gateway_answers(told):
    filed = {
        "/" + re.sub(r"<str:(\w+)>", r"{\1}", str(one.pattern))
        for one in api_urls.urlpatterns
        if not str(one.pattern).startswith("<path:")
    }
    forwarded = {path.decode().removeprefix("/v1") for path in FORWARDED}

    assert set(told["paths"]) == {"/models", "/models/{model}", "/account"} | forwarded | filed


def test_the_description_refers_to_nothing_that_is_not_there(told):
    for reference in references(told):
        place = told
        for name in reference.removeprefix("#/").split("/"):
            assert name in place, reference
            place = place[name]


def test_every_operation_has_a_name_of_its_own_and_its_parameters(told):
    names = []
    for path, item in told["paths"].items():
        shared = [parameter["name"] for parameter in item.get("parameters", [])]
        for method in METHODS & set(item):
            operation = item[method]
            names.append(operation["operationId"])
            own = [parameter["name"] for parameter in operation.get("parameters", [])]
            assert set(re.findall(r"{(\w+)}", path)) <= {*shared, *own}, path
            assert operation["summary"]
            assert {"200", "401", "403", "404", "429", "500", "503"} <= set(operation["responses"]), path
            assert all(
                answer.get("$ref") or answer["description"] for answer in operation["responses"].values()
            )

    assert len(names) == len(set(names))


def test_every_code_stands_in_the_description_with_its_status(told):
    expected = {row.code: row.status for row in codes.CODES.values() if row.status}
    for prefix in ("Error", "AnthropicError"):
        found = {
            code: int(name.removeprefix(prefix))
            for name, response in told["components"]["responses"].items()
            if name.startswith(prefix)
            for code in response["x-error-codes"]
        }
        assert found == expected
    constants = told["components"]["schemas"]["Error"]["properties"]["error"]["properties"]["code"]["anyOf"]
    assert {one.get("const") for one in constants} == set(found)


def test_the_limits_headers_are_described_with_a_429(told):
    headers = told["components"]["responses"]["Error429"]["headers"]

    assert set(headers) == {"x-request-id", "retry-after", "x-should-retry", *operations.RATE_HEADERS}


@pytest.mark.live
def test_anybody_reads_the_description_and_keeps_it(portal):
    answer = httpx.get(f"{portal}/v1/openapi.json")
    again = httpx.get(f"{portal}/v1/openapi.json", headers={"If-None-Match": answer.headers["etag"]})
    posted = httpx.post(f"{portal}/v1/openapi.json", json={})

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.json()["openapi"] == "3.1.0"
    assert answer.json()["servers"] == [{"url": "http://portal.example.org/v1"}]
    assert (again.status_code, again.content) == (304, b"")
    assert (posted.status_code, posted.headers["allow"]) == (405, "GET")


@pytest.mark.live
def test_an_error_names_the_address_at_which_it_is_explained(portal):
    told = httpx.get(f"{portal}/v1/nothing").json()["error"]

    assert told["link"] == "http://portal.example.org/api/errors/#unknown_url"
    assert told["message"].endswith(f"See {told['link']}")
    assert set(told) == {"message", "type", "param", "code", "link"}

"""The published API document against the running system: complete, valid, and true."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from tests.system.conftest import SignUp, Stack, Student

REPOSITORY = Path(__file__).parents[2]
OPENAPI_SCHEMA = REPOSITORY / "services/api_gateway/tests/openapi-3.1-schema.json"

SERVICES = ("user-service", "course-service", "schedule-service")
METHODS = {"get", "put", "post", "patch", "delete"}

Document = dict[str, Any]


@pytest.fixture
def gateway(stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack["gateway"], timeout=30) as client:
        yield client


@pytest.fixture
def document(gateway: httpx.Client) -> Document:
    answer = gateway.get("/v3/api-docs")
    assert answer.status_code == 200, answer.text
    return answer.json()


def _operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    for path, item in document["paths"].items():
        for method in METHODS & item.keys():
            yield method, path, item[method]


def _address(path: str) -> str:
    """Return a path with an id that is nobody's in each place."""
    return re.sub(r"\{[^}]+\}", "9007199254740991", path)


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (part for key, part in value.items() if key == "$ref")
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from _references(part)


def _resolved(document: Document, reference: str) -> Any:
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def _assert_documented(document: Document, operation: Document, answer: httpx.Response) -> None:
    """Check status and body of an answer against an operation's document."""
    documented = operation["responses"]
    assert str(answer.status_code) in documented, f"{answer.request.url}: {answer.status_code}"
    content = documented[str(answer.status_code)].get("content", {})
    schema = content.get("application/json", {}).get("schema")
    if schema is None:
        assert answer.content == b"", answer.request.url
    else:
        validator = Draft202012Validator({**schema, "components": document["components"]})
        errors = [error.message for error in validator.iter_errors(answer.json())]
        assert errors == [], f"{answer.request.url}: {errors}"


def test_document_is_valid_openapi(document: Document) -> None:
    """Issue 3: valid OpenAPI 3.1, and every schema in it valid JSON Schema."""
    schema = json.loads(OPENAPI_SCHEMA.read_text())
    problems = Draft202012Validator(schema).iter_errors(document)
    assert [(list(problem.path), problem.message) for problem in problems] == []
    for component in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(component)


def test_every_reference_leads_somewhere(document: Document) -> None:
    for reference in set(_references(document)):
        assert isinstance(_resolved(document, reference), dict)


def test_document_holds_every_operation_of_the_three_services(
    gateway: httpx.Client, document: Document
) -> None:
    """S-04: what services, table and document know is the same set."""
    served = {
        (method, f"/api{path}")
        for service in SERVICES
        for method, path, _ in _operations(gateway.get(f"/v3/api-docs/{service}").json())
    }
    assert {(method, path) for method, path, _ in _operations(document)} == served


def test_operation_ids_are_unique_and_tags_are_listed(document: Document) -> None:
    operations = [operation for _, _, operation in _operations(document)]
    ids = [operation["operationId"] for operation in operations]
    assert len(ids) == len(set(ids))
    listed = [tag["name"] for tag in document["tags"]]
    assert set(listed) == {tag for operation in operations for tag in operation["tags"]}
    assert len(listed) == len(set(listed))


def test_operation_needs_a_token_exactly_where_the_document_says_so(
    gateway: httpx.Client, document: Document
) -> None:
    """rest.md 1.4: without one every protected operation answers 401 `{"error"}`, as documented."""
    for method, path, operation in _operations(document):
        answer = gateway.request(method, _address(path))
        was_refused = answer.status_code == 401 and set(answer.json()) == {"error"}
        assert was_refused is (operation.get("security") != []), f"{method} {path}"
        _assert_documented(document, operation, answer)


async def test_documented_reads_answer_as_documented(document: Document, sign_up: SignUp) -> None:
    """S-03: every GET of a student who has just planned a semester, with nobody's ids where there are any."""
    student: Student = await sign_up()
    await student.sync_everything()
    for method, path, operation in _operations(document):
        if method == "get":
            answer = await student.gateway.get(_address(path))
            assert answer.status_code < 500, path
            _assert_documented(document, operation, answer)


async def test_head_works_wherever_get_works(document: Document, sign_up: SignUp) -> None:
    """rest.md 1.5: the same status and headers, no body."""
    student: Student = await sign_up()
    for method, path, _ in _operations(document):
        if method == "get":
            read = await student.gateway.get(_address(path))
            head = await student.gateway.head(_address(path))
            assert head.status_code == read.status_code, path
            assert head.headers.get("content-type") == read.headers.get("content-type")
            assert head.content == b""


async def test_trailing_slash_is_another_path(document: Document, sign_up: SignUp) -> None:
    """rest.md 1.5: 404, and no redirect."""
    student: Student = await sign_up()
    for method, path, _ in _operations(document):
        answer = await student.gateway.request(method, f"{_address(path)}/")
        assert answer.status_code == 404, f"{method} {path}/"


async def test_unknown_method_is_not_allowed(document: Document, sign_up: SignUp) -> None:
    """rest.md 1.7: OPTIONS from no browser is a method like others, and none of ours."""
    student: Student = await sign_up()
    for path in document["paths"]:
        answer = await student.gateway.options(_address(path))
        assert answer.status_code == 405, path
        assert "allow" in answer.headers


@pytest.mark.parametrize("path", ["/v3/api-docs", "/swagger-ui.html", "/v3/api-docs/user-service"])
def test_documents_are_public(gateway: httpx.Client, path: str) -> None:
    """additions.md B, in production, too."""
    assert gateway.get(path).status_code == 200


async def test_link_leads_through_the_gateway(sign_up: SignUp) -> None:
    """additions.md F: following `Link` from page to page gives the whole list, in order."""
    student: Student = await sign_up()
    await student.sync_everything()
    whole = await student.get("/enrollments")
    assert len(whole) == 2
    shown: list[Any] = []
    following: str | None = "/api/v1/enrollments?limit=1"
    while following is not None:
        assert following.startswith("/api/v1/enrollments?")
        answer = await student.gateway.get(following)
        assert answer.status_code == 200, answer.text
        assert len(answer.json()) == 1
        shown += answer.json()
        following = answer.links.get("next", {}).get("url")
    assert shown == whole

"""The one document made of three: what it says, that it is valid, and what happens when a part is missing."""

import asyncio
import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from services.api_gateway.api_document.merging import SECURITY_SCHEME, merged_document
from services.api_gateway.api_document.published import PublishedDocument
from services.api_gateway.errors import UpstreamUnavailable
from services.api_gateway.routes import ROUTES, Service
from services.api_gateway.service_reader import ServiceReader
from services.api_gateway.tests.conftest import System
from services.api_gateway.tests.doubles import Answer, Upstream, answer, hang, raw_answer, reset
from shared.testing.clock import Clock

OPENAPI_SCHEMA = json.loads((Path(__file__).parent / "openapi-3.1-schema.json").read_text())
"""https://spec.openapis.org/oas/3.1/schema/2022-10-07"""

Document = dict[str, Any]


def _answers(schema: str, *statuses: str) -> Document:
    reference = {"$ref": f"#/components/schemas/{schema}"}
    return {
        status: {"description": "So.", "content": {"application/json": {"schema": reference}}}
        for status in statuses
    }


def _document(paths: Document, schemas: Document | None = None, **changes: Any) -> Document:
    return {
        "openapi": "3.1.0",
        "info": {"title": "A Service API", "version": "1.0.0"},
        "servers": [{"url": "/api"}],
        "paths": paths,
        "components": {
            "schemas": schemas or {},
            "securitySchemes": {"JWT Bearer": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"JWT Bearer": []}],
        **changes,
    }


def _text(**more: Any) -> Document:
    return {"type": "object", "properties": {"text": {"type": "string", **more}}}


SIGN_IN = {
    "tags": ["Authentication"],
    "operationId": "sign_in",
    "requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}},
    "responses": _answers("Problem", "200", "400", "401", "503"),
}
READ_ME = {
    "tags": ["Users"],
    "operationId": "read",
    "responses": _answers("Problem", "200", "401"),
}
LIST_COURSES = {
    "tags": ["Courses"],
    "operationId": "read",
    "responses": _answers("List", "200"),
    "security": [{"JWT Bearer": []}],
}
LIST_TODOS = {
    "tags": ["Todos", "Users"],
    "operationId": "list_todos",
    "responses": _answers("List", "200"),
}


def _documents() -> dict[Service, Document]:
    row = {"$ref": "#/components/schemas/Row"}
    page = {"type": "array", "items": row}
    return {
        Service.USER: _document(
            {"/v1/auth/signin": {"post": SIGN_IN}, "/v1/users/me": {"get": READ_ME}},
            {"Problem": _text(), "Alike": _text()},
            tags=[{"name": "Users", "description": "Who the students are."}],
        ),
        Service.COURSE: _document(
            {
                "/v1/courses/{course_id}": {"get": LIST_COURSES},
                "/internal/v1/enrollments/enabled": {"get": LIST_COURSES},
                "/actuator/health": {"get": LIST_COURSES},
                "/v1/todos": {"get": LIST_COURSES},
            },
            {"List": page, "Row": _text(maxLength=5), "Alike": _text(), "Own": _text()},
        ),
        Service.SCHEDULE: _document(
            {"/v1/todos": {"get": LIST_TODOS}},
            {"List": page, "Row": _text(), "Alike": _text(), "Problem": _text()},
        ),
    }


def _merged(documents: dict[Service, Document] | None = None) -> Document:
    return merged_document(documents or _documents(), ROUTES)


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


def _schema_of(document: Document, path: str, method: str, status: str) -> Document:
    media = document["paths"][path][method]["responses"][status]["content"]["application/json"]
    return media["schema"]


def test_merged_document_is_valid_openapi() -> None:
    """Issue 3: valid against the schema of OpenAPI 3.1, and each component against JSON Schema."""
    document = _merged()
    assert list(Draft202012Validator(OPENAPI_SCHEMA).iter_errors(document)) == []
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_every_reference_leads_somewhere() -> None:
    document = _merged()
    references = list(_references(document))
    assert references
    for reference in references:
        assert _resolved(document, reference)


def test_paths_are_the_gateways_and_lead_to_their_owner() -> None:
    """S-04: what no row of the table leads to, or to another service, is not in the document."""
    document = _merged()
    assert set(document["paths"]) == {
        "/api/v1/auth/signin",
        "/api/v1/users/me",
        "/api/v1/courses/{course_id}",
        "/api/v1/todos",
    }
    assert document["paths"]["/api/v1/todos"]["get"]["operationId"] == "list_todos"
    assert document["servers"] == [{"url": "/"}]


def test_component_that_is_the_same_everywhere_occurs_once() -> None:
    schemas = _merged()["components"]["schemas"]
    assert schemas["Alike"] == _text()
    assert schemas["Problem"] == _text()
    assert schemas["Own"] == _text()
    assert not [name for name in schemas if name.endswith("Service" + "Alike")]


def test_components_that_differ_get_their_services_name() -> None:
    """Both of a clash, and whatever reads the same but refers to them."""
    document = _merged()
    schemas = document["components"]["schemas"]
    assert "Row" not in schemas
    assert "List" not in schemas
    assert schemas["CourseServiceRow"] == _text(maxLength=5)
    assert schemas["ScheduleServiceRow"] == _text()
    assert schemas["CourseServiceList"]["items"] == {
        "$ref": "#/components/schemas/CourseServiceRow"
    }
    assert _schema_of(document, "/api/v1/todos", "get", "200") == {
        "$ref": "#/components/schemas/ScheduleServiceList"
    }


def test_new_name_takes_nobodys_place() -> None:
    documents = _documents()
    documents[Service.USER]["components"]["schemas"]["CourseServiceRow"] = {"const": "mine"}
    schemas = _merged(documents)["components"]["schemas"]
    assert schemas["CourseServiceRow"] == {"const": "mine"}
    assert schemas["CourseServiceCourseServiceRow"] == _text(maxLength=5)


def test_services_own_schema_of_the_gateways_name_is_renamed() -> None:
    documents = _documents()
    documents[Service.USER]["components"]["schemas"]["GatewayRefusal"] = {"const": "mine"}
    schemas = _merged(documents)["components"]["schemas"]
    assert schemas["UserServiceGatewayRefusal"] == {"const": "mine"}
    assert schemas["GatewayRefusal"]["required"] == ["error"]


def test_names_are_followed_wherever_they_occur() -> None:
    """Discriminators name components without `$ref`."""
    documents = _documents()
    documents[Service.COURSE]["components"]["schemas"]["Own"] = {
        "oneOf": [{"$ref": "#/components/schemas/Row"}],
        "discriminator": {
            "propertyName": "text",
            "mapping": {"row": "#/components/schemas/Row"},
        },
    }
    own = _merged(documents)["components"]["schemas"]["Own"]
    assert own["discriminator"]["mapping"] == {"row": "#/components/schemas/CourseServiceRow"}


def test_operation_ids_stay_unique() -> None:
    paths = _merged()["paths"]
    ids = [operation["operationId"] for item in paths.values() for operation in item.values()]
    assert sorted(ids) == ["course_read", "list_todos", "read", "sign_in"]


def test_tags_are_listed_once_with_what_a_service_says_about_them() -> None:
    assert _merged()["tags"] == [
        {"name": "Authentication"},
        {"name": "Users", "description": "Who the students are."},
        {"name": "Courses"},
        {"name": "Todos"},
    ]


def test_public_operations_need_no_token() -> None:
    """rest.md 1.4: the routing table decides, whatever a service's document says."""
    document = _merged()
    assert document["security"] == [{SECURITY_SCHEME: []}]
    assert document["components"]["securitySchemes"] == {
        SECURITY_SCHEME: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    }
    assert document["paths"]["/api/v1/auth/signin"]["post"]["security"] == []
    assert "security" not in document["paths"]["/api/v1/courses/{course_id}"]["get"]


@pytest.mark.parametrize("status", ["400", "401", "403", "404", "413", "414", "502", "503", "504"])
def test_every_protected_operation_shows_the_gateways_answers(status: str) -> None:
    """S-03: what the gateway answers by itself is in the document, with an example that fits."""
    document = _merged()
    answers = document["paths"]["/api/v1/todos"]["get"]["responses"]
    media = answers[status]["content"]["application/json"]
    schema = {**media["schema"], "components": document["components"]}
    assert media["examples"]
    for example in media["examples"].values():
        Draft202012Validator(schema).validate(example["value"])
        assert "error" in example["value"]


def test_public_operation_has_no_gateway_401() -> None:
    document = _merged()
    assert _schema_of(document, "/api/v1/auth/signin", "post", "401") == {
        "$ref": "#/components/schemas/Problem"
    }
    assert "408" in document["paths"]["/api/v1/auth/signin"]["post"]["responses"]


def test_services_answer_of_the_same_status_stays() -> None:
    assert _schema_of(_merged(), "/api/v1/users/me", "get", "401")["anyOf"] == [
        {"$ref": "#/components/schemas/Problem"},
        {"$ref": "#/components/schemas/GatewayRefusal"},
    ]


def test_services_answer_without_a_body_stays_without_one() -> None:
    """rest.md 3.2: some 404 are empty; a body in the document would make them wrong."""
    documents = _documents()
    operation = copy.deepcopy(READ_ME)
    operation["responses"]["404"] = {"description": "Nothing."}
    documents[Service.USER]["paths"]["/v1/users/me"]["get"] = operation
    responses = _merged(documents)["paths"]["/api/v1/users/me"]["get"]["responses"]
    assert responses["404"].keys() == {"description"}
    assert responses["404"]["description"].startswith("Nothing.; The gateway:")


def test_services_examples_stay() -> None:
    documents = _documents()
    operation = copy.deepcopy(READ_ME)
    operation["responses"]["401"]["content"]["application/json"]["example"] = {"text": "mine"}
    documents[Service.USER]["paths"]["/v1/users/me"]["get"] = operation
    responses = _merged(documents)["paths"]["/api/v1/users/me"]["get"]["responses"]
    media = responses["401"]["content"]["application/json"]
    assert "example" not in media
    assert media["examples"]["service"] == {"value": {"text": "mine"}}


def test_merging_leaves_the_services_documents_alone() -> None:
    documents = _documents()
    _merged(documents)
    assert documents == _documents()


def _serve_documents(services: tuple[Upstream, ...]) -> None:
    for service, document in zip(services, _documents().values(), strict=True):
        service.background["/v3/api-docs"] = answer(json.dumps(document).encode())


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_document_is_public(system: System, method: str) -> None:
    """additions.md B: `/v3/api-docs` needs no token."""
    _serve_documents(system.services)
    response = await system.client.send(method, "/v3/api-docs")
    assert response.status == 200
    assert response.one("content-type") == "application/json"
    if method == "GET":
        assert response.json() == _merged()


class Published:
    """A document between three services, without a gateway around it."""

    def __init__(self, services: tuple[Upstream, ...], reader: ServiceReader) -> None:
        self.services = services
        self.clock = Clock()
        self.document = PublishedDocument(reader, ROUTES, clock=self.clock)

    async def title_of_first_tag(self) -> str:
        return json.loads(await self.document.current())["tags"][0]["name"]

    def replace(self, reply: Answer) -> None:
        self.services[0].answer = reply


@pytest.fixture
async def published() -> Any:
    async with (
        Upstream().listening() as user,
        Upstream().listening() as course,
        Upstream().listening() as schedule,
    ):
        services = (user, course, schedule)
        for service, document in zip(services, _documents().values(), strict=True):
            service.answer = answer(json.dumps(document).encode())
        urls = dict(zip(Service, (service.url for service in services), strict=True))
        reader = ServiceReader(urls, None)
        yield Published(services, reader)
        await reader.close()


async def test_everyone_shares_one_fetch(published: Published) -> None:
    """G-06: callers without a token cannot make the services work."""
    await asyncio.gather(*(published.document.current() for _ in range(50)))
    await published.document.current()
    assert [len(service.requests) for service in published.services] == [1, 1, 1]


async def test_new_version_of_a_service_shows_after_ten_seconds(published: Published) -> None:
    assert await published.title_of_first_tag() == "Authentication"
    changed = json.dumps(_documents()[Service.USER]).replace("Authentication", "Sessions")
    published.replace(answer(changed.encode()))
    published.clock.now = 9
    assert await published.title_of_first_tag() == "Authentication"
    published.clock.now = 11
    assert await published.title_of_first_tag() == "Sessions"


@pytest.mark.parametrize(
    "reply",
    [
        reset,
        hang,
        answer(b"{}", "503 Service Unavailable"),
        answer(b"not json"),
        answer(b"[]"),
        answer(b"{}"),
        answer(b'{"openapi": "3.0.3", "paths": {}}'),
        answer(b'{"openapi": "3.1.0", "paths": []}'),
        raw_answer(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"),
        answer(b" " * (4 * 1024 * 1024 + 1)),
    ],
)
async def test_document_without_one_of_its_parts_is_refused(
    published: Published, reply: Answer
) -> None:
    """Half a document would look like the whole one."""
    working = published.services[0].answer
    published.replace(reply)
    with pytest.raises(UpstreamUnavailable):
        await published.document.current()
    published.replace(working)
    assert await published.title_of_first_tag() == "Authentication"


async def test_missing_service_is_a_neutral_503(start_system: Any) -> None:
    """S-04: no host, no reason."""
    async with start_system() as system:
        _serve_documents(system.services)
        system.course.background["/v3/api-docs"] = reset
        response = await system.client.send("GET", "/v3/api-docs")
        assert response.status == 503
        assert set(response.json()) == {"error"}
        assert "127.0.0.1" not in response.body.decode()
        assert response.one("cache-control") == "no-store"

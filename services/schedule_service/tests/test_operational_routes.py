"""O1 to O3, O8 and the common rules, as this service serves them."""

import pytest

ENDPOINTS = {
    "/v1/categories": {"get", "post"},
    "/v1/categories/{categoryId}": {"get", "put", "delete"},
    "/v1/schedules": {"get", "post"},
    "/v1/schedules/check-conflicts": {"post"},
    "/v1/schedules/find-free-slots": {"post"},
    "/v1/schedules/occurrences": {"get"},
    "/v1/schedules/{scheduleId}": {"get", "put", "delete"},
    "/v1/schedules/{scheduleId}/status": {"patch"},
    "/v1/todos": {"get", "post"},
    "/v1/todos/{todoId}": {"get", "put", "delete"},
    "/v1/todos/{todoId}/progress": {"patch"},
    "/v1/todos/{todoId}/status": {"patch"},
    "/v1/todos/{todoId}/subtasks": {"get", "post"},
}


async def test_the_document_shows_the_endpoints_and_nothing_internal(api):
    """O3, R-27"""
    document = (await api.get("/v3/api-docs")).json()
    assert document["info"] == {"title": "Schedule Service API", "version": "1.0.0"}
    assert document["servers"] == [{"url": "/api"}]
    assert {path: set(operations) for path, operations in document["paths"].items()} == ENDPOINTS
    listing = document["paths"]["/v1/schedules"]["get"]
    assert {parameter["name"] for parameter in listing["parameters"]} >= {
        "groupId",
        "includeGroups",
        "startDate",
        "endDate",
        "status",
    }
    assert set(listing["responses"]) == {"200", "400", "401", "403", "500", "503"}
    detail = document["components"]["schemas"]["ScheduleDetail"]["properties"]
    assert "todos" in detail
    assert "todos" not in document["components"]["schemas"]["ScheduleRead"]["properties"]


async def test_health_follows_the_database_and_head_works(api):
    """O1"""
    answer = await api.get("/actuator/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "UP"})
    assert (await api.head("/actuator/health")).status_code == 200
    assert (await api.get("/actuator/info")).json() == {}


async def test_the_api_page_is_served(api):
    """O8"""
    answer = await api.get("/swagger-ui.html")
    assert answer.status_code == 200
    assert "/v3/api-docs" in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/schedules/", 404, "NOT_FOUND"),
        ("GET", "/v1/nothing", 404, "NOT_FOUND"),
        ("PATCH", "/v1/schedules", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/v1/schedules/99999999999999999999", 400, "BAD_REQUEST"),
    ],
)
async def test_errors_have_the_shape_of_this_service(api, method, path, status, code):
    answer = await api.request(method, path)
    assert (answer.status_code, answer.json()["errorCode"]) == (status, code)
    assert set(answer.json()) == {"errorCode", "message", "timestamp"}


async def test_every_answer_and_error_of_the_written_endpoints_is_documented(api):
    """S-04: the statuses of rest.md 4.1 and 4.2, the generic ones, and never 422."""
    paths = (await api.get("/v3/api-docs")).json()["paths"]
    general = {"400", "401", "500", "503"}
    expected = {
        ("/v1/categories", "post"): {"201", "403", "409", "415"},
        ("/v1/categories/{categoryId}", "put"): {"200", "403", "404", "409", "415"},
        ("/v1/categories/{categoryId}", "delete"): {"204", "403", "404"},
        ("/v1/schedules", "post"): {"201", "403", "404", "415"},
        ("/v1/schedules/{scheduleId}", "put"): {"200", "403", "404", "415"},
        ("/v1/schedules/{scheduleId}/status", "patch"): {"200", "403", "404", "415"},
        ("/v1/schedules/{scheduleId}", "delete"): {"204", "403", "404"},
    }
    for (path, method), statuses in expected.items():
        assert set(paths[path][method]["responses"]) == statuses | general


async def test_what_is_read_and_written_is_shown_by_examples(api):
    schemas = (await api.get("/v3/api-docs")).json()["components"]["schemas"]
    for name in ("CategoryWrite", "CategoryRead", "ScheduleWrite", "ScheduleRead"):
        [example] = schemas[name]["examples"]
        assert len(example) >= 3
        assert set(example) <= set(schemas[name]["properties"])
    assert schemas["ScheduleRead"]["additionalProperties"] is False

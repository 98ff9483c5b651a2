"""O1 to O3, O8 and the common rules, as this service serves them."""

import pytest


async def test_the_document_shows_the_endpoints_and_nothing_internal(api):
    """O3, R-27"""
    document = (await api.get("/v3/api-docs")).json()
    assert document["info"] == {"title": "Schedule Service API", "version": "1.0.0"}
    assert document["servers"] == [{"url": "/api"}]
    assert set(document["paths"]) == {
        "/v1/categories",
        "/v1/categories/{category_id}",
        "/v1/schedules",
        "/v1/schedules/{schedule_id}",
    }
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

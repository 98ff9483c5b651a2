"""Each vendor's exchange as its documentation records it (external-apis.md 6), over HTTP."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from starlette.responses import JSONResponse, Response

from lambdas.llm_analysis.errors import ProviderUnavailable
from lambdas.llm_analysis.providers.bedrock import BedrockConverse
from lambdas.llm_analysis.providers.calls import MAX_ANSWER_BYTES, ModelCalls, RetryPolicy
from lambdas.llm_analysis.providers.model import Finish, Message, Model, Reply
from lambdas.llm_analysis.tests import vendors
from lambdas.llm_analysis.tests.doubles import ScheduleService
from lambdas.llm_analysis.tests.server import Call, Server
from lambdas.llm_analysis.tests.vendors import VENDOR_KEY as KEY

Opener = Callable[..., Any]

MESSAGES = [Message("user", "one"), Message("assistant", "two"), Message("user", "three")]
VENDORS = list(vendors.VENDORS)


async def _generate(model: Model) -> Reply:
    return await model.generate("be brief, in json", MESSAGES, max_output_tokens=77)


@pytest.mark.parametrize("path", ["", "/v1", "/v1/messages"])
async def test_anthropic_gets_a_messages_request(
    open_model: Opener, server: Server, path: str
) -> None:
    """external-apis.md 6.1: no sampling parameters, which newer versions refuse."""
    server.answer = lambda call: vendors.answered(call, "hello")

    reply = await _generate(await open_model("anthropic", path=path))

    assert reply == Reply("hello", Finish.COMPLETE, 900, 300)
    [call] = server.calls
    assert (call.method, call.path) == ("POST", "/v1/messages")
    assert call.headers["x-api-key"] == KEY
    assert call.headers["anthropic-version"] == "2023-06-01"
    assert call.headers["content-type"] == "application/json"
    assert call.headers["user-agent"].startswith("UniSync/")
    assert call.body == {
        "model": "a-model",
        "max_tokens": 77,
        "system": "be brief, in json",
        "messages": [{"role": turn.role, "content": turn.text} for turn in MESSAGES],
    }


@pytest.mark.parametrize("path", ["/v1", "/v1/chat/completions"])
async def test_openai_gets_a_chat_completion(open_model: Opener, server: Server, path: str) -> None:
    """external-apis.md 6.2: `max_tokens` is what compatible servers know."""
    server.answer = lambda call: vendors.answered(call, "hello")

    reply = await _generate(await open_model("openai", path=path))

    assert reply == Reply("hello", Finish.COMPLETE, 900, 300)
    [call] = server.calls
    assert (call.method, call.path) == ("POST", "/v1/chat/completions")
    assert call.headers["authorization"] == f"Bearer {KEY}"
    assert call.body == {
        "model": "a-model",
        "messages": [
            {"role": "system", "content": "be brief, in json"},
            *({"role": turn.role, "content": turn.text} for turn in MESSAGES),
        ],
        "response_format": {"type": "json_object"},
        "max_tokens": 77,
    }


async def test_bedrock_gets_a_signed_converse_request(open_model: Opener, server: Server) -> None:
    """external-apis.md 6.3, by the real client: the id is percent-encoded in the path."""
    server.answer = lambda call: vendors.answered(call, "hello")

    reply = await _generate(await open_model("bedrock"))

    assert reply == Reply("hello", Finish.COMPLETE, 900, 300)
    [call] = server.calls
    assert call.path == "/model/anthropic.some-model-20260101-v1%3A0/converse"
    assert call.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=test/")
    assert "/bedrock/aws4_request" in call.headers["authorization"]
    assert call.body == {
        "system": [{"text": "be brief, in json"}],
        "messages": [{"role": turn.role, "content": [{"text": turn.text}]} for turn in MESSAGES],
        "inferenceConfig": {"maxTokens": 77},
    }


@pytest.mark.parametrize(
    ("vendor", "reason", "finish"),
    [
        ("anthropic", "max_tokens", Finish.TRUNCATED),
        ("anthropic", "model_context_window_exceeded", Finish.TRUNCATED),
        ("anthropic", "refusal", Finish.REFUSED),
        ("anthropic", "tool_use", Finish.TOOL),
        ("anthropic", "something_new", Finish.COMPLETE),
        ("openai", "length", Finish.TRUNCATED),
        ("openai", "content_filter", Finish.FILTERED),
        ("openai", "tool_calls", Finish.TOOL),
        ("bedrock", "max_tokens", Finish.TRUNCATED),
        ("bedrock", "content_filtered", Finish.FILTERED),
        ("bedrock", "guardrail_intervened", Finish.FILTERED),
        ("bedrock", "tool_use", Finish.TOOL),
    ],
)
async def test_reasons_to_stop_mean_the_same_everywhere(
    open_model: Opener, server: Server, vendor: str, reason: str, finish: Finish
) -> None:
    """external-apis.md 6.4"""
    server.answer = lambda call: JSONResponse(vendors.VENDORS[vendor].completion("cut", reason))

    assert (await _generate(await open_model(vendor))).finish is finish


async def test_a_refusal_of_openai_is_in_its_message(open_model: Opener, server: Server) -> None:
    answer = vendors.openai_answer(None)
    answer["choices"][0]["message"]["refusal"] = "I cannot help with that."
    server.answer = lambda call: JSONResponse(answer)

    assert await _generate(await open_model("openai")) == Reply("", Finish.REFUSED, 900, 300)


@pytest.mark.parametrize("vendor", ["anthropic", "openai"])
@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"content": None, "choices": None, "usage": None},
        {"content": [{"type": "tool_use", "id": "1"}, 5], "choices": []},
        {"content": "text", "choices": [5]},
        {
            "choices": [{"message": {"content": [{"type": "text"}]}}],
            "usage": {"prompt_tokens": "x"},
        },
    ],
)
async def test_an_answer_without_text_is_an_empty_reply(
    open_model: Opener, server: Server, vendor: str, answer: dict[str, Any]
) -> None:
    server.answer = lambda call: JSONResponse(answer)

    assert (await _generate(await open_model(vendor))).text == ""


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize(
    ("status", "calls"),
    [(400, 1), (401, 1), (403, 1), (404, 1), (422, 1), (408, 3), (429, 3), (500, 3), (529, 3)],
)
async def test_only_what_may_pass_is_tried_again_and_twice_at_most(
    open_model: Opener, server: Server, vendor: str, status: int, calls: int
) -> None:
    """L-04, external-apis.md 0"""
    server.answer = lambda call: JSONResponse({"error": {"message": "no"}}, status)

    with pytest.raises(ProviderUnavailable, match=f"status {status}"):
        await _generate(await open_model(vendor))

    assert len(server.calls) == calls


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_second_try_may_succeed(open_model: Opener, server: Server, vendor: str) -> None:
    def answer(call: Call) -> Response:
        if len(server.calls) == 1:
            return JSONResponse({}, 429, headers={"Retry-After": "0.01"})
        return JSONResponse(vendors.VENDORS[vendor].completion("hello"))

    server.answer = answer

    assert (await _generate(await open_model(vendor))).text == "hello"


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_long_retry_after_is_not_waited_for(
    open_model: Opener, server: Server, vendor: str
) -> None:
    """L-04"""
    server.answer = lambda call: JSONResponse({}, 429, headers={"Retry-After": "600"})

    with pytest.raises(ProviderUnavailable):
        await _generate(await open_model(vendor))

    assert len(server.calls) == 1


async def test_a_spent_quota_of_openai_is_not_tried_again(
    open_model: Opener, server: Server
) -> None:
    """external-apis.md 6.2"""
    error = {"error": {"message": "x", "type": "x", "param": None, "code": "insufficient_quota"}}
    server.answer = lambda call: JSONResponse(error, 429)

    with pytest.raises(ProviderUnavailable):
        await _generate(await open_model("openai"))

    assert len(server.calls) == 1


@pytest.mark.parametrize("vendor", ["anthropic", "openai"])
@pytest.mark.parametrize(
    "content", [b"<html>Bad gateway</html>", b'{"content": [', b"[]", b"x" * (MAX_ANSWER_BYTES + 1)]
)
async def test_an_answer_that_cannot_be_read_is_an_outage(
    open_model: Opener, server: Server, vendor: str, content: bytes
) -> None:
    server.answer = lambda call: Response(content, media_type="application/json")

    with pytest.raises(ProviderUnavailable):
        await _generate(await open_model(vendor))


@pytest.mark.parametrize("vendor", ["anthropic", "openai"])
async def test_a_redirect_does_not_carry_the_key_elsewhere(
    open_model: Opener, server: Server, schedule_service: ScheduleService, vendor: str
) -> None:
    elsewhere = schedule_service.server
    server.answer = lambda call: Response(status_code=307, headers={"Location": elsewhere.url})

    with pytest.raises(ProviderUnavailable):
        await _generate(await open_model(vendor))

    assert elsewhere.calls == []


@pytest.mark.parametrize("vendor", ["anthropic", "openai"])
async def test_no_error_or_its_chain_holds_the_key(
    open_model: Opener, server: Server, vendor: str
) -> None:
    """I-05"""
    model = await open_model(vendor)
    server.answer = lambda call: Response(status_code=401)

    with pytest.raises(ProviderUnavailable) as caught:
        await _generate(model)

    problem: BaseException | None = caught.value
    while problem is not None:
        assert not isinstance(problem, httpx.HTTPError)
        assert KEY not in json.dumps([repr(problem), repr(vars(problem))])
        problem = problem.__cause__ or problem.__context__


async def test_bedrock_that_cannot_be_reached_is_an_outage() -> None:
    class Away:
        async def converse(self, **_: Any) -> dict[str, Any]:
            raise ConnectionResetError

    model = BedrockConverse(
        Away(), model_id="m", calls=ModelCalls(RetryPolicy(first_pause_seconds=0.001))
    )

    with pytest.raises(ProviderUnavailable):
        await _generate(model)

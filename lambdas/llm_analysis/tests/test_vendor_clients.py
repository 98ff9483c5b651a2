"""The model servers of these tests against the vendors' own clients, and our requests beside theirs.

A server that answers, refuses or fails otherwise than the vendor makes its client complain here; what our providers
send is compared with what the client sends for the same call (external-apis.md 6).
"""

import asyncio
from collections.abc import Callable
from typing import Any

import anthropic
import openai
import pytest
from anthropic.types import Message as AnthropicMessage
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator
from openai.types.chat import ChatCompletion
from pydantic import BaseModel
from starlette.responses import JSONResponse

from lambdas.llm_analysis.errors import ProviderUnavailable
from lambdas.llm_analysis.providers.model import Finish, Message, Model
from lambdas.llm_analysis.tests.server import Server
from lambdas.llm_analysis.tests.vendors import (
    BEDROCK_ERRORS,
    BEDROCK_MODEL,
    VENDORS,
    answered,
    botocore_session,
    converse,
)

SYSTEM = "answer in json"
TURNS = [("user", "one"), ("assistant", "two"), ("user", "three")]
REASONS = {
    "anthropic": ["end_turn", "max_tokens", "stop_sequence", "refusal", "tool_use", "pause_turn",
                  "model_context_window_exceeded"],
    "openai": ["stop", "length", "content_filter", "tool_calls", "function_call"],
    "bedrock": ["end_turn", "max_tokens", "stop_sequence", "content_filtered", "tool_use",
                "guardrail_intervened", "malformed_model_output", "malformed_tool_use",
                "model_context_window_exceeded"],
}  # fmt: skip


async def ask_anthropic(url: str, *, key: str = "k", turns: Any = TURNS, **more: Any) -> str:
    """Ask through Anthropic's client, which checks the answer's shape; return its text."""
    async with anthropic.AsyncAnthropic(
        api_key=key, base_url=url, max_retries=0, _strict_response_validation=True
    ) as client:
        reply: AnthropicMessage = await client.messages.create(
            model="a-model",
            max_tokens=77,
            system=SYSTEM,
            messages=[{"role": role, "content": text} for role, text in turns],
            **more,
        )
    assert _undescribed(reply) == []
    assert isinstance(reply.stop_reason, str)
    [block] = reply.content
    assert block.type == "text"
    return block.text


async def ask_openai(url: str, *, key: str = "k", turns: Any = TURNS, **more: Any) -> str:
    """Ask through OpenAI's client, which checks the answer's shape; return its text."""
    options = {"max_tokens": 77, "response_format": {"type": "json_object"}, **more}
    async with openai.AsyncOpenAI(
        api_key=key, base_url=f"{url}/v1", max_retries=0, _strict_response_validation=True
    ) as client:
        reply: ChatCompletion = await client.chat.completions.create(
            model="a-model",
            messages=[
                {"role": "system", "content": SYSTEM},
                *({"role": role, "content": text} for role, text in turns),
            ],
            **options,
        )
    assert _undescribed(reply) == []
    [choice] = reply.choices
    assert reply.usage is not None
    return choice.message.content or ""


async def ask_bedrock(url: str, *, turns: Any = TURNS, **more: Any) -> str:
    """Ask through botocore, and check the answer with AWS's description of it; return its text."""

    def ask() -> dict[str, Any]:
        client = botocore_session().create_client(
            "bedrock-runtime",
            region_name="ap-northeast-2",
            endpoint_url=url,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}),
        )
        return client.converse(
            modelId=BEDROCK_MODEL,
            system=[{"text": SYSTEM}],
            messages=[{"role": role, "content": [{"text": text}]} for role, text in turns],
            inferenceConfig={"maxTokens": 77},
            **more,
        )

    answer = await asyncio.to_thread(ask)
    del answer["ResponseMetadata"]
    report = ParamValidator().validate(answer, converse().output_shape)
    assert not report.has_errors(), report.generate_report()
    assert answer["stopReason"] in converse().output_shape.members["stopReason"].enum
    [block] = answer["output"]["message"]["content"]
    return block["text"]


ASK: dict[str, Callable[..., Any]] = {
    "anthropic": ask_anthropic,
    "openai": ask_openai,
    "bedrock": ask_bedrock,
}
REFUSED = (anthropic.APIStatusError, openai.APIStatusError, ClientError)
MISSHAPEN = (
    AssertionError,
    anthropic.APIResponseValidationError,
    openai.APIResponseValidationError,
    KeyError,
)


def _undescribed(model: BaseModel) -> list[str]:
    """Return the names of fields, at any depth, that the vendor's client has no description of."""
    names = list(model.model_extra or ())
    for name in model.model_fields_set & type(model).model_fields.keys():
        value = getattr(model, name)
        for item in value if isinstance(value, list) else [value]:
            names += _undescribed(item) if isinstance(item, BaseModel) else []
    return names


def _status(refusal: Exception) -> int:
    if isinstance(refusal, ClientError):
        return int(refusal.response["ResponseMetadata"]["HTTPStatusCode"])
    assert isinstance(refusal, anthropic.APIStatusError | openai.APIStatusError)
    return refusal.status_code


@pytest.mark.parametrize(
    ("vendor", "reason"), [(vendor, reason) for vendor, all_ in REASONS.items() for reason in all_]
)
async def test_the_vendors_client_reads_each_answer_of_the_server(
    server: Server, vendor: str, reason: str
) -> None:
    server.answer = lambda call: answered(call, "héllo 가", reason)

    assert await ASK[vendor](server.url) == "héllo 가"


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_server_whose_answer_lacks_or_adds_something_is_noticed(
    server: Server, vendor: str
) -> None:
    """The check above can fail: each required field left out, each with a wrong type, and one too many."""
    right = VENDORS[vendor].completion("x")
    optional = {"stop_reason", "stop_sequence"} if vendor == "anthropic" else set()
    wrong = [{k: v for k, v in right.items() if k != name} for name in right.keys() - optional]
    wrong += [{**right, name: [7]} for name in right.keys() - optional]
    wrong += [{**right, "usage": {}}]
    if vendor != "bedrock":
        # botocore itself leaves out what its description does not have.
        wrong += [{**right, "surprise": 1}]
    noticed = 0
    for answer in wrong:
        server.answer = lambda call, answer=answer: JSONResponse(answer)
        # The clients' readers stumble over some of them in ways of their own.
        with pytest.raises((*MISSHAPEN, TypeError, AttributeError)):
            await ASK[vendor](server.url)
        noticed += 1

    print(f"\n{vendor}: {noticed} of {len(wrong)} wrong servers noticed")  # noqa: T201
    assert noticed == len(wrong)


@pytest.mark.parametrize(
    ("vendor", "status"), [(name, status) for name, v in VENDORS.items() for status in v.statuses]
)
async def test_the_vendors_client_knows_each_failure_of_the_server(
    server: Server, vendor: str, status: int
) -> None:
    server.answer = lambda call: VENDORS[vendor].error(status, "because")

    with pytest.raises(REFUSED) as caught:
        await ASK[vendor](server.url)

    assert _status(caught.value) == status
    if vendor == "anthropic":
        kinds = {
            400: anthropic.BadRequestError,
            401: anthropic.AuthenticationError,
            402: anthropic.PaymentRequiredError,
            403: anthropic.PermissionDeniedError,
            404: anthropic.NotFoundError,
            413: anthropic.RequestTooLargeError,
            429: anthropic.RateLimitError,
            500: anthropic.InternalServerError,
            504: anthropic.GatewayTimeoutError,
            529: anthropic.OverloadedError,
        }
        assert isinstance(caught.value, kinds[status])
        assert caught.value.request_id
    elif vendor == "openai":
        assert isinstance(caught.value.body, dict)
        assert caught.value.body["message"] == "because"
    else:
        assert caught.value.response["Error"]["Code"] == BEDROCK_ERRORS[status]
        assert BEDROCK_ERRORS[status] in {shape.name for shape in converse().error_shapes}


@pytest.mark.parametrize(
    ("vendor", "wrong"),
    [
        ("anthropic", {"turns": []}),
        ("anthropic", {"turns": [("user", "")]}),
        ("anthropic", {"turns": [("user", "one"), ("assistant", "{")]}),
        ("anthropic", {"extra_body": {"response_format": {"type": "json_object"}}}),
        ("anthropic", {"extra_headers": {"anthropic-version": "1999-01-01"}}),
        ("openai", {"turns": [("robot", "one")]}),
        ("openai", {"extra_body": {"max_completion_tokens": 5}}),
        ("openai", {"extra_body": {"messages": []}}),
        ("openai", {"extra_body": {"messages": [{"role": "user", "content": "no such word"}]}}),
    ],
    ids=str,
)
async def test_the_server_refuses_what_the_vendor_refuses(
    server: Server, vendor: str, wrong: dict[str, Any]
) -> None:
    """So that a provider of ours that sent it would fail here, too."""
    server.answer = lambda call: answered(call, "x")

    with pytest.raises(REFUSED) as caught:
        await ASK[vendor](server.url, **wrong)

    assert _status(caught.value) == 400


async def test_newer_versions_of_anthropic_refuse_sampling_parameters(server: Server) -> None:
    """external-apis.md 6.1"""
    server.answer = lambda call: answered(call, "x")

    with pytest.raises(anthropic.BadRequestError):
        await ask_anthropic(
            server.url,
            extra_body={"temperature": 0.5},
            extra_headers={"anthropic-version": "2026-10-21"},
        )


VOLATILE = {"content-length", "host", "user-agent", "accept", "accept-encoding", "connection"}


@pytest.mark.parametrize("vendor", VENDORS)
async def test_our_provider_sends_what_the_vendors_client_sends(
    server: Server, open_model: Callable[..., Any], vendor: str
) -> None:
    """The same method, path and body; and every header of ours is one of the client's, or the other form of the key."""
    server.answer = lambda call: answered(call, "hello")
    model: Model = await open_model(vendor, path="/v1" if vendor == "openai" else "")

    theirs = await ASK[vendor](server.url)
    messages = [Message(role, text) for role, text in TURNS]
    ours = await model.generate(SYSTEM, messages, max_output_tokens=77)

    assert (ours.text, ours.finish) == (theirs, Finish.COMPLETE)
    assert (ours.input_tokens, ours.output_tokens) == (900, 300)
    [their_call, our_call] = server.calls
    assert (our_call.method, our_call.path) == (their_call.method, their_call.path)
    assert our_call.body == their_call.body
    assert our_call.headers.keys() - VOLATILE <= their_call.headers.keys() | {"x-api-key"}


@pytest.mark.parametrize(
    ("vendor", "status"), [(name, status) for name, v in VENDORS.items() for status in v.statuses]
)
async def test_our_provider_repeats_what_the_vendors_client_would_repeat(
    server: Server, open_model: Callable[..., Any], vendor: str, status: int
) -> None:
    """L-04: the vendors' clients repeat 408, 409, 429 and 5xx; botocore's calls 424 of a model final, we do not."""
    server.answer = lambda call: VENDORS[vendor].error(status, "because")

    with pytest.raises(ProviderUnavailable, match=f"status {status}"):
        await (await open_model(vendor)).generate(
            SYSTEM, [Message("user", "one")], max_output_tokens=77
        )

    assert len(server.calls) == (3 if status in {408, 409, 424, 429} or status >= 500 else 1)

"""The three vendors' model servers over HTTP; `test_vendor_clients.py` holds them to the vendors' own clients."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import unquote

from botocore.model import OperationModel
from botocore.session import Session, get_session
from botocore.validate import ParamValidator
from starlette.responses import JSONResponse, Response

from lambdas.llm_analysis.tests.server import Call

VENDOR_KEY = "sk-very-secret"
BEDROCK_MODEL = "anthropic.some-model-20260101-v1:0"
REQUEST_ID = "req_011CSHoEeqs5C35K2UUqR7Fy"

ANTHROPIC_VERSIONS = {"2023-06-01", "2026-10-21"}
ANTHROPIC_FIELDS = {
    "model", "max_tokens", "messages", "system", "stop_sequences", "stream", "metadata", "tools",
    "tool_choice", "output_config", "thinking", "temperature", "top_p", "top_k",
}  # fmt: skip
ANTHROPIC_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
OPENAI_ERRORS = {
    400: ("invalid_request_error", None),
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", "unsupported_country_region_territory"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
    500: ("server_error", None),
    503: ("server_error", None),
}
BEDROCK_ERRORS = {
    400: "ValidationException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
}
"""external-apis.md 6.1 to 6.3."""


def anthropic_answer(text: str = '{"tasks": []}', reason: str = "end_turn") -> dict[str, Any]:
    return {
        "id": "msg_01XFDUDYJgAACzvnptvVoYEL",
        "type": "message",
        "role": "assistant",
        "model": "a-model",
        "content": [{"type": "text", "text": text}],
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": {"input_tokens": 900, "output_tokens": 300},
    }


def openai_answer(text: str | None = '{"tasks": []}', reason: str = "stop") -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_795_000_000,
        "model": "a-model",
        "choices": [
            {
                "index": 0,
                "finish_reason": reason,
                "message": {"role": "assistant", "content": text, "refusal": None},
                "logprobs": None,
            }
        ],
        "usage": {"prompt_tokens": 900, "completion_tokens": 300, "total_tokens": 1200},
    }


def bedrock_answer(text: str = '{"tasks": []}', reason: str = "end_turn") -> dict[str, Any]:
    return {
        "output": {"message": {"role": "assistant", "content": [{"text": text}]}},
        "stopReason": reason,
        "usage": {"inputTokens": 900, "outputTokens": 300, "totalTokens": 1200},
        "metrics": {"latencyMs": 800},
    }


def anthropic_error(status: int, message: str, **headers: str) -> Response:
    error = {"type": ANTHROPIC_ERRORS[status], "message": message}
    return JSONResponse(
        {"type": "error", "error": error, "request_id": REQUEST_ID},
        status,
        headers={"request-id": REQUEST_ID, **headers},
    )


def openai_error(status: int, message: str, *, code: str | None = None, **headers: str) -> Response:
    kind, usual_code = OPENAI_ERRORS[status]
    error = {"message": message, "type": kind, "param": None, "code": code or usual_code}
    return JSONResponse({"error": error}, status, headers=headers)


def bedrock_error(status: int, message: str, **headers: str) -> Response:
    return JSONResponse(
        {"message": message},
        status,
        headers={"x-amzn-ErrorType": BEDROCK_ERRORS[status], **headers},
    )


@dataclass(frozen=True)
class Vendor:
    """How one vendor's server answers, in success and in failure, with which statuses, and what it refuses."""

    completion: Callable[..., dict[str, Any]]
    error: Callable[..., Response]
    statuses: tuple[int, ...]
    faults: Callable[[Call], Iterator[tuple[int, str]]]


def vendor_of(path: str) -> str | None:
    if path == "/v1/messages":
        return "anthropic"
    if path == "/v1/chat/completions":
        return "openai"
    return "bedrock" if re.fullmatch(r"/model/[^/:]+/converse", path) else None


def _anthropic_faults(call: Call) -> Iterator[tuple[int, str]]:
    body, version = call.body, call.headers.get("anthropic-version")
    bearer = call.headers.get("authorization", "")
    if not call.headers.get("x-api-key") and not bearer.startswith("Bearer "):
        yield 401, "x-api-key header is required"
    if version not in ANTHROPIC_VERSIONS:
        yield 400, "anthropic-version: header is required"
    unknown = body.keys() - ANTHROPIC_FIELDS
    if unknown:
        yield 400, f"{min(unknown)}: Extra inputs are not permitted"
    for name, kind in (("model", str), ("max_tokens", int), ("messages", list)):
        if not isinstance(body.get(name), kind) or not body[name]:
            yield 400, f"{name}: Field required"
    if version != "2023-06-01" and body.keys() & {"temperature", "top_p", "top_k"}:
        yield 400, "sampling parameters are not supported"
    if any(turn["role"] not in {"user", "assistant"} for turn in body["messages"]):
        yield 400, "messages: Unexpected role"
    if any(not turn["content"] for turn in body["messages"]):
        yield 400, "messages: all messages must have non-empty content"
    if body["messages"][-1]["role"] != "user":
        yield 400, "This model does not support assistant message prefill."


def _openai_faults(call: Call) -> Iterator[tuple[int, str]]:
    body = call.body
    if not call.headers.get("authorization", "").startswith("Bearer "):
        yield 401, "You didn't provide an API key."
    if not isinstance(body.get("model"), str) or not body["model"]:
        yield 400, "you must provide a model parameter"
    if not isinstance(body.get("messages"), list) or not body["messages"]:
        yield 400, "Missing required parameter: 'messages'."
    roles = {turn["role"] for turn in body["messages"]}
    if not roles <= {"developer", "system", "user", "assistant", "tool"}:
        yield 400, "Invalid value for 'messages[].role'"
    if {"max_tokens", "max_completion_tokens"} <= body.keys():
        yield (
            400,
            "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
        )
    wants_object = (body.get("response_format") or {}).get("type") == "json_object"
    if wants_object and not any("json" in turn["content"].lower() for turn in body["messages"]):
        yield 400, "'messages' must contain the word 'json' in some form"


def _bedrock_faults(call: Call) -> Iterator[tuple[int, str]]:
    signature = call.headers.get("authorization", "")
    if not re.match(
        r"AWS4-HMAC-SHA256 Credential=[^/]+/\d{8}/[^/]+/bedrock/aws4_request,", signature
    ):
        yield 403, "The request signature is missing or for another service."
    model_id = unquote(call.path.split("/")[2])
    report = ParamValidator().validate({"modelId": model_id, **call.body}, converse().input_shape)
    if report.has_errors():
        yield 400, report.generate_report()


@cache
def botocore_session() -> Session:
    """Return a session that keeps AWS's descriptions once read."""
    return get_session()


@cache
def converse() -> OperationModel:
    """Return AWS's own description of Converse."""
    return botocore_session().get_service_model("bedrock-runtime").operation_model("Converse")


VENDORS = {
    "anthropic": Vendor(
        anthropic_answer, anthropic_error, tuple(ANTHROPIC_ERRORS), _anthropic_faults
    ),
    "openai": Vendor(openai_answer, openai_error, tuple(OPENAI_ERRORS), _openai_faults),
    "bedrock": Vendor(bedrock_answer, bedrock_error, tuple(BEDROCK_ERRORS), _bedrock_faults),
}


def answered(call: Call, text: str, reason: str | None = None) -> Response:
    """Answer like the vendor whose path was called: refuse what it refuses, otherwise say `text`."""
    name = vendor_of(call.path)
    if name is None:
        return JSONResponse({"detail": "Not Found"}, 404)
    vendor = VENDORS[name]
    refusal = next(vendor.faults(call), None)
    if refusal is not None:
        return vendor.error(*refusal)
    return JSONResponse(vendor.completion(text, reason) if reason else vendor.completion(text))

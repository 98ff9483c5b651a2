"""Anthropic's Messages API."""

from collections.abc import Sequence
from typing import Any

import httpx
from pydantic import SecretStr

from lambdas.llm_analysis.providers.calls import ModelCalls, post_json
from lambdas.llm_analysis.providers.model import Finish, Message, Reply, token_count

API_VERSION = "2023-06-01"
"""The long-standing version; our requests carry no sampling parameters, so newer ones accept them as well."""

_FINISHES = {
    "end_turn": Finish.COMPLETE,
    "stop_sequence": Finish.COMPLETE,
    "max_tokens": Finish.TRUNCATED,
    "model_context_window_exceeded": Finish.TRUNCATED,
    "refusal": Finish.REFUSED,
    "tool_use": Finish.TOOL,
}


class AnthropicMessages:
    """A model behind `POST /v1/messages`.

    Args:
        http: What `model_http_client` opened.
        base_url: With or without `/v1` or `/v1/messages`.
        api_key: Sent as `x-api-key`.
        model_id: As the vendor names it.
        calls: Retries and circuit.
    """

    vendor = "anthropic"

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        base_url: str,
        api_key: SecretStr,
        model_id: str,
        calls: ModelCalls,
    ) -> None:
        self._http = http
        self._url = base_url.removesuffix("/messages").removesuffix("/v1") + "/v1/messages"
        self._api_key = api_key
        self._calls = calls
        self.model_id = model_id

    async def generate(
        self, system: str, messages: Sequence[Message], *, max_output_tokens: int
    ) -> Reply:
        """Return the model's reply; see `Model`."""
        body = {
            "model": self.model_id,
            "max_tokens": max_output_tokens,
            "system": system,
            "messages": [{"role": turn.role, "content": turn.text} for turn in messages],
        }
        headers = {
            "x-api-key": self._api_key.get_secret_value(),
            "anthropic-version": API_VERSION,
        }
        answer = await self._calls.make(lambda: post_json(self._http, self._url, headers, body))
        return _reply(answer)


def _reply(answer: dict[str, Any]) -> Reply:
    blocks = answer.get("content")
    texts = [
        block.get("text")
        for block in (blocks if isinstance(blocks, list) else [])
        if isinstance(block, dict) and block.get("type") == "text"
    ]
    usage = answer.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    return Reply(
        "".join(text for text in texts if isinstance(text, str)),
        _FINISHES.get(str(answer.get("stop_reason")), Finish.COMPLETE),
        token_count(counts.get("input_tokens")),
        token_count(counts.get("output_tokens")),
    )

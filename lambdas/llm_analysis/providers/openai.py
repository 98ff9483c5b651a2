"""Chat completions as OpenAI and many compatible servers speak them."""

from collections.abc import Sequence
from typing import Any

import httpx
from pydantic import SecretStr

from lambdas.llm_analysis.providers.calls import ModelCalls, post_json
from lambdas.llm_analysis.providers.model import Finish, Message, Reply, token_count

_PATH = "/chat/completions"
_FINISHES = {
    "stop": Finish.COMPLETE,
    "length": Finish.TRUNCATED,
    "content_filter": Finish.FILTERED,
    "tool_calls": Finish.TOOL,
    "function_call": Finish.TOOL,
}


class OpenAIChat:
    """A model behind `POST {base}/chat/completions`.

    Args:
        http: What `model_http_client` opened.
        base_url: Ends in `/v1` as a rule, or is the whole address of the completions.
        api_key: Sent as bearer; compatible servers of one's own may need none.
        model_id: As the server names it.
        is_vendor: Whether this is OpenAI itself, whose newer models refuse `max_tokens`, the only name for the limit
            that older compatible servers know.
        calls: Retries and circuit.
    """

    vendor = "openai"

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        base_url: str,
        api_key: SecretStr | None,
        model_id: str,
        is_vendor: bool,
        calls: ModelCalls,
    ) -> None:
        self._http = http
        self._url = base_url.removesuffix(_PATH) + _PATH
        self._api_key = api_key
        self._limit_name = "max_completion_tokens" if is_vendor else "max_tokens"
        self._calls = calls
        self.model_id = model_id

    async def generate(
        self, system: str, messages: Sequence[Message], *, max_output_tokens: int
    ) -> Reply:
        """Return the model's reply; see `Model`."""
        turns = [{"role": turn.role, "content": turn.text} for turn in messages]
        body = {
            "model": self.model_id,
            "messages": [{"role": "system", "content": system}, *turns],
            "response_format": {"type": "json_object"},
            self._limit_name: max_output_tokens,
        }
        headers: dict[str, str] = {}
        if self._api_key is not None:
            headers["Authorization"] = f"Bearer {self._api_key.get_secret_value()}"
        answer = await self._calls.make(lambda: post_json(self._http, self._url, headers, body))
        return _reply(answer)


def _reply(answer: dict[str, Any]) -> Reply:
    choices = answer.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    words = message if isinstance(message, dict) else {}
    reason = choice.get("finish_reason") if isinstance(choice, dict) else None
    finish = _FINISHES.get(str(reason), Finish.COMPLETE)
    text = words.get("content")
    usage = answer.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    return Reply(
        text if isinstance(text, str) else "",
        Finish.REFUSED if words.get("refusal") else finish,
        token_count(counts.get("prompt_tokens")),
        token_count(counts.get("completion_tokens")),
    )

"""Amazon Bedrock's Converse, which speaks alike for every model it hosts."""

from collections.abc import Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from lambdas.llm_analysis.providers.calls import CallFailed, ModelCalls, status_failure
from lambdas.llm_analysis.providers.model import Finish, Message, Reply, token_count
from shared.tracing.spans import span

BedrockClient = Any
"""aiobotocore generates its clients at run time, so there is no static type for them."""

_CONVERSE = {"rpc.system": "aws-api", "rpc.service": "Bedrock Runtime", "rpc.method": "Converse"}

_FINISHES = {
    "end_turn": Finish.COMPLETE,
    "stop_sequence": Finish.COMPLETE,
    "max_tokens": Finish.TRUNCATED,
    "model_context_window_exceeded": Finish.TRUNCATED,
    "content_filtered": Finish.FILTERED,
    "guardrail_intervened": Finish.FILTERED,
    "tool_use": Finish.TOOL,
    "malformed_tool_use": Finish.TOOL,
}


class BedrockConverse:
    """A model behind Converse.

    Args:
        client: A `bedrock-runtime` client that makes one attempt; `calls` repeats it.
        model_id: Model, inference profile or ARN.
        calls: Retries and circuit.
    """

    vendor = "bedrock"

    def __init__(self, client: BedrockClient, *, model_id: str, calls: ModelCalls) -> None:
        self._client = client
        self._calls = calls
        self.model_id = model_id

    async def generate(
        self, system: str, messages: Sequence[Message], *, max_output_tokens: int
    ) -> Reply:
        """Return the model's reply; see `Model`."""

        async def try_once() -> dict[str, Any]:
            failure: CallFailed
            try:
                with span("Converse", "client", attributes=_CONVERSE):
                    return dict(
                        await self._client.converse(
                            modelId=self.model_id,
                            system=[{"text": system}],
                            messages=[
                                {"role": turn.role, "content": [{"text": turn.text}]}
                                for turn in messages
                            ],
                            inferenceConfig={"maxTokens": max_output_tokens},
                        )
                    )
            except ClientError as problem:
                answered = problem.response.get("ResponseMetadata", {})
                failure = status_failure(
                    answered.get("HTTPStatusCode", 500), answered.get("HTTPHeaders", {})
                )
            except NoCredentialsError:
                failure = CallFailed("no AWS credentials", may_help=False)
            except (BotoCoreError, OSError, ValueError) as problem:
                failure = CallFailed(type(problem).__name__, may_help=True)
            raise failure

        return _reply(await self._calls.make(try_once))


def _reply(answer: dict[str, Any]) -> Reply:
    blocks = answer.get("output", {}).get("message", {}).get("content", [])
    counts = answer.get("usage", {})
    return Reply(
        "".join(block["text"] for block in blocks if isinstance(block.get("text"), str)),
        _FINISHES.get(str(answer.get("stopReason")), Finish.COMPLETE),
        token_count(counts.get("inputTokens")),
        token_count(counts.get("outputTokens")),
    )

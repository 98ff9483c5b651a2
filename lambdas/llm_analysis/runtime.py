"""Puts the function together from its settings; `shared.function_runtime` keeps it between invocations."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

from pydantic import SecretStr

from lambdas.llm_analysis.neighbours import TIMEOUT, StoredAnalyses
from lambdas.llm_analysis.providers.anthropic import AnthropicMessages
from lambdas.llm_analysis.providers.bedrock import BedrockConverse
from lambdas.llm_analysis.providers.calls import (
    CALL_SECONDS,
    ModelCalls,
    RetryPolicy,
    model_http_client,
)
from lambdas.llm_analysis.providers.model import Model, ModelProvider
from lambdas.llm_analysis.providers.openai import OpenAIChat
from lambdas.llm_analysis.providers.outline import Outline
from lambdas.llm_analysis.providers.provider import Provider
from lambdas.llm_analysis.redelivery import Redelivery
from lambdas.llm_analysis.service import LLMAnalysis
from lambdas.llm_analysis.settings import ANTHROPIC_URL, OPENAI_URL, LLMAnalysisSettings
from shared.aws import aws_client
from shared.logging import configure_logging
from shared.messaging.publisher import Publisher
from shared.messaging.queues import SQSClient
from shared.service_calls import service_client
from shared.settings import read_settings
from shared.tracing.spans import configure_tracing


@dataclass(frozen=True)
class Function:
    """The function, put together."""

    analysis: LLMAnalysis
    redelivery: Redelivery


async def open_function(
    stack: AsyncExitStack,
    settings: LLMAnalysisSettings,
    *,
    sqs: SQSClient | None = None,
    retry: RetryPolicy | None = None,
) -> Function:
    """Put the function together.

    Args:
        stack: Closes what is opened here.
        settings: Who proposes steps and where everything is.
        sqs: Replaces the client that is opened by default.
        retry: Replaces the pauses between tries of a model.
    """
    schedule_service = await stack.enter_async_context(
        service_client(
            settings.schedule_service_url,
            timeout=TIMEOUT,
            api_key=settings.canvas_sync_api_key.get_secret_value(),
        )
    )
    queues = sqs or await stack.enter_async_context(aws_client("sqs", settings))
    analysis = LLMAnalysis(
        await open_provider(stack, settings, ModelCalls(retry)),
        Outline(),
        StoredAnalyses(schedule_service),
        Publisher(queues),
        settings.task_creation_queue_name,
    )
    return Function(analysis, Redelivery(queues))


async def open_provider(
    stack: AsyncExitStack, settings: LLMAnalysisSettings, calls: ModelCalls
) -> Provider:
    """Open the provider that the settings name."""
    if settings.llm_provider == "outline":
        return Outline()
    return ModelProvider(await _open_model(stack, settings, calls))


async def _open_model(
    stack: AsyncExitStack, settings: LLMAnalysisSettings, calls: ModelCalls
) -> Model:
    model_id = settings.llm_model or ""
    if settings.llm_provider == "bedrock":
        endpoint = settings.llm_api_url or settings.aws_endpoint_url
        client = await stack.enter_async_context(
            aws_client(
                "bedrock-runtime",
                settings.model_copy(update={"aws_endpoint_url": endpoint}),
                read_timeout_seconds=CALL_SECONDS,
                # Repeating is the business of `calls`, which keeps `Retry-After` and the circuit.
                max_attempts=1,
            )
        )
        return BedrockConverse(client, model_id=model_id, calls=calls)
    http = await stack.enter_async_context(model_http_client())
    if settings.llm_provider == "anthropic":
        return AnthropicMessages(
            http,
            base_url=settings.llm_api_url or ANTHROPIC_URL,
            api_key=settings.llm_api_key or SecretStr(""),
            model_id=model_id,
            calls=calls,
        )
    base_url = settings.llm_api_url or OPENAI_URL
    return OpenAIChat(
        http,
        base_url=base_url,
        api_key=settings.llm_api_key,
        model_id=model_id,
        is_vendor=base_url.startswith(OPENAI_URL),
        calls=calls,
    )


async def open_from_environment(stack: AsyncExitStack) -> Function:
    """Put the function together as the environment says.

    Raises:
        SettingsError: Names each setting that is missing or wrong.
    """
    settings = read_settings(LLMAnalysisSettings)
    configure_logging("llm_analysis", settings.log_level)
    configure_tracing("llm_analysis")
    return await open_function(stack, settings)

"""Starts the gateway, in this process or in several."""

from functools import partial

from services.api_gateway.process import GatewayProcess
from services.api_gateway.settings import GatewaySettings
from services.api_gateway.workers import run_workers
from shared.logging import configure_logging
from shared.settings import load_settings
from shared.tracing.spans import configure_tracing
from shared.web.health import always_ready, management_app
from shared.web.serving import listen, run


def main() -> None:
    """Serve until SIGTERM."""
    settings = load_settings(GatewaySettings)
    configure_logging("api_gateway", settings.log_level)
    configure_tracing("api_gateway")
    listener = listen(settings.host, settings.port)
    if settings.gateway_workers > 1:
        run_workers(settings, listener)
        return
    run(
        {(settings.host, settings.management_port): management_app(always_ready)},
        partial(GatewayProcess(settings).serve, listener),
    )

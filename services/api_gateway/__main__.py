"""Starts the gateway: `python -m services.api_gateway`."""

from services.api_gateway.main import main

main()

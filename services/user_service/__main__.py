"""Starts the service: `python -m services.user_service`."""

from services.user_service.main import main

main()

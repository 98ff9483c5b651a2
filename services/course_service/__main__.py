"""Starts the API: `python -m services.course_service`."""

from services.course_service.main import main

main()

"""`python -m services.schedule_service` serves the API."""

from services.schedule_service.main import main

if __name__ == "__main__":
    main()

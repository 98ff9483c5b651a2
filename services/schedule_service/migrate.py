"""`python -m services.schedule_service.migrate` brings `schedule_db` to the newest revision."""

from pathlib import Path

from shared.migrations import main

MIGRATIONS = Path(__file__).parent / "migrations"

if __name__ == "__main__":
    main(MIGRATIONS)

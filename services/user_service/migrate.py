"""Brings user_db to the newest revision: `python -m services.user_service.migrate`."""

from pathlib import Path

from shared.migrations import main

MIGRATIONS = Path(__file__).parent / "migrations"

if __name__ == "__main__":
    main(MIGRATIONS)

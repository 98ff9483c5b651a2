"""Migrates course_db: `python -m services.course_service.migrate`."""

from pathlib import Path

from shared.migrations import main

MIGRATIONS = Path(__file__).parent / "migrations"

if __name__ == "__main__":
    main(MIGRATIONS)

"""Seals every stored token anew under the writing key: `python -m services.user_service.rotate_keys`.

It may run beside the service, be interrupted and be repeated. Afterwards no row needs the older keys.
"""

import asyncio
import sys

from services.user_service.integrations.service import Rotation, seal_anew
from services.user_service.sealing import Sealer
from services.user_service.settings import SealingSettings
from shared.database import Database
from shared.logging import configure_logging
from shared.settings import load_settings


async def rotate(settings: SealingSettings) -> Rotation:
    """Open the database and seal every stored token anew that is under another key."""
    database = Database(settings.database_url)
    try:
        return await seal_anew(database, Sealer(settings.sealing_keys()))
    finally:
        await database.close()


def main() -> None:
    """Rotate, say how many rows there were of which kind, and end with 1 when some could not be opened."""
    settings = load_settings(SealingSettings)
    configure_logging("user_service", settings.log_level)
    done = asyncio.run(rotate(settings))
    sys.stdout.write(
        f"sealed anew: {done.sealed_anew}, current before: {done.current}, unreadable: {done.unreadable}\n"
    )
    sys.exit(1 if done.unreadable else 0)


if __name__ == "__main__":
    main()

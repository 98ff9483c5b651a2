"""course_db's table of messages that failed, for operators of the dead-letter queue."""

from services.course_service.database import Base
from shared.messaging.failure_log import FailureColumns


class FailedMessageRow(FailureColumns, Base):
    """One receive of a message that could not be applied."""

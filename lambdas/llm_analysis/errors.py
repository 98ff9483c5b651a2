"""Why a record fails; no message repeats a key, a text or what somebody sent."""


class RecordMalformed(Exception):
    """The body is not what its queue carries; it belongs into the dead-letter queue."""


class InvocationInvalid(Exception):
    """The event holds no list of records."""


class RecordsFailed(Exception):
    """Records failed that cannot be reported one by one because they have no message id."""


class Unavailable(Exception):
    """Something the work needs is away; the record is fine and must be tried again."""


class AnalysesUnavailable(Unavailable):
    """schedule_service did not answer."""


class AnalysisInProgress(Unavailable):
    """Another worker claimed the same text and has not delivered within our patience."""


class AnalysisTimedOut(Unavailable):
    """The provider, or another worker's claim, took longer than a function may wait."""


class ProviderUnavailable(Unavailable):
    """The model cannot be reached, refuses calls or fails; or it did so lately and is left alone."""


class PublishingUnavailable(Unavailable):
    """The queue does not take the steps."""


class BudgetSpent(Exception):
    """No further call to a model may be made for this text."""


class AnalysisRefused(Exception):
    """The model answered, and nothing acceptable can be made of it; nothing is written (L-01)."""


class PlanInvalid(Exception):
    """Proposed steps break a rule; the message says which one, in words a model can act on."""

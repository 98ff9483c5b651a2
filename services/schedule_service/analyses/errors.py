"""Why there are no steps, or no leave to ask a model for them."""

from shared.web.errors import ServiceError


class AnalysisNotFound(ServiceError):
    """No steps are stored for a text."""

    status = 404
    code = "ANALYSIS_NOT_FOUND"
    message = "There is no such analysis."


class AnalysisClaimed(ServiceError):
    """Another worker is at the text."""

    status = 409
    code = "ANALYSIS_CLAIMED"
    message = "Another worker is at this text."


class AnalysisBudgetSpent(ServiceError):
    """No further call may be made, for this text or at all."""

    status = 429
    code = "ANALYSIS_BUDGET_SPENT"
    message = "No further call may be made for this text now."

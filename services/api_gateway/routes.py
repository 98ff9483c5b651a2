"""The routing table (rest.md 1.3 and 1.4): which path belongs to whom, and who needs a token."""

from dataclasses import dataclass
from enum import Enum, StrEnum

ANSWER_SECONDS = 10.0
"""A service answers within this or the caller gets 504 (additions.md B)."""

PREFIX = "/api"
"""What the gateway's paths have before the services' own."""

SYNC_ANSWER_SECONDS = 155.0
"""A sync waits up to 150 s for the function (additions.md A), and some seconds for user_service around it."""


class Service(StrEnum):
    """Whom a request is forwarded to."""

    USER = "user-service"
    COURSE = "course-service"
    SCHEDULE = "schedule-service"


class Access(Enum):
    """Who may use a route."""

    PUBLIC = "anyone, without identity"
    SIGNED_IN = "a bearer token's owner"
    NOBODY = "no caller of the gateway"


class Limit(StrEnum):
    """What is counted by the minute (S-05)."""

    USER = "user"
    SYNC = "sync"
    SIGN_IN = "sign_in"


class Reach(Enum):
    """Which paths a row matches."""

    ITSELF = "the path itself"
    BELOW = "everything below the path"
    TREE = "the path itself and everything below"


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the table; without a service the gateway's own pages answer.

    `ends_sessions`: success there ends all sessions of the caller, here before the answer is passed on.
    `limit`: what else its POSTs count against, beside the user's own limit.
    `waits_for_others`: the service asks Cognito or Canvas, so that slow answers are no sign of its load.
    """

    path: str
    access: Access
    service: Service | None
    upstream_path: str
    reach: Reach = Reach.TREE
    answer_within_seconds: float = ANSWER_SECONDS
    ends_sessions: bool = False
    limit: Limit = Limit.USER
    waits_for_others: bool = False

    def matches(self, path: str) -> bool:
        """Tell whether a canonical path belongs to this row; letter case counts."""
        if not path.startswith(self.path):
            return False
        if len(path) == len(self.path):
            return self.reach is not Reach.BELOW
        return path[len(self.path)] == "/" and self.reach is not Reach.ITSELF

    @property
    def is_private(self) -> bool:
        """Whether answers are about somebody, so that no cache may keep them."""
        return self.path.startswith("/api/")

    def upstream(self, path: str) -> str:
        """Return a matching path as the service knows it."""
        return self.upstream_path + path[len(self.path) :]


def _api(
    name: str,
    service: Service,
    access: Access = Access.SIGNED_IN,
    reach: Reach = Reach.TREE,
    answer_within_seconds: float = ANSWER_SECONDS,
    ends_sessions: bool = False,
    limit: Limit = Limit.USER,
    waits_for_others: bool = False,
) -> Route:
    path = f"/v1/{name}"
    return Route(
        f"{PREFIX}{path}",
        access,
        service,
        path,
        reach,
        answer_within_seconds,
        ends_sessions,
        limit,
        waits_for_others,
    )


def _document(service: Service) -> Route:
    path = f"/v3/api-docs/{service}"
    return Route(path, Access.PUBLIC, service, "/v3/api-docs", Reach.ITSELF)


def _page(path: str, reach: Reach = Reach.TREE) -> Route:
    return Route(path, Access.PUBLIC, None, path, reach)


_SYNC = "integrations/canvas/sync"

ROUTES = (
    Route("/api/internal", Access.NOBODY, None, ""),
    _api(
        "auth/signout",
        Service.USER,
        reach=Reach.ITSELF,
        ends_sessions=True,
        waits_for_others=True,
    ),
    _api("auth/signin", Service.USER, Access.PUBLIC, limit=Limit.SIGN_IN, waits_for_others=True),
    _api("auth", Service.USER, Access.PUBLIC, Reach.BELOW, waits_for_others=True),
    _api("auth", Service.USER, reach=Reach.ITSELF),
    _api("users", Service.USER),
    _api("friends", Service.USER),
    _api("groups", Service.USER),
    _api(
        _SYNC,
        Service.USER,
        reach=Reach.ITSELF,
        answer_within_seconds=SYNC_ANSWER_SECONDS,
        limit=Limit.SYNC,
        waits_for_others=True,
    ),
    _api("integrations", Service.USER, waits_for_others=True),
    _api("courses", Service.COURSE),
    _api("assignments", Service.COURSE),
    _api("enrollments", Service.COURSE),
    _api("tasks", Service.COURSE),
    _api("notices", Service.COURSE),
    _api("schedules", Service.SCHEDULE),
    _api("todos", Service.SCHEDULE),
    _api("categories", Service.SCHEDULE),
    _document(Service.USER),
    _document(Service.COURSE),
    _document(Service.SCHEDULE),
    _page("/v3/api-docs"),
    _page("/swagger-ui.html", Reach.ITSELF),
    _page("/swagger-ui"),
    _page("/webjars"),
    _page("/actuator"),
)
"""The first matching row wins; what matches none is 404."""


def find_route(path: str, routes: tuple[Route, ...] = ROUTES) -> Route | None:
    """Return the row a canonical path belongs to."""
    for route in routes:
        if route.matches(path):
            return route
    return None


class RoutingTable:
    """Finds rows as `find_route` does, after looking at those alone that begin as the path does."""

    def __init__(self, routes: tuple[Route, ...]) -> None:
        self._routes = routes
        self._candidates = {
            beginning: tuple(
                route
                for route in routes
                if route.path.startswith(beginning) or beginning.startswith(route.path)
            )
            for beginning in {_beginning(route.path) for route in routes}
        }

    def find(self, path: str) -> Route | None:
        """Return the row a canonical path belongs to."""
        return find_route(path, self._candidates.get(_beginning(path), self._routes))


def _beginning(path: str) -> str:
    """Return the first three segments, such as `/api/v1/todos`."""
    return "/".join(path.split("/", 4)[:4])

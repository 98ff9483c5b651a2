"""Why something about a group is refused."""

from shared.web.errors import BadRequest, ServiceError


class MemberNotFound(ServiceError):
    """The caller is no member, there is no such group, or there is no such membership."""

    status = 404
    code = "MEMBER_NOT_FOUND"
    message = "You are not a member of this group, or there is no such member."


class GroupNotFound(ServiceError):
    """The membership has lost its group."""

    status = 404
    code = "GROUP_NOT_FOUND"
    message = "The group does not exist."


class InsufficientPermission(ServiceError):
    """The caller's role does not allow this."""

    status = 403
    code = "INSUFFICIENT_PERMISSION"
    message = "Your role in this group does not allow this."


class MemberAlreadyExists(ServiceError):
    """The user is a member already."""

    status = 409
    code = "MEMBER_ALREADY_EXISTS"
    message = "This user already is a member of the group."


class OwnerRoleIsFixed(BadRequest):
    """A group has one OWNER, its creator."""

    message = "A group has one owner, its creator: the role OWNER is neither given nor taken."


class MembershipOfAnotherGroup(BadRequest):
    """The membership belongs to another group than the path says."""

    message = "This membership belongs to another group."


class OwnershipHolds(BadRequest):
    """The owner of a group with other members neither leaves it nor deletes the account."""

    message = (
        "Ownership cannot be given up while a group has other members:"
        " remove them or delete the group first."
    )

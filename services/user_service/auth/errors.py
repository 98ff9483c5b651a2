"""Why someone is not signed up or in."""

from shared.web.errors import ServiceError


class InvalidCredentials(ServiceError):
    """The password is wrong or the e-mail is unknown; nobody learns which."""

    status = 401
    code = "INVALID_CREDENTIALS"
    message = "The e-mail or the password is not correct."


class AuthenticationFailed(ServiceError):
    """The user pool refuses: password policy, unconfirmed or deactivated user, another reason."""

    status = 401
    code = "AUTHENTICATION_ERROR"
    message = "Signing in is not possible with this account."


class PasswordRefused(AuthenticationFailed):
    """The password does not meet the pool's policy."""

    message = (
        "The password is refused. It needs at least 8 characters"
        " with an upper-case letter, a lower-case letter and a digit."
    )

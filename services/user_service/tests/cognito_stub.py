"""A Cognito endpoint on loopback: the wire protocol and the error answers of the four calls that are used."""

import json
from typing import Any
from uuid import uuid4

from jose import jwt
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.user_service.tests.fakes import POLICY, PoolUser


class CognitoError(Exception):
    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(code)
        self.answer = JSONResponse(
            {"__type": code, "message": message}, status, {"x-amzn-errortype": code}
        )


class CognitoStub:
    """Answers as Cognito does, and with `failure` instead when it is set."""

    def __init__(self) -> None:
        self.forget()
        self.app = Starlette(routes=[Route("/", self._serve, methods=["POST"])])

    def forget(self) -> None:
        self.users: dict[str, PoolUser] = {}
        self.failure: CognitoError | None = None
        self.challenge: str | None = None
        self.requests: list[tuple[str, dict[str, Any]]] = []

    async def _serve(self, request: Request) -> Response:
        operation = request.headers["x-amz-target"].rpartition(".")[2]
        body = json.loads(await request.body())
        self.requests.append((operation, body))
        try:
            if self.failure is not None:
                raise self.failure
            return JSONResponse(getattr(self, operation)(body))
        except CognitoError as problem:
            return problem.answer

    def SignUp(self, body: dict[str, Any]) -> dict[str, Any]:
        if body["Username"] in self.users:
            raise CognitoError("UsernameExistsException", "User already exists")
        if not POLICY.fullmatch(body["Password"]):
            raise CognitoError(
                "InvalidPasswordException", "Password did not conform with policy: ..."
            )
        user = self.users[body["Username"]] = PoolUser(str(uuid4()), body["Password"])
        return {"UserConfirmed": False, "UserSub": user.cognito_sub}

    def AdminConfirmSignUp(self, body: dict[str, Any]) -> dict[str, Any]:
        user = self._user(body)
        if user.is_confirmed:
            raise CognitoError(
                "NotAuthorizedException",
                "User cannot be confirmed. Current status is CONFIRMED",
            )
        user.is_confirmed = True
        return {}

    def AdminDeleteUser(self, body: dict[str, Any]) -> dict[str, Any]:
        self._user(body)
        del self.users[body["Username"]]
        return {}

    def InitiateAuth(self, body: dict[str, Any]) -> dict[str, Any]:
        assert body["AuthFlow"] == "USER_PASSWORD_AUTH"
        parameters = body["AuthParameters"]
        user = self._user({"Username": parameters["USERNAME"]})
        if user.is_disabled:
            raise CognitoError("NotAuthorizedException", "User is disabled.")
        if user.password != parameters["PASSWORD"]:
            raise CognitoError("NotAuthorizedException", "Incorrect username or password.")
        if not user.is_confirmed:
            raise CognitoError("UserNotConfirmedException", "User is not confirmed.")
        if self.challenge is not None:
            return {"ChallengeName": self.challenge, "Session": "..."}
        return {
            "AuthenticationResult": {
                "AccessToken": "access",
                "RefreshToken": "refresh",
                "IdToken": jwt.encode({"sub": user.cognito_sub}, "key", "HS256"),
                "ExpiresIn": 3600,
                "TokenType": "Bearer",
            }
        }

    def _user(self, body: dict[str, Any]) -> PoolUser:
        user = self.users.get(body["Username"])
        if user is None:
            raise CognitoError("UserNotFoundException", "User does not exist.")
        return user

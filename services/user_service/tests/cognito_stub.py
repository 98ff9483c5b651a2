"""A Cognito endpoint on loopback: the wire protocol and the error answers of the calls that are used."""

import json
import time
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
        self.sessions: dict[str, tuple[PoolUser, int]] = {}
        self.extra_claims: dict[str, Any] = {}
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
        gone = self._user(body)
        self.users = {k: v for k, v in self.users.items() if v is not gone}
        self.sessions = {k: v for k, v in self.sessions.items() if v[0] is not gone}
        return {}

    def AdminUserGlobalSignOut(self, body: dict[str, Any]) -> dict[str, Any]:
        user = self._user(body)
        self.sessions = {k: v for k, v in self.sessions.items() if v[0] is not user}
        return {}

    def InitiateAuth(self, body: dict[str, Any]) -> dict[str, Any]:
        parameters = body["AuthParameters"]
        if body["AuthFlow"] == "REFRESH_TOKEN_AUTH":
            return self._refresh(parameters["REFRESH_TOKEN"])
        assert body["AuthFlow"] == "USER_PASSWORD_AUTH"
        user = self._user({"Username": parameters["USERNAME"]})
        if user.is_disabled:
            raise CognitoError("NotAuthorizedException", "User is disabled.")
        if user.password != parameters["PASSWORD"]:
            raise CognitoError("NotAuthorizedException", "Incorrect username or password.")
        if not user.is_confirmed:
            raise CognitoError("UserNotConfirmedException", "User is not confirmed.")
        if self.challenge is not None:
            return {"ChallengeName": self.challenge, "Session": "..."}
        refresh_token = f"refresh-{len(self.sessions) + 1}"
        self.sessions[refresh_token] = (user, int(time.time()))
        answer = self._refresh(refresh_token)
        answer["AuthenticationResult"]["RefreshToken"] = refresh_token
        return answer

    def _refresh(self, refresh_token: str) -> dict[str, Any]:
        if refresh_token not in self.sessions:
            raise CognitoError("NotAuthorizedException", "Invalid Refresh Token")
        user, began_at = self.sessions[refresh_token]
        claims = {"sub": user.cognito_sub, "auth_time": began_at, **self.extra_claims}
        return {
            "AuthenticationResult": {
                "AccessToken": "access",
                "IdToken": jwt.encode(claims, "key", "HS256"),
                "ExpiresIn": 3600,
                "TokenType": "Bearer",
            }
        }

    def _user(self, body: dict[str, Any]) -> PoolUser:
        name = body["Username"]
        for email, user in self.users.items():
            if name in (email, user.cognito_sub):
                return user
        raise CognitoError("UserNotFoundException", "User does not exist.")

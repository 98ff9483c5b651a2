"""The gateway one would write first: a FastAPI catch-all route, python-jose each time, httpx behind it."""

import os
from pathlib import Path

import httpx
from fastapi import FastAPI, HTTPException, Request, Response
from jose import JWTError, jwt

from benchmarks.gateway.tokens import CLIENT_ID, ISSUER

app = FastAPI()
client = httpx.AsyncClient(base_url=os.environ["UPSTREAM_URL"])
public_key = Path(os.environ["PUBLIC_KEY"]).read_text()


@app.api_route("/api/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
async def forward(path: str, request: Request) -> Response:
    """Check the token and pass the request on."""
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    try:
        claims = jwt.decode(
            token, public_key, algorithms=["RS256"], audience=CLIENT_ID, issuer=ISSUER
        )
    except JWTError as problem:
        raise HTTPException(401) from problem
    headers = {
        name: value
        for name, value in request.headers.items()
        if name not in {"host", "x-cognito-sub"}
    }
    headers["x-cognito-sub"] = claims["sub"]
    answer = await client.request(
        request.method,
        f"/{path}",
        params=request.query_params,
        headers=headers,
        content=await request.body(),
    )
    return Response(answer.content, answer.status_code, dict(answer.headers))

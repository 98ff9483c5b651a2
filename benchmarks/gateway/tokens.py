"""Makes a user pool of one key and the tokens of its users."""

import base64
import json
import time

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

KEY_ID = "benchmark-key"
POOL_ID = "ap-northeast-2_Benchmark"
ISSUER = f"https://cognito-idp.ap-northeast-2.amazonaws.com/{POOL_ID}"
CLIENT_ID = "client-of-the-benchmark"
LIFETIME_SECONDS = 3600


class UserPool:
    """Signs id tokens as Cognito does: RS256, a 2048-bit key, about 1 KB each."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(65537, 2048)

    def token(self, number: int) -> str:
        """Return a fresh id token of one user."""
        now = int(time.time())
        claims = {
            "sub": f"{number:08x}-1111-4222-8333-944455556666",
            "email_verified": True,
            "iss": ISSUER,
            "cognito:username": f"{number:08x}-1111-4222-8333-944455556666",
            "aud": CLIENT_ID,
            "event_id": f"{number:08x}-7777-4888-8999-000011112222",
            "token_use": "id",
            "auth_time": now - 60,
            "name": "김민수",
            "iat": now - 60,
            "exp": now - 60 + LIFETIME_SECONDS,
            "email": f"student{number}@example.ac.kr",
        }
        parts = [_encoded({"kid": KEY_ID, "alg": "RS256"}), _encoded(claims)]
        signed = ".".join(parts).encode()
        signature = self._key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        return ".".join([*parts, _base64url(signature)])

    def key_set(self) -> str:
        """Return the public key as a JWKS."""
        numbers = self._key.public_key().public_numbers()
        key = {
            "kty": "RSA",
            "alg": "RS256",
            "use": "sig",
            "kid": KEY_ID,
            "n": _base64url(numbers.n.to_bytes(256, "big")),
            "e": _base64url(numbers.e.to_bytes(3, "big")),
        }
        return json.dumps({"keys": [key]})

    def public_pem(self) -> str:
        """Return the public key as PEM."""
        return (
            self._key.public_key()
            .public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            .decode()
        )


def _encoded(part: object) -> str:
    return _base64url(json.dumps(part).encode())


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

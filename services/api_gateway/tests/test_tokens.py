"""Bad tokens of every kind against a running gateway, and the limits of the claims against a set clock."""

import base64
import hmac
import json
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from jose import jwk

from services.api_gateway.tests.conftest import System
from services.api_gateway.tests.doubles import (
    CLIENT_ID,
    ISSUER,
    SigningKey,
    Upstream,
    access_claims,
    answer,
    base64url,
    id_claims,
    key_set,
    no_revocations,
)
from services.api_gateway.tokens.claims import LEEWAY_SECONDS
from services.api_gateway.tokens.errors import KeysUnusable, TokenRefused
from services.api_gateway.tokens.key_set import KeySet
from services.api_gateway.tokens.key_source import Keys, usable_keys
from services.api_gateway.tokens.revocations import Revocations
from services.api_gateway.tokens.strict_jwt import MAX_TOKEN_BYTES
from services.api_gateway.tokens.verifier import TokenVerifier
from shared.testing.clock import Clock

NOW = 1_800_000_000


def _public_pem(key: SigningKey) -> bytes:
    return key.private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _assembled(header: dict[str, Any], claims: dict[str, Any], signature: bytes) -> str:
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(base64url(part) for part in parts)


def _hmac(key: SigningKey, secret: bytes, algorithm: str = "HS256") -> str:
    header = {"alg": algorithm, "kid": key.key_id}
    signing_input = _assembled(header, id_claims(), b"").removesuffix(".").encode()
    return f"{signing_input.decode()}.{base64url(hmac.digest(secret, signing_input, sha256))}"


def _signed_with(key: SigningKey, algorithm: str, sign: Callable[[bytes], bytes]) -> str:
    header = {"alg": algorithm, "kid": key.key_id}
    signing_input = _assembled(header, id_claims(), b"").removesuffix(".").encode()
    return f"{signing_input.decode()}.{base64url(sign(signing_input))}"


def _with_spare_bits(token: str) -> str:
    """Return the token with another last character that decodes to the same bytes."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet.index(token[-1])
    same = token[:-1] + alphabet[last + 1]
    assert base64.urlsafe_b64decode(same.split(".")[2] + "==") == base64.urlsafe_b64decode(
        token.split(".")[2] + "=="
    )
    return same


def _bad_tokens(key: SigningKey, other: SigningKey, elsewhere: str) -> dict[str, str]:
    good = key.token(id_claims())
    header, claims, signature = good.split(".")
    forged_claims = base64url(json.dumps(id_claims(sub="someone-else")).encode())
    tampered_signature = signature[:100] + ("A" if signature[100] != "A" else "B") + signature[101:]
    elliptic = ec.generate_private_key(ec.SECP256R1())
    pem = _public_pem(key)
    der = key.private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    pkcs1 = key.private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.PKCS1
    )
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    unsigned = {"kid": key.key_id}

    def headed(**more: Any) -> str:
        return key.token(id_claims(), more)

    def forged(**more: Any) -> str:
        return other.token(id_claims(), {"kid": key.key_id, **more})

    def plain(document: bytes) -> str:
        return key.token(id_claims(), document)

    named = f'"kid":{json.dumps(key.key_id)}'.encode()
    return {
        # No algorithm or another one.
        "alg none": _assembled({**unsigned, "alg": "none"}, id_claims(), b"x"),
        "alg none, empty signature": _assembled({**unsigned, "alg": "none"}, id_claims(), b""),
        "alg None": _assembled({**unsigned, "alg": "None"}, id_claims(), b"x"),
        "alg NONE with a good signature": headed(alg="NONE"),
        "alg nOnE": headed(alg="nOnE"),
        "alg missing": plain(b"{" + named + b"}"),
        "alg null": headed(alg=None),
        "alg empty": headed(alg=""),
        "alg a list": headed(alg=["RS256"]),
        "alg lower case": headed(alg="rs256"),
        "alg with a space": headed(alg="RS256 "),
        "alg RS384": _signed_with(
            key, "RS384", lambda data: key.private.sign(data, padding.PKCS1v15(), hashes.SHA384())
        ),
        "alg RS512": _signed_with(
            key, "RS512", lambda data: key.private.sign(data, padding.PKCS1v15(), hashes.SHA512())
        ),
        "alg PS256": _signed_with(
            key, "PS256", lambda data: key.private.sign(data, pss, hashes.SHA256())
        ),
        "alg RS256 with a PSS signature": _signed_with(
            key, "RS256", lambda data: key.private.sign(data, pss, hashes.SHA256())
        ),
        "alg ES256": _signed_with(
            key, "ES256", lambda data: elliptic.sign(data, ec.ECDSA(hashes.SHA256()))
        ),
        # HMAC keyed with what everybody knows.
        "HS256 keyed with the public PEM": _hmac(key, pem),
        "HS256 keyed with the stripped PEM": _hmac(key, pem.strip()),
        "HS256 keyed with the DER": _hmac(key, der),
        "HS256 keyed with the PKCS1 PEM": _hmac(key, pkcs1),
        "HS256 keyed with the JWK": _hmac(key, json.dumps(key.jwk()).encode()),
        "HS256 keyed with the modulus": _hmac(key, key.jwk()["n"].encode()),
        "HS256 keyed with nothing": _hmac(key, b""),
        "HMAC called RS256": _hmac(key, pem, "RS256"),
        "HS512 keyed with the public PEM": _hmac(key, pem, "HS512"),
        # Signatures.
        "signature empty": f"{header}.{claims}.",
        "signature tampered": f"{header}.{claims}.{tampered_signature}",
        "signature cut": good[:-8],
        "signature too long": f"{good}AAAA",
        "signature of other claims": f"{header}.{forged_claims}.{signature}",
        "signature all zero": f"{header}.{claims}.{base64url(bytes(256))}",
        "signature by another key": other.token(id_claims(), {"kid": key.key_id}),
        # Number and encoding of parts.
        "one part": header,
        "two parts": f"{header}.{claims}",
        "four parts": f"{good}.{signature}",
        "five parts": f"{header}..{claims}.{signature}.x",
        "leading dot": f".{good}",
        "trailing dot": f"{good}.",
        "only dots": "..",
        "empty": "",
        "header empty": f".{claims}.{signature}",
        "claims empty": f"{header}..{signature}",
        "padded": f"{header}.{claims}.{signature}==",
        "padded header": f"{header}=.{claims}.{signature}",
        "standard alphabet": f"{header}.{claims}.+/{signature[2:]}",
        "space before": f" {good}",
        "space within": f"{header}. {claims}.{signature}",
        "newline escaped": f"{header}.{claims}%0A.{signature}",
        "other spelling of the same signature": _with_spare_bits(good),
        "null byte spelled out": f"{good}%00",
        "quoted": f'"{good}"',
        "twice": f"{good} {good}",
        "with a scheme": f"Bearer {good}",
        "not ASCII": f"{header}.{claims}.ｅ{signature[1:]}",
        "too long": key.token(id_claims(padding="x" * (MAX_TOKEN_BYTES - 3000))),
        # Headers that choose the key.
        "embedded jwk": forged(jwk=other.jwk()),
        "embedded jwk of its own kid": other.token(id_claims(), {"jwk": other.jwk()}),
        "jku": other.token(id_claims(), {"jku": elsewhere}),
        "jku with the pool's kid": forged(jku=elsewhere),
        "x5u": forged(x5u=elsewhere),
        "x5c": forged(x5c=[base64.b64encode(der).decode()]),
        "jwk beside a good signature": headed(jwk=key.jwk()),
        "jku beside a good signature": headed(jku=elsewhere),
        # Headers that change what is meant.
        "crit unknown": headed(crit=["exp2"], exp2=1),
        "crit empty": headed(crit=[]),
        "crit b64": headed(crit=["b64"], b64=False),
        "b64 false": headed(b64=False),
        "zip": headed(zip="DEF"),
        "enc": headed(enc="A256GCM"),
        "typ of another protocol": headed(typ="dpop+jwt"),
        # Key ids.
        "kid missing": plain(b'{"alg":"RS256"}'),
        "kid null": headed(kid=None),
        "kid empty": headed(kid=""),
        "kid a number": headed(kid=1),
        "kid a list": headed(kid=[key.key_id]),
        "kid unknown": other.token(id_claims()),
        "kid in another case": headed(kid=key.key_id.upper()),
        "kid with a space": headed(kid=f"{key.key_id} "),
        "kid a path": headed(kid="../../../../dev/null"),
        "kid an injection": headed(kid="x' UNION SELECT 'secret"),
        # JSON that two readers see differently.
        "header an array": plain(b'["alg","RS256"]'),
        "header no JSON": plain(b"alg=RS256"),
        "header with a BOM": plain(b"\xef\xbb\xbf{" + named + b',"alg":"RS256"}'),
        "header with alg twice": plain(b'{"alg":"none",' + named + b',"alg":"RS256"}'),
        "header with kid twice": plain(b'{"alg":"RS256","kid":"x",' + named + b"}"),
        "header not UTF-8": plain(b'{"alg":"RS256",' + named + b',"x":"\xff"}'),
        "header nested deeply": plain(b'{"x":' + b"[" * 4000 + b"]" * 4000 + b"}"),
        "claims an array": key.token(b"[]"),
        "claims a string": key.token(b'"x"'),
        "claims no JSON": key.token(b"sub=x"),
        "claims with sub twice": key.token(
            json.dumps(id_claims()).encode().replace(b"{", b'{"sub":"x",', 1)
        ),
        "claims with NaN": key.token(json.dumps(id_claims(x=float("nan"))).encode()),
        "claims encrypted": f"{header}.{claims}.x.y.{signature}",
    }


def _bad_claims() -> dict[str, dict[str, Any]]:
    now = int(time.time())
    hour = 3600
    return {
        "iss missing": id_claims(iss=None),
        "iss with a slash": id_claims(iss=f"{ISSUER}/"),
        "iss of another pool": id_claims(iss=ISSUER[:-1] + "2"),
        "iss over http": id_claims(iss=ISSUER.replace("https", "http")),
        "iss a list": id_claims(iss=[ISSUER]),
        "iss in another case": id_claims(iss=ISSUER.upper()),
        "token_use missing": id_claims(token_use=None),
        "token_use refresh": id_claims(token_use="refresh", client_id=CLIENT_ID),
        "token_use in another case": id_claims(token_use="ID"),
        "token_use a list": id_claims(token_use=["id"]),
        "aud missing": id_claims(aud=None),
        "aud of another app": id_claims(aud="someone-elses-client"),
        "aud a list": id_claims(aud=[CLIENT_ID, "someone-elses-client"]),
        "aud a prefix": id_claims(aud=CLIENT_ID[:-1]),
        "aud empty": id_claims(aud=""),
        "id token with client_id only": id_claims(aud=None, client_id=CLIENT_ID),
        "access token without client_id": access_claims(client_id=None),
        "access token with aud only": access_claims(client_id=None, aud=CLIENT_ID),
        "access token of another app": access_claims(client_id="someone-elses-client"),
        "access token of another app with our aud": access_claims(client_id="x", aud=CLIENT_ID),
        "sub missing": id_claims(sub=None),
        "sub empty": id_claims(sub=""),
        "sub blank": id_claims(sub="   "),
        "sub a number": id_claims(sub=12),
        "sub a list": id_claims(sub=["x"]),
        "sub with a line break": id_claims(sub="x\r\nX-Api-Key: y"),
        "sub not ASCII": id_claims(sub="학생"),
        "sub too long": id_claims(sub="x" * 256),
        "exp missing": id_claims(exp=None),
        "exp a string": id_claims(exp=str(now + hour)),
        "exp a fraction": id_claims(exp=now + hour + 0.5),
        "exp true": id_claims(exp=True, iat=False),
        "exp negative": id_claims(exp=-1),
        "exp passed": id_claims(iat=now - 2 * hour, exp=now - hour),
        "exp endless": id_claims(exp=10**18),
        "iat missing": id_claims(iat=None),
        "iat a string": id_claims(iat=str(now)),
        "iat true": id_claims(iat=True),
        "iat in the future": id_claims(iat=now + hour, exp=now + 2 * hour),
        "exp before iat": id_claims(iat=now + 20, exp=now + 10),
        "lifetime over 24 h": id_claims(iat=now - 10, exp=now + 24 * hour),
        "auth_time a string": id_claims(auth_time=str(now)),
        "auth_time in the future": id_claims(auth_time=now + hour),
        "nbf in the future": id_claims(nbf=now + hour),
        "nbf a string": id_claims(nbf=str(now - 10)),
    }


async def _refused(system: System, token: str) -> None:
    answer = await system.client.send(
        "GET", "/api/v1/users/me", [("Authorization", f"Bearer {token}")]
    )
    assert answer.status == 401
    assert set(answer.json()) == {"error"}


async def test_no_bad_token_passes(
    system: System, signing_key: SigningKey, other_key: SigningKey
) -> None:
    """J-01, J-07: no forged, malformed or otherwise signed token passes or makes us connect to where it points."""
    async with Upstream(answer=answer(key_set(other_key.jwk()))).listening() as elsewhere:
        tokens = _bad_tokens(signing_key, other_key, elsewhere.url)
        assert len(tokens) >= 40
        fetches = len(system.keys.requests)
        for name, token in tokens.items():
            response = await system.client.send(
                "GET", "/api/v1/users/me", [("Authorization", f"Bearer {token}")]
            )
            assert (name, response.status) == (name, 401)
            assert set(response.json()) == {"error"}
        assert elsewhere.connections == 0
        assert len(system.keys.requests) - fetches <= 2
    assert system.arrivals == 0


@pytest.mark.parametrize("name", _bad_claims())
async def test_no_token_with_bad_claims_passes(
    system: System, signing_key: SigningKey, name: str
) -> None:
    """J-02: each required claim is checked, for kind and for value, under a good signature."""
    await _refused(system, signing_key.token(_bad_claims()[name]))
    assert system.arrivals == 0


def test_battery_of_claims_is_large_enough() -> None:
    """J-02: 30 bad tokens."""
    assert len(_bad_claims()) >= 30


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "bearer {}",
        "BEARER {}",
        "Bearer  {}",
        "Bearer\t{}",
        "Bearer{}",
        "Token {}",
        "Basic {}",
        "{}",
        "Bearer {},Bearer {}",
    ],
)
async def test_authorization_must_be_bearer_and_one_space(
    system: System, signing_key: SigningKey, value: str | None
) -> None:
    """J-01: the header has one accepted form (rest.md 1.3)."""
    token = signing_key.token(id_claims())
    headers = [] if value is None else [("Authorization", value.replace("{}", token))]
    answer = await system.client.send("GET", "/api/v1/users/me", headers)
    assert answer.status == 401
    assert set(answer.json()) == {"error"}
    assert system.arrivals == 0


async def test_two_authorization_headers_are_refused(system: System) -> None:
    """J-01: nobody has to guess which of two tokens counts."""
    headers = [system.bearer(), system.bearer(sub="another")]
    assert (await system.client.send("GET", "/api/v1/users/me", headers)).status == 401
    assert system.arrivals == 0


@pytest.mark.parametrize("claims", [id_claims, access_claims])
async def test_a_token_need_not_say_when_its_session_began(
    system: System, signing_key: SigningKey, claims: Callable[..., dict[str, Any]]
) -> None:
    """J-02 requires exp and iat; `auth_time` is only what a sign-out is compared with."""
    token = signing_key.token(claims(auth_time=None))
    answer = await system.client.send(
        "GET", "/api/v1/users/me", [("Authorization", f"Bearer {token}")]
    )
    assert answer.status == 200


@pytest.mark.parametrize("claims", [id_claims, access_claims])
async def test_id_and_access_tokens_pass(
    system: System, signing_key: SigningKey, claims: Callable[[], dict[str, Any]]
) -> None:
    """J-02: both kinds of the pool's tokens are accepted, first and again from memory."""
    token = signing_key.token(claims())
    for _ in range(2):
        answer = await system.client.send(
            "GET", "/api/v1/users/me", [("Authorization", f"Bearer {token}")]
        )
        assert answer.status == 200
    assert [request.one("x-cognito-sub") for request in system.user.requests] == [
        claims()["sub"]
    ] * 2
    assert system.user.requests[0].one("authorization") == f"Bearer {token}"


async def test_header_with_typ_passes(system: System, signing_key: SigningKey) -> None:
    token = signing_key.token(id_claims(), {"typ": "JWT"})
    answer = await system.client.send(
        "GET", "/api/v1/users/me", [("Authorization", f"Bearer {token}")]
    )
    assert answer.status == 200


async def test_accepted_token_with_one_changed_character_is_refused(
    system: System, signing_key: SigningKey
) -> None:
    """J-01: what is remembered is the exact token."""
    token = signing_key.token(id_claims())
    headers = [("Authorization", f"Bearer {token}")]
    assert (await system.client.send("GET", "/api/v1/users/me", headers)).status == 200
    await _refused(system, _with_spare_bits(token))
    await _refused(system, token[:-20] + "A" * 20)


def _verifier(key: SigningKey, clock: Clock) -> TokenVerifier:
    async def fetch() -> Keys:
        return usable_keys(key_set(key.jwk()))

    return TokenVerifier(
        issuer=ISSUER,
        client_ids={CLIENT_ID},
        key_set=KeySet(fetch),
        revocations=Revocations(no_revocations),
        now=clock,
    )


def _at(**changes: Any) -> dict[str, Any]:
    return id_claims(**{"iat": NOW, "auth_time": NOW, "exp": NOW + 3600, **changes})


async def test_token_ends_with_exp_and_leeway(signing_key: SigningKey) -> None:
    """J-02: accepted at exp - 5 s, refused at exp + leeway + 1 s; remembered or not."""
    assert LEEWAY_SECONDS <= 60
    token = signing_key.token(_at()).encode()
    clock = Clock(NOW + 3600 - 5)
    verifier = _verifier(signing_key, clock)
    await verifier.verify(token)
    assert verifier.remembered(token) is not None
    clock.now = NOW + 3600 + LEEWAY_SECONDS + 1
    assert verifier.remembered(token) is None
    with pytest.raises(TokenRefused, match="expired"):
        await verifier.verify(token)


@pytest.mark.parametrize("claim", ["iat", "auth_time", "nbf"])
async def test_token_begins_with_its_times_less_leeway(signing_key: SigningKey, claim: str) -> None:
    """J-02: a token from the future is refused, a clock that is slightly off is not."""
    verifier = _verifier(signing_key, Clock(NOW))
    await verifier.verify(signing_key.token(_at(**{claim: NOW + LEEWAY_SECONDS})).encode())
    with pytest.raises(TokenRefused, match="not_yet_valid"):
        await verifier.verify(signing_key.token(_at(**{claim: NOW + LEEWAY_SECONDS + 1})).encode())


async def test_longest_lifetime_is_a_day(signing_key: SigningKey) -> None:
    """J-02: 24 h pass, a second more does not."""
    verifier = _verifier(signing_key, Clock(NOW))
    await verifier.verify(signing_key.token(_at(exp=NOW + 86400)).encode())
    with pytest.raises(TokenRefused, match="lifetime"):
        await verifier.verify(signing_key.token(_at(exp=NOW + 86401)).encode())


async def test_strange_names_never_fail_a_request(signing_key: SigningKey) -> None:
    """G-01: e-mail and name are informational; whatever they are, the token counts."""
    verifier = _verifier(signing_key, Clock(NOW))
    for name in ("", 5, ["x"], {}, "\x00", "\ud800", "a\r\nb", "김" * 500):
        identity = await verifier.verify(signing_key.token(_at(name=name, email=name)).encode())
        assert identity.sub


@pytest.mark.parametrize(
    "change",
    [
        {"use": "enc"},
        {"kty": "EC"},
        {"kty": "oct", "k": "c2VjcmV0"},
        {"alg": "RS512"},
        {"alg": "HS256"},
        {"key_ops": ["sign"]},
        {"kid": ""},
        {"kid": 5},
        {"kid": None},
        {"n": "AQAB"},
        {"n": 5},
        {"e": "AA"},
        {"e": "!!"},
    ],
)
def test_key_that_is_not_for_verifying_is_left_out(
    signing_key: SigningKey, other_key: SigningKey, change: dict[str, Any]
) -> None:
    """J-01: only RSA keys meant for RS256 signatures are used, whatever else the pool publishes."""
    document = key_set(signing_key.jwk(**change), other_key.jwk())
    assert set(usable_keys(document)) == {other_key.key_id}


def test_short_key_is_left_out(other_key: SigningKey) -> None:
    """J-01: keys below 2048 bits are not used."""
    document = key_set(SigningKey(bits=1024).jwk(), other_key.jwk())
    assert set(usable_keys(document)) == {other_key.key_id}


def test_key_id_used_twice_names_no_key(signing_key: SigningKey, other_key: SigningKey) -> None:
    """J-01: kid names one key or none."""
    document = key_set(signing_key.jwk(), other_key.jwk(kid=signing_key.key_id), other_key.jwk())
    assert set(usable_keys(document)) == {other_key.key_id}


def test_key_without_use_and_algorithm_is_used(signing_key: SigningKey) -> None:
    entry = signing_key.jwk()
    del entry["use"], entry["alg"]
    assert set(usable_keys(key_set(entry))) == {signing_key.key_id}


@pytest.mark.parametrize(
    "document",
    [b"", b"{}", b"[]", b"null", b'{"keys":{}}', b'{"keys":[]}', b'{"keys":[1]}', b"[" * 9999],
)
def test_document_without_keys_is_refused(document: bytes) -> None:
    """J-04: junk from the endpoint does not replace good keys."""
    with pytest.raises(KeysUnusable):
        usable_keys(document)


def test_library_alone_would_not_do(signing_key: SigningKey) -> None:
    """J-07: shows why the strict check stands in front: the library reads claims of any kind."""
    from jose import jwt

    key = jwk.construct(signing_key.jwk(), "RS256")
    lenient = signing_key.token({"sub": "x"}, {"crit": ["unknown"], "kid": "wrong"})
    assert jwt.decode(lenient, key, algorithms=["RS256"], audience=CLIENT_ID)["sub"] == "x"

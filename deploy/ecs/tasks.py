"""Task definitions with their roles and log groups, and the templates of the services and the one-off tasks."""

from typing import Any

from deploy.database_users.users import SCHEMAS
from deploy.ecs.intrinsics import (
    Attribute,
    Call,
    Document,
    Import,
    Reference,
    Substitution,
    joined,
)
from deploy.ecs.processes import (
    PROCESSES,
    STOP_TIMEOUT_SECONDS,
    Process,
    SecretKey,
    database_url,
)
from deploy.ecs.roles import own_statements, replay_statements, role, start_statements
from shared.events.routes import QUEUES

LOG_RETENTION_DAYS = 30
"""Long enough to look into last month's incident; logs hold pseudonyms only."""

LIVENESS = ["python", "-m", "shared.web.liveness"]
"""The health check of the images, which ECS does not read."""

START_PERIOD_SECONDS = 30
"""A start takes about two seconds; a cold database connection and a slow image pull's aftermath, ten."""

DNS_TTL_SECONDS = 10
"""How long callers remember a task's address; a service answers there for twice as long (`LEAVING_SECONDS`)."""

PARAMETERS: Document = {
    "Stage": {"Type": "String", "AllowedValues": ["production", "staging"]},
    "ImageTag": {
        "Type": "String",
        "AllowedPattern": "[0-9a-f]{40}",
        "Description": "commit whose images run",
    },
    "LogLevel": {
        "Type": "String",
        "Default": "INFO",
        "AllowedValues": ["DEBUG", "INFO", "WARNING", "ERROR"],
    },
}

TRACES_PARAMETERS: Document = {
    "TracesEndpoint": {
        "Type": "String",
        "Default": "",
        "AllowedPattern": "(https?://[^/]+)?",
        "Description": "takes traces over OTLP/HTTP, in the VPC on 4318 or elsewhere on 443; empty = no traces",
    },
    "TracesShare": {
        "Type": "String",
        "Default": "0.05",
        "AllowedPattern": "[01](\\.[0-9]+)?",
        "Description": "share of requests and messages whose traces are recorded",
    },
}
"""Also in functions.yaml; the OpenTelemetry SDK reads the variables itself, and an empty endpoint is none."""

PRIVATE_SUBNETS = [Import("unisync-private-subnet-a"), Import("unisync-private-subnet-b")]


def services_template() -> Document:
    """Return the template of what runs all the time."""
    resources: Document = {}
    for process in PROCESSES:
        resources |= _service(process)
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "UniSync, what runs - the gateway, three services and two workers on Fargate.",
        "Parameters": PARAMETERS
        | TRACES_PARAMETERS
        | {
            "AllowedOrigin": {
                "Type": "String",
                "AllowedPattern": "https://[a-z0-9.-]+(:[0-9]+)?",
                "Description": "the one origin browsers may call from",
            },
            "CanvasBaseUrl": {
                "Type": "String",
                "AllowedPattern": "https://[^/]+",
                "Description": "the institution's Canvas, without /api/v1",
            },
        },
        "Conditions": {"IsProduction": Call("Equals", Reference("Stage"), "production")},
        "Resources": resources,
    }


def migrations_template() -> Document:
    """Return the template of what runs once before the services change."""
    resources: Document = {}
    for service in SCHEMAS:
        resources |= task(
            f"{service}_migrate",
            image=service,
            command=["python", "-m", f"services.{service}.migrate"],
            settings=_every_process(),
            secrets={"DATABASE_URL": database_url(service)},
            cpu=256,
            memory_mib=512,
        )
    resources |= task(
        "dead_letters",
        image="course_service",
        command=["python", "-m", "shared.messaging", "dlq", "list"],
        settings=_every_process(),
        secrets={"DATABASE_URL": database_url("course_service")},
        cpu=256,
        memory_mib=512,
        statements=replay_statements(),
    )
    resources |= task(
        "database_users",
        image="database_users",
        command=["python", "-m", "deploy.database_users"],
        settings={"DATABASE_HOST": Import("unisync-database-endpoint")},
        secrets={"RDS_PASSWORD": SecretKey("rds-password")},
        cpu=256,
        memory_mib=512,
        master=True,
    )
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "UniSync, one-off tasks - the database's users, and each schema's migrations.",
        "Parameters": {name: PARAMETERS[name] for name in ("ImageTag", "LogLevel")}
        | {
            "MasterSecretArn": {
                "Type": "String",
                "AllowedPattern": "arn:[a-z-]+:secretsmanager:.*",
                "Description": "where RDS keeps the master's password",
            }
        },
        "Resources": resources,
    }


def _every_process() -> Document:
    return {
        "ENVIRONMENT": "production",
        "LOG_LEVEL": Reference("LogLevel"),
        "AWS_REGION": Reference("AWS::Region"),
    }


def _settings(process: Process) -> Document:
    ports = {"PORT": str(process.port)} if process.port else {}
    return {
        **_every_process(),
        "HOST": "0.0.0.0",  # noqa: S104 - a container's only interface
        **ports,
        "MANAGEMENT_PORT": str(process.management_port),
        "OTEL_EXPORTER_OTLP_ENDPOINT": Reference("TracesEndpoint"),
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": Reference("TracesShare"),
        **{q.name_setting: q.name for q in QUEUES if process.knows(q)},
        **process.settings,
    }


def logical_id(name: str) -> str:
    """Return a task's name in templates."""
    return "".join(part.capitalize() for part in name.split("_"))


def family(name: str) -> str:
    """Return a task definition's family."""
    return f"unisync-{name.replace('_', '-')}"


def task(
    name: str,
    *,
    image: str,
    command: list[str],
    settings: Document,
    secrets: dict[str, SecretKey],
    cpu: int,
    memory_mib: int,
    statements: list[Document] | None = None,
    ports: list[int] | None = None,
    is_server: bool = False,
    stop_timeout_seconds: int = STOP_TIMEOUT_SECONDS,
    master: bool = False,
) -> Document:
    """Return a task definition with its two roles and its log group.

    Args:
        name: With underscores, such as `course_service_worker`.
        image: Repository below `unisync/`.
        command: In exec form.
        settings: Environment variables.
        secrets: Environment variables that ECS fills from Secrets Manager.
        cpu: Units of 1/1024 core.
        memory_mib: MiB.
        statements: What the process itself may do; nothing without.
        ports: Ports that others connect to.
        is_server: Whether it has a management port to check.
        stop_timeout_seconds: From SIGTERM to the kill.
        master: Whether it gets the database master's credentials.
    """
    here = logical_id(name)
    container: Document = {
        "Name": name,
        "Image": Substitution(
            "${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/unisync/"
            + image
            + ":${ImageTag}"
        ),
        "Essential": True,
        "Command": command,
        "User": "10001:10001",
        "ReadonlyRootFilesystem": True,
        "LinuxParameters": {"InitProcessEnabled": True, "Capabilities": {"Drop": ["ALL"]}},
        "StopTimeout": stop_timeout_seconds,
        "Environment": [{"Name": key, "Value": value} for key, value in sorted(settings.items())],
        "Secrets": [
            {"Name": key, "ValueFrom": _value_from(secret)}
            for key, secret in sorted(secrets.items())
        ],
        "LogConfiguration": {
            "LogDriver": "awslogs",
            "Options": {
                "awslogs-group": Reference(f"{here}Logs"),
                "awslogs-region": Reference("AWS::Region"),
                "awslogs-stream-prefix": "task",
                # A slow log service must not stop the process.
                "mode": "non-blocking",
                "max-buffer-size": "4m",
            },
        },
    }
    if master:
        container["Secrets"] += [
            {
                "Name": f"MASTER_{key.upper()}",
                "ValueFrom": Substitution(f"${{MasterSecretArn}}:{key}::"),
            }
            for key in ("password", "username")
        ]
    if ports:
        container["PortMappings"] = [{"ContainerPort": port, "Protocol": "tcp"} for port in ports]
    if is_server:
        container["HealthCheck"] = {
            "Command": ["CMD", *LIVENESS],
            "Interval": 10,
            "Timeout": 3,
            "Retries": 3,
            "StartPeriod": START_PERIOD_SECONDS,
        }
    return {
        f"{here}Logs": {
            "Type": "AWS::Logs::LogGroup",
            "Properties": {
                "LogGroupName": f"/unisync/{name.replace('_', '-')}",
                "RetentionInDays": LOG_RETENTION_DAYS,
                "KmsKeyId": Import("unisync-key"),
            },
        },
        f"{here}StartRole": role(
            f"{family(name)}-start", start_statements(image, here, secrets, master=master)
        ),
        f"{here}Role": role(family(name), statements or []),
        f"{here}Task": {
            "Type": "AWS::ECS::TaskDefinition",
            "Properties": {
                "Family": family(name),
                "RequiresCompatibilities": ["FARGATE"],
                "NetworkMode": "awsvpc",
                "Cpu": str(cpu),
                "Memory": str(memory_mib),
                "RuntimePlatform": {"CpuArchitecture": "X86_64", "OperatingSystemFamily": "LINUX"},
                "ExecutionRoleArn": Attribute(f"{here}StartRole.Arn"),
                "TaskRoleArn": Attribute(f"{here}Role.Arn"),
                "ContainerDefinitions": [container],
            },
        },
    }


def _value_from(secret: SecretKey) -> Any:
    export = f"unisync-secret-{secret.secret}"
    if secret.key is None:
        return Import(export)
    return joined(f"${{arn}}:{secret.key}::", arn=export)


def _groups(process: Process) -> list[Import]:
    names = ["gateway" if process.name == "gateway" else "services" if process.port else "workers"]
    if process.calls_services:
        names.append("service-callers")
    if process.uses_database:
        names.append("database-clients")
    return [Import(f"unisync-group-{name}") for name in names]


def _service(process: Process) -> Document:
    here = process.logical_id
    resources = task(
        process.name,
        image=process.package,
        command=["python", "-m", process.module],
        settings=_settings(process),
        secrets=process.secrets,
        cpu=process.cpu,
        memory_mib=process.memory_mib,
        statements=own_statements(process),
        ports=[process.port] if process.port else None,
        is_server=True,
        stop_timeout_seconds=process.stop_timeout_seconds,
    )
    service: Document = {
        "ServiceName": process.host_name,
        "Cluster": Import("unisync-cluster"),
        "TaskDefinition": Reference(f"{here}Task"),
        # No DesiredCount: scaling.yaml keeps it, and a deployment must not undo what it chose.
        "CapacityProviderStrategy": Call(
            "If",
            "IsProduction",
            [{"CapacityProvider": "FARGATE", "Weight": 1}],
            [{"CapacityProvider": "FARGATE_SPOT", "Weight": 1}],
        ),
        "DeploymentConfiguration": {
            "MinimumHealthyPercent": 100,
            "MaximumPercent": 200,
            "DeploymentCircuitBreaker": {"Enable": True, "Rollback": True},
        },
        "NetworkConfiguration": {
            "AwsvpcConfiguration": {
                "AssignPublicIp": "DISABLED",
                "SecurityGroups": _groups(process),
                "Subnets": PRIVATE_SUBNETS,
            }
        },
        "EnableECSManagedTags": True,
        "PropagateTags": "SERVICE",
    }
    if process.name == "gateway":
        service["HealthCheckGracePeriodSeconds"] = 60
        service["LoadBalancers"] = [
            {
                "ContainerName": process.name,
                "ContainerPort": process.port,
                "TargetGroupArn": Import("unisync-gateway-targets"),
            }
        ]
    elif process.port:
        resources[f"{here}Discovery"] = {
            "Type": "AWS::ServiceDiscovery::Service",
            "Properties": {
                "Name": process.host_name,
                "NamespaceId": Import("unisync-namespace"),
                "DnsConfig": {
                    "RoutingPolicy": "MULTIVALUE",
                    "DnsRecords": [{"Type": "A", "TTL": DNS_TTL_SECONDS}],
                },
                "HealthCheckCustomConfig": {"FailureThreshold": 1},
            },
        }
        service["ServiceRegistries"] = [{"RegistryArn": Attribute(f"{here}Discovery.Arn")}]
    resources[f"{here}Service"] = {"Type": "AWS::ECS::Service", "Properties": service}
    return resources

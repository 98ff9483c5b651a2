"""The templates of alarms and dashboard. Each alarm names its section of docs/runbook.md."""

import json
from dataclasses import dataclass
from typing import Any

from deploy.ecs.intrinsics import Call, Document, Import, Reference
from deploy.ecs.processes import PROCESSES
from shared.events.routes import QUEUES

FUNCTIONS = ("canvas-sync-lambda", "llm-analysis-lambda")

OWN_NAMESPACE = "UniSync"
SYNC_METRIC = "SyncFailures"
SYNC_OUTCOMES = {"canvas_synchronised": "0", "synchronisation_failed": "1"}
"""Log events of canvas_sync, and what each counts: the average is the rate of failures."""

PARKED_METRIC = "ParkedEvents"
PARKED_EVENT = "event_parked"
"""Log event of course_service's relay when it gives an event up; nobody else would notice."""

PERIOD_SECONDS = 60
"""The finest that AWS publishes: a dead letter must show within 60 s (O-07)."""


@dataclass(frozen=True)
class Kind:
    """A kind of alarm: its limit, how long it must last, who hears of it."""

    section: str
    metric: str
    statistic: str
    limit: float
    minutes: int
    priority: str

    @property
    def topic(self) -> str:
        """P0 and P1 wake somebody; P2 and P3 are read in the morning."""
        return "Pages" if self.priority in {"P0", "P1"} else "Tickets"


CPU = Kind("cpu-above-80-", "CPUUtilization", "Average", 80, 10, "P2")
MEMORY = Kind("memory-above-85-", "MemoryUtilization", "Average", 85, 10, "P1")
DATABASE_CPU = Kind("database-cpu-above-80-", "CPUUtilization", "Average", 80, 10, "P1")
DATABASE_STORAGE = Kind("database-storage-low", "FreeStorageSpace", "Minimum", 10 * 2**30, 5, "P1")
NO_GATEWAY = Kind("no-gateway-is-healthy", "HealthyHostCount", "Maximum", 1, 1, "P0")
LATENCY = Kind("p95-above-500-ms", "TargetResponseTime", "p95", 0.5, 5, "P1")
LOAD_BALANCER_ERRORS = Kind("load-balancer-5xx-above-1-", "5xx", "", 1, 3, "P0")
FUNCTION_ERRORS = Kind("function-errors-above-5-", "Errors", "", 5, 5, "P1")
DEAD_LETTERS = Kind(
    "a-message-in-a-dead-letter-queue", "ApproximateNumberOfMessagesVisible", "Maximum", 0, 1, "P1"
)
OLDEST_MESSAGE = Kind(
    "oldest-message-above-one-hour", "ApproximateAgeOfOldestMessage", "Maximum", 3600, 1, "P1"
)
PARKED_EVENTS = Kind("put-parked-events-back", PARKED_METRIC, "Sum", 0, 1, "P1")
SYNC_FAILURES = Kind("synchronisations-fail", SYNC_METRIC, "Average", 0.1, 15, "P2")

KINDS = (
    NO_GATEWAY,
    LOAD_BALANCER_ERRORS,
    LATENCY,
    MEMORY,
    DATABASE_CPU,
    DATABASE_STORAGE,
    FUNCTION_ERRORS,
    DEAD_LETTERS,
    OLDEST_MESSAGE,
    PARKED_EVENTS,
    CPU,
    SYNC_FAILURES,
)


def alarms_template() -> Document:
    """Return the template of the topics, the alarms on single metrics, and the dashboard."""
    resources: Document = {}
    for name, what in (("Pages", "P0 and P1"), ("Tickets", "P2 and P3")):
        resources[name] = {
            "Type": "AWS::SNS::Topic",
            "Properties": {
                "TopicName": f"unisync-{name.lower()}",
                "DisplayName": f"UniSync {what}",
                "KmsMasterKeyId": Import("unisync-key"),
            },
        }
        resources[f"{name}ByEmail"] = {
            "Type": "AWS::SNS::Subscription",
            "Properties": {
                "TopicArn": Reference(name),
                "Protocol": "email",
                "Endpoint": Reference("OperatorsEmail"),
            },
        }
    for process in PROCESSES:
        dimensions = {"ClusterName": Import("unisync-cluster"), "ServiceName": process.host_name}
        for kind, title in ((CPU, "Cpu"), (MEMORY, "Memory")):
            resources[f"{process.logical_id}{title}"] = _alarm(
                kind, f"{process.host_name}-{title.lower()}", "AWS/ECS", dimensions
            )
    for queue in QUEUES:
        here = "".join(part.capitalize() for part in queue.name.split("-"))
        resources[f"{here}DeadLetters"] = _alarm(
            DEAD_LETTERS, queue.dead_letter_name, "AWS/SQS", {"QueueName": queue.dead_letter_name}
        )
        resources[f"{here}Oldest"] = _alarm(
            OLDEST_MESSAGE, f"{queue.name}-oldest", "AWS/SQS", {"QueueName": queue.name}
        )
    for kind, title in ((DATABASE_CPU, "Cpu"), (DATABASE_STORAGE, "Storage")):
        resources[f"Database{title}"] = _alarm(
            kind, f"database-{title.lower()}", "AWS/RDS", {"DBInstanceIdentifier": "unisync"}
        )
    load_balancer = {"LoadBalancer": Import("unisync-load-balancer-full-name")}
    targets = {"TargetGroup": Import("unisync-gateway-targets-full-name")}
    elb = "AWS/ApplicationELB"
    resources["Latency"] = _alarm(LATENCY, "latency", elb, load_balancer)
    resources["NoGateway"] = _alarm(NO_GATEWAY, "no-gateway", elb, load_balancer | targets)
    for event, value in SYNC_OUTCOMES.items():
        resources |= _counted(event, "canvas-sync-lambda", SYNC_METRIC, value)
    resources |= _counted(PARKED_EVENT, "course-service-worker", PARKED_METRIC, "1")
    resources["ParkedEvents"] = _alarm(PARKED_EVENTS, "parked-events", OWN_NAMESPACE, {})
    resources["SyncFailures"] = _alarm(SYNC_FAILURES, "sync-failures", OWN_NAMESPACE, {})
    resources["Dashboard"] = {
        "Type": "AWS::CloudWatch::Dashboard",
        "Properties": {
            "DashboardName": "unisync",
            "DashboardBody": Call("Sub", json.dumps(_dashboard()), {**load_balancer}),
        },
    }
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "UniSync, who is told when - alarms, and the dashboard to look at first.",
        "Parameters": {"OperatorsEmail": {"Type": "String", "AllowedPattern": "[^@]+@[^@]+"}},
        "Resources": resources,
        "Outputs": {
            name: {"Value": Reference(name), "Export": {"Name": f"unisync-topic-{name.lower()}"}}
            for name in ("Pages", "Tickets")
        },
    }


def rates_template() -> Document:
    """Return the template of the alarms on one metric in proportion to another. Linted only."""
    resources: Document = {}
    for function in FUNCTIONS:
        here = "".join(part.capitalize() for part in function.split("-"))
        dimensions = {"FunctionName": function}
        resources[f"{here}Errors"] = _rate(
            FUNCTION_ERRORS,
            f"{function}-errors",
            "AWS/Lambda",
            dimensions,
            failures=["Errors"],
            total="Invocations",
        )
    resources["LoadBalancerErrors"] = _rate(
        LOAD_BALANCER_ERRORS,
        "load-balancer-5xx",
        "AWS/ApplicationELB",
        {"LoadBalancer": Import("unisync-load-balancer-full-name")},
        failures=["HTTPCode_ELB_5XX_Count", "HTTPCode_Target_5XX_Count"],
        total="RequestCount",
    )
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "UniSync, alarms on rates - apart, the emulator does no arithmetic.",
        "Resources": resources,
    }


def _counted(event: str, log_group: str, metric: str, value: str) -> Document:
    """Return a filter that makes a metric's value of each log line of an event."""
    transformation = {
        "MetricNamespace": OWN_NAMESPACE,
        "MetricName": metric,
        "MetricValue": value,
    }
    return {
        "".join(part.capitalize() for part in event.split("_")): {
            "Type": "AWS::Logs::MetricFilter",
            "Properties": {
                "LogGroupName": f"/unisync/{log_group}",
                "FilterPattern": f'{{ $.message = "{event}" }}',
                "MetricTransformations": [transformation],
            },
        }
    }


def _common(kind: Kind, name: str, actions: Any) -> Document:
    return {
        "AlarmName": f"unisync-{name}",
        "AlarmDescription": f"{kind.priority}: docs/runbook.md#{kind.section}",
        "ComparisonOperator": "LessThanThreshold"
        if kind in {NO_GATEWAY, DATABASE_STORAGE}
        else "GreaterThanThreshold",
        "Threshold": kind.limit,
        "EvaluationPeriods": kind.minutes,
        "DatapointsToAlarm": kind.minutes,
        # Silence of the load balancer's health checks is as bad as their failure; other silence is idleness.
        "TreatMissingData": "breaching" if kind is NO_GATEWAY else "notBreaching",
        "AlarmActions": actions,
        "OKActions": actions,
    }


def _alarm(kind: Kind, name: str, namespace: str, dimensions: dict[str, Any]) -> Document:
    statistic = "ExtendedStatistic" if kind.statistic.startswith("p") else "Statistic"
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            **_common(kind, name, [Reference(kind.topic)]),
            "Namespace": namespace,
            "MetricName": kind.metric,
            **(
                {"Dimensions": [{"Name": k, "Value": v} for k, v in dimensions.items()]}
                if dimensions
                else {}
            ),
            statistic: kind.statistic,
            "Period": PERIOD_SECONDS,
        },
    }


def _rate(
    kind: Kind,
    name: str,
    namespace: str,
    dimensions: dict[str, Any],
    *,
    failures: list[str],
    total: str,
) -> Document:
    metrics: list[Document] = [
        {
            "Id": f"m{index}",
            "ReturnData": False,
            "MetricStat": {
                "Stat": "Sum",
                "Period": PERIOD_SECONDS,
                "Metric": {
                    "Namespace": namespace,
                    "MetricName": metric,
                    "Dimensions": [{"Name": k, "Value": v} for k, v in dimensions.items()],
                },
            },
        }
        for index, metric in enumerate([*failures, total])
    ]
    failed = " + ".join(f"FILL(m{index}, 0)" for index in range(len(failures)))
    metrics.append(
        {
            "Id": "rate",
            "Expression": f"100 * ({failed}) / m{len(failures)}",
            "Label": f"{name}, percent",
            "ReturnData": True,
        }
    )
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            **_common(kind, name, [Import(f"unisync-topic-{kind.topic.lower()}")]),
            "Metrics": metrics,
        },
    }


def _dashboard() -> Document:
    """Return the dashboard: what users notice on top, why below."""
    elb = "AWS/ApplicationELB"
    lb = ["LoadBalancer", "${LoadBalancer}"]
    rows: list[list[tuple[str, list[list[Any]], str]]] = [
        [
            (
                "Requests and 5xx",
                [
                    [elb, "RequestCount", *lb],
                    [elb, "HTTPCode_Target_5XX_Count", *lb],
                    [elb, "HTTPCode_ELB_5XX_Count", *lb],
                ],
                "Sum",
            ),
            ("p95 of answers, s", [[elb, "TargetResponseTime", *lb]], "p95"),
            ("Failing synchronisations, share", [[OWN_NAMESPACE, SYNC_METRIC]], "Average"),
        ],
        [
            (
                "Waiting messages",
                [
                    ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", q.name]
                    for q in QUEUES
                ],
                "Maximum",
            ),
            (
                "Oldest message, s",
                [["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", q.name] for q in QUEUES],
                "Maximum",
            ),
            (
                "Dead letters",
                [
                    [
                        "AWS/SQS",
                        "ApproximateNumberOfMessagesVisible",
                        "QueueName",
                        q.dead_letter_name,
                    ]
                    for q in QUEUES
                ],
                "Maximum",
            ),
        ],
        [
            (
                f"{title} of services, %",
                [
                    [
                        "AWS/ECS",
                        f"{title}Utilization",
                        "ClusterName",
                        "unisync",
                        "ServiceName",
                        p.host_name,
                    ]
                    for p in PROCESSES
                ],
                "Average",
            )
            for title in ("CPU", "Memory")
        ]
        + [
            (
                "Functions: errors and throttles",
                [
                    ["AWS/Lambda", metric, "FunctionName", function]
                    for function in FUNCTIONS
                    for metric in ("Errors", "Throttles")
                ],
                "Sum",
            )
        ],
        [
            (
                title,
                [["AWS/RDS", metric, "DBInstanceIdentifier", "unisync"]],
                "Average",
            )
            for title, metric in (
                ("Database CPU, %", "CPUUtilization"),
                ("Database connections", "DatabaseConnections"),
                ("Database free storage, bytes", "FreeStorageSpace"),
            )
        ],
    ]
    return {
        "widgets": [
            {
                "type": "metric",
                "x": 8 * column,
                "y": 6 * row,
                "width": 8,
                "height": 6,
                "properties": {
                    "title": title,
                    "metrics": metrics,
                    "stat": statistic,
                    "period": PERIOD_SECONDS,
                    "region": "${AWS::Region}",
                },
            }
            for row, widgets in enumerate(rows)
            for column, (title, metrics, statistic) in enumerate(widgets)
        ]
    }

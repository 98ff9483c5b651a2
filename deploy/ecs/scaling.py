"""The template that keeps each service at the number of tasks it needs; the emulator has no scaling targets."""

from typing import Any

from deploy.ecs.intrinsics import Call, Document, Import, Reference
from deploy.ecs.processes import PROCESSES, Process

LEAST_TASKS = 2
"""One per zone, so that the loss of a zone or a task leaves one."""

MOST_TASKS = 10

CPU_TARGET_PERCENT = 70

BACKLOG_PER_TASK = 500
"""A worker drains at least 100 messages a second (Q-08): a backlog of five seconds."""

SCALE_OUT_SECONDS = 60
SCALE_IN_SECONDS = 300
"""Slow down after a burst: the next lecture ends in minutes."""


def scaling_template() -> Document:
    """Return the template: a target per service, CPU for all, queue depth for the workers."""
    resources: Document = {}
    for process in PROCESSES:
        resources |= _scaling(process)
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "UniSync, how many tasks run - by CPU, and by backlog for the workers.",
        "Resources": resources,
    }


def _scaling(process: Process) -> Document:
    target = f"{process.logical_id}Tasks"
    resources: Document = {
        target: {
            "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
            "Properties": {
                "ServiceNamespace": "ecs",
                "ScalableDimension": "ecs:service:DesiredCount",
                "ResourceId": Call(
                    "Sub",
                    f"service/${{cluster}}/{process.host_name}",
                    {"cluster": Import("unisync-cluster")},
                ),
                "MinCapacity": LEAST_TASKS,
                "MaxCapacity": MOST_TASKS,
            },
        },
        f"{process.logical_id}ByCpu": _policy(
            f"{process.host_name}-cpu",
            target,
            CPU_TARGET_PERCENT,
            {
                "PredefinedMetricSpecification": {
                    "PredefinedMetricType": "ECSServiceAverageCPUUtilization"
                }
            },
        ),
    }
    for queue in process.reads_from:
        resources[f"{process.logical_id}ByBacklog"] = _policy(
            f"{process.host_name}-backlog",
            target,
            BACKLOG_PER_TASK,
            {
                "CustomizedMetricSpecification": {
                    "Metrics": [
                        _metric(
                            "waiting",
                            "AWS/SQS",
                            "ApproximateNumberOfMessagesVisible",
                            {"QueueName": queue.name},
                        ),
                        _metric(
                            "tasks",
                            "ECS/ContainerInsights",
                            "RunningTaskCount",
                            {
                                "ClusterName": Import("unisync-cluster"),
                                "ServiceName": process.host_name,
                            },
                        ),
                        {
                            "Id": "backlog",
                            "Expression": "waiting / tasks",
                            "Label": "messages waiting per task",
                            "ReturnData": True,
                        },
                    ]
                }
            },
        )
    return resources


def _metric(metric_id: str, namespace: str, name: str, dimensions: dict[str, Any]) -> Document:
    return {
        "Id": metric_id,
        "ReturnData": False,
        "MetricStat": {
            "Stat": "Average",
            "Metric": {
                "Namespace": namespace,
                "MetricName": name,
                "Dimensions": [{"Name": k, "Value": v} for k, v in dimensions.items()],
            },
        },
    }


def _policy(name: str, target: str, value: int, metric: Document) -> Document:
    return {
        "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
        "Properties": {
            "PolicyName": name,
            "PolicyType": "TargetTrackingScaling",
            "ScalingTargetId": Reference(target),
            "TargetTrackingScalingPolicyConfiguration": {
                "TargetValue": value,
                "ScaleOutCooldown": SCALE_OUT_SECONDS,
                "ScaleInCooldown": SCALE_IN_SECONDS,
                **metric,
            },
        },
    }

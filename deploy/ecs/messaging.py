"""The template of the queues, from the route table."""

from deploy.ecs.intrinsics import Attribute, Document, Reference
from shared.events.routes import (
    DEAD_LETTER_RETENTION_SECONDS,
    MAX_MESSAGE_BYTES,
    MAX_RECEIVE_COUNT,
    QUEUES,
    RETENTION_SECONDS,
    Queue,
)


def messaging_template() -> Document:
    """Return the template: each queue with its own dead-letter queue, reached over TLS only."""
    resources: Document = {}
    outputs: Document = {}
    for queue in QUEUES:
        logical_id = logical_id_of(queue)
        resources |= _with_dead_letters(queue, logical_id)
        for suffix, name in (("", queue.name), ("DeadLetters", queue.dead_letter_name)):
            outputs[f"{logical_id}{suffix}Arn"] = {
                "Value": Attribute(f"{logical_id}{suffix}.Arn"),
                "Export": {"Name": export_of(name)},
            }
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "UniSync, the queues of shared/events/routes.py - each with its own dead-letter queue.",
        "Resources": resources,
        "Outputs": outputs,
    }


def logical_id_of(queue: Queue) -> str:
    """Return a queue's name in templates."""
    return "".join(part.capitalize() for part in queue.name.split("-"))


def export_of(queue_name: str) -> str:
    """Return the name under which a queue's ARN is exported."""
    return f"unisync-queue-{queue_name}"


def _with_dead_letters(queue: Queue, logical_id: str) -> Document:
    dead_letters = f"{logical_id}DeadLetters"
    common = {"MaximumMessageSize": MAX_MESSAGE_BYTES, "SqsManagedSseEnabled": True}
    return {
        dead_letters: {
            "Type": "AWS::SQS::Queue",
            "Properties": {
                "QueueName": queue.dead_letter_name,
                "MessageRetentionPeriod": DEAD_LETTER_RETENTION_SECONDS,
                **common,
            },
        },
        logical_id: {
            "Type": "AWS::SQS::Queue",
            "Properties": {
                "QueueName": queue.name,
                "VisibilityTimeout": queue.visibility_seconds,
                "MessageRetentionPeriod": RETENTION_SECONDS,
                "RedrivePolicy": {
                    "deadLetterTargetArn": Attribute(f"{dead_letters}.Arn"),
                    "maxReceiveCount": MAX_RECEIVE_COUNT,
                },
                **common,
            },
        },
        f"{logical_id}Policy": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {
                "Queues": [Reference(logical_id), Reference(dead_letters)],
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [_tls_only(logical_id), _tls_only(dead_letters)],
                },
            },
        },
    }


def _tls_only(logical_id: str) -> Document:
    return {
        "Sid": f"{logical_id}OverTlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": [
            "sqs:ChangeMessageVisibility",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:GetQueueUrl",
            "sqs:PurgeQueue",
            "sqs:ReceiveMessage",
            "sqs:SendMessage",
        ],
        "Resource": Attribute(f"{logical_id}.Arn"),
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }

"""What the roles of tasks may do: ECS to start them, and the processes themselves."""

from typing import Any

from deploy.ecs.intrinsics import Attribute, Document, Import, Reference, Substitution
from deploy.ecs.messaging import export_of
from deploy.ecs.processes import Process, SecretKey
from shared.events.routes import QUEUES


def role(name: str, statements: list[Document]) -> Document:
    """Return a role that tasks of this account take on."""
    properties: Document = {
        "RoleName": name,
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "ecs-tasks.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                    "Condition": {
                        "StringEquals": {"aws:SourceAccount": Reference("AWS::AccountId")}
                    },
                }
            ],
        },
    }
    if statements:
        document = {"Version": "2012-10-17", "Statement": statements}
        properties["Policies"] = [{"PolicyName": "own", "PolicyDocument": document}]
    return {"Type": "AWS::IAM::Role", "Properties": properties}


def start_statements(
    image: str, here: str, secrets: dict[str, SecretKey], *, master: bool
) -> list[Document]:
    """Return what ECS may do to start the task: its image, its secrets, its log group."""
    arns: list[Any] = [
        Import(export)
        for export in sorted({f"unisync-secret-{s.secret}" for s in secrets.values()})
    ]
    if master:
        arns.append(Reference("MasterSecretArn"))
    statements: list[Document] = [
        {
            "Sid": "SignInToRegistry",
            "Effect": "Allow",
            "Action": "ecr:GetAuthorizationToken",
            "Resource": "*",  # the action knows no narrower resource
        },
        {
            "Sid": "PullItsImage",
            "Effect": "Allow",
            "Action": [
                "ecr:BatchCheckLayerAvailability",
                "ecr:BatchGetImage",
                "ecr:GetDownloadUrlForLayer",
            ],
            "Resource": Substitution(
                "arn:${AWS::Partition}:ecr:${AWS::Region}:${AWS::AccountId}:repository/unisync/"
                + image
            ),
        },
        {
            "Sid": "WriteItsLog",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": Attribute(f"{here}Logs.Arn"),
        },
    ]
    if arns:
        statements += [
            {
                "Sid": "ReadItsSecrets",
                "Effect": "Allow",
                "Action": "secretsmanager:GetSecretValue",
                "Resource": arns,
            },
            {
                "Sid": "OpenThem",
                "Effect": "Allow",
                "Action": "kms:Decrypt",
                "Resource": Import("unisync-key"),
            },
        ]
    return statements


def replay_statements() -> list[Document]:
    """Return what an operator's replay of dead letters may do."""
    return [
        {
            "Sid": "TakeDeadLetters",
            "Effect": "Allow",
            "Action": [
                "sqs:ChangeMessageVisibility",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
                "sqs:GetQueueUrl",
                "sqs:ReceiveMessage",
            ],
            "Resource": [Import(export_of(q.dead_letter_name)) for q in QUEUES],
        },
        {
            "Sid": "SendThemAgain",
            "Effect": "Allow",
            "Action": ["sqs:GetQueueUrl", "sqs:SendMessage"],
            "Resource": [Import(export_of(q.name)) for q in QUEUES],
        },
    ]


def own_statements(process: Process) -> list[Document]:
    """Return what the process itself may do."""
    statements: list[Document] = []
    if process.reads_from:
        statements.append(
            {
                "Sid": "Consume",
                "Effect": "Allow",
                "Action": [
                    "sqs:ChangeMessageVisibility",
                    "sqs:DeleteMessage",
                    "sqs:GetQueueAttributes",
                    "sqs:GetQueueUrl",
                    "sqs:ReceiveMessage",
                ],
                "Resource": [Import(export_of(q.name)) for q in process.reads_from],
            }
        )
    if process.sends_to:
        statements.append(
            {
                "Sid": "Send",
                "Effect": "Allow",
                "Action": ["sqs:GetQueueUrl", "sqs:SendMessage"],
                "Resource": [Import(export_of(q.name)) for q in process.sends_to],
            }
        )
    if process.measures:
        names = [name for q in process.measures for name in (q.name, q.dead_letter_name)]
        statements.append(
            {
                "Sid": "Measure",
                "Effect": "Allow",
                "Action": ["sqs:GetQueueAttributes", "sqs:GetQueueUrl"],
                "Resource": [Import(export_of(name)) for name in names],
            }
        )
    if process.name == "user_service":
        statements += [
            {
                "Sid": "Synchronise",
                "Effect": "Allow",
                "Action": "lambda:InvokeFunction",
                "Resource": Import("unisync-function-canvas-sync-lambda"),
            },
            {
                "Sid": "KeepAccounts",
                "Effect": "Allow",
                "Action": [
                    "cognito-idp:AdminConfirmSignUp",
                    "cognito-idp:AdminDeleteUser",
                    "cognito-idp:AdminUserGlobalSignOut",
                ],
                "Resource": Import("unisync-user-pool"),
            },
        ]
    return statements

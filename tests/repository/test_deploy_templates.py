"""The templates are what the code needs: linted, deployed to the emulator, and read back."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator
from pydantic import AliasChoices

from deploy.ecs.alarms import FUNCTIONS, KINDS, PARKED_EVENT, SYNC_OUTCOMES
from deploy.ecs.processes import PROCESSES, Process
from deploy.ecs.stacks import STACKS, read_template
from deploy.ecs.tasks import DNS_TTL_SECONDS, LIVENESS
from deploy.ecs.write import TASK_DEFINITIONS, files
from local_stack.emulator import REGION
from local_stack.processes import SERVICES
from local_stack.provision import CANVAS_SYNC_FUNCTION, LLM_ANALYSIS_FUNCTION, Function
from services.course_service.settings import WorkerSettings as CourseWorkerSettings
from shared.events.routes import (
    DEAD_LETTER_RETENTION_SECONDS,
    MAX_MESSAGE_BYTES,
    MAX_RECEIVE_COUNT,
    QUEUES,
    RETENTION_SECONDS,
    Queue,
)
from shared.settings import Settings
from shared.web.serving import DRAIN_SECONDS, FLUSH_SECONDS, GRACEFUL_SECONDS, LEAVING_SECONDS
from tests.repository.emulated_account import PARAMETERS, Account, emulated_account
from tests.repository.linters import start
from tests.repository.permissions import granted, read_table
from tests.repository.settings_table import READERS

TEMPLATES = sorted(Path("deploy/ecs").glob("*.yaml"))
TEMPLATES = [path for path in TEMPLATES if path.stem != "checkov"]
EMULATED = [stack.name for stack in STACKS if stack.is_emulated]
FUNCTION_READERS = {"canvas-sync-lambda": "canvas_sync", "llm-analysis-lambda": "llm_analysis"}
RUNBOOK = Path("docs/runbook.md")

READ_BY_THE_SDK = {
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_TRACES_SAMPLER",
    "OTEL_TRACES_SAMPLER_ARG",
}
"""OpenTelemetry's own variables, which no settings class knows."""


@pytest.fixture(scope="module")
def linters() -> Iterator[dict[str, subprocess.Popen[str]]]:
    """Start the slow linters first, so that they run beside everything else."""
    started = {
        "cfn-lint": start("cfn-lint", *map(str, TEMPLATES)),
        "checkov": start("checkov", "--config-file", "deploy/ecs/checkov.yaml", "-d", "deploy/ecs"),
    }
    yield started
    for process in started.values():
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def account(linters: dict[str, subprocess.Popen[str]]) -> Iterator[Account]:
    with emulated_account() as account:
        yield account


def process_environment(account: Account, process: Process) -> dict[str, str]:
    """Return the variables that the task's container sees, from its definition and the account's secrets."""
    path = TASK_DEFINITIONS / f"unisync-{process.host_name}.json"
    known = {
        "AWS_REGION": REGION,
        "ALLOWED_ORIGIN": PARAMETERS["AllowedOrigin"],
        "CANVAS_BASE_URL": PARAMETERS["CanvasBaseUrl"],
        "LOG_LEVEL": "INFO",
        "TRACES_ENDPOINT": "",
        "TRACES_SHARE": "0.05",
    }
    exports = account.client("cloudformation").list_exports()["Exports"]
    known |= {e["Name"].upper().replace("-", "_"): e["Value"] for e in exports}
    text = re.sub(
        r"\$\{(\w+)\}", lambda name: known.get(name[1], name[0]), path.read_text(encoding="utf-8")
    )
    container = json.loads(text)["containerDefinitions"][0]
    plain = {item["name"]: item["value"] for item in container["environment"]}
    secrets = {item["name"]: _secret(account, item["valueFrom"]) for item in container["secrets"]}
    return plain | secrets


def _secret(account: Account, value_from: str) -> str:
    # arn:aws:secretsmanager:region:account:secret:name[:key::]
    parts = value_from.split(":")
    answer = account.client("secretsmanager").get_secret_value(SecretId=":".join(parts[:7]))
    value = answer["SecretString"]
    return str(json.loads(value)[parts[7]] if len(parts) > 7 else value)


def variables_of(settings: type[Settings]) -> set[str]:
    """Return the variables that a settings class reads."""
    return {
        field.validation_alias.choices[0]
        if isinstance(field.validation_alias, AliasChoices)
        else name.upper()
        for name, field in settings.model_fields.items()
    }


def hold_to(settings: type[Settings], given: dict[str, str], monkeypatch: Any) -> None:
    """Start the settings class in an environment of nothing but what is given."""
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name, value in given.items():
        monkeypatch.setenv(name, value)

    settings()

    assert given["ENVIRONMENT"] == "production"
    queue_names = {queue.name_setting for queue in QUEUES}
    assert given.keys() >= READ_BY_THE_SDK
    assert given.keys() - variables_of(settings) - READ_BY_THE_SDK - queue_names == set()


def test_generated_files_are_current() -> None:
    """Renew them with `.venv/bin/python -m deploy.ecs.write`."""
    expected = files()

    assert {p.name for p in TASK_DEFINITIONS.iterdir()} == {
        p.name for p in expected if p.suffix == ".json"
    }
    assert [str(p) for p, text in expected.items() if p.read_text(encoding="utf-8") != text] == []


def test_every_template_is_a_stack_of_the_documented_path() -> None:
    readme = Path("deploy/ecs/README.md").read_text(encoding="utf-8")

    assert {path.stem for path in TEMPLATES} == {stack.name for stack in STACKS}
    assert [stack.name for stack in STACKS if f"`{stack.name}.yaml`" not in readme] == []


def test_a_template_is_small_enough_to_be_sent() -> None:
    """CloudFormation takes 51,200 bytes with a call; more would need a detour through a bucket."""
    sizes = {path.name: path.stat().st_size for path in TEMPLATES}

    assert {name: size for name, size in sizes.items() if size > 51_200} == {}


def test_every_supported_template_deploys_with_every_resource(account: Account) -> None:
    """I-03"""
    assert account.statuses == dict.fromkeys(EMULATED, "CREATE_COMPLETE")
    cloudformation = account.client("cloudformation")
    present = 0
    for name in EMULATED:
        resources = cloudformation.describe_stack_resources(StackName=f"unisync-{name}")
        template = read_template(name)["Resources"]
        unconditional = {key for key, value in template.items() if "Condition" not in value}
        found = {r["LogicalResourceId"]: r["ResourceStatus"] for r in resources["StackResources"]}
        assert found == dict.fromkeys(unconditional, "CREATE_COMPLETE"), name
        present += len(found)
    print(f"{present} resources of {len(EMULATED)} templates present in the emulator")


@pytest.mark.parametrize("process", PROCESSES, ids=lambda process: process.name)
def test_a_task_gets_what_its_settings_need(
    account: Account, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = process.name.replace("_worker", " worker")
    given = process_environment(account, process)

    hold_to(READERS[reader], given, monkeypatch)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_gets_what_its_settings_need(
    account: Account, function: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration = account.client("lambda").get_function_configuration(FunctionName=function)
    given = configuration["Environment"]["Variables"]

    assert not any("{{resolve" in value for value in given.values())
    hold_to(READERS[FUNCTION_READERS[function]], given, monkeypatch)


@pytest.mark.parametrize("queue", QUEUES, ids=lambda queue: queue.name)
def test_a_queue_is_that_of_the_route_table(account: Account, queue: Queue) -> None:
    """I-03: as the table says, encrypted, over TLS only."""
    sqs = account.client("sqs")

    def attributes(name: str) -> dict[str, str]:
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        found: dict[str, str] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        return found["Attributes"]  # type: ignore[return-value]

    main, dead = attributes(queue.name), attributes(queue.dead_letter_name)
    assert main["VisibilityTimeout"] == str(queue.visibility_seconds)
    assert main["MessageRetentionPeriod"] == str(RETENTION_SECONDS)
    assert dead["MessageRetentionPeriod"] == str(DEAD_LETTER_RETENTION_SECONDS)
    redrive = json.loads(main["RedrivePolicy"])
    assert redrive["deadLetterTargetArn"] == dead["QueueArn"]
    assert int(redrive["maxReceiveCount"]) == MAX_RECEIVE_COUNT
    for found in (main, dead):
        assert found["MaximumMessageSize"] == str(MAX_MESSAGE_BYTES)
        assert found["SqsManagedSseEnabled"] == "true"
        refusals = [
            statement
            for statement in json.loads(found["Policy"])["Statement"]
            if statement["Resource"] == found["QueueArn"]
        ]
        assert [s["Effect"] for s in refusals] == ["Deny"]
        assert refusals[0]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize("function", [CANVAS_SYNC_FUNCTION, LLM_ANALYSIS_FUNCTION])
def test_a_function_is_that_of_the_local_stack(account: Account, function: Function) -> None:
    client = account.client("lambda")
    configuration = client.get_function_configuration(FunctionName=function.name)
    mappings = client.list_event_source_mappings(FunctionName=function.name)["EventSourceMappings"]

    assert configuration["Handler"] == "handler.lambda_handler"
    assert configuration["Timeout"] == function.timeout_seconds
    assert configuration["MemorySize"] == 512
    assert {m["EventSourceArn"].rpartition(":")[2] for m in mappings} == {
        queue.name for queue in function.sources
    }
    for mapping in mappings:
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert mapping["BatchSize"] == function.batch_size
    for queue in function.sources:
        assert queue.visibility_seconds >= 6 * function.timeout_seconds


def test_the_schedules_have_constant_inputs(account: Account) -> None:
    events = account.client("events")
    schedules = {
        rule["ScheduleExpression"]: json.loads(
            events.list_targets_by_rule(Rule=rule["Name"])["Targets"][0]["Input"]
        )
        for rule in events.list_rules(NamePrefix="unisync-")["Rules"]
    }

    assert schedules == {
        "rate(15 minutes)": {"fanOut": True, "syncMode": "assignments"},
        "cron(0 18 * * ? *)": {"fanOut": True, "syncMode": "courses"},
    }


def test_roles_may_do_what_is_written_and_nothing_else(account: Account) -> None:
    """I-04"""
    written = read_table(Path("deploy/ecs/permissions.md").read_text(encoding="utf-8"))
    found = granted(account.client("iam"))

    print(f"{len(found)} permissions of {len({role for role, _, _ in found})} roles")
    assert found - written == set()
    assert written - found == set()


def test_a_worker_may_measure_the_queues_that_it_measures() -> None:
    worker = next(p for p in PROCESSES if p.name == "course_service_worker")
    settings = CourseWorkerSettings(database_url="mysql://user:password@localhost/course_db")

    assert [q.name for q in worker.measures] == settings.measured_queue_names()


def test_no_policy_has_an_action_for_everything() -> None:
    """I-04: in all templates, those that are linted only included."""
    documents = [read_template(path.stem) for path in TEMPLATES]
    actions = [action for document in documents for action in _actions(document)]

    assert len(actions) > 100
    assert [action for action in actions if action == "*" or action.endswith(":*")] == []


def _actions(part: Any) -> Iterator[str]:
    """Yield every action of every policy statement below a part of a template."""
    if isinstance(part, dict):
        if "Effect" in part:
            action = part["Action"]
            yield from [action] if isinstance(action, str) else action
        part = list(part.values())
    if isinstance(part, list):
        for item in part:
            yield from _actions(item)


def _all_templates() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in TEMPLATES)


def test_the_processes_are_those_of_the_local_stack() -> None:
    def shape(process: Any) -> tuple[Any, ...]:
        return (process.name, process.module, process.port, process.management_port)

    assert [shape(p) for p in PROCESSES] == [shape(s) for s in SERVICES]


@pytest.mark.parametrize("path", sorted(TASK_DEFINITIONS.iterdir()), ids=lambda path: path.stem)
def test_a_task_definition_is_one_that_ecs_registers(path: Path) -> None:
    """I-02: plain user, read-only root, an init process, exec form, a stop time that Fargate allows."""
    definition = json.loads(path.read_text(encoding="utf-8"))
    model = botocore.session.get_session().get_service_model("ecs")
    shape = model.operation_model("RegisterTaskDefinition").input_shape
    container = definition["containerDefinitions"][0]

    assert not ParamValidator().validate(definition, shape).has_errors()
    assert container["user"] == "10001:10001"
    assert container["readonlyRootFilesystem"] is True
    assert container["linuxParameters"]["initProcessEnabled"] is True
    assert container["command"][:2] == ["python", "-m"]
    assert 30 <= container["stopTimeout"] <= 120
    assert not re.search(r"password|secret|key|token", json.dumps(container["environment"]), re.I)


def test_ecs_asks_for_health_as_the_images_do() -> None:
    for service in Path("services").glob("*/Dockerfile"):
        assert json.dumps(LIVENESS) in service.read_text(encoding="utf-8")


def test_a_service_answers_at_its_address_for_longer_than_callers_remember_it() -> None:
    """O-04, Q-09: and all that it does after SIGTERM is over 5 s before ECS kills it."""
    leaving = LEAVING_SECONDS["production"]
    longest = leaving + DRAIN_SECONDS + GRACEFUL_SECONDS + FLUSH_SECONDS

    assert leaving >= 2 * DNS_TTL_SECONDS
    assert longest <= min(process.stop_timeout_seconds for process in PROCESSES) - 5


def test_services_are_replaced_behind_a_circuit_breaker(account: Account) -> None:
    """O-04"""
    ecs = account.client("ecs")
    arns = ecs.list_services(cluster="unisync")["serviceArns"]
    services = ecs.describe_services(cluster="unisync", services=arns)["services"]

    assert {s["serviceName"] for s in services} == {p.host_name for p in PROCESSES}
    for service in services:
        configuration = service["deploymentConfiguration"]
        assert configuration["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}
        assert configuration["minimumHealthyPercent"] == 100


def test_every_service_scales_and_workers_follow_their_queue() -> None:
    resources = read_template("scaling")["Resources"]
    targets = [r for r in resources.values() if r["Type"].endswith("ScalableTarget")]
    policies = [
        r["Properties"]["TargetTrackingScalingPolicyConfiguration"]
        for r in resources.values()
        if r["Type"].endswith("ScalingPolicy")
    ]
    by_cpu = [p for p in policies if "PredefinedMetricSpecification" in p]

    assert len(targets) == len(by_cpu) == len(PROCESSES)
    assert {(t["Properties"]["MinCapacity"], t["Properties"]["MaxCapacity"]) for t in targets} == {
        (2, 10)
    }
    assert {p["TargetValue"] for p in by_cpu} == {70}
    assert len(policies) - len(by_cpu) == len([p for p in PROCESSES if p.is_worker])


def test_the_database_is_private_encrypted_backed_up_and_in_two_zones() -> None:
    """I-03"""
    resources = read_template("database")["Resources"]
    server = resources["Server"]["Properties"]

    assert server["PubliclyAccessible"] is False
    assert server["StorageEncrypted"] is server["MultiAZ"] is server["DeletionProtection"] is True
    assert min(server["BackupRetentionPeriod"][1:]) >= 7
    assert server["Engine"] == "mysql"
    assert server["EngineVersion"].startswith("8.")
    assert resources["Parameters"]["Properties"]["Parameters"]["require_secure_transport"] == "1"


def test_the_load_balancer_is_strict() -> None:
    """I-03"""
    resources = read_template("edge")["Resources"]
    attributes = {
        a["Key"]: a["Value"]
        for a in resources["LoadBalancer"]["Properties"]["LoadBalancerAttributes"]
    }
    listeners = [r["Properties"] for r in resources.values() if r["Type"].endswith("Listener")]

    assert attributes["routing.http.desync_mitigation_mode"] == "strictest"
    assert attributes["routing.http.drop_invalid_header_fields.enabled"] == "true"
    assert attributes["idle_timeout.timeout_seconds"] == "180"
    assert resources["GatewayTargets"]["Properties"]["HealthCheckPath"] == "/actuator/health"
    assert [(listener["Port"], listener["Protocol"]) for listener in listeners] == [(443, "HTTPS")]
    assert listeners[0]["SslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-2021-06"


def test_every_service_function_and_queue_has_its_alarms(account: Account) -> None:
    """O-07: 100 % of them; a dead letter is looked for every minute."""
    found = account.client("cloudwatch").describe_alarms(AlarmNamePrefix="unisync-")["MetricAlarms"]
    watched = {
        (alarm["MetricName"], dimension["Value"])
        for alarm in found
        for dimension in alarm["Dimensions"]
    }
    expected = {
        *(
            (metric, p.host_name)
            for p in PROCESSES
            for metric in ("CPUUtilization", "MemoryUtilization")
        ),
        *(("ApproximateNumberOfMessagesVisible", q.dead_letter_name) for q in QUEUES),
        *(("ApproximateAgeOfOldestMessage", q.name) for q in QUEUES),
    }
    rates = json.dumps(read_template("rates"))

    assert expected - watched == set()
    assert [f for f in FUNCTIONS if f'"Value": "{f}"' not in rates] == []
    assert "HTTPCode_Target_5XX_Count" in rates
    dead_letters = [a for a in found if a["MetricName"] == "ApproximateNumberOfMessagesVisible"]
    assert {(a["Period"], a["EvaluationPeriods"], a["Threshold"]) for a in dead_letters} == {
        (60, 1, 0)
    }
    assert all(a["AlarmActions"] for a in found)


def test_every_alarm_names_a_section_of_the_runbook() -> None:
    """O-07"""
    headings = re.findall(r"^#+ (.+)$", RUNBOOK.read_text(encoding="utf-8"), re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    named = set(re.findall(r"docs/runbook\.md#([\w-]+)", _all_templates()))

    assert named == {kind.section for kind in KINDS}
    assert named - anchors == set()


def test_failing_synchronisations_are_counted_by_events_that_are_logged() -> None:
    code = "\n".join(p.read_text("utf-8") for p in Path("lambdas/canvas_sync").glob("*.py"))

    assert [event for event in SYNC_OUTCOMES if f'"{event}"' not in code] == []


def test_parked_events_are_counted_by_an_event_that_is_logged() -> None:
    """O-07: nothing else tells of them in the account."""
    assert f'"{PARKED_EVENT}"' in Path("shared/messaging/relay.py").read_text("utf-8")


def test_exceptions_from_the_security_rules_are_few_and_reasoned() -> None:
    """I-03"""
    text = Path("deploy/ecs/checkov.yaml").read_text(encoding="utf-8")
    exceptions = re.findall(r"^  - (CKV\w+)(.*)$", text, re.MULTILINE)

    print(f"{len(exceptions)} exceptions")
    assert len(exceptions) <= 10
    assert [name for name, reason in exceptions if len(reason) < 30] == []
    assert "checkov:skip" not in _all_templates()


@pytest.mark.parametrize("linter", ["cfn-lint", "checkov"])
def test_the_linter_is_content(linters: dict[str, subprocess.Popen[str]], linter: str) -> None:
    """I-03"""
    output = linters[linter].communicate()[0]

    assert linters[linter].returncode == 0, output

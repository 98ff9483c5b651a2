"""The local stack fires the rules that are deployed."""

import json
from pathlib import Path
from typing import Any

import yaml

from local_stack.provision import CANVAS_SYNC_FUNCTION, SCHEDULES


class _TemplateLoader(yaml.SafeLoader):
    """Reads a CloudFormation template; what its functions refer to is left out."""


_TemplateLoader.add_multi_constructor("!", lambda loader, suffix, node: None)


def deployed(kind: str) -> list[dict[str, Any]]:
    text = Path("deploy/ecs/functions.yaml").read_text(encoding="utf-8")
    resources = yaml.load(text, _TemplateLoader)["Resources"]
    return [r["Properties"] for r in resources.values() if r["Type"] == kind]


def test_the_local_rules_are_the_deployed_ones() -> None:
    """additions.md D: name, schedule and constant."""
    found = {
        (rule["Name"], rule["ScheduleExpression"], json.dumps(json.loads(target["Input"])))
        for rule in deployed("AWS::Events::Rule")
        for target in rule["Targets"]
    }

    assert found == {(s.rule, s.expression, json.dumps(s.payload)) for s in SCHEDULES}


def test_every_mapping_of_a_queue_reports_failed_records() -> None:
    """Q-05: without it one bad record brings its whole batch back."""
    mappings = deployed("AWS::Lambda::EventSourceMapping")

    assert len(mappings) == 3
    assert all(m["FunctionResponseTypes"] == ["ReportBatchItemFailures"] for m in mappings)
    assert CANVAS_SYNC_FUNCTION.batch_size in {m["BatchSize"] for m in mappings}

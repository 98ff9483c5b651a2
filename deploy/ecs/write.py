"""Writes the generated templates and the task definitions: `python -m deploy.ecs.write`."""

import json
import re
from pathlib import Path
from typing import Any

from deploy.ecs.alarms import alarms_template, rates_template
from deploy.ecs.intrinsics import Attribute, Call, Import, Reference, Substitution, dump
from deploy.ecs.messaging import messaging_template
from deploy.ecs.scaling import scaling_template
from deploy.ecs.tasks import migrations_template, services_template

FOLDER = Path(__file__).parent
TASK_DEFINITIONS = FOLDER / "task-definitions"

HEADER = "# Written by `python -m deploy.ecs.write`, which has the reasons for what stands here.\n"


def files() -> dict[Path, str]:
    """Return every generated file with its contents."""
    templates = {
        "messaging": messaging_template(),
        "migrations": migrations_template(),
        "services": services_template(),
        "scaling": scaling_template(),
        "alarms": alarms_template(),
        "rates": rates_template(),
    }
    contents = {
        FOLDER / f"{name}.yaml": HEADER + dump(template) for name, template in templates.items()
    }
    for template in (templates["migrations"], templates["services"]):
        for resource in template["Resources"].values():
            if resource["Type"] == "AWS::ECS::TaskDefinition":
                definition = task_definition(resource["Properties"])
                path = TASK_DEFINITIONS / f"{definition['family']}.json"
                contents[path] = json.dumps(definition, indent=2) + "\n"
    return contents


def task_definition(properties: dict[str, Any]) -> dict[str, Any]:
    """Return a task definition as `aws ecs register-task-definition` reads it.

    What only an account knows stands as `${NAME}`: the deployment's parameters, and what stacks export.
    """
    plain: dict[str, Any] = _plain(properties)
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {_plain_key(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list) and not isinstance(value, Call):
        return [_plain(item) for item in value]
    return _plain_intrinsic(value)


def _plain_key(key: str) -> str:
    is_option_of_the_log_driver = key[0].islower()
    return key if is_option_of_the_log_driver else key[0].lower() + key[1:]


def _plain_intrinsic(value: Any) -> Any:
    match value:
        case Call():
            text, imports = value
            for name, export in imports.items():
                text = text.replace(f"${{{name}}}", _plain(export))
            return text
        case Import():
            return f"${{{value.upper().replace('-', '_')}}}"
        case Attribute():  # of a role, whose name is that of the family
            return f"arn:aws:iam::${{AWS_ACCOUNT_ID}}:role/unisync-{_hyphenated(value.removesuffix('Role.Arn'))}"
        case Substitution():
            text = value.replace("${AWS::URLSuffix}", "amazonaws.com").replace("AWS::", "AWS_")
            return re.sub(r"\$\{(\w+)\}", lambda name: f"${{{_setting_name(name[1])}}}", text)
        case Reference():
            if value.endswith("Logs"):
                text = f"/unisync/{_hyphenated(value.removesuffix('Logs'))}"
            else:
                text = f"${{{_setting_name(value.replace('::', '_'))}}}"
            return text
    return value


def _hyphenated(logical_id: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r"-\1", logical_id).lower()


def _setting_name(name: str) -> str:
    if name.startswith("AWS_"):
        return "AWS_" + _setting_name(name.removeprefix("AWS_"))
    return re.sub(r"(?<=[a-z])([A-Z])", r"_\1", name).upper()


def main() -> None:
    """Write every generated file, and delete task definitions that are no more."""
    contents = files()
    TASK_DEFINITIONS.mkdir(exist_ok=True)
    for path in TASK_DEFINITIONS.glob("*.json"):
        if path not in contents:
            path.unlink()
    for path, text in contents.items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

"""CloudFormation's own functions as values, and YAML that writes them in their short form."""

from collections.abc import Mapping
from typing import Any

import yaml

Document = dict[str, Any]


class Reference(str):
    """`!Ref`: a parameter's value or a resource's id."""

    __slots__ = ()


class Substitution(str):
    """`!Sub`: text with `${names}` of parameters and resources."""

    __slots__ = ()


class Attribute(str):
    """`!GetAtt`: an attribute of a resource, such as `Role.Arn`."""

    __slots__ = ()


class Import(str):
    """`!ImportValue`: what another stack exports."""

    __slots__ = ()


class Condition(str):
    """`!Condition`: a named condition inside another one."""

    __slots__ = ()


class Call(list[Any]):
    """A function with a list of arguments, such as `!If`."""

    def __init__(self, function: str, *arguments: Any) -> None:
        super().__init__(arguments)
        self.function = function


def joined(text: str, **imports: str) -> Call:
    """Return text with `${name}` replaced by what other stacks export under the names given."""
    return Call("Sub", text, {name: Import(export) for name, export in imports.items()})


class _Dumper(yaml.SafeDumper):
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: Any) -> bool:
        return True  # CloudFormation refuses aliases


def _tagged(tag: str) -> Any:
    def represent(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
        return dumper.represent_scalar(tag, str(value))

    return represent


for _class, _tag in (
    (Reference, "!Ref"),
    (Substitution, "!Sub"),
    (Attribute, "!GetAtt"),
    (Import, "!ImportValue"),
    (Condition, "!Condition"),
):
    _Dumper.add_representer(_class, _tagged(_tag))


def _represent_call(dumper: yaml.SafeDumper, value: Call) -> yaml.Node:
    return dumper.represent_sequence(f"!{value.function}", list(value), flow_style=False)


_Dumper.add_representer(Call, _represent_call)


def dump(document: Mapping[str, Any]) -> str:
    """Return a template as YAML, in the order its author chose."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)

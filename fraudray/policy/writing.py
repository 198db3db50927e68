"""A policy as YAML text: written from its values, or with its version changed and everything else left as it is."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import yaml

from fraudray.domain.errors import PolicyError

WIDTH = 140
_SECTION = re.compile(r"^(\w+:)$", re.MULTILINE)
FLOW_MAX = 100
"""Mappings and lists that are no longer than this, in characters, stand on one line."""


class _Dumper(yaml.SafeDumper):
    """Blocks, and short groups of plain values on one line, as the packaged policy has them."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        return super().increase_indent(flow, False)


def _mapping(dumper: _Dumper, data: dict[str, Any]) -> yaml.MappingNode:
    node = dumper.represent_mapping("tag:yaml.org,2002:map", data)
    node.flow_style = _plain(data.values()) and len(str(data)) <= FLOW_MAX and "id" not in data
    return node


def _sequence(dumper: _Dumper, data: list[Any]) -> yaml.SequenceNode:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=_plain(data))


def _number(dumper: _Dumper, data: float) -> yaml.ScalarNode:
    return dumper.represent_int(int(data)) if data.is_integer() else yaml.SafeDumper.represent_float(dumper, data)


_Dumper.add_representer(float, _number)
_Dumper.add_representer(dict, _mapping)
_Dumper.add_representer(list, _sequence)


def text_of(document: Mapping[str, Any]) -> str:
    """The text of a policy with these values, in their order; there are no comments in it. What YAML cannot hold
    raises PolicyError."""
    try:
        text: str = yaml.dump(dict(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH)
    except (yaml.YAMLError, RecursionError, TypeError) as error:
        raise PolicyError(f"cannot be written as YAML: {str(error)[:200]}") from None
    return _SECTION.sub(r"\n\1", text)


def with_version(text: str, version: str) -> str:
    """The text with another `version` and nothing else changed; as it is where it has none, or is not YAML."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError):
        return text  # what is wrong is told, with its place, when it is loaded
    if not isinstance(node, yaml.MappingNode):
        return text
    for key, value in node.value:
        if key.value == "version" and isinstance(value, yaml.ScalarNode):
            written = json.dumps(version, ensure_ascii=False)
            return text[: value.start_mark.index] + written + text[value.end_mark.index :]
    return text


def _plain(values: Any) -> bool:
    return all(not isinstance(value, dict | list) and "\n" not in str(value) for value in values)

"""What a PromQL expression reads, and which labels it has at each step.

A label that is not there selects and groups nothing, without a word from Prometheus.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import promql_parser as promql

from tests.kuberay_monitoring.catalogue import metrics

_VARIABLES = {"$__rate_interval": "5m", "$__range": "1h"}


class Wrong(Exception):
    """A metric that nobody exports, or a label that is not there."""


def parsed(expression: str) -> promql.Expr:
    """The expression, with Grafana's variables filled in. Raises ValueError."""
    for name, value in _VARIABLES.items():
        expression = expression.replace(name, value)
    return promql.parse(re.sub(r"\$\{?[a-z_]+\}?", "any", expression))


def names(expression: str) -> set[str]:
    """The metrics that it reads."""
    return {selector.name for selector in _selectors(parsed(expression))}


def labels(expression: str) -> frozenset[str]:
    """The labels of what it gives. Raises Wrong."""
    return _labels(parsed(expression))


def _selectors(expr: Any) -> Iterator[Any]:
    match expr:
        case promql.VectorSelector():
            yield expr
        case promql.MatrixSelector():
            yield expr.vector_selector
        case promql.Call():
            for argument in expr.args:
                yield from _selectors(argument)
        case promql.BinaryExpr():
            yield from _selectors(expr.lhs)
            yield from _selectors(expr.rhs)
        case promql.AggregateExpr() | promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
            yield from _selectors(expr.expr)


def _labels(expr: Any) -> frozenset[str]:
    match expr:
        case promql.VectorSelector():
            return _selected(expr)
        case promql.MatrixSelector():
            return _selected(expr.vector_selector)
        case promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
            return _labels(expr.expr)
        case promql.AggregateExpr():
            return _aggregated(expr)
        case promql.Call():
            return _called(expr)
        case promql.BinaryExpr():
            return _combined(expr)
    return frozenset()


def _selected(selector: Any) -> frozenset[str]:
    source = metrics().get(selector.name)
    if source is None:
        raise Wrong(f"{selector.name} is not in the catalogue")
    there = source.labels(selector.name)
    for matcher in selector.matchers.matchers:
        _known(matcher.name, there, f"{selector.name}{{…}}")
    return there


def _aggregated(expr: Any) -> frozenset[str]:
    below = _labels(expr.expr)
    if expr.modifier is None:
        return frozenset()
    if expr.modifier.type != promql.AggModifierType.By:
        return below - set(expr.modifier.labels)
    for label in expr.modifier.labels:
        _known(label, below, f"{expr.op} by")
    return frozenset(expr.modifier.labels)


def _called(expr: Any) -> frozenset[str]:
    name = expr.func.name
    below = [_labels(argument) for argument in expr.args]
    if name == "histogram_quantile":
        _known("le", below[1], name)
        if not all(metric.endswith("_bucket") for metric in {one.name for one in _selectors(expr.args[1])}):
            raise Wrong("histogram_quantile of what is no _bucket")
        return below[1] - {"le"}
    if name == "absent":  # of a comparison, as here: no labels; of a bare selector, those that it fixes
        return frozenset()
    return frozenset().union(*below)


def _combined(expr: Any) -> frozenset[str]:
    left, right = _labels(expr.lhs), _labels(expr.rhs)
    matching = expr.modifier.matching if expr.modifier else None
    if matching is not None:
        for label in matching.labels:
            _known(label, left, f"left of {expr.op} on")
            _known(label, right, f"right of {expr.op} on")
        return left
    if str(expr.op) == "or" or _is_number(expr.lhs) or _is_number(expr.rhs):
        return left | right
    if left != right:
        raise Wrong(f"{sorted(left)} {expr.op} {sorted(right)} never match: say `on (…)`")
    return left


def _is_number(expr: Any) -> bool:
    return isinstance(expr, promql.NumberLiteral) or (isinstance(expr, promql.ParenExpr) and _is_number(expr.expr))


def _known(label: str, there: frozenset[str], where: str) -> None:
    if label not in there:
        raise Wrong(f"{where}: no label {label} among {sorted(there)}")

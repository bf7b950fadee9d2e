"""Column lineage of one SELECT statement, by sqlglot's scopes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope

from fourkeys.errors import FourkeysError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

ROWS = "*"
"""Stands for the rows of a relation: which there are, and how many."""


class Place(NamedTuple):
    """A column of a view, or of a raw table as `raw.name`."""

    relation: str
    column: str

    def __str__(self) -> str:
        return f"{self.relation}.{self.column}"


class Inputs(NamedTuple):
    """What a column depends on: for its value, and as a condition of the rows that it is computed over."""

    values: frozenset[Place] = frozenset()
    conditions: frozenset[Place] = frozenset()

    @property
    def all(self) -> frozenset[Place]:
        """Both."""
        return self.values | self.conditions


def _union(parts: Iterable[Inputs]) -> Inputs:
    found = list(parts)
    return Inputs(
        frozenset().union(*(each.values for each in found)), frozenset().union(*(each.conditions for each in found))
    )


class Statement:
    """A SELECT whose columns are all found.

    Attributes:
        columns: names of what it selects, in order.
    """

    def __init__(self, sql: str, schema: Mapping[str, Any], neutral: frozenset[str] = frozenset()) -> None:
        """Parse GoogleSQL.

        Args:
            sql: one SELECT.
            schema: namespace to relation to column to type, of what it reads.
            neutral: CTEs that only spare work: nothing depends on them.

        Raises:
            FourkeysError: it names a column that is not there.
        """
        try:
            tree = qualify(
                sqlglot.parse_one(sql, read="bigquery"),
                schema=dict(schema),
                dialect="bigquery",
                quote_identifiers=False,
            )
        except sqlglot.errors.SqlglotError as error:
            raise FourkeysError(f"the SQL of a view cannot be read: {error}", "mend the file under sql/") from None
        root = build_scope(tree)
        if root is None or not isinstance(tree, exp.Query):
            raise FourkeysError("the SQL of a view is no SELECT", "mend the file under sql/")
        self.columns: tuple[str, ...] = tuple(tree.named_selects)
        self._root, self._neutral = root, neutral
        self._known: dict[int, dict[str, Inputs]] = {}

    def outputs(self) -> dict[str, Inputs]:
        """Return what each selected column depends on, and under `*` what the rows do."""
        return self._outputs(self._root)

    def _outputs(self, scope: Scope) -> dict[str, Inputs]:
        if id(scope) not in self._known:
            self._known[id(scope)] = self._union(scope) if scope.set_operation_scopes else self._select(scope)
        return self._known[id(scope)]

    def _union(self, scope: Scope) -> dict[str, Inputs]:
        """Return the outputs of a UNION: column by column, by their places."""
        parts = [self._outputs(each) for each in scope.set_operation_scopes]
        names = [[name for name in part if name != ROWS] for part in parts]
        found = {
            together[0]: _union(part[name] for part, name in zip(parts, together, strict=True))
            for together in zip(*names, strict=True)
        }
        return found | {ROWS: _union(part[ROWS] for part in parts)}

    def _select(self, scope: Scope) -> dict[str, Inputs]:
        select = scope.expression
        if not isinstance(select, exp.Select):
            return self._outputs_of_unnest(scope, select)
        optional = self._optional(scope)
        rows = [self._rows(scope, name) for name in scope.selected_sources if name not in optional]
        parts = [select.args.get(key) for key in ("where", "group", "having", "qualify", "order")]
        parts += [join for join in select.args.get("joins") or () if join.alias_or_name not in optional]
        decided = _union([*rows, *(self._depends(scope, part, optional) for part in parts if part is not None)]).all
        found = {}
        for projection in select.selects:
            inputs = self._depends(scope, projection, optional)
            found[projection.alias_or_name] = Inputs(inputs.values, (inputs.conditions | decided) - inputs.values)
        return found | {ROWS: Inputs(frozenset(), decided)}

    def _optional(self, scope: Scope) -> dict[str, Inputs]:
        """Return, for each left-joined source, what decides which of its rows are met."""
        found: dict[str, Inputs] = {}
        for join in scope.expression.args.get("joins") or ():
            if join.side == "LEFT":
                condition = join.args.get("on")
                met = self._depends(scope, condition, {}) if condition is not None else Inputs()
                found[join.alias_or_name] = Inputs(frozenset(), met.all | self._rows(scope, join.alias_or_name).all)
        return found

    def _rows(self, scope: Scope, name: str) -> Inputs:
        source = None if name in self._neutral else scope.sources.get(name)
        if isinstance(source, Scope):
            return self._outputs(source)[ROWS]
        relation = _relation(source) if isinstance(source, exp.Table) else None
        return Inputs(frozenset(), frozenset({Place(relation, ROWS)})) if relation else Inputs()

    def _depends(self, scope: Scope, part: exp.Expr, optional: Mapping[str, Inputs]) -> Inputs:
        """Return what an expression of *scope* depends on: its columns, and all of the subqueries in it."""
        found = []
        for column, is_value in _columns(part):
            inputs = self._column(scope, column)
            if column.table in optional:
                inputs = Inputs(inputs.values, inputs.conditions | optional[column.table].conditions)
            found.append(inputs if is_value else Inputs(frozenset(), inputs.all))
        inner = [each for each in scope.subquery_scopes if _inside(each.expression, part)]
        found += [inputs for each in inner for inputs in self._outputs(each).values()]
        return _union(found)

    def _column(self, scope: Scope, column: exp.Column) -> Inputs:
        """Return what a column is, from where it stands outwards."""
        at = None if column.table in self._neutral else scope
        while at is not None:
            source = at.sources.get(column.table)
            if isinstance(source, Scope):
                outputs = self._outputs(source)
                return outputs.get(column.name, _union(outputs.values()))
            if isinstance(source, exp.Table) and (relation := _relation(source)):
                return Inputs(frozenset({Place(relation, column.name)}))
            at = at.parent
        return Inputs()

    def _outputs_of_unnest(self, scope: Scope, unnest: exp.Expr) -> dict[str, Inputs]:
        """Return the outputs of an UNNEST: everything that stands in it."""
        inputs = _union(self._column(scope, column) for column in unnest.find_all(exp.Column))
        names = [unnest.alias, *(column.name for column in unnest.args["alias"].columns)] if unnest.alias else []
        return dict.fromkeys(filter(None, names), inputs) | {ROWS: Inputs(frozenset(), inputs.all)}


def _columns(part: exp.Expr) -> Iterator[tuple[exp.Column, bool]]:
    """Yield the columns of an expression, not of its subqueries, and whether each is more than an order or a group."""
    partitions = {id(each) for window in part.find_all(exp.Window) for each in _partition(window)}

    def walk(node: exp.Expr, *, is_value: bool) -> Iterator[tuple[exp.Column, bool]]:
        if isinstance(node, exp.Column):
            yield node, is_value
        elif not isinstance(node, (exp.Subquery, exp.Select)) or node is part:
            for child in node.iter_expressions():
                yield from walk(child, is_value=is_value and id(child) not in partitions)

    yield from walk(part, is_value=True)


def _partition(window: exp.Window) -> Iterator[exp.Expr]:
    yield from window.args.get("partition_by") or ()
    if order := window.args.get("order"):
        yield order


def _inside(node: exp.Expr, part: exp.Expr) -> bool:
    at: exp.Expr | None = node
    while at is not None:
        if at is part:
            return True
        at = at.parent
    return False


def _relation(table: exp.Table) -> str | None:
    """Return the name of a view, or `raw.` and the name of a raw table; None for what is neither."""
    return {"raw": f"raw.{table.name}", "mart": table.name}.get(table.db)


__all__ = ["ROWS", "Inputs", "Place", "Statement"]

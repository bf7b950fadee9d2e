"""GoogleSQL for DuckDB: sqlglot, and what it gets silently wrong put right."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot import exp


@lru_cache(maxsize=256)
def to_duckdb(sql: str) -> str:
    """Translate one GoogleSQL statement to DuckDB's dialect, with the same values.

    The views are written in spellings that mean the same in both engines; the rewrites here catch a slip.
    """
    import sqlglot  # noqa: PLC0415 - a third of a second that `--help` need not pay

    tree = sqlglot.parse_one(sql, read="bigquery")
    for node in reversed(list(tree.walk())):  # what is inside comes first
        if (other := _rewrite(node)) is not node:
            node.replace(other)
    return tree.sql(dialect="duckdb")


def _rewrite(node: exp.Expr) -> exp.Expr:
    from sqlglot import exp  # noqa: PLC0415 - as above

    if isinstance(node, exp.TimestampDiff):
        # DuckDB counts boundaries crossed, BigQuery whole units; and its DATE_DIFF takes thirty times as long.
        micros = {"MICROSECOND": 1, "SECOND": 10**6, "MINUTE": 60 * 10**6, "HOUR": 3600 * 10**6, "DAY": 86400 * 10**6}
        size = micros[str(node.args["unit"]).upper()]
        later, earlier = (exp.Anonymous(this="EPOCH_US", expressions=[time]) for time in (node.this, node.expression))
        apart = exp.paren(exp.Sub(this=later, expression=earlier))
        return apart if size == 1 else exp.IntDiv(this=apart, expression=exp.Literal.number(size))
    if isinstance(node, exp.Date) and node.args.get("zone"):
        # The long way by which sqlglot goes, over UTC, takes three times as long.
        return exp.cast(exp.AtTimeZone(this=node.this, zone=node.args["zone"]), "DATE")
    if isinstance(node, exp.ArraySize) and isinstance(node.this, exp.JSONValueArray):
        # An array of texts need not be made to be counted.
        return exp.cast(exp.Anonymous(this="JSON_ARRAY_LENGTH", expressions=[node.this.this]), "BIGINT")
    if isinstance(node, exp.Select) and node.args.get("group"):
        _aggregate_percentiles(node)
    if isinstance(node, exp.In) and node.args.get("unnest"):
        _list_values(node)
    if isinstance(node, exp.CountIf):
        # COUNT_IF over no rows is NULL in DuckDB.
        return exp.Count(this=exp.If(this=node.this, true=exp.Literal.number(1)))
    return node


def _list_values(node: exp.In) -> None:
    """Turn `in unnest([...])` of constants into a list of values, which DuckDB hashes; an array it walks for each."""
    from sqlglot import exp  # noqa: PLC0415 - as above

    arrays = node.args["unnest"].expressions
    values = arrays[0].expressions if len(arrays) == 1 and isinstance(arrays[0], exp.Array) else []
    if values and all(isinstance(value, exp.Literal) for value in values):
        node.set("unnest", None)
        node.set("expressions", values)


def _aggregate_percentiles(outer: exp.Select) -> None:
    """Turn the percentiles of a group from windows into one aggregate: an eighth of the time, and the same values.

    BigQuery has exact percentiles as window functions only, so that the views take them in a subquery, over what the
    query around it groups by, and `any_value` of them outside. All percentiles of one value are one aggregate here,
    which gathers the values once.
    """
    from sqlglot import exp  # noqa: PLC0415 - as above

    source = outer.args["from_"].this if outer.args.get("from_") else None
    if not isinstance(source, exp.Subquery) or not isinstance(source.this, exp.Select):
        return
    groups = {column.name for column in outer.args["group"].expressions}
    uses = [(value, value.this.name) for value in outer.find_all(exp.AnyValue) if value.parent_select is outer]
    percentiles = {
        alias.alias: alias.this.this
        for alias in source.this.expressions
        if isinstance(alias.this, exp.Window)
        and isinstance(alias.this.this, exp.PercentileCont)
        and {column.name for column in alias.this.args["partition_by"]} == groups
    }
    by_value: dict[str, list[str]] = {}
    for name, percentile in percentiles.items():
        by_value.setdefault(percentile.this.sql(), []).append(name)
    for names in by_value.values():
        shares = exp.array(*(percentiles[name].expression.copy() for name in names))
        together = exp.PercentileCont(this=exp.column(names[0]), expression=shares)
        place = {name: exp.Literal.number(number) for number, name in enumerate(names, 1)}
        for value, name in uses:
            if name in names:
                value.replace(exp.Anonymous(this="LIST_EXTRACT", expressions=[together.copy(), place[name]]))
    for alias in source.this.expressions:
        if alias.alias in percentiles:
            alias.set("this", percentiles[alias.alias].this.copy())

"""Commands that only read the warehouse: metrics, explain, check, status."""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fourkeys import config
from fourkeys.cli import _common, _figures, _tables
from fourkeys.cli._common import ConfigFile
from fourkeys.errors import CheckError, UsageError
from fourkeys.streams import STREAMS
from fourkeys.warehouses.base import Warehouse
from fourkeys.window import utc_now

if TYPE_CHECKING:
    from collections.abc import Sequence


UNMAPPED = "unmapped"
"""What findings call the service of a resource that none claims."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class By(StrEnum):
    """How the window is cut."""

    TOTAL = "total"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Format(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def metrics(
    service: Annotated[list[str] | None, typer.Option(help="Only these services.")] = None,
    owner: Annotated[str | None, typer.Option(help="Only the services of this owner.")] = None,
    start: Annotated[str | None, typer.Option("--from", help="First local day [default: first deployment].")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Day after the last [default: tomorrow].")] = None,
    by: Annotated[By, typer.Option(help="One row for the window, or for each period in it.")] = By.TOTAL,
    output: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.TABLE,
    config_file: ConfigFile = None,
) -> None:
    """Show the four keys of services: of a window, or by day, ISO week or month."""
    from fourkeys.mart.metrics import Query, measure  # noqa: PLC0415 - the views need not be found for `--help`

    settings = config.load(config_file)
    first, last = _common.day(start, "--from"), _common.day(end, "--to")
    if first and last and first >= last:
        raise UsageError(f"--from {start} is not before --to {end}", "--to is the day after the last one")
    more = _figures.MORE if output is Format.TABLE else ()
    before: dict[tuple[Any, ...], dict[str, Any]] = {}
    with _common.warehouse(settings, read_only=True) as warehouse:
        _refuse_unknown(warehouse, service or (), owner)
        query = Query(tuple(service or ()), owner, first, last, by.value)
        rows = measure(warehouse, settings.metrics, query, now := utc_now(), more)
        if output is Format.TABLE and by is By.TOTAL and first and rows:
            earlier = replace(query, start=first - (rows[0]["to"] - first), end=first)
            before = {(row["service"], None): row for row in measure(warehouse, settings.metrics, earlier, now, more)}
    if output is Format.TABLE:
        _figures.print_figures(rows, before if by is By.TOTAL else _figures.previous_rows(rows))
    else:
        print_rows(rows, output)


def explain(
    metric: Annotated[str, typer.Argument(help="Such as change_lead_time or change_failure_rate.")],
    service: Annotated[str, typer.Option(help="Whose.")],
    period: Annotated[str, typer.Option(help="Such as 2026-03-04, 2026-W10, 2026-03, 2026, 2026-03-04..2026-04-01.")],
    output: Annotated[Format, typer.Option("--format", help="How to print the rows.")] = Format.TABLE,
    config_file: ConfigFile = None,
) -> None:
    """Show the rows that make one number, counted or not, and by which rule."""
    from fourkeys.mart import explain as explaining  # noqa: PLC0415 - as above

    settings = config.load(config_file)
    days = explaining.parse_period(period)
    with _common.warehouse(settings, read_only=True) as warehouse:
        _refuse_unknown(warehouse, [service])
        found = explaining.explain(warehouse, settings.metrics, metric, service, days, utc_now())
    if output is Format.TABLE:
        out = _tables.console()
        out.print(f"[bold]{metric}[/] of [bold]{service}[/], from {days[0]} to before {days[1]}", highlight=False)
        out.print(found.definition, style="dim", highlight=False, markup=False)
        figures = {name: value for name, value in found.figures.items() if name not in {"from", "to"}}
        text = "\n".join(f"  {name} = {_tables.shown(value)}" for name, value in figures.items())
        out.print(f"\n{text}\n", highlight=False, markup=False)
        _tables.print_rows(found.rows, settings.metrics.zone)
    elif output is Format.JSON:
        document = {"definition": found.definition, "figures": found.figures, "rows": found.rows}
        typer.echo(json.dumps(document, default=_tables.plain, ensure_ascii=False, indent=2))
    else:
        print_rows(found.rows, output)


def _refuse_unknown(
    warehouse: Warehouse, services: Sequence[str], owner: str | None = None, others: Sequence[str] = ()
) -> None:
    """Raise UsageError for a service or an owner that the catalog does not have."""
    rows = warehouse.query(f"select service, owner from {warehouse.names['raw']}.services order by service")
    known = [row["service"] for row in rows]
    if unknown := [name for name in services if name not in known and name not in others]:
        raise UsageError(f"unknown service {unknown[0]!r}", f"known are {', '.join(known) or 'none'}")
    owners = sorted({row["owner"] for row in rows if row["owner"]})
    if owner is not None and owner not in owners:
        raise UsageError(f"unknown owner {owner!r}", f"known are {', '.join(owners) or 'none'}")


def check(
    service: Annotated[list[str] | None, typer.Option(help="Only these services.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    config_file: ConfigFile = None,
) -> None:
    """Show what is wrong with the data; exit 4 where a figure is wrong by it."""
    from fourkeys.mart.checks import findings  # noqa: PLC0415 - as above

    settings = config.load(config_file)
    with _common.warehouse(settings, read_only=True) as warehouse:
        _refuse_unknown(warehouse, service or (), others=[UNMAPPED])
        rows = findings(warehouse, service or ())
    if rows or as_json:
        print_rows(rows, Format.JSON if as_json else Format.TABLE)
    else:
        typer.echo("nothing is wrong")
    if errors := [row for row in rows if row["severity"] == "error"]:
        names = ", ".join(dict.fromkeys(row["check"] for row in errors))
        raise CheckError(f"checks failed: {names}", "docs/metrics.md says what each of them means")


def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    config_file: ConfigFile = None,
) -> None:
    """Show watermarks, freshness and row counts of what is loaded, and the figures that stale data put in doubt."""
    from fourkeys.mart.freshness import stale  # noqa: PLC0415 - as above

    settings = config.load(config_file)
    with _common.warehouse(settings, read_only=True) as warehouse:
        marks = warehouse.watermarks()
        late = {each.stream: each for each in stale(marks.values(), settings, utc_now())}
        rows: list[dict[str, Any]] = []
        for each in STREAMS.values():
            newest = f"max({each.cursor})" if each.cursor else "cast(null as timestamp)"
            sql = f"select count(*) as n, {newest} as newest from {warehouse.names['raw']}.{each.name}"
            found = warehouse.query(sql)[0]
            its_marks = [mark.at for (name, _), mark in marks.items() if name == each.name]
            if found["n"] or its_marks:
                rows.append(
                    {
                        "stream": each.name,
                        "rows": found["n"],
                        "newest_record": found["newest"],
                        "watermark": min(its_marks, default=None),
                        "partitions": len(its_marks),
                        "stale": each.name in late,
                        "affects": list(late[each.name].figures) if each.name in late else [],
                    }
                )
    if as_json:
        print_rows(rows, Format.JSON)
        return
    print_rows([{name: value for name, value in row.items() if name != "affects"} for row in rows], Format.TABLE)
    for one in late.values():
        typer.echo(f"stale: {one}")


def print_rows(rows: Sequence[dict[str, Any]], output: Format) -> None:
    """Print rows on stdout: a table for people, JSON or CSV for programs."""
    if output is Format.JSON:
        typer.echo(json.dumps(rows, default=_tables.plain, ensure_ascii=False, indent=2))
    elif output is Format.CSV:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(rows[0] if rows else ())
        writer.writerows([_cell(value) for value in row.values()] for row in rows)
    else:
        _tables.print_rows(rows)


def _cell(value: Any) -> Any:
    """Return a value as a spreadsheet may have it: an apostrophe before what it would take for a formula."""
    if value is None:
        return ""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return _tables.plain(value)

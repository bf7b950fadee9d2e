"""`fourkeys schema`: the columns of streams and views, for those who load, document or read them."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from fourkeys.cli import _loaders
from fourkeys.errors import UsageError
from fourkeys.streams import STREAMS, Stream, stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fourkeys.mart.views import Model


class Format(StrEnum):
    """For whom a schema is printed."""

    BIGQUERY = "bigquery"
    DUCKDB = "duckdb"
    EMBULK = "embulk"
    TBLS = "tbls"
    TBLS_CONFIG = "tbls-config"
    MARKDOWN = "markdown"


def schema(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[STREAM|VIEW]...", help="Streams and views [default: all].")
    ] = None,
    output: Annotated[Format, typer.Option("--format", help="For whom.")] = Format.MARKDOWN,
) -> None:
    """Print what is in the warehouse: for `bq load` or Embulk, as DuckDB DDL, for tbls, or to read."""
    if output in {Format.TBLS, Format.TBLS_CONFIG}:
        if names:
            raise UsageError(f"--format {output} takes no names", "tbls documents all tables: leave the names out")
        _print_tbls(output)
        return
    streams, views = _chosen(names or ())
    if output is Format.MARKDOWN:
        if not names:
            views = _models()
        _print_markdown(streams, views)
        return
    if views:
        raise UsageError(f"{next(iter(views))} is a view", "`fourkeys build` makes views; name streams")
    if output is Format.BIGQUERY:
        typer.echo(_loaders.bigquery(streams))
    elif output is Format.DUCKDB:
        typer.echo("\n".join(map(_loaders.duckdb, streams)))
    elif len(streams) == 1:
        typer.echo(_loaders.embulk(streams[0]), nl=False)
    else:
        raise UsageError("--format embulk is for one stream", "fourkeys schema ghes_issues --format embulk")


def _models() -> dict[str, Model]:
    from fourkeys.mart.views import models  # noqa: PLC0415 - other formats need no YAML

    return models()


def _chosen(names: Sequence[str]) -> tuple[list[Stream], dict[str, Model]]:
    """Return the streams and the views that are named; all streams without names. `stream` wins over a view's name."""
    if not names:
        return list(STREAMS.values()), {}
    streams, views = [], {}
    for name in names:
        try:
            streams.append(stream(name))
        except UsageError:
            if name not in _models():
                raise
            views[name] = _models()[name]
    return streams, views


def _print_markdown(streams: Sequence[Stream], views: dict[str, Model]) -> None:
    for each in streams:
        rows = [(column.name, column.type.value, column.description) for column in each.columns]
        _print_table(each.name, f"{each.description}.", each.key, rows)
    for name, model in views.items():
        rows = [(column, its.type, its.description) for column, its in model.columns.items()]
        _print_table(name, model.description, model.key, rows)


def _print_table(name: str, text: str, key: Sequence[str], rows: Sequence[tuple[str, str, str]]) -> None:
    typer.echo(f"## {name}\n\n{text} Key: {', '.join(key)}.\n")
    typer.echo("| column | type | meaning |\n| --- | --- | --- |")
    for row in rows:
        typer.echo("| " + " | ".join(text.replace("|", "\\|") for text in row) + " |")
    typer.echo()


def _print_tbls(output: Format) -> None:
    import msgspec  # noqa: PLC0415 - as above

    from fourkeys.mart import lineage, tbls  # noqa: PLC0415 - viewpoints follow the SQL

    graph = lineage.read()
    if output is Format.TBLS:
        typer.echo(json.dumps(tbls.schema(graph), ensure_ascii=False, indent=2))
    else:
        typer.echo(msgspec.yaml.encode(tbls.config(graph)).decode(), nl=False)

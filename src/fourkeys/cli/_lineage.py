"""`fourkeys lineage`: where a figure comes from, and what a source's failure does to it."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from fourkeys.window import utc_now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.tree import Tree

    from fourkeys.mart.lineage import Edge, Lineage
    from fourkeys.mart.selects import Place


class Format(StrEnum):
    """For whom lineage is written."""

    TREE = "tree"
    MERMAID = "mermaid"
    JSON = "json"
    OPENLINEAGE = "openlineage"


def lineage(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[VIEW[.COLUMN]]", help="A view, a stream, or a column of one [default: all]."),
    ] = None,
    downstream: Annotated[
        bool, typer.Option("--downstream", help="What depends on it, such as the figures of a source that failed.")
    ] = False,
    output: Annotated[Format, typer.Option("--format", help="How to write it.")] = Format.TREE,
    namespace: Annotated[str, typer.Option(help="Namespace of the datasets in OpenLineage.")] = "fourkeys",
) -> None:
    """Show where figures come from, down to the fields of the API; or what depends on a stream."""
    from fourkeys.mart import diagrams  # noqa: PLC0415 - parsing SQL is nobody else's business
    from fourkeys.mart import lineage as reading  # noqa: PLC0415
    from fourkeys.mart.views import views  # noqa: PLC0415

    graph = reading.read()
    if output is Format.OPENLINEAGE:
        chosen = [graph.places(name)[0].relation] if name else [view.name for view in views()]
        for event in diagrams.openlineage(graph, chosen, namespace, utc_now()):
            typer.echo(json.dumps(event, ensure_ascii=False))
        return
    names = [name] if name else [view.name for view in views() if view.folder == "marts"]
    places = [place for each in names for place in graph.places(each, raw_first=downstream)]
    edges = _downwards(graph, places) if downstream else graph.edges(places)
    if output is Format.JSON:
        typer.echo(json.dumps(diagrams.document(edges), ensure_ascii=False, indent=2))
    elif output is Format.MERMAID:
        typer.echo(diagrams.mermaid(edges))
    elif downstream:
        _print_users(graph, places)
    elif name and "." in name.removeprefix(reading.RAW):
        _print_column(graph, places[0])
    else:
        _print_views(graph, names)


def _downwards(graph: Lineage, places: Sequence[Place]) -> list[Edge]:
    """Return the edges of all that depends on *places*, among themselves and to them."""
    reached = {*places, *graph.users(places)}
    return [edge for edge in graph.edges(sorted(reached)) if edge.target in reached and edge.source in reached]


def _print_users(graph: Lineage, places: Sequence[Place]) -> None:
    """Print the figures and the columns of the mart that depend on *places*."""
    from fourkeys.mart.lineage import HEADLINES  # noqa: PLC0415
    from fourkeys.mart.views import views  # noqa: PLC0415

    users = graph.users(places)
    marts = [view.name for view in views() if view.folder == "marts"]
    figures = [text for column, text in HEADLINES.items() if ("four_keys_weekly", column) in users]
    typer.echo(f"figures: {', '.join(figures) or 'none'}")
    for mart in marts:
        if columns := [place.column for place in users if place.relation == mart]:
            whole = len(columns) == len(graph.columns(mart))
            typer.echo(f"{mart}: {'all columns' if whole else ', '.join(columns)}")


def _print_views(graph: Lineage, names: Sequence[str]) -> None:
    """Print, for each view, the streams that it is made from."""
    for name in names:
        ends: dict[str, list[str]] = {}
        for place in graph.ends(graph.places(name)):
            ends.setdefault(place.relation, []).append(place.column)
        typer.echo(name)
        for relation, columns in ends.items():
            typer.echo(f"  {relation}: {', '.join(columns)}")


def _print_column(graph: Lineage, place: Place) -> None:
    """Print the steps of values as a tree, and then the columns of streams, with where they come from."""
    from rich.console import Console  # noqa: PLC0415 - machines do not need it
    from rich.tree import Tree  # noqa: PLC0415

    from fourkeys.mart import diagrams  # noqa: PLC0415
    from fourkeys.mart import lineage as reading  # noqa: PLC0415

    def grow(branch: Tree, at: Place, seen: set[Place]) -> None:
        for source in sorted(graph.inputs(at).values):
            known = source in seen
            seen.add(source)
            twig = branch.add(f"{source}{' (see above)' if known and graph.inputs(source).values else ''}")
            if not known:
                grow(twig, source, seen)

    tree = Tree(f"{place}: {reading.description(place)}", highlight=False)
    grow(tree, place, {place})
    console = Console(soft_wrap=True, markup=False, highlight=False)
    console.print(tree)
    ends = graph.ends([place])
    for is_value, title in ((True, "computed from"), (False, "over rows that are decided by")):
        chosen = [end for end, value in ends.items() if value is is_value]
        typer.echo(f"\n{title}")
        for end in chosen:
            typer.echo(f"  {end}  <- {diagrams.origin(end)}")

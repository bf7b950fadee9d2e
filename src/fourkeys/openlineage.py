"""What a run tells a lineage server: OpenLineage's START, COMPLETE and FAIL of each step.

The steps are `extract.<source>`, which makes raw tables, and `build`, which makes the views. Datasets have their schema
and the lineage of their columns. Nobody waits for the server, and no run fails by it.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from fourkeys.errors import FileError, FourkeysError
from fourkeys.mart import diagrams, lineage, views
from fourkeys.streams import STREAMS
from fourkeys.window import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

Emit = Callable[[dict[str, Any]], None]

_ERROR = "https://openlineage.io/spec/facets/1-0-1/ErrorMessageRunFacet.json#/$defs/ErrorMessageRunFacet"


class Events:
    """The steps of one run, told to whoever listens.

    Args:
        namespace: of jobs and datasets.
        emits: each takes every event.
        now: the clock.
    """

    def __init__(self, namespace: str, emits: Sequence[Emit], now: Callable[[], datetime]) -> None:
        self._namespace, self._emits, self._now = namespace, emits, now
        self._graph: lineage.Lineage | None = None

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Tell that a step began, and how it ended."""
        run, datasets = str(uuid.uuid4()), self._datasets(name)
        self._tell("START", name, run, datasets)
        try:
            yield
        except BaseException as error:
            self._tell("FAIL", name, run, datasets, error)
            raise
        self._tell("COMPLETE", name, run, datasets)

    def _tell(
        self,
        kind: str,
        name: str,
        run: str,
        datasets: Mapping[str, list[dict[str, Any]]],
        error: BaseException | None = None,
    ) -> None:
        facets: dict[str, Any] = {}
        if error:
            message = error.message if isinstance(error, FourkeysError) else type(error).__name__
            said = {"message": message, "programmingLanguage": "Python"}
            facets["errorMessage"] = {"_producer": diagrams.PRODUCER, "_schemaURL": _ERROR, **said}
        event = {
            "eventType": kind,
            "eventTime": rfc3339(self._now()),
            "run": {"runId": run, "facets": facets},
            "job": {"namespace": self._namespace, "name": f"fourkeys.{name}"},
            **datasets,
            "producer": diagrams.PRODUCER,
            "schemaURL": f"{diagrams.EVENT}RunEvent",
        }
        for emit in self._emits:
            emit(event)

    def _datasets(self, name: str) -> dict[str, list[dict[str, Any]]]:
        _, _, source = name.partition(".")
        if source:
            streams = [stream for stream in STREAMS.values() if stream.source == source]
            return {"inputs": [], "outputs": [diagrams.table(stream, self._namespace) for stream in streams]}
        self._graph = self._graph or lineage.read()
        names = [view.name for view in views.views()]
        outputs = [diagrams.dataset(self._graph, view, self._namespace) for view in names]
        raw = {place.relation for view in names for place in self._graph.ends(self._graph.places(view))}
        return {"inputs": [{"namespace": self._namespace, "name": each} for each in sorted(raw)], "outputs": outputs}


def to_file(file: Path) -> Emit:
    """Return what appends events to *file*, one a line.

    Raises:
        FileError: it cannot be written.
    """
    try:
        file.open("a", encoding="utf-8").close()
    except OSError as error:
        raise FileError(f"{file}: {error.strerror}", "give a place that can be written with --openlineage") from None

    def emit(event: dict[str, Any]) -> None:
        with file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(event, ensure_ascii=False) + "\n")

    return emit


def to_server(url: str, key: str | None, report: Callable[[str], None]) -> Emit:
    """Return what posts events to a lineage server; one that cannot be sent is only reported.

    Args:
        url: where events go, such as `http://marquez:5000/api/v1/lineage`.
        key: its API key.
        report: takes lines of talk.
    """
    from fourkeys.http import Bearer, Client, Patience  # noqa: PLC0415 - only who has such a server needs it

    async def send(event: dict[str, Any]) -> None:
        haste = Patience(connect=5, idle=10, attempt=10, attempts=2, refusals=1, unknown=1)
        async with Client(url, credentials=[Bearer(key)] if key else [], patience=haste) as client:
            await client.post("", event, lambda _: None)

    def emit(event: dict[str, Any]) -> None:
        try:
            asyncio.run(asyncio.wait_for(send(event), 30))
        except (FourkeysError, TimeoutError) as error:
            why = error.message if isinstance(error, FourkeysError) else "no answer within 30 s"
            report(f"lineage of {event['job']['name']} was not told: {why}")

    return emit

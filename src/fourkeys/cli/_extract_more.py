"""What `fourkeys extract requests` does: log files, or standard input, to counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from fourkeys.extraction import Errand
from fourkeys.streams import STREAMS


def requests(
    errand: Errand,
    files: Sequence[str] = (),
    log_format: Literal["ndjson", "csv", "combined"] | None = None,
    service: str | None = None,
) -> None:
    """Count request logs; what is not given is as configured.

    Raises:
        ConfigError: no files, or they do not fit the configuration.
        SourceError: a file cannot be read.
    """
    from fourkeys.sources import requests as source  # noqa: PLC0415 - only who counts pays for it

    settings = errand.config.sources.requests
    settings = msgspec.structs.replace(
        settings, format=log_format or settings.format, service=service or settings.service
    )
    plan = source.Plan(tuple(files), errand.window, errand.watermarks)
    with errand.output(STREAMS["request_counts"]) as output:
        source.extract(settings, plan, output, errand.report)

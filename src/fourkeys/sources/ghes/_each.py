"""Lists that belong to single records: one request for each, since the API has no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fourkeys.http import together

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fourkeys.sources.ghes._job import Job
    from fourkeys.sources.ghes._rows import Row
    from fourkeys.streams import Stream

_READERS = 8
"""Records whose lists are read at once."""


async def each(job: Job, stream: Stream, numbers: list[int], read: Callable[[int], Awaitable[list[Row]]]) -> None:
    """Read what belongs to each of many records, some at once, and write it as it comes."""
    done: list[int] = job.sink.position(stream, job.name).setdefault("done", [])
    known = set(done)
    left = iter([number for number in dict.fromkeys(numbers) if number not in known])

    async def reader() -> None:
        for number in left:
            made = await read(number)
            done.append(number)
            job.sink.put(stream, job.name, made, f"{job.path} {stream.name} {number}")
            job.sink.page_done()

    await together(reader() for _ in range(_READERS))

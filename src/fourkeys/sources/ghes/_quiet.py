"""What GraphQL shows of many repositories at once, and what need not be asked of those in which nothing happened.

GraphQL tells the last push and the newest issue, pull request, release, tag, label and deployment of each. It does not
tell of a comment that was edited, or of an event that a commit elsewhere caused: so comments and events are asked for
all the same. In a run over many repositories, those at rest take turns at that: each is asked once in a week, and what
changed meanwhile is found then, since reading goes on from what was seen last and not from the last run.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zlib import crc32

from fourkeys.errors import UnreachableError
from fourkeys.http import LABEL, together
from fourkeys.sources.ghes import _graph as graph
from fourkeys.sources.ghes._api import Api, GraphqlMissingError
from fourkeys.sources.ghes._job import ISSUES, PULLS, REPOSITORIES, Job, digest

if TYPE_CHECKING:
    from fourkeys.streams import Stream

FACTS = 20
"""Repositories that one request asks what is newest in."""
EVERY_NIGHT = 100
"""So many repositories of one list are asked for everything every night; of more, those at rest take turns."""
_NIGHTS = 7
_FEW = 5


async def facts(api: Api, names: list[str]) -> dict[str, graph.Repository]:
    """Return what is newest in repositories, as far as GraphQL tells: the next run asks again and compares."""
    LABEL.set(REPOSITORIES.name)
    variables = {}
    for place, name in enumerate(names):
        variables[f"o{place}"], _, variables[f"n{place}"] = name.partition("/")
    try:
        found = await api.query(graph.facts(len(names)), variables, partial=True)
    except GraphqlMissingError:
        return {}  # nothing is known, so that everything is asked for
    except UnreachableError:  # it may have been too much at once
        if len(names) <= _FEW:
            return {}
        half = len(names) // 2
        first, second = await together(facts(api, part) for part in (names[:half], names[half:]))
        return first | second
    return {
        name: found.repositories[f"r{place}"] for place, name in enumerate(names) if f"r{place}" in found.repositories
    }


def seen(facts: graph.Repository) -> str:
    """Return a digest of what GraphQL shows of a repository's own record."""
    branch = facts.default_branch_ref.name if facts.default_branch_ref else None
    f = facts
    return digest([f.name_with_owner, f.updated_at, f.pushed_at, f.is_archived, f.is_private, branch])


def is_quiet(job: Job) -> bool:
    """Whether GraphQL shows that nothing happened in a repository: no push, and no issue or pull request changed."""
    shown, wanted = job.facts, [stream for stream in (REPOSITORIES, ISSUES, PULLS) if job.sink.wants(stream)]
    if shown is None or not wanted:
        return False
    issue, pull = newest(shown.issues), newest(shown.pull_requests)
    same = {
        REPOSITORIES.name: seen(shown) == job.progress(REPOSITORIES).seen,
        ISSUES.name: job.unchanged(ISSUES, max(issue, pull)),
        PULLS.name: job.unchanged(PULLS, pull),
    }
    return all(same[stream.name] for stream in wanted)


def rests(job: Job) -> bool:
    """Whether a repository is at rest, for all that pushes, issues and pull requests tell."""
    return job.sink.wants(REPOSITORIES) and job.sink.wants(ISSUES) and is_quiet(job)


def waits(job: Job, stream: Stream) -> bool:
    """Whether a stream of a repository at rest is left for another night; a walk that was begun is ended."""
    asked, now = job.progress(stream).asked_at, job.api.started_at
    if not job.resting or asked is None or now is None or job.sink.position(stream, job.name):
        return False
    last = datetime.fromisoformat(asked)
    if now - last >= timedelta(days=_NIGHTS):
        return False
    return now.date() == last.date() or (now.toordinal() + crc32(job.name.encode())) % _NIGHTS != 0


def newest(connection: graph.Connection[Any] | None) -> str:
    """Return the latest change in a list that begins with it, or ""."""
    nodes = connection.nodes if connection else None
    return (nodes[0].updated_at or "") if nodes and nodes[0] else ""

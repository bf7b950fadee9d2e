"""Pull requests without GraphQL: the same records, at three requests for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fourkeys.http import together
from fourkeys.sources.ghes import _graph as graph
from fourkeys.sources.ghes import _records as records
from fourkeys.sources.ghes import _walks as walks
from fourkeys.sources.ghes._api import PER_PAGE, Page
from fourkeys.sources.ghes._rows import names
from fourkeys.window import rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from fourkeys.sources.ghes._job import Job


async def changed(
    job: Job,
    since: datetime | None,
    position: walks.Position,
    write: Callable[[Page[graph.Pull]], None],
) -> None:
    """Read the pull requests that changed since *since*, latest change first, each complete."""
    stop, path = rfc3339(since) if since else "", f"{job.path}/pulls"
    first: dict[str, str | int] = {"state": "all", "sort": "updated", "direction": "desc", "per_page": PER_PAGE}
    url: str | None = position.get("after", path)
    while url:
        page = await job.api.page(url, records.Pull, first if url == path else None)
        kept = [pull for pull in page.records if (pull.updated_at or stop) >= stop]
        url = page.next if len(kept) == len(page.records) else None
        whole = await together(_complete(job, f"{path}/{pull.number}") for pull in kept)
        position["after"] = url
        write(Page(whole, page.at, page.url, url, warnings=page.warnings))


async def _complete(job: Job, path: str) -> graph.Pull:
    """Return a pull request with its commits and reviews, in GraphQL's shape."""
    commits: list[records.Commit] = []
    reviews: list[records.Review] = []

    async def pull() -> records.Pull:
        return (await job.api.one(path, records.Pull)).records[0]

    async def lists() -> None:
        await walks.pages(job.api, f"{path}/commits", records.Commit, lambda page: commits.extend(page.records))
        await walks.pages(job.api, f"{path}/reviews", records.Review, lambda page: reviews.extend(page.records))

    found, _ = await together([pull(), lists()])
    p = found or records.Pull()
    return graph.Pull(
        id=p.node_id,
        database_id=p.id,
        number=p.number,
        state="OPEN" if p.state == "open" else "CLOSED",
        is_draft=p.draft,
        title=p.title,
        body=p.body,
        url=p.html_url,
        base_ref_name=p.base.ref if p.base else None,
        head_ref_name=p.head.ref if p.head else None,
        head_ref_oid=p.head.sha if p.head else None,
        created_at=p.created_at,
        updated_at=p.updated_at,
        closed_at=p.closed_at,
        merged_at=p.merged_at,
        additions=p.additions,
        deletions=p.deletions,
        changed_files=p.changed_files,
        author=_who(p.user),
        merged_by=_who(p.merged_by),
        merge_commit=graph.Oid(p.merge_commit_sha),
        labels=graph.Connection([graph.Name(name) for name in names(p.labels)]),
        size=graph.Connection(total_count=p.commits),
        commits=graph.Connection([graph.PullCommit(_commit(commit)) for commit in commits]),
        reviews=graph.Connection([_review(review) for review in reviews]),
    )


def _who(account: records.Actor | None) -> graph.Who | None:
    return graph.Who(account.login, None, account.id) if account else None


def _commit(commit: records.Commit) -> graph.Commit:
    git = commit.commit or records.Git()
    return graph.Commit(
        oid=commit.sha,
        authored_date=git.author.date if git.author else None,
        committed_date=git.committer.date if git.committer else None,
        message=git.message,
        url=commit.html_url,
        author=graph.GitActor(user=_who(commit.author)),
        committer=graph.GitActor(user=_who(commit.committer)),
        parents=graph.Connection([graph.Oid(parent.sha) for parent in commit.parents or ()]),
    )


def _review(review: records.Review) -> graph.Review:
    return graph.Review(
        id=review.node_id,
        database_id=review.id,
        state=review.state,
        submitted_at=review.submitted_at,
        body=review.body,
        url=review.html_url,
        author_association=review.author_association,
        author=_who(review.user),
        commit=graph.Oid(review.commit_id),
    )

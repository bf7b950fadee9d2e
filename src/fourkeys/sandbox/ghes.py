"""GitHub Enterprise Server's REST API over the simulated company: routes, filters and orders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fourkeys.sandbox.accounts import Accounts, Json
from fourkeys.sandbox.delivery import Delivery
from fourkeys.sandbox.history import History
from fourkeys.sandbox.render import Renderer
from fourkeys.sandbox.routes import Answer, NotFound, Page, Query, Refused, Route, Routes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from fourkeys.sandbox.company import Company
    from fourkeys.sandbox.model import Commit, Issue, Repository

_UNPAGED_COMPARISON = 250
_PULL_COMMITS = 250


@dataclass(slots=True)
class Shelf:
    """One repository with all that answers questions about it."""

    repository: Repository
    render: Renderer
    delivery: Delivery
    history: History
    issues: dict[int, Issue]


class Ghes:
    """The REST API: paths below `/api/v3` to answers.

    Attributes:
        shelves: by lower-case full name.
    """

    def __init__(self, company: Company, base: str) -> None:
        self._company, self._accounts = company, Accounts(base)
        self.shelves = {
            name.lower(): Shelf(
                repository,
                Renderer(repository, self._accounts),
                Delivery(repository, self._accounts),
                History(repository),
                {issue.number: issue for issue in repository.issues},
            )
            for name, repository in company.repositories.items()
        }
        self._routes = Routes(self._server_routes() + self._repository_routes())

    def answer(self, path: str, query: Query) -> Answer:
        """Answer `GET path` (below `/api/v3`).

        Raises:
            NotFound: no such thing.
            Refused: a parameter does not fit, or the repository has no commits.
        """
        return self._routes.answer(path, query)

    def _by_name(self, owner: str, name: str) -> Shelf:
        found = self.shelves.get(f"{owner}/{name}".lower())
        if found is None:
            raise NotFound
        return found

    def _by_id(self, number: str) -> Shelf:
        found = next((shelf for shelf in self.shelves.values() if str(shelf.repository.id) == number), None)
        if found is None:
            raise NotFound
        return found

    def _server_routes(self) -> list[Route]:
        company, accounts = self._company, self._accounts

        def user(_: Query, login: str) -> Json:
            found = next((u for u in company.people if u.login.lower() == login.lower()), None)
            if found is None:
                raise NotFound
            return accounts.full(found)

        def users(query: Query) -> Page:
            since = query.number("since", 0)
            return Page([u for u in company.people if u.id > since], accounts.user, cursor="since")

        def repositories(query: Query, owner: str) -> Page:
            found = [s for s in self.shelves.values() if s.repository.full_name.lower().startswith(f"{owner.lower()}/")]
            if not found:
                raise NotFound
            keys: dict[str, Callable[[Shelf], Any]] = {
                "full_name": lambda s: s.repository.full_name.lower(),
                "created": lambda s: (s.repository.created_at, s.repository.id),
                "updated": lambda s: (s.repository.pushed_at, s.repository.id),
                "pushed": lambda s: (s.repository.pushed_at, s.repository.id),
            }
            sort = query.one_of("sort", *keys, default="created")
            default = "asc" if sort == "full_name" else "desc"
            return Page(query.ordered(found, keys[sort], default), lambda s: s.render.repository())

        def organization(_: Query, login: str) -> Json:
            owners = {shelf.repository.full_name.partition("/")[0].lower() for shelf in self.shelves.values()}
            if login.lower() not in owners:
                raise NotFound
            return accounts.organization(login)

        def mine(_: Query) -> Page:
            found = sorted(self.shelves.values(), key=lambda shelf: shelf.repository.full_name.lower())
            return Page(found, lambda s: s.render.repository())

        def rate_limit(_: Query) -> Json:
            raise Refused(404, "Rate limiting is not enabled.")

        return [
            Route("rate_limit", rate_limit),
            Route("meta", lambda _: {"installed_version": "3.18.0", "verifiable_password_authentication": True}),
            Route("user", lambda _: accounts.full(company.people[0])),
            Route("users", users),
            Route("users/{}", user),
            Route("user/repos", mine),
            Route("orgs/{}", organization),
            Route("orgs/{}/repos", repositories),
        ]

    def _repository_routes(self) -> list[Route]:
        handlers: dict[str, Callable[..., Any]] = {
            "": lambda _, s: s.render.repository(),
            "/issues": _issues,
            "/issues/comments": _comments,
            "/issues/events": lambda _, s: Page(s.repository.events[::-1], s.render.event),
            "/issues/{}": lambda _, s, n: s.render.issue(_find(s, n)),
            "/labels": lambda _, s: Page(s.repository.labels, s.render.label),
            "/releases": lambda _, s: Page(s.repository.releases[::-1], s.delivery.release),
            "/releases/{}": _release,
            "/tags": lambda _, s: Page(sorted(s.repository.tags.items(), reverse=True), lambda i: s.delivery.ref(*i)),
            "/branches": lambda _, s: Page(sorted(s.repository.branches.items()), lambda i: s.delivery.ref(*i)),
            "/commits": _commits,
            "/commits/{}": lambda _, s, name: s.render.commit(s.repository.commits[_resolve(s, name)]),
            "/compare/{}...{}": _compare,
            "/pulls": _pulls,
            "/pulls/{}": lambda _, s, n: s.render.pull(_find_pull(s, n), full=True),
            "/pulls/{}/commits": _pull_commits,
            "/pulls/{}/reviews": lambda _, s, n: Page(_find_pull(s, n).pull.reviews, s.render.review),
            "/pulls/{}/files": lambda _, s, n: Page(_find_pull(s, n).pull.files, s.render.file),
            "/deployments": lambda q, s: Page(_matching(s.repository.deployments, q), s.delivery.deployment),
            "/deployments/{}/statuses": _statuses,
            "/actions/runs": lambda _, s: Page(s.repository.runs[::-1], s.delivery.run, key="workflow_runs"),
            "/actions/runs/{}/jobs": _jobs,
        }
        return [
            Route(prefix + tail, _on_shelf(find, prefix.count("{}"), handler))
            for tail, handler in handlers.items()
            for prefix, find in (("repos/{}/{}", self._by_name), ("repositories/{}", self._by_id))
        ]


def _on_shelf(find: Callable[..., Shelf], count: int, handler: Callable[..., Any]) -> Callable[..., Any]:
    """Let *handler* answer about the repository that the first *count* parts of the path name."""

    def answer(query: Query, *parts: str) -> Any:
        shelf = find(*parts[:count])
        result = handler(query, shelf, *parts[count:])
        if isinstance(result, Page):
            result.home = f"repositories/{shelf.repository.id}"
        return result

    return answer


def _find(shelf: Shelf, number: str) -> Issue:
    if not number.isdigit() or int(number) not in shelf.issues:
        raise NotFound
    return shelf.issues[int(number)]


def _find_pull(shelf: Shelf, number: str) -> Any:
    issue = _find(shelf, number)
    if issue.pull is None:
        raise NotFound
    return issue


def _resolve(shelf: Shelf, name: str | None) -> str:
    if not shelf.repository.commits:
        raise Refused(409, "Git Repository is empty.")
    sha = shelf.history.resolve(name)
    if sha is None:
        raise NotFound
    return sha


def _issues(query: Query, shelf: Shelf) -> Page:
    since, state = query.time("since"), query.one_of("state", "open", "closed", "all", default="open")
    found = [
        issue
        for issue in shelf.repository.issues
        if state in ("all", issue.state) and (since is None or issue.updated_at >= since)
    ]
    keys: dict[str, Callable[[Issue], Any]] = {
        "created": lambda issue: (issue.created_at, issue.id),
        "updated": lambda issue: (issue.updated_at, issue.id),
        "comments": lambda issue: (issue.comments, issue.id),
    }
    sort = query.one_of("sort", *keys, default="created")
    return Page(query.ordered(found, keys[sort], "desc"), shelf.render.issue)


def _comments(query: Query, shelf: Shelf) -> Page:
    since = query.time("since")
    found = [c for c in shelf.repository.comments if since is None or c.updated_at >= since]
    if "sort" not in query:
        return Page(found, shelf.render.comment)  # by id; GitHub ignores `direction` without `sort`
    by_update = query.one_of("sort", "created", "updated", default="created") == "updated"
    key: Callable[[Any], Any] = lambda c: (c.updated_at if by_update else c.created_at, c.id)  # noqa: E731 - one of two
    return Page(query.ordered(found, key, "asc"), shelf.render.comment)


def _release(_: Query, shelf: Shelf, number: str) -> Json:
    found = next((release for release in shelf.repository.releases if str(release.id) == number), None)
    if found is None:
        raise NotFound
    return shelf.delivery.release(found)


def _commits(query: Query, shelf: Shelf) -> Page:
    since, until = query.time("since"), query.time("until")

    def wanted(at: datetime) -> bool:
        return (since is None or at >= since) and (until is None or at <= until)

    walk: Sequence[Commit] = shelf.history.walk(_resolve(shelf, query.get("sha")))
    return Page([c for c in walk if wanted(c.committed_at)], shelf.render.commit)


def _compare(query: Query, shelf: Shelf, base: str, head: str) -> Page:
    left, right = _resolve(shelf, base), _resolve(shelf, head)
    comparison = shelf.history.compare(left, right)
    if comparison is None:
        raise NotFound
    commits, render = shelf.repository.commits, shelf.render.commit
    paged = "page" in query or "per_page" in query
    return Page(
        [commits[sha] for sha in comparison.ahead],
        render,
        key="commits",
        size=None if paged else _UNPAGED_COMPARISON,
        around={
            "base_commit": render(commits[left]),
            "merge_base_commit": render(commits[comparison.merge_base]),
            "status": comparison.status,
            "ahead_by": len(comparison.ahead),
            "behind_by": comparison.behind,
            "total_commits": len(comparison.ahead),
            "files": [],
        },
    )


def _pulls(query: Query, shelf: Shelf) -> Page:
    state, base = query.one_of("state", "open", "closed", "all", default="open"), query.get("base")
    found = [
        issue
        for issue in shelf.repository.issues
        if issue.pull and state in ("all", issue.state) and base in (None, issue.pull.base_ref)
    ]
    sort = query.one_of("sort", "created", "updated", "popularity", "long-running", default="created")
    keys: dict[str, Callable[[Issue], Any]] = {
        "updated": lambda issue: (issue.updated_at, issue.id),
        "popularity": lambda issue: (issue.comments, issue.id),
    }
    key = keys.get(sort, lambda issue: (issue.created_at, issue.id))
    return Page(query.ordered(found, key, "desc" if sort == "created" else "asc"), shelf.render.pull)


def _pull_commits(_: Query, shelf: Shelf, number: str) -> Page:
    shas = _find_pull(shelf, number).pull.commits[:_PULL_COMMITS]
    return Page([shelf.repository.commits[sha] for sha in shas], shelf.render.commit)


def _matching(deployments: Sequence[Any], query: Query) -> list[Any]:
    wanted = {name: query[name] for name in ("sha", "ref", "environment") if name in query}
    return [d for d in reversed(deployments) if all(getattr(d, name) == value for name, value in wanted.items())]


def _statuses(_: Query, shelf: Shelf, number: str) -> Page:
    found = next((d for d in shelf.repository.deployments if str(d.id) == number), None)
    if found is None:
        raise NotFound
    return Page(shelf.delivery.statuses(found), lambda status: status)


def _jobs(_: Query, shelf: Shelf, number: str) -> Page:
    found = next((run for run in shelf.repository.runs if str(run.id) == number), None)
    if found is None:
        raise NotFound
    return Page(shelf.delivery.jobs(found), lambda job: job, key="jobs")

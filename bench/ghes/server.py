"""The benchmark's GitHub Enterprise Server on loopback: the sandbox's one large repository, every answer kept as bytes.

`/api/v3` and `/api/graphql` are a GHES as it is installed: no rate limits, links with page numbers. Below `/lenient` is
the same data as github.com gives it, for the peers that need that: `/graphql` below the REST base, issues with `type`
and with links that carry `after=`.

The only line on stdout is the address. `GET /bench?latency=0.05` sets the latency and tells the requests so far.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import re
import sys
import threading
import time
from typing import Any

import msgspec
from aiohttp import web

from fourkeys.sandbox.company import Company
from fourkeys.sandbox.ghes import Ghes
from fourkeys.sandbox.graphql import GraphQL
from fourkeys.sandbox.routes import Query, Refused
from fourkeys.sandbox.server import Servers

SIZE = {"issues": 5_000, "pulls": 2_000, "comments": 10_000, "commits": 20_000, "events": 10_000}
REACTIONS = dict.fromkeys(("total_count", "+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes"), 0)
PATHS = (
    "archive/{archive_format}{/ref} assignees{/user} git/blobs{/sha} branches{/branch} collaborators{/collaborator} "
    "comments{/number} commits{/sha} compare/{base}...{head} contents/{+path} contributors deployments downloads "
    "events forks git/commits{/sha} git/refs{/sha} git/tags{/sha} hooks issues/comments{/number} issues/events "
    "issues{/number} keys{/key_id} labels{/name} languages merges milestones{/number} notifications{?since,all} "
    "pulls{/number} releases{/id} stargazers statuses/{sha} subscribers subscription tags teams git/trees{/sha}"
)


class Door:
    """Answers requests, each answer from what was made when it was asked for the first time."""

    def __init__(self, company: Company, base: str) -> None:
        self._rest = Ghes(company, base)
        self._graphql = GraphQL(company, self._rest, base)
        self._base = base
        self._date = company.now.strftime("%a, %d %b %Y %H:%M:%S GMT")
        self._kept: dict[tuple[str, bytes, bool], tuple[int, dict[str, str], bytes]] = {}
        self.latency, self.requests = 0.0, 0

    def application(self) -> web.Application:
        """Return the application that serves it."""
        application = web.Application()
        application.router.add_get("/bench", self._control)
        application.router.add_route("*", "/{path:.*}", self._handle)
        return application

    async def _control(self, request: web.Request) -> web.Response:
        self.latency = float(request.query.get("latency", self.latency))
        return web.json_response({"requests": self.requests, "cpu": time.process_time()})

    async def _handle(self, request: web.Request) -> web.Response:
        self.requests += 1
        body = await request.read()
        await asyncio.sleep(self.latency)
        key = (request.path_qs, body, "gzip" in request.headers.get("Accept-Encoding", ""))
        if key not in self._kept:
            self._kept[key] = self._answer(*key, Query(request.query))
        status, headers, content = self._kept[key]
        return web.Response(status=status, headers=headers, body=content)

    def _answer(self, url: str, body: bytes, small: bool, query: Query) -> tuple[int, dict[str, str], bytes]:
        path, links, status = url.partition("?")[0], dict[str, str](), 200
        lenient = path.startswith("/lenient/")
        root = "/lenient/api/v3/" if lenient else "/api/v3/"
        try:
            if path in ("/api/graphql", "/lenient/api/v3/graphql"):
                asked = msgspec.json.decode(body)
                shown: Any = self._graphql.answer(asked["query"], asked.get("variables"), None)
            else:
                if lenient and "after" in query:
                    query["page"] = query.pop("after")
                answer = self._rest.answer(path.removeprefix(root), query)
                shown, links = answer.body, dict(answer.links)
                _weigh(shown, path.rpartition("/")[2], lenient=lenient)
        except Refused as refusal:
            shown, status = {"message": refusal.message, "status": str(refusal.status)}, refusal.status
        if lenient and path.endswith("/issues"):
            links = {name: re.sub(r"(?<=[?&])page=", "after=", link) for name, link in links.items()}
        headers = {"Content-Type": "application/json; charset=utf-8", "Date": self._date}
        if links:
            headers["Link"] = ", ".join(f'<{self._base}{root}{link}>; rel="{name}"' for name, link in links.items())
        content = msgspec.json.encode(shown)
        if small:
            headers["Content-Encoding"], content = "gzip", gzip.compress(content, 6, mtime=0)
        return status, headers, content


def _weigh(shown: Any, kind: str, *, lenient: bool) -> None:
    """Add to issues and pull requests what makes GitHub's as heavy as they are, and nobody here reads."""
    for record in shown if isinstance(shown, list) else ():
        if kind == "pulls":
            repository = _repository(record["url"].rpartition("/pulls/")[0], record["user"])
            for side in ("head", "base"):
                record[side] |= {"user": record["user"], "repo": repository}
            links = {name: f"{record['url']}/{name}" for name in ("self", "comments", "commits", "statuses")}
            record["_links"] = {name: {"href": link} for name, link in links.items()}
            record |= {f"{name}_url": link for name, link in links.items()}
        elif issue := {"issues": record, "events": record.get("issue")}.get(kind):
            issue["timeline_url"], issue["performed_via_github_app"] = f"{issue['url']}/timeline", None
            issue["reactions"] = {"url": f"{issue['url']}/reactions", **REACTIONS}
            if lenient:
                issue["type"] = None


def _repository(api: str, owner: Any) -> dict[str, Any]:
    """Return a repository as it stands twice in each pull request of a list."""
    urls = {f"{path.partition('{')[0].replace('/', '_')}_url": f"{api}/{path}" for path in PATHS.split()}
    flags = dict.fromkeys(("has_issues", "has_projects", "has_downloads", "has_wiki", "has_pages", "archived"), False)
    counts = dict.fromkeys(("forks_count", "stargazers_count", "watchers_count", "size", "open_issues_count"), 9)
    return {"id": 191, "name": "widgets", "full_name": "acme/widgets", "owner": owner} | urls | flags | counts


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=int, default=1, help="so many times the usual repository")
    scale = parser.parse_args().scale
    company = Company.benchmark(**{name: scale * count for name, count in SIZE.items()}, releases=100, labels=60)
    servers = Servers()
    sys.stdout.write(f"{servers.serve(lambda base: Door(company, base).application())}\n")
    sys.stdout.flush()
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        servers.stop()


if __name__ == "__main__":
    main()

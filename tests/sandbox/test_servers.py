"""The company's GitHub Enterprise Server, through real HTTP on loopback."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fourkeys.config import parse
from fourkeys.sandbox import Sandbox


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The running company."""
    with Sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        yield running


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[httpx.Client]:
    """A client with its token."""
    headers = {"Authorization": f"token {sandbox.environment['GITHUB_API_TOKEN']}"}
    with httpx.Client(base_url=sandbox.environment["GITHUB_API_URL"], headers=headers, trust_env=False) as client:
        yield client


def pages(api: httpx.Client, path: str, **params: str) -> list[list[dict[str, Any]]]:
    """Follow `Link` from the first page to the last."""
    answer = api.get(path, params=params)
    found = [answer.json()]
    while url := answer.links.get("next", {}).get("url"):
        answer = api.get(url)
        found.append(answer.json())
    return found


def test_token_is_needed(sandbox: Sandbox) -> None:
    """No token and a wrong token are refused with 401 and GitHub's words."""
    url = f"{sandbox.environment['GITHUB_API_URL']}/user"
    wrong = httpx.get(url, headers={"Authorization": "token wrong"}, trust_env=False)
    assert (401, "Bad credentials") == (wrong.status_code, wrong.json()["message"])
    assert httpx.get(url, trust_env=False).status_code == 401


def test_clock_stands_still(api: httpx.Client) -> None:
    """`Date` is the company's own clock, so that outputs can be repeated."""
    assert api.get("meta").headers["Date"] == "Fri, 02 Oct 2026 00:00:00 GMT"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("repos/acme/none", 404),
        ("repos/acme/shop/issues/99999", 404),
        ("repos/acme/blank/commits", 409),
        ("repos/acme/shop/issues?sort=nonsense", 422),
        ("rate_limit", 404),
        ("nonsense", 404),
    ],
)
def test_errors_are_githubs(api: httpx.Client, path: str, status: int) -> None:
    """What is not there, empty or wrong is answered with status and message."""
    answer = api.get(path)
    assert status == answer.status_code
    assert answer.json()["message"]


def test_pages_hold_every_issue_once(api: httpx.Client, sandbox: Sandbox) -> None:
    """Following Link gives all issues and pull requests once, newest first; the links name the repository by id."""
    found = pages(api, "repos/acme/shop/issues", state="all", per_page="100")
    numbers = [issue["number"] for page in found for issue in page]
    assert list(range(len(numbers), 0, -1)) == numbers
    assert len(numbers) == len(sandbox.company.repositories["acme/shop"].issues)
    link = api.get("repos/acme/shop/issues", params={"state": "all", "page": "2"}).links
    assert {"prev", "next", "last", "first"} == set(link)
    assert "/repositories/101/issues" in link["next"]["url"]


def test_page_size_is_at_most_100(api: httpx.Client) -> None:
    """The default is 30 per page, the most is 100."""
    assert len(api.get("repos/acme/shop/issues", params={"state": "all"}).json()) == 30
    assert len(api.get("repos/acme/shop/issues", params={"state": "all", "per_page": "500"}).json()) == 100


def test_since_is_inclusive_and_by_update(api: httpx.Client) -> None:
    """`since` gives what was updated at or after that time, pull requests included, in the asked order."""
    every = [i for page in pages(api, "repos/acme/shop/issues", state="all", per_page="100") for i in page]
    middle = sorted(issue["updated_at"] for issue in every)[100]
    asked = {"state": "all", "per_page": "100", "since": middle, "sort": "updated", "direction": "asc"}
    found = [i["updated_at"] for page in pages(api, "repos/acme/shop/issues", **asked) for i in page]
    assert sorted(u for u in (issue["updated_at"] for issue in every) if u >= middle) == found


def test_comments_are_ordered_by_id_unless_sorted(api: httpx.Client) -> None:
    """Without `sort`, comments come by id whatever `direction` says; with it, by update."""
    plain = api.get("repos/acme/shop/issues/comments", params={"direction": "desc"}).json()
    assert sorted(c["id"] for c in plain) == [c["id"] for c in plain]
    asked = {"sort": "updated", "direction": "desc", "since": "2026-06-01T00:00:00Z"}
    found = [c["updated_at"] for c in api.get("repos/acme/shop/issues/comments", params=asked).json()]
    assert sorted(found, reverse=True) == found


def test_events_come_newest_first(api: httpx.Client) -> None:
    """Events are listed newest first, each with its issue."""
    found = api.get("repos/acme/shop/issues/events", params={"per_page": "100"}).json()
    assert sorted((e["created_at"] for e in found), reverse=True) == [e["created_at"] for e in found]
    assert all(event["issue"]["number"] for event in found)


def test_commits_of_any_ref(api: httpx.Client, sandbox: Sandbox) -> None:
    """`sha` takes a branch, tag or sha; `since` and `until` are about the committer date."""
    tip = sandbox.company.repositories["acme/ledger"].tags["v1.9.1"]
    by_tag = api.get("repos/acme/ledger/commits", params={"sha": "v1.9.1"}).json()
    assert tip == by_tag[0]["sha"]
    assert by_tag == api.get("repos/acme/ledger/commits", params={"sha": tip}).json()
    asked = {"since": "2026-01-10T00:00:00Z", "until": "2026-01-20T00:00:00Z", "per_page": "100"}
    dates = [c["commit"]["committer"]["date"] for c in api.get("repos/acme/ledger/commits", params=asked).json()]
    assert dates
    assert all(asked["since"] <= date <= asked["until"] for date in dates)


def test_compare_finds_what_a_line_has_for_itself(api: httpx.Client) -> None:
    """Comparing with a maintenance release gives its own commits, oldest first, and the place where it left."""
    found = api.get("repos/acme/ledger/compare/main...v1.9.3").json()
    assert ("diverged", len(found["commits"])) == (found["status"], found["total_commits"])
    assert 3 == found["total_commits"]
    assert found["commits"][0]["parents"][0]["sha"] == found["merge_base_commit"]["sha"]


def test_compare_is_paged(api: httpx.Client) -> None:
    """With `per_page`, a comparison comes in pages; without, 250 commits at once."""
    path = "repos/acme/search/compare"
    history = [c["sha"] for page in pages(api, "repos/acme/search/commits", per_page="100") for c in page]
    whole = api.get(f"{path}/{history[-1]}...main").json()
    assert (len(history) - 1, 250) == (whole["total_commits"], len(whole["commits"]))
    paged = pages(api, f"{path}/{history[-1]}...main", per_page="100")
    assert set(history[:-1]) == {c["sha"] for page in paged for c in page["commits"]}  # type: ignore[call-overload]


def test_pull_request_in_full(api: httpx.Client, sandbox: Sandbox) -> None:
    """One pull request shows who merged it and its sizes; its commits, reviews and files have lists of their own."""
    issue = next(
        i for i in sandbox.company.repositories["acme/search"].pulls if i.pull and i.pull.merged_at and i.pull.reviews
    )
    path = f"repos/acme/search/pulls/{issue.number}"
    pull, found = api.get(path).json(), issue.pull
    assert found
    assert found.merge_commit_sha == pull["merge_commit_sha"]
    assert pull["merged_by"]["login"]
    assert list(found.commits) == [c["sha"] for c in api.get(f"{path}/commits").json()]
    assert [r.id for r in found.reviews] == [r["id"] for r in api.get(f"{path}/reviews").json()]
    assert pull["changed_files"] == len(api.get(f"{path}/files").json())


def test_unmerged_pull_request_shows_a_trial_merge(api: httpx.Client, sandbox: Sandbox) -> None:
    """`merge_commit_sha` of an unmerged pull request is on no branch, as on GitHub."""
    open_pull = api.get("repos/acme/shop/pulls", params={"state": "closed", "per_page": "100"}).json()
    unmerged = next(pull for pull in open_pull if not pull["merged_at"])
    assert unmerged["merge_commit_sha"] not in sandbox.company.repositories["acme/shop"].commits


def test_users_go_by_id(api: httpx.Client, sandbox: Sandbox) -> None:
    """`/users` is paged by `since`, the last id seen."""
    found = [user["login"] for page in pages(api, "users", per_page="4") for user in page]
    assert [user.login for user in sandbox.company.people] == found
    assert api.get("users/dependency-bot%5Bbot%5D").json()["type"] == "Bot"


def test_deployments_and_runs(api: httpx.Client) -> None:
    """Deployments have statuses, newest first; runs have jobs."""
    deployment = api.get("repos/acme/catalog/deployments", params={"environment": "production"}).json()[0]
    states = api.get(f"repos/acme/catalog/deployments/{deployment['id']}/statuses").json()
    assert ["success", "in_progress"] == [status["state"] for status in states]
    run = api.get("repos/acme/catalog/actions/runs").json()["workflow_runs"][0]
    assert api.get(f"repos/acme/catalog/actions/runs/{run['id']}/jobs").json()["total_count"] == 2


def test_conditional_requests(api: httpx.Client) -> None:
    """The same question with its ETag is answered 304, without a body; compressed or not makes no difference."""
    first = api.get("repos/acme/shop/labels")
    again = api.get("repos/acme/shop/labels", headers={"If-None-Match": first.headers["ETag"]})
    assert (304, b"") == (again.status_code, again.content)
    assert first.headers["Content-Encoding"] == "gzip"
    plain = api.get("repos/acme/shop/labels", headers={"Accept-Encoding": "identity"})
    assert plain.content == first.content


def graphql(api: httpx.Client, query: str, **variables: object) -> dict[str, Any]:
    """Ask GraphQL."""
    url = str(api.base_url).replace("/api/v3/", "/api/graphql")
    answer: dict[str, Any] = api.post(url, json={"query": query, "variables": variables}).json()
    return answer


PULLS = """query($after: String) { repository(owner: "acme", name: "search") {
  pullRequests(first: 50, after: $after, orderBy: {field: UPDATED_AT, direction: DESC}) {
    totalCount pageInfo { hasNextPage endCursor }
    nodes { number updatedAt databaseId mergeCommit { oid } author { __typename login ... on User { databaseId } }
      commits(first: 100) { totalCount pageInfo { hasNextPage endCursor } nodes { commit { oid } } }
      reviews(first: 10) { nodes { submittedAt } } labels(first: 10) { nodes { name } } } } } }"""


def pages_of(api: httpx.Client) -> list[dict[str, Any]]:
    """Return all pull requests of `search`."""
    nodes: list[dict[str, Any]] = []
    after, more = None, True
    while more:
        found = graphql(api, PULLS, after=after)["data"]["repository"]["pullRequests"]
        nodes += found["nodes"]
        after, more = found["pageInfo"]["endCursor"], found["pageInfo"]["hasNextPage"]
    return nodes


def test_graphql_pages_all_pull_requests(api: httpx.Client, sandbox: Sandbox) -> None:
    """Pages by cursor give every pull request once, latest update first, with the commits that REST gives."""
    nodes = pages_of(api)
    pulls = {issue.number: issue.pull for issue in sandbox.company.repositories["acme/search"].pulls}
    assert len(pulls) == len(nodes) == len({node["number"] for node in nodes})
    assert sorted((n["updatedAt"] for n in nodes), reverse=True) == [n["updatedAt"] for n in nodes]
    for node in nodes:
        pull = pulls[node["number"]]
        assert pull
        oids = [c["commit"]["oid"] for c in node["commits"]["nodes"]]
        assert (pull.id, list(pull.commits[:100])) == (node["databaseId"], oids)


def test_graphql_nested_pages(api: httpx.Client) -> None:
    """A pull request with 130 commits gives 100, and the rest after the cursor."""
    query = """query($n: Int!, $after: String) { repository(owner: "acme", name: "search") {
      pullRequest(number: $n) { commits(first: 100, after: $after) { pageInfo { hasNextPage } nodes { id } } } } }"""
    large = next(node for node in pages_of(api) if node["commits"]["totalCount"] == 130)
    assert large["commits"]["pageInfo"]["hasNextPage"]
    after = large["commits"]["pageInfo"]["endCursor"]
    rest = graphql(api, query, n=large["number"], after=after)["data"]["repository"]["pullRequest"]["commits"]
    assert (30, False) == (len(rest["nodes"]), rest["pageInfo"]["hasNextPage"])


def test_graphql_errors(api: httpx.Client) -> None:
    """An unknown repository, a missing `first`, too many records and an unknown field are errors as GitHub's."""
    unknown = graphql(api, 'query { repository(owner: "acme", name: "none") { id } }')
    assert ({"repository": None}, "NOT_FOUND") == (unknown["data"], unknown["errors"][0]["type"])
    bare = 'query { repository(owner: "acme", name: "shop") { pullRequests%s { totalCount } } }'
    assert graphql(api, bare % "")["errors"][0]["type"] == "MISSING_PAGINATION_BOUNDARIES"
    assert graphql(api, bare % "(first: 101)")["errors"][0]["type"] == "EXCESSIVE_PAGINATION"
    assert "Cannot query field" in graphql(api, "query { nonsense }")["errors"][0]["message"]
    assert {"data": {"rateLimit": None}} == graphql(api, "query { rateLimit { remaining } }")


def test_configuration_and_files(sandbox: Sandbox) -> None:
    """The configuration is one that fourkeys reads, and the files are where it is told."""
    config = parse(tomllib.loads(sandbox.config_text), sandbox.environment)
    assert ["shop", "catalog", "checkout", "ledger", "search", "notifications"] == [s.name for s in config.services]
    assert config.metrics.timezone == "Asia/Tokyo"
    assert all(isinstance(file, Path) and file.is_file() for file in sandbox.write_files())


def test_latency(tmp_path: Path) -> None:
    """With latency, each answer takes at least that long."""
    with Sandbox(tmp_path, latency=0.05) as slow:
        answer = httpx.get(f"{slow.environment['GITHUB_API_URL']}/meta", trust_env=False)
    assert answer.elapsed.total_seconds() >= 0.05

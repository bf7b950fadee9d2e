"""The company's Heroku apps, through real HTTP on loopback."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from fourkeys.config import parse
from fourkeys.sandbox import Sandbox
from fourkeys.sandbox.heroku import HerokuDoor
from fourkeys.sandbox.server import Servers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ACCEPT = "application/vnd.heroku+json; version=3"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The running company, with Heroku."""
    with Sandbox(tmp_path_factory.mktemp("sandbox"), sources=("heroku",)) as running:
        yield running


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[httpx.Client]:
    """A client with its key."""
    headers = {"Authorization": f"Bearer {sandbox.environment['HEROKU_API_KEY']}", "Accept": ACCEPT}
    with httpx.Client(base_url=sandbox.environment["HEROKU_API_URL"], headers=headers, trust_env=False) as client:
        yield client


def releases(api: httpx.Client, asked: str, app: str = "checkout") -> list[list[dict[str, Any]]]:
    """Follow Next-Range to the end; return the pages."""
    pages = []
    while asked:
        answer = api.get(f"/apps/{app}/releases", headers={"Range": asked})
        asked = answer.headers.get("Next-Range", "")
        assert answer.status_code == (206 if asked else 200)
        pages.append(answer.json())
    return pages


@pytest.mark.parametrize(("order", "first"), [("asc", 1), ("desc", 131)])
def test_ranges_give_every_release_once(api: httpx.Client, sandbox: Sandbox, order: str, first: int) -> None:
    """Following Next-Range gives every version once, in the asked order, `max` at a time."""
    pages = releases(api, f"version ..; max=50, order={order}")
    versions = [release["version"] for page in pages for release in page]
    assert ([50, 50, 31], first) == ([len(page) for page in pages], versions[0])
    assert sorted(versions, reverse=order == "desc") == versions
    assert len(versions) == len(sandbox.company.apps[0].releases)


def test_ranges_may_leave_out_their_ends(api: httpx.Client) -> None:
    """`]` before the start and `[` after the end leave them out."""
    assert [[11, 12]] == [[r["version"] for r in page] for page in releases(api, "version ]10..13[")]
    assert [[10, 11]] == [[r["version"] for r in page] for page in releases(api, "version 10..11; max=1000, order=asc")]


@pytest.mark.parametrize(("asked", "status"), [("nonsense", 400), ("status ..", 400), ("version ..; max=1001", 416)])
def test_bad_ranges_are_refused(api: httpx.Client, asked: str, status: int) -> None:
    """A range that cannot be read, sorts by something else, or asks for too much is refused."""
    answer = api.get("/apps/checkout/releases", headers={"Range": asked})
    assert (status, "bad_request") == (answer.status_code, answer.json()["id"])


def test_releases_are_not_all_deployments(api: httpx.Client) -> None:
    """There are promotions, deploys, rollbacks, config vars, add-ons; failed, pending and expired ones."""
    every = [release for page in releases(api, "version ..") for release in page]
    words = {release["description"].split()[0] for release in every}
    assert {"Initial", "Set", "Attach", "Deploy", "Promote", "Rollback"} == words
    assert {"succeeded", "failed", "pending", "expired"} == {release["status"] for release in every}
    current = [release for release in every if release["current"]]
    assert [max(r["version"] for r in every if r["status"] == "succeeded")] == [r["version"] for r in current]


def test_rollback_carries_the_older_slug(api: httpx.Client) -> None:
    """`Rollback to vN` has the slug of vN, and config releases have the slug before them."""
    every = {release["version"]: release for page in releases(api, "version ..") for release in page}
    rollbacks = [release for release in every.values() if release["description"].startswith("Rollback")]
    assert len(rollbacks) == 3
    for release in rollbacks:
        assert every[int(release["description"].rpartition("v")[2])]["slug"] == release["slug"]
    config = [v for v, release in every.items() if release["description"].startswith("Set CAMPAIGN")]
    assert all(every[version]["slug"] == every[version - 1]["slug"] for version in config)


def test_slugs_have_commits_until_they_expire(api: httpx.Client, sandbox: Sandbox) -> None:
    """A slug names a commit of the repository; a slug that only expired releases had is gone."""
    every = [release for page in releases(api, "version ..") for release in page if release["slug"]]
    commits = sandbox.company.repositories["acme/checkout"].commits
    newest = api.get(f"/apps/checkout/slugs/{every[-1]['slug']['id']}")
    assert newest.json()["commit"] in commits
    expired = next(release for release in every if release["status"] == "expired")
    gone = api.get(f"/apps/checkout/slugs/{expired['slug']['id']}")
    assert (404, "not_found") == (gone.status_code, gone.json()["id"])


def test_promotion_shares_the_slug_of_staging(api: httpx.Client) -> None:
    """What is promoted was on staging before, with the same slug."""
    staged = {r["slug"]["id"] for page in releases(api, "version ..", "checkout-staging") for r in page if r["slug"]}
    promoted = [r for page in releases(api, "version ..") for r in page if r["description"].startswith("Promote")]
    assert promoted
    assert all(release["slug"]["id"] in staged for release in promoted)


def test_single_things(api: httpx.Client) -> None:
    """Apps, and releases by version or id, can be asked for alone; what is not there is 404."""
    assert ["checkout", "checkout-staging"] == [app["name"] for app in api.get("/apps").json()]
    release = api.get("/apps/checkout/releases/3").json()
    assert release == api.get(f"/apps/{release['app']['id']}/releases/{release['id']}").json()
    assert [404, 404, 404] == [
        api.get(path).status_code for path in ("/apps/none", "/apps/checkout/releases/999", "/nonsense")
    ]


def test_key_is_needed(sandbox: Sandbox) -> None:
    """A wrong key is refused with 401."""
    url = f"{sandbox.environment['HEROKU_API_URL']}/apps"
    answer = httpx.get(url, headers={"Authorization": "Bearer wrong", "Accept": ACCEPT}, trust_env=False)
    assert (401, "unauthorized") == (answer.status_code, answer.json()["id"])


def test_rate_limit(sandbox: Sandbox) -> None:
    """The chosen requests are answered 429, with the id that Heroku gives; the others are counted down."""
    servers = Servers()
    try:
        address = servers.serve(
            lambda _: HerokuDoor(sandbox.company.apps, sandbox.company.now, None, 0.0, refuse={2}).application()
        )
        answers = [httpx.get(f"{address}/apps", headers={"Accept": ACCEPT}, trust_env=False) for _ in range(3)]
    finally:
        servers.stop()
    assert [200, 429, 200] == [answer.status_code for answer in answers]
    assert answers[1].json()["id"] == "rate_limit"
    assert ["4499", "4498", "4497"] == [answer.headers["RateLimit-Remaining"] for answer in answers]


def test_configuration_names_the_apps(sandbox: Sandbox) -> None:
    """The configuration says which app is which environment, and no deployment of the service is in the CSV file."""
    config = parse(tomllib.loads(sandbox.config_text), sandbox.environment)
    checkout = next(service for service in config.services if service.name == "checkout")
    assert checkout.heroku_apps == {"production": ("checkout",), "staging": ("checkout-staging",)}
    assert "checkout" not in sandbox.write_files()[0].read_text()


def test_without_heroku_there_is_no_server(tmp_path: Path) -> None:
    """Unless asked for, Heroku is not played."""
    with Sandbox(tmp_path) as plain:
        assert {"GITHUB_API_URL", "GITHUB_API_TOKEN"} == set(plain.environment)

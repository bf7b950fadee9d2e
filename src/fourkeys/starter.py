"""The first `fourkeys.toml`: commented, from the repositories that a token can see, or a template without any."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fourkeys.sources.ghes import Repository

_QUIET = timedelta(days=365)
_ENVIRONMENT = "production"

_HEAD = """\
# The configuration of fourkeys. Secrets are never here: only where they are.
# A flag beats the environment, the environment beats this file. `fourkeys doctor` checks it.

[metrics]
timezone = {timezone}            # days and ISO weeks are cut here
# environment = "production"     # the environment that the keys are about
# incident_link_hours = 24       # an incident without a stated cause belongs to the deployment before it, up to this
# hotfix_labels = ["hotfix"]     # pull requests that make a deployment rework
# stale_hours = 36               # older data are named by `status`, `doctor` and the report

[warehouse]
url = "duckdb:///fourkeys.duckdb"   # or bigquery://project/dataset, see docs/bigquery.md

[sources.ghes]
url = {url}
token_env = "GITHUB_API_TOKEN"      # the variable with the token; or token_file, or token_command
# ca_file = "/etc/ssl/company.pem"  # certificates of a private authority
# proxy = "http://proxy:3128"       # without it, HTTPS_PROXY and NO_PROXY
# pseudonymise = true               # keyed hashes for people; the key is in FOURKEYS_HASH_KEY
{more}
# One table for each service, the dimension of all figures. `deployments_from` says what its deployments are:
#   releases      published releases of the repository
#   deployments   GitHub deployments that succeeded
#   merges        every merged pull request, for what is deployed on merge
#   heroku        releases of Heroku apps
#   csv           deployments.csv, from any other tool
# What was guessed is a guess: join the repositories of one service, set owners, leave out what is no service.
"""

_MORE = """
# [sources.heroku]                  # the key is in HEROKU_API_KEY; apps stand with their services
# overlap = 20                      # how many of the newest releases are read again

# [sources.incidents]               # the database of an incident bot; its address is in INCIDENT_DATABASE_URL
# timezone = "Asia/Tokyo"           # of times that have no offset
#
# [sources.incidents.records]       # its table, and our columns to its own
# table = "incidents"
#
# [sources.incidents.records.columns]
# incident_id = "id"
# service_key = "service"
# started_at = "opened_at"
# resolved_at = "resolved_at"
# status = "status"

# [sources.requests]                # request logs: NDJSON, CSV or combined, plain or gzip
# files = ["/var/log/app/*.ndjson.gz"]
"""

_EXAMPLE = """
# [[services]]
# name = "shop"                     # lower-case letters, digits, hyphens
# owner = "team-shop"
# repositories = ["acme/shop"]
# deployments_from = "releases"
# heroku_apps = { production = ["shop"], staging = ["shop-staging"] }
# incident_keys = ["shop"]          # the incident bot's words for it
# request_keys = ["shop"]           # the request log's words for it
# paths = ["services/shop/"]        # only changes that touch these, in a monorepo
"""


def write(url: str, timezone: str, repositories: Sequence[Repository], now: datetime) -> str:
    """Return the text of a configuration file.

    Args:
        url: base of the REST API; empty for an example.
        timezone: IANA name.
        repositories: those that the token can see; the ones that nobody pushed to for a year become comments.
        now: the time.
    """
    head = _HEAD.format(
        url=_quoted(url or "https://ghe.example.com/api/v3"), timezone=_quoted(timezone), more=_MORE.rstrip("\n")
    )
    active = [each for each in repositories if each.pushed_at and now - each.pushed_at < _QUIET]
    names = _names(active)
    services = "".join(_service(each, names[each.name]) for each in active)
    quiet = [each.name for each in repositories if each not in active]
    rest = f"\n# Nobody pushed to these for a year: {', '.join(quiet)}\n" if quiet else ""
    return head + (services or _EXAMPLE) + rest


def guess(repository: Repository) -> tuple[str, str]:
    """Return what the deployments of a repository are, and why."""
    if repository.has_releases:
        return "releases", "it has releases"
    if repository.environments:
        return "deployments", f"it has deployments to {', '.join(repository.environments)}"
    return "merges", "it has no releases and no deployments"


def _service(repository: Repository, name: str) -> str:
    source, why = guess(repository)
    if source == "deployments" and _ENVIRONMENT not in repository.environments:
        why += f"; none is called {_ENVIRONMENT}: see [metrics].environment"
    owner = repository.team or repository.name.partition("/")[0]
    lines = [
        "\n[[services]]",
        f"name = {_quoted(name)}",
        f"owner = {_quoted(owner)}" + ("" if repository.team else "  # its organization: name the team"),
        f"description = {_quoted(repository.description)}" if repository.description else "",
        f"repositories = [{_quoted(repository.name)}]",
        f"deployments_from = {_quoted(source)}  # {_comment(why)}",
    ]
    return "".join(f"{line}\n" for line in lines if line)


def _names(repositories: Sequence[Repository]) -> dict[str, str]:
    """Return a name for the service of each repository: the repository's, with its owner's where that is taken."""
    found: dict[str, str] = {}
    for each in repositories:
        short = _label(each.name.partition("/")[2])
        name = short if short not in found.values() else _label(each.name)
        stem, number = name[:60], 2
        while name in found.values():
            name, number = f"{stem}-{number}", number + 1
        found[each.name] = name
    return found


def _label(text: str) -> str:
    """Return *text* as an RFC 1123 label."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:63].strip("-") or "service"


def _quoted(text: str) -> str:
    """Write a TOML string: JSON's escapes are TOML's, but for DEL, which TOML wants escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _comment(text: str) -> str:
    """Write text that stays in one comment: no control character ends it."""
    return "".join(char if char.isprintable() else " " for char in text)

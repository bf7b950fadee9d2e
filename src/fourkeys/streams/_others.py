"""The streams of Heroku, the incident bot and request logs, the hand-written deployments, and the catalog's tables."""

from __future__ import annotations

from fourkeys.streams._model import EXTRACTED_AT, Stream, columns


def _stream(
    name: str, source: str, description: str, key: str, cursor: str | None, spec: str, settled: str | None = None
) -> Stream:
    return Stream(name, source, description, tuple(key.split()), (*columns(spec), EXTRACTED_AT), cursor, settled)


OTHERS = (
    _stream("heroku_releases", "heroku", "A release of a Heroku app", "app_id version", "created_at", """
app_id text Id of the app
version int Number of the release within the app, increasing
id text Id of the release
app_name text Name of the app
status text pending, succeeded, failed or expired, as Heroku says now
first_terminal_status text First of succeeded, failed or expired that was seen; never overwritten
current bool The release that serves now
description text Heroku's description of the release
kind text deploy, promote, rollback, config, addon or other
slug_id text Id of the slug
artifact_type text slug or oci-image
artifact_id text Id of the artifact
commit_sha text Commit that the slug or image was built from; NULL where unknown
user_email_hash text Keyed hash of the e-mail address of who released
created_at time When the release was made
updated_at time Last change
""", "first_terminal_status"),
    _stream("incidents", "incidents", "An incident of the incident bot", "source incident_id", "updated_at", """
source text Which database it comes from
incident_id text Id within the source
title text Title
service_key text The bot's word for the service
kind text Kind of incident: service, security, ...
severity text Severity as the bot says it
started_at time When service was degraded first
detected_at time When somebody noticed
resolved_at time When service was restored; NULL while open
status text open, resolved or reopened
change_related bool Caused by a change; NULL where nobody said
deployment_id text Deployment that is named as the cause: an id, or a tag
cause_sha text Commit that is named as the cause; may be abbreviated
url text Where to read more
updated_at time Last change of the record
"""),
    _stream("incident_events", "incidents", "Something that was noted during an incident", "source event_id",
            "created_at", """
source text Which database it comes from
event_id text Id within the source
incident_id text Id of the incident
event_type text Kind: opened, resolved, reopened, note ...
actor text Who noted it
message text Text
created_at time When it was noted
"""),
    _stream("request_counts", "requests", "Requests of one service in one minute with one class of status",
            "service_key minute status_class", "minute", """
service_key text The log's word for the service
minute time Start of the minute
status_class text 2xx, 3xx, 4xx, 5xx or other
requests int Number of requests
errors int Number of failed requests, by the configured rule
duration_ms_sum float Sum of durations in milliseconds
"""),
    _stream("deployments", "manual", "A deployment that another tool made, as users write it down",
            "service deployment_id", "finished_at", """
service text Service of the catalog
deployment_id text Id, unique within the service
external_id text Id of the deployment in the other tool; several rows with one are one deployment
environment text production, staging ...; NULL is production
repository text Repository as owner/name; NULL is the service's only one
sha text Commit deployed; may be abbreviated
kind text deploy, promote, rollback, config or addon; NULL is deploy
status text succeeded, failed or pending; NULL is succeeded
started_at time When the rollout started; NULL where unknown
finished_at time When it was live
"""),
    _stream("services", "catalog", "A service of the catalog", "service", None, """
service text Name of the service
owner text Team that owns it
system text Larger system that it is a part of
description text What it does
deployments_from text heroku, releases, deployments, merges or csv
include_prereleases bool Prereleases count as deployments
"""),
    _stream("service_resources", "catalog", "A resource that belongs to a service",
            "service source resource environment path_prefix", None, """
service text Name of the service
source text ghes, heroku, incidents or requests
resource text Repository, app or key within the source
environment text Environment of a Heroku app; empty elsewhere
path_prefix text Part of a monorepo; empty for all of it
"""),
)

DEPLOYMENT_LINKS = _stream("deployment_links", "link", "How a deployment relates to the ones before it",
                           "service environment deployment_id", None, """
service text Service of the catalog
environment text Environment
deployment_id text Deployment
repository text Repository as owner/name; if its source does not tell it, the one of the service's with the commit
sha text Commit deployed, as a full hash where it is known
declared_kind text What its source says: deploy, promote or rollback
position int Place among the service's deployments in this environment, from 1
kind text forward, redeployment (the commit before) or rollback (an ancestor of the commit before)
base text ok, baseline (none of a known commit came before) or base_unknown (the commit before is unknown)
previous_deployment_id text The deployment before, in the same repository
undoes_deployment_id text For a rollback: the first deployment that it undoes
""")

DEPLOYMENT_COMMITS = _stream("deployment_commits", "link", "The first deployment that contains a commit",
                             "service environment repository sha", None, """
service text Service of the catalog
environment text Environment
repository text Repository as owner/name
sha text Full hash of the commit
deployment_id text First deployment of the service in the environment that contains it
""")

LINK_BOUNDARIES = _stream("link_boundaries", "link", "A commit that, or whose parents, nobody told",
                          "repository sha", None, """
repository text Repository as owner/name
sha text Hash as it is named; may be abbreviated
is_known bool The commit is known, but not its parents
""")

OVERRIDES = _stream("overrides", "catalog", "What somebody marked by hand; it wins over all rules",
                    "service environment deployment_id source incident_id", None, """
service text Service of the catalog that the deployment is of
environment text Environment of the deployment; empty for the measured one
deployment_id text Deployment by its id or tag; empty where an incident belongs to none
source text Where the incident comes from; empty for any
incident_id text Incident that belongs to the deployment; empty where the mark is on the deployment itself
is_failed bool The deployment failed, or did not; NULL where the mark only says where an incident belongs
recovered_at time When the failed deployment recovered; NULL to leave it to the rules
reason text Why, in the words of who marked it
""")

WATERMARKS = _stream("watermarks", "load", "What is safely stored of one stream in one partition", "stream partition",
                     None, """
stream text Name of the stream
partition text Part of the source that is read on its own, such as a repository; empty for all
watermark time Start of the run that read everything up to then
state text What the source needs to go on from there, as JSON
""")

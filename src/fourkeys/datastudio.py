"""The dashboard in Data Studio (formerly Looker Studio): the link that makes a report over this warehouse.

Data Studio has no interface that draws charts: a report is a copy of a template that somebody built once by hand
(`dashboards/datastudio.md`), with its data sources put in place by the parameters of the link.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from fourkeys.errors import ConfigError

if TYPE_CHECKING:
    from fourkeys.config import Config

BASE = "https://lookerstudio.google.com/reporting/create"
"""Where the Linking API listens; the product's new name has not changed the address."""

SOURCES = (
    "four_keys_rolling", "four_keys_weekly", "four_keys_monthly", "four_keys_owner_weekly",
    "four_keys_company_weekly", "pull_request_stages", "merges_and_deployments", "request_health_daily",
    "deployments", "incidents_linked", "pull_requests_delivered", "data_quality",
)  # fmt: skip
"""The views that the report reads; each is a data source whose alias is its name."""

_ADDRESS = re.compile(r"bigquery://([^/]+)/([^/]+)")


@dataclass(frozen=True, slots=True)
class Link:
    """A link that makes a report.

    Attributes:
        url: what to open in a browser.
        notes: what happens then, and what is needed, one sentence each.
    """

    url: str
    notes: tuple[str, ...]


def link(settings: Config, name: str = "Four keys") -> Link:
    """Return the link that makes a report called *name* over the configured warehouse.

    Raises:
        ConfigError: the warehouse is not BigQuery, which is all that Data Studio can read of ours.
    """
    address = _ADDRESS.fullmatch(settings.warehouse.url)
    if not address:
        raise ConfigError(
            f"Data Studio cannot read {settings.warehouse.url}",
            "set [warehouse] url or FOURKEYS_WAREHOUSE to bigquery://project/dataset, or make a page of its own "
            "with `fourkeys report`",
        )
    project, dataset = address.groups()
    template = settings.datastudio.template_report_id
    parameters = {"c.reportId": template} if template else {}
    parameters |= {"c.mode": "edit", "r.reportName": name}
    payer = settings.warehouse.billing_project or project
    for view in SOURCES:
        parameters |= {
            f"ds.{view}.connector": "bigQuery",
            f"ds.{view}.type": "TABLE",
            f"ds.{view}.projectId": project,
            f"ds.{view}.datasetId": dataset,
            f"ds.{view}.tableId": view,
            f"ds.{view}.billingProjectId": payer,
            f"ds.{view}.datasourceName": view,
        }
    notes = (
        f"it opens a copy of the report {template} over {project}.{dataset}; `Edit and share` keeps it"
        if template
        else f"no template is configured: it opens an empty report with {len(SOURCES)} data sources of "
        f"{project}.{dataset} connected; build it once as dashboards/datastudio.md says, and set "
        "[datastudio] template_report_id to its id",
        f"whoever opens it needs to read the dataset {project}.{dataset}, to run jobs in {payer}"
        + (", and to view the template" if template else ""),
    )
    return Link(f"{BASE}?{urlencode(parameters, quote_via=quote)}", notes)

"""What the REST API sends about deployments and GitHub Actions. Every field may be missing or null."""

from __future__ import annotations

from typing import Any

import msgspec

from fourkeys.sources.ghes._records import Actor  # noqa: TC001 - msgspec reads the annotation
from fourkeys.streams import Number  # noqa: TC001 - msgspec reads the annotation


class _Record(msgspec.Struct, gc=False):
    """A JSON object; fields that are not named here are skipped unread."""


class Deployment(_Record):
    """A deployment."""

    id: Number | None = None
    sha: str | None = None
    ref: str | None = None
    environment: str | None = None
    task: str | None = None
    creator: Actor | None = None
    created_at: str | None = None
    updated_at: str | None = None
    description: str | None = None
    node_id: str | None = None
    url: str | None = None


class Status(_Record):
    """A status of a deployment."""

    id: Number | None = None
    state: str | None = None
    created_at: str | None = None
    environment: str | None = None
    description: str | None = None
    creator: Actor | None = None


class WorkflowRun(_Record):
    """A run of a workflow; its `name` is the workflow's unless the workflow names its runs."""

    id: Number | None = None
    workflow_id: Number | None = None
    name: str | None = None
    head_branch: str | None = None
    head_sha: str | None = None
    event: str | None = None
    status: str | None = None
    conclusion: str | None = None
    run_attempt: Number | None = None
    created_at: str | None = None
    updated_at: str | None = None
    run_started_at: str | None = None
    run_number: Number | None = None
    node_id: str | None = None
    url: str | None = None
    html_url: str | None = None


class Job(_Record):
    """A job of a run."""

    id: Number | None = None
    run_id: Number | None = None
    name: str | None = None
    status: str | None = None
    conclusion: str | None = None
    started_at: str | None = None
    completed_at: str | None = None
    head_sha: str | None = None
    node_id: str | None = None
    url: str | None = None
    html_url: str | None = None
    run_url: str | None = None
    check_run_url: str | None = None
    steps: list[dict[str, Any]] | None = None


class File(_Record):
    """A file that a pull request changes."""

    filename: str | None = None
    status: str | None = None
    additions: Number | None = None
    deletions: Number | None = None
    previous_filename: str | None = None


class _Runs(_Record):
    items: list[WorkflowRun] = msgspec.field(default_factory=list, name="workflow_runs")


class _Jobs(_Record):
    items: list[Job] = msgspec.field(default_factory=list, name="jobs")


ENVELOPES: dict[Any, Any] = {WorkflowRun: _Runs, Job: _Jobs}
"""Kinds whose listings come in an object beside their count."""

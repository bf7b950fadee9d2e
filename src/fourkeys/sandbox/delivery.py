"""Releases, deployments and workflow runs as the REST API shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fourkeys.sandbox.accounts import Json, node_id, stamp

if TYPE_CHECKING:
    from fourkeys.sandbox.accounts import Accounts
    from fourkeys.sandbox.model import Deployment, Release, Repository, Run


class Delivery:
    """Releases, tags, branches, deployments and workflow runs of one repository."""

    def __init__(self, repository: Repository, accounts: Accounts) -> None:
        self._accounts = accounts
        self._url = f"{accounts.api}/repos/{repository.full_name}"
        self._web = f"{accounts.base}/{repository.full_name}"

    def ref(self, name: str, sha: str) -> Json:
        """Return a tag or a branch."""
        return {"name": name, "commit": {"sha": sha, "url": f"{self._url}/commits/{sha}"}, "protected": False}

    def release(self, release: Release) -> Json:
        """Return a release."""
        url, draft = f"{self._url}/releases/{release.id}", release.published_at is None
        tag = f"untagged-{release.id:020x}" if draft else release.tag
        return {
            "url": url,
            "html_url": f"{self._web}/releases/tag/{tag}",
            "assets_url": f"{url}/assets",
            "upload_url": f"{url}/assets{{?name,label}}",
            "tarball_url": None if draft else f"{self._url}/tarball/{release.tag}",
            "zipball_url": None if draft else f"{self._url}/zipball/{release.tag}",
            "id": release.id,
            "node_id": node_id("Release", release.id),
            "tag_name": release.tag,
            "target_commitish": release.target_commitish,
            "name": release.name,
            "body": release.body,
            "draft": draft,
            "prerelease": release.prerelease,
            "author": self._accounts.user(release.author),
            "created_at": stamp(release.created_at),
            "published_at": stamp(release.published_at),
            "assets": [],
        }

    def deployment(self, deployment: Deployment) -> Json:
        """Return a deployment."""
        url = f"{self._url}/deployments/{deployment.id}"
        return {
            "url": url,
            "id": deployment.id,
            "node_id": node_id("Deployment", deployment.id),
            "task": "deploy",
            "sha": deployment.sha,
            "ref": deployment.ref,
            "environment": deployment.environment,
            "description": None,
            "creator": self._accounts.user(deployment.creator),
            "created_at": stamp(deployment.created_at),
            "updated_at": stamp(deployment.statuses[-1][1]),
            "statuses_url": f"{url}/statuses",
        }

    def statuses(self, deployment: Deployment) -> list[Json]:
        """Return the statuses of a deployment, newest first."""
        return [
            {
                "id": deployment.id * 10 + place,
                "node_id": node_id("DeploymentStatus", deployment.id * 10 + place),
                "state": state,
                "creator": self._accounts.user(deployment.creator),
                "description": "",
                "environment": deployment.environment,
                "created_at": stamp(at),
                "updated_at": stamp(at),
                "deployment_url": f"{self._url}/deployments/{deployment.id}",
            }
            for place, (state, at) in reversed(list(enumerate(deployment.statuses)))
        ]

    def run(self, run: Run) -> Json:
        """Return a workflow run."""
        return {
            "id": run.id,
            "node_id": node_id("WorkflowRun", run.id),
            "name": "deploy",
            "workflow_id": run.id // 1_000_000,
            "run_number": run.number,
            "run_attempt": 1,
            "head_branch": run.branch,
            "head_sha": run.sha,
            "event": "push",
            "status": "completed",
            "conclusion": run.conclusion,
            "url": f"{self._url}/actions/runs/{run.id}",
            "html_url": f"{self._web}/actions/runs/{run.id}",
            "created_at": stamp(run.created_at),
            "updated_at": stamp(run.updated_at),
            "run_started_at": stamp(run.created_at),
        }

    def jobs(self, run: Run) -> list[Json]:
        """Return the jobs of a workflow run."""
        return [
            {
                "id": run.id * 10 + place,
                "node_id": node_id("WorkflowJob", run.id * 10 + place),
                "run_id": run.id,
                "run_url": f"{self._url}/actions/runs/{run.id}",
                "url": f"{self._url}/actions/jobs/{run.id * 10 + place}",
                "html_url": f"{self._web}/actions/runs/{run.id}/job/{run.id * 10 + place}",
                "check_run_url": f"{self._url}/check-runs/{run.id * 10 + place}",
                "head_sha": run.sha,
                "name": name,
                "status": "completed",
                "conclusion": conclusion,
                "started_at": stamp(began),
                "completed_at": stamp(ended),
                "steps": [{"name": name, "status": "completed", "conclusion": conclusion, "number": 1}],
            }
            for place, (name, conclusion, began, ended) in enumerate(run.jobs)
        ]

"""One example for the help of each command."""

from __future__ import annotations

EXAMPLES = {
    "init": "fourkeys init --org acme",
    "doctor": "fourkeys doctor --json",
    "extract ghes": "fourkeys extract ghes issues pulls --repo acme/shop --since 2d --out data",
    "extract heroku": "fourkeys extract heroku --app shop --out data",
    "extract incidents": "fourkeys extract incidents --since 2026-11-01 --out data",
    "extract requests": "fourkeys extract requests '/var/log/app/*.ndjson.gz' --service shop --out data",
    "extract deployed": "fourkeys extract deployed --out data",
    "load": "fourkeys load data deployments.csv",
    "build": "fourkeys build --config shop.toml",
    "run": "fourkeys run --since 2026-01-01",
    "metrics": "fourkeys metrics --by month --service shop --format json",
    "explain": "fourkeys explain change_lead_time --service shop --period 2026-03",
    "check": "fourkeys check --service shop",
    "report": "fourkeys report --lang ja --out report.html",
    "dashboard link": "fourkeys dashboard link --name 'Four keys'",
    "status": "fourkeys status --json",
    "sources": "fourkeys sources --config shop.toml",
    "schema": "fourkeys schema issues --format bigquery",
    "lineage": "fourkeys lineage --downstream ghes_releases",
    "demo": "fourkeys demo --dir /tmp/demo",
}
"""By command, without the program's name."""


def epilog(command: str) -> str:
    """Return what stands below the help of a command."""
    return f"Example: {EXAMPLES[command]}"

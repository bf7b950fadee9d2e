"""Only spellings that mean the same in BigQuery and, through sqlglot, in DuckDB (docs/decisions.md, 2)."""

from __future__ import annotations

import re

import pytest

from fourkeys.mart.views import View, views

# What must not stand in a view, why, and an example that the pattern must find.
REFUSED = {
    r"timestamp_diff\([^()]*,\s*(?!microsecond)\w+\s*\)": ("BigQuery counts whole units", "timestamp_diff(a, b, hour)"),
    r"\bcount_?if\(": ("NULL over no rows in DuckDB", "countif(x)"),
    r"\b(approx_\w+|median|max_by|min_by|farm_fingerprint|contains_substr)\(": (
        "not exact, or not in both",
        "max_by(a, b)",
    ),
    r"\bpercentile_\w+\([^()]*\)(?!\s*over)": ("BigQuery has it as a window only", "percentile_cont(x, 0.5)\n)"),
    r"(?<!cast\()\bdate_trunc\(": ("a TIMESTAMP in DuckDB", ", date_trunc(d, month)"),
    r"\b(date_add|date_sub|div|unix_seconds|timestamp_millis|timestamp_micros)\(": ("wrong type or value", "div(a, b)"),
    r"\b(format_timestamp|parse_timestamp|extract|format|generate_timestamp_array)\(": (
        "zone or base differ",
        "extract(day",
    ),
    r"\bcurrent_\w+\b": ("the clock is ${now}", "current_date('UTC')"),
    r"/\s*(?!\d|nullif\()\w": ("an error in BigQuery, infinite in DuckDB: safe_divide", "a / b"),
    r"\bwith offset\b": ("from 1 in DuckDB", "unnest(x) with offset"),
    r"\b(numeric|bignumeric)\b": ("digits differ", "cast(x as numeric)"),
    r"\b(un)?pivot\b": ("order of columns differs", "unpivot"),
}


def found(pattern: str, text: str) -> list[str]:
    """Return what *pattern* finds in SQL without its comments and texts."""
    bare = re.sub(r"--[^\n]*|r?'(?:[^'\\]|\\.)*'", "''", text)
    return [match[0] for match in re.finditer(pattern, bare, re.IGNORECASE)]


@pytest.mark.parametrize("pattern", REFUSED)
def test_spelling(pattern: str) -> None:
    """No view uses a spelling that one of the engines reads otherwise."""
    why, example = REFUSED[pattern]

    assert found(pattern, example), "the pattern finds its own example"
    assert {} == {view.name: hits for view in views() if (hits := found(pattern, view.text))}, why


@pytest.mark.parametrize("view", views(), ids=lambda view: view.name)
def test_style(view: View) -> None:
    """Lower case, common table expressions first, lines of at most 120 characters."""
    text = view.text

    assert text.startswith("with\n\n")
    assert text.endswith("\n")
    assert max(map(len, text.splitlines())) <= 120
    assert not re.search(r"\b(SELECT|FROM|WHERE|JOIN)\b", text)

"""What a scenario expects: the figures of its service, and rows of views."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fourkeys.mart.views import models

Row = dict[str, Any]


def assert_figures(expect: Row, row: Row) -> None:
    """Compare the keys that *expect* names, numbers to 1e-6."""
    for key, value in expect.items():
        assert wanted(value) == row[key], f"{row.get('service', '')} {key}"


def assert_views(views: dict[str, list[Row]], read: Callable[[str], list[Row]]) -> None:
    """Compare the rows that *views* names with those that *read* returns for a view.

    A row is found by the columns of the view's key that are given; `absent: true` says that there is none.
    """
    for view, rows in views.items():
        held = read(view)
        for row in rows:
            key = [column for column in models()[view].key if column in row]
            found = [each for each in held if all(row[column] == each[column] for column in key)]
            if row.get("absent"):
                assert [] == found, view
            else:
                assert 1 == len(found), (view, row)
                assert_figures(row, found[0])


def wanted(value: Any) -> Any:
    """Return what a figure is compared with."""
    return pytest.approx(value, rel=1e-6) if isinstance(value, float) else value

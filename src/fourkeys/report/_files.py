"""Where the files of the dashboards are: in the installed package, or in the checkout."""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


def folder() -> Traversable:
    """Return the folder `dashboards/`."""
    installed = resources.files("fourkeys") / "dashboards"
    return installed if installed.is_dir() else Path(__file__).parents[3] / "dashboards"


@cache
def sql_file(name: str) -> str:
    """Return the GoogleSQL of one chart, with the placeholders of `fourkeys.mart.views`."""
    return (folder() / "datastudio" / f"{name}.sql").read_text(encoding="utf-8")


@cache
def page_file(name: str) -> str:
    """Return one file of the page: markup, style, script or words."""
    return (folder() / "report" / name).read_text(encoding="utf-8")

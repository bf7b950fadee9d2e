"""The local dashboard: one HTML file that asks nobody for anything."""

from __future__ import annotations

from fourkeys.report._page import Language, write_report

__all__ = ["Language", "write_report"]

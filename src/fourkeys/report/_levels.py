"""What DORA published to compare with: means of its Quick Check, and the level bands of earlier years.

The scores themselves are columns of the mart (`sql/intermediate/int_four_keys.sql`). The bands are groups found in the
surveys of their year, no thresholds to aim at; DORA gave them up in 2025, so they are only ever shown with their year.
Sources: dora.dev/quickcheck (2025), the Accelerate State of DevOps reports of 2021 and 2024.
"""

from __future__ import annotations

YEAR = 2025
"""The year of the scale and of the means."""

MEANS = {"frequency": 4.8, "lead_time": 5.5, "failure_rate": 8.1, "recovery": 7.4, "rework": 7.8}
"""Mean scores of all industries in 2025 (the two rates inverted, as the Quick Check shows them)."""

_HOUR, _DAY, _WEEK, _MONTH, _HALF_YEAR = 1.0, 24.0, 168.0, 730.5, 4383.0

BANDS: dict[int, dict[str, tuple[tuple[str, float, float | None], ...]]] = {
    2021: {
        "frequency": (
            ("elite", 1, None),
            ("high", _DAY / _MONTH, 1 / 7),
            ("medium", _DAY / _HALF_YEAR, _DAY / _MONTH),
            ("low", 0, _DAY / _HALF_YEAR),
        ),
        "lead_time": (
            ("elite", 0, _HOUR),
            ("high", _DAY, _WEEK),
            ("medium", _MONTH, _HALF_YEAR),
            ("low", _HALF_YEAR, None),
        ),
        "failure_rate": (("elite", 0, 0.15), ("high, medium, low", 0.16, 0.30)),
        "recovery": (("elite", 0, _HOUR), ("high", _HOUR, _DAY), ("medium", _DAY, _WEEK), ("low", _HALF_YEAR, None)),
    },
    2024: {
        "frequency": (
            ("elite", 1, None),
            ("high", 1 / 7, 1),
            ("medium", _DAY / _MONTH, 1 / 7),
            ("low", _DAY / _HALF_YEAR, _DAY / _MONTH),
        ),
        "lead_time": (
            ("elite", 0, _DAY),
            ("high", _DAY, _WEEK),
            ("medium", _WEEK, _MONTH),
            ("low", _MONTH, _HALF_YEAR),
        ),
        "failure_rate": (
            ("elite", 0.05, 0.05),
            ("medium", 0.10, 0.10),
            ("high", 0.20, 0.20),
            ("low", 0.40, 0.40),
        ),
        "recovery": (("elite", 0, _HOUR), ("high, medium", _HOUR, _DAY), ("low", _WEEK, _MONTH)),
    },
}
"""Year, key, and its groups: name, from, to (None is no end). Per day, hours, and shares of 1; gaps are DORA's own.

2021's elite recover in less than an hour and its high in less than a day; the band of high starts where elite ends.
2024's failure rates are single values, and its medium group fails less than its high one.
"""

"""Which tests go to one worker: those that share what takes its time to set up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest


class OneWorkerEach(LoadScopeScheduling):
    """Schedules by what *scope* says that a test shares; with pytest 9.2, xdist does not see the groups of marks."""

    def __init__(self, config: pytest.Config, log: Any, scope: Callable[[str], str]) -> None:
        super().__init__(config, log)
        self._scope = scope

    def _split_scope(self, nodeid: str) -> str:
        return self._scope(nodeid)

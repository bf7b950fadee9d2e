"""What a check says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fourkeys.errors import FourkeysError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Check:
    """One finding of the doctor.

    Attributes:
        name: of the check.
        state: ok; warn where something is left out or may go wrong; fail where a run fails by it.
        reason: what was seen, without secrets.
        fix: the next step; empty where nothing needs one.
    """

    name: str
    state: State
    reason: str
    fix: str = ""


def failed(name: str, error: FourkeysError) -> Check:
    """Turn an error into a failed check."""
    return Check(name, "fail", error.message, error.hint)


def guarded(name: str, look: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    """Yield what *look* finds; an error that it raises is a failed check called *name*."""
    try:
        yield from look()
    except FourkeysError as error:
        yield failed(name, error)

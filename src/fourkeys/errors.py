"""Everything that fourkeys raises on purpose, and the exit code of each.

    FourkeysError                 1   the run failed
    ├── UsageError                2   a flag or argument does not fit
    ├── ConfigError               2   fourkeys.toml or the environment does not fit
    ├── SourceError               1   an outside system could not be read
    │   ├── AuthenticationError   1   it refused who we are
    │   ├── NotFoundError         1   it does not know what we asked for
    │   └── UnreachableError      1   no answer, after retries
    ├── FileError                 1   a CSV or manifest is not what it claims to be
    ├── WarehouseError            1   the warehouse refused
    ├── PartialError              3   a part was done and kept; the rest is named
    └── CheckError                4   data-quality checks failed

Each error names the thing, the cause, and (in `hint`) the next step. 130 (interrupted) is the shell's;
99 is never used, because Airflow reads it as "skipped".
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding JSON raises for bytes that are not what they should be: another shape, no UTF-8, nested too deep."""


class FourkeysError(Exception):
    """The root of all errors that fourkeys raises on purpose.

    Attributes:
        message: what is wrong, with the name of the thing and the cause.
        hint: the next step for the person who reads it; may be empty.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(FourkeysError):
    """A flag or argument does not fit."""

    exit_code = 2


class ConfigError(FourkeysError):
    """The configuration file or the environment does not fit."""

    exit_code = 2


class SourceError(FourkeysError):
    """An outside system could not be read."""


class AuthenticationError(SourceError):
    """An outside system refused the credentials."""


class NotFoundError(SourceError):
    """An outside system does not know what was asked for."""


class UnreachableError(SourceError):
    """An outside system gave no usable answer, after all retries."""


class FileError(FourkeysError):
    """A CSV or a manifest is not what it claims to be."""


class WarehouseError(FourkeysError):
    """The warehouse refused a statement or cannot be opened."""


class PartialError(FourkeysError):
    """A part was done and is kept; the message names the rest."""

    exit_code = 3


class CheckError(FourkeysError):
    """Data-quality checks failed."""

    exit_code = 4

"""CSV files and their manifest: the one way rows leave a source.

The dialect is RFC 4180 with two additions: NULL is an empty unquoted field and the empty string is `""`.
A file appears under its final name only when it is complete; `manifest.json` beside it says what it holds.
"""

from fourkeys.files._dialect import Dialect
from fourkeys.files._manifest import (
    MANIFEST,
    Failure,
    Manifest,
    StreamEntry,
    read_manifest,
    verify,
    write_manifest,
)
from fourkeys.files._output import CHECKPOINT, Output

__all__ = [
    "CHECKPOINT",
    "MANIFEST",
    "Dialect",
    "Failure",
    "Manifest",
    "Output",
    "StreamEntry",
    "read_manifest",
    "verify",
    "write_manifest",
]

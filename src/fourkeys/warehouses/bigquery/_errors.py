"""What BigQuery refuses, told with the thing, the cause and the next step."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from google.api_core import exceptions as google
from google.auth import exceptions as auth
from requests import exceptions as requests

from fourkeys.errors import FileError, WarehouseError
from fourkeys.warehouses.header import NOTHING_LOADED, line_of_byte

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_ROLES = (
    "grant roles/bigquery.dataEditor on the datasets and roles/bigquery.jobUser on the project that pays; "
    "docs/bigquery.md has the commands"
)
_HINTS = (
    ("bytesBilledLimitExceeded", "raise [warehouse].maximum_bytes_billed, or load less at once"),
    ("rateLimitExceeded", "too many jobs at once: run it again, or let fewer loaders run together"),
    ("quotaExceeded", "a quota of the project is used up: run it again tomorrow, or ask for more in the console"),
    ("accessDenied", _ROLES),
    ("billingNotEnabled", "the project needs a billing account: the sandbox of BigQuery has no DML"),
)
_CONFLICT = re.compile(r"concurrent (update|transaction)|aborted due to", re.IGNORECASE)

_REQUEST = re.compile(r"^(GET|POST|PUT|PATCH|DELETE) https?://\S+: ")
"""What Google's library writes before BigQuery's own words."""
_OFFSET = re.compile(r"byte_offset_to_start_of_line: (\d+)|starting at (?:location|position):? ?(\d+)")
_COLUMN = re.compile(r'column_name: "([^"]+)"|for field (\S+) \(position')
_POSITION = re.compile(r"column_index: (\d+)|column index: (\d+)|column position (\d+)")
_VALUE = re.compile(r'value: "((?:[^"\\]|\\.)*)|parse \'((?:[^\'\\]|\\.)*)\' as')
_TYPE = re.compile(r"column_type: (\w+)|' as (\w+) for field")
_WRAPPING = re.compile(
    r"^Error while reading data, error message: |;? ?line_number: .*$| starting at (location|position).*$"
)


@contextmanager
def told(where: str) -> Iterator[None]:
    """Turn what Google's libraries raise into a WarehouseError about *where*."""
    try:
        yield
    except google.GoogleAPIError as error:
        raise refusal(where, error) from error
    except auth.DefaultCredentialsError as error:
        hint = "`gcloud auth application-default login`, or set [warehouse].service_account to a key file"
        raise WarehouseError(f"{where}: no credentials of Google", hint) from error
    except auth.GoogleAuthError as error:
        hint = "check the account, and that it may act for the one in [warehouse].impersonate"
        raise WarehouseError(f"{where}: the credentials were refused: {_first_line(error)}", hint) from error
    except (requests.RequestException, ConnectionError) as error:
        what = f"{where}: no answer: {type(error).__name__}"
        raise WarehouseError(what, "check the network, and run it again") from error


def refusal(where: str, error: google.GoogleAPIError) -> WarehouseError:
    """Return what BigQuery's refusal means."""
    message = _first_line(error)
    first = _reason(error)
    hint = next((hint for reason, hint in _HINTS if reason == first), "")
    if isinstance(error, google.NotFound):
        hint = "run `fourkeys build` first, and check project, dataset and location"
    elif isinstance(error, google.Forbidden) and not hint:
        hint = _ROLES
    elif _CONFLICT.search(message):
        hint = "another run was writing at the same time: run it again"
    return WarehouseError(f"{where}: {message}", hint)


def bad_file(file: Path, header: Sequence[str], errors: Sequence[Mapping[str, str]]) -> FileError:
    """Return what a load job says of a file, with line and column: its first error that names a place, or its first."""
    messages = [str(error.get("message", "")) for error in errors] or ["it was refused"]
    message = next((text for text in messages if _OFFSET.search(text)), messages[0])
    place = str(file)
    if offset := _found(_OFFSET, message):
        place += f", line {line_of_byte(file, int(offset))}"
    column = _found(_COLUMN, message)
    if not column and (position := _found(_POSITION, message)):
        column = header[int(position)] if int(position) < len(header) else ""
    if column:
        place += f", column {column}"
    value, kind = _VALUE.search(message), _found(_TYPE, message)
    what = f"{(value[1] or value[2] or '')[:80]!r} is no {kind}" if value and kind else _WRAPPING.sub("", message)
    return FileError(f"{place}: {what.strip()}", NOTHING_LOADED)


def _found(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return next((group for group in match.groups() if group), "") if match else ""


def _reason(error: google.GoogleAPIError) -> str:
    errors: Sequence[object] = getattr(error, "errors", None) or ({},)
    return str(errors[0].get("reason", "")) if isinstance(errors[0], dict) else ""


def _first_line(error: Exception) -> str:
    text = _REQUEST.sub("", str(getattr(error, "message", "") or error).strip())
    return text.splitlines()[0].partition("; reason: ")[0] if text else type(error).__name__

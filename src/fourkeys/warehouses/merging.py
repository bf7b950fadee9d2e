"""Which of two rows with one key is the newer one: one definition, in GoogleSQL, for every warehouse.

First comes what is settled (a release that was seen to succeed is not forgotten when Heroku says `expired`), then the
times say (`updated_at`, then `extracted_at`), then the content, so that files may come in any order and the
table ends the same, whichever engine merges them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fourkeys.streams import Type

if TYPE_CHECKING:
    from fourkeys.streams import Column, Stream

_BEGINNING = "timestamp '0001-01-01 00:00:00+00:00'"


def ages(stream: Stream, alias: str) -> list[str]:
    """Return the expressions that order the rows of one key, the most significant first; the newest is greatest."""
    seen = f"{alias}.`{stream.settled}`"
    known = [f"case when {seen} is null then 0 when {seen} = 'expired' then 1 else 2 end"] if stream.settled else []
    times = [f"coalesce({alias}.`{name}`, {_BEGINNING})" for name in stream.newest_by]
    return [*known, *times, content(stream, alias)]


def content(stream: Stream, alias: str) -> str:
    """Return the expression for all values of a row beside its key, as one text that no other values give."""
    parts = [_text(column, alias) for column in stream.columns if column.name not in stream.key]
    return f"concat({', '.join(parts)})"


def newer(stream: Stream, one: str, other: str) -> str:
    """Return the condition under which row *one* is newer than row *other*."""
    condition = ""
    for mine, its in reversed(list(zip(ages(stream, one), ages(stream, other), strict=True))):
        condition = f"({mine} > {its} or ({mine} = {its} and {condition}))" if condition else f"{mine} > {its}"
    return condition


def _text(column: Column, alias: str) -> str:
    """Write a value as `length:text`, and NULL as `n`; numbers and times as they are the same in every engine."""
    value = f"{alias}.`{column.name}`"
    match column.type:
        case Type.STRING | Type.JSON:
            text = value
        case Type.TIMESTAMP:
            text = f"cast(unix_micros({value}) as string)"
        case Type.FLOAT:
            text = f"cast(safe_cast(round({value} * 1000) as int64) as string)"
        case _:
            text = f"cast({value} as string)"
    return f"coalesce(concat(cast(char_length({text}) as string), ':', {text}), 'n')"

"""CSV files, their manifest, and what is left of a run that was killed."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourkeys.errors import FileError
from fourkeys.files import CHECKPOINT, Dialect, Failure, Output, StreamEntry, read_manifest, verify
from fourkeys.streams import STREAMS
from fourkeys.window import Watermark

LABELS = STREAMS["ghes_labels"]
HEADER = b"host,repository,id,name,color,description,is_default,node_id,url,extracted_at\n"
AT = "2026-11-24T00:00:00Z"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def label(number: int, name: str | None = "bug") -> tuple[Any, ...]:
    """Return a row of ghes_labels."""
    return ("h", "o/r", number, name, "ff0000", None, False, "", None, AT)


def test_null_is_empty_and_the_empty_string_is_quoted() -> None:
    """NULL and "" stay apart; booleans are words."""
    assert (b'h,o/r,1,bug,ff0000,,false,"",,2026-11-24T00:00:00Z\n', 1) == Dialect(LABELS).encode([label(1)])


@given(st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",)), min_size=1))
def test_text_is_quoted_as_the_csv_module_quotes_it(text: str) -> None:
    """Our own quoting is byte for byte that of Python's csv."""
    expected = io.StringIO()
    csv.writer(expected, lineterminator="\r\n").writerow(["" if v is None else v for v in (*label(1)[:3], text, "x")])
    written = Dialect(LABELS).encode([("h", "o/r", 1, text, "x", None, None, None, None, None)])[0]

    assert expected.getvalue().removesuffix("\r\n").encode() == written.removesuffix(b",,,,,\n")


VALUES = st.sampled_from([None, "", "plain", "a,b", 'q"', "l\n", "\x00", 7, True, AT, "2026-11-24T09:00:00+09:00", "?"])


@given(st.lists(st.tuples(*[VALUES] * 9, st.sampled_from([None, AT, "2026-11-24T09:00:00+09:00", "?"])), max_size=9))
def test_rows_together_are_written_as_each_alone(rows: list[tuple[Any, ...]]) -> None:
    """A page is written column by column; its bytes and what is counted are those of its rows, one after another."""
    together, alone = Dialect(LABELS), Dialect(LABELS)
    expected = b"".join(alone.encode([row])[0] for row in rows)

    assert (expected, len(rows)) == together.encode(iter(rows))
    assert (alone.replaced, alone.untimely) == (together.replaced, together.untimely)


def test_a_long_stream_of_rows_is_written_in_full() -> None:
    """More rows than are turned at once lose none and keep their order."""
    data, count = Dialect(LABELS).encode(label(n) for n in range(1_001))

    assert 1_001 == count
    assert [str(n) for n in range(1_001)] == [line.split(",")[2] for line in data.decode().splitlines()]


@pytest.mark.parametrize(("text", "replaced"), [("a\x00b\x00", 2), ("\ud83d", 1)])
def test_what_no_csv_can_hold_is_replaced_and_counted(text: str, replaced: int) -> None:
    """NUL bytes and lone surrogates become U+FFFD."""
    dialect = Dialect(LABELS)
    data, _ = dialect.encode([label(1, text)])

    assert (replaced, replaced) == (dialect.replaced, data.decode().count("\ufffd"))


def test_times_are_moved_to_utc_and_lists_are_json() -> None:
    """A time with an offset is written with Z; a datetime too; a list is JSON."""
    commits = Dialect(STREAMS["ghes_commits"])
    row = ["h", "r", "s", ["a", "b"], None, None, "2026-01-01T09:00:00+09:00", NOON, *[None] * 11]

    expected = b'h,r,s,"[""a"",""b""]",,,2026-01-01T00:00:00Z,2026-11-24T12:00:00Z,,,,,,,,,,,\n'
    assert expected == commits.encode([row])[0]


@pytest.mark.parametrize("text", ["foobar", "2010/04/10 14:10:01 -0700", "barZ"])
def test_a_time_that_cannot_be_read_is_null_and_counted(text: str) -> None:
    """What is no time does not stop a run, and is no value that a loader would refuse."""
    dialect = Dialect(LABELS)

    assert dialect.encode([("h", *[None] * 8, text)])[0] == b"h,,,,,,,,,\n"
    assert dialect.untimely == 1


def test_files_appear_when_complete_with_their_manifest(tmp_path: Path) -> None:
    """Nothing has its final name before the end; then rows, size, digest, marks and failures are in the manifest."""
    mark = Watermark("ghes_labels", "o/r", NOON, "{}")
    failure = Failure("ghes_labels", "o/x", "gone", "look")
    with Output(tmp_path) as output:
        output.write(LABELS, [label(1), label(2, "a\x00")])
        assert [path.name for path in tmp_path.iterdir()] == ["ghes_labels.csv.part"]
        output.note(LABELS, watermarks=[mark], requests=3, warnings=["w"], failures=[failure])
        output.timed(NOON, NOON)

    manifest = read_manifest(tmp_path)
    assert manifest is not None
    entry = manifest.streams["ghes_labels"]
    assert ({"ghes_labels.csv", "manifest.json"}) == {path.name for path in tmp_path.iterdir()}
    assert (2, 3, (mark,), (failure,)) == (entry.rows, entry.requests, entry.watermarks, entry.failures)
    assert ("w", "1 characters that no CSV can hold became U+FFFD") == entry.warnings
    verify(entry, tmp_path / entry.file)


def test_an_empty_stream_has_its_header(tmp_path: Path) -> None:
    """A stream without records is a file with one line."""
    with Output(tmp_path) as output:
        output.open(LABELS)

    assert HEADER == (tmp_path / "ghes_labels.csv").read_bytes()


def test_a_failed_run_leaves_nothing_and_keeps_what_was_there(tmp_path: Path) -> None:
    """An exception removes the temporary files; the files of an earlier run stay."""
    (tmp_path / "ghes_labels.csv").write_text("old")
    with pytest.raises(RuntimeError), Output(tmp_path) as output:  # noqa: PT012 - the run is the statement
        output.write(LABELS, [label(1)])
        raise RuntimeError

    assert ["old"] == [path.read_text() for path in tmp_path.iterdir()]


def test_stdout_takes_the_bytes_of_the_file(tmp_path: Path) -> None:
    """One stream to an open file is the same bytes; a second stream is refused."""
    target = io.BytesIO()
    with Output.stdout(LABELS, target) as streaming, Output(tmp_path) as output:
        for each in (streaming, output):
            each.write(LABELS, [label(1)])
        with pytest.raises(FileError, match="standard output"):
            streaming.open(STREAMS["ghes_issues"])

    assert (tmp_path / "ghes_labels.csv").read_bytes() == target.getvalue()


def die(output: Output) -> None:
    """Close what the end of a process closes."""
    for writer in output._writers.values():
        writer.target.close()
    output._let_go()


def test_a_killed_run_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    """What was written after the checkpoint is cut off; the result is that of an uninterrupted run."""
    killed = Output(tmp_path / "killed")
    assert killed.resume("plan") is None
    killed.write(LABELS, [label(1)])
    killed.checkpoint(b'{"next":2}')
    killed.write(LABELS, [label(2), label(3)])
    die(killed)

    with Output(tmp_path / "killed") as again:
        assert again.resume("plan") == b'{"next":2}'
        again.write(LABELS, [label(2)])
        again.timed(NOON, NOON)
    with Output(tmp_path / "whole") as whole:
        whole.write(LABELS, [label(1), label(2)])
        whole.timed(NOON, NOON)

    assert read_manifest(tmp_path / "whole") == read_manifest(tmp_path / "killed")
    assert (tmp_path / "whole" / "ghes_labels.csv").read_bytes() == (
        tmp_path / "killed" / "ghes_labels.csv"
    ).read_bytes()
    assert not (tmp_path / "killed" / CHECKPOINT).exists()


def test_another_plan_starts_anew(tmp_path: Path) -> None:
    """A checkpoint of another plan is no help, and its rows do not leak."""
    killed = Output(tmp_path)
    killed.resume("plan")
    killed.write(LABELS, [label(1)])
    killed.checkpoint(b"{}")
    die(killed)

    with Output(tmp_path) as other:
        assert other.resume("other plan") is None
        other.open(LABELS)

    assert HEADER == (tmp_path / "ghes_labels.csv").read_bytes()


def test_interrupted_runs_keep_what_a_checkpoint_vouches_for(tmp_path: Path) -> None:
    """After an interrupt the temporary file waits beside its checkpoint, and no CSV is visible."""
    with pytest.raises(KeyboardInterrupt), Output(tmp_path) as output:  # noqa: PT012 - the run is the statement
        output.resume("plan")
        output.write(LABELS, [label(1)])
        output.checkpoint(b"{}")
        raise KeyboardInterrupt

    assert {"checkpoint.json", "ghes_labels.csv.part"} == {path.name for path in tmp_path.iterdir()}


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    """Another size or another content is not what the manifest describes."""
    file = tmp_path / "ghes_labels.csv"
    file.write_bytes(b"abc")

    with pytest.raises(FileError, match="3 bytes where it says 4"):
        verify(StreamEntry(file.name, bytes=4), file)
    with pytest.raises(FileError, match="other content"):
        verify(StreamEntry(file.name, bytes=3, sha256="0"), file)


def test_manifests_are_none_or_readable_or_an_error(tmp_path: Path) -> None:
    """No manifest is None; one that is none is an error that says what to do."""
    assert read_manifest(tmp_path) is None
    (tmp_path / "manifest.json").write_text(json.dumps({"version": 1}))

    with pytest.raises(FileError, match="not a manifest"):
        read_manifest(tmp_path)


def test_manifests_of_two_sources_merge(tmp_path: Path) -> None:
    """The streams of both are there; the times are those of the longer run."""
    for name in ("ghes_labels", "ghes_users"):
        with Output(tmp_path / name) as output:
            output.open(STREAMS[name])
            output.timed(NOON, NOON)
    one, two = read_manifest(tmp_path / "ghes_labels"), read_manifest(tmp_path / "ghes_users")
    assert one
    assert two

    assert ["ghes_labels", "ghes_users"] == list(one.merge(two).streams)


def test_two_runs_do_not_write_into_one_folder(tmp_path: Path) -> None:
    """The second one is refused with the folder's name, and spoils nothing; later, others may write."""
    stream = STREAMS["ghes_labels"]
    with Output(tmp_path) as first:
        first.open(stream)
        with pytest.raises(FileError, match="another run is writing there"), Output(tmp_path) as second:
            second.open(stream)
    with Output(tmp_path) as third:
        third.open(stream)

    assert (tmp_path / "ghes_labels.csv").read_bytes().startswith(b"host,repository,id,")


def test_a_full_disk_is_named() -> None:
    """What the system cannot write is an error of ours with the cause."""
    stream = STREAMS["ghes_labels"]
    with (
        Path("/dev/full").open("wb", buffering=0) as full,
        pytest.raises(FileError, match="No space left"),
        Output.stdout(stream, full) as output,
    ):
        output.open(stream)

"""The fuzzed doors on what was a bug once, and on seeds that Hypothesis breaks; `make fuzz` goes further."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from seeds import seeds
from targets import API_STREAMS, TARGETS

if TYPE_CHECKING:
    from collections.abc import Callable

DEEP = b"[" * 3000
LABELS, PULLS, COUNTS, HEROKU, DEPLOYMENTS = (bytes([place]) for place in range(5))
NDJSON, TABLE, COMBINED = (bytes([place]) for place in range(3))
ISSUES, COMMENTS = (bytes([API_STREAMS.index(f"ghes_{name}")]) for name in ("issues", "issue_comments"))
HEROKU_APP, FILES, STATE = (bytes([len(API_STREAMS) + place]) for place in (0, 1, 2))
LINE = b'{"ts":"2026-01-01T00:00:00Z","status":200,"service":"a"'
WERE_BUGS = {
    "csv_loader": {
        "a part of a number": LABELS + b"host,repository,id\nh,o/r,1.5\n",
        "a number in hexadecimal": LABELS + b"host,repository,id\nh,o/r,0x1F\n",
        "a time without end": DEPLOYMENTS + b"service,deployment_id,finished_at\na,1,infinity\n",
        "a year of five digits": DEPLOYMENTS + b"service,deployment_id,finished_at\na,1,10000-01-01\n",
        "a year before Christ": DEPLOYMENTS + b"service,deployment_id,finished_at\na,1,0000-01-01\n",
        "a year of one digit": COUNTS + b"service_key,minute,status_class\na,6-01-01T00:00Z,2xx\n",
        "an hour of three digits": COUNTS + b"service_key,minute,status_class\na,2026-01-01T002:00Z,2xx\n",
        "a quote without end": LABELS + b'host,repository,id,name\nh,o/r,1,"a\n',
        "lines that end in two ways": HEROKU + b"app_id,version,status,first_terminal_status\na,1,expired,d\r\n",
        "no number": COUNTS + b"service_key,minute,status_class,duration_ms_sum\na,2026-01-01,2xx,nan\n",
        "a bad value behind a long text": LABELS
        + b"host,repository,id,name\nh,o/r,1," + b"x" * 140_000 + b"\nh,o/r,x,\n",
    },
    "config_parser": {
        "nested too deep": b"a = " + DEEP,
        "a number of 5000 digits": b"[metrics]\nrequest_minimum = " + b"9" * 5000,
        "a folder of zones": b'[metrics]\ntimezone = "Asia"',
        "an empty zone": b'[metrics]\ntimezone = ""',
        "not a number": b"[metrics]\nincident_link_hours = nan",
        "more than any number": b"[metrics]\nrequest_z = inf",
        "a lag of more than all time": b"[sources.ghes]\nlag_minutes = 1e300",
        "no requests at all": b"[sources.ghes]\nconcurrency = 0",
        "NUL in a path": b'[sources.ghes]\ntoken_file = "a\\u0000b"',
        "a home of nobody": b'[sources.ghes]\ntoken_file = "~nobodyhere/x"',
        "a newline in SQL": b"[metrics]\nenvironment = \"a\\nb'\\\\\"\nhotfix_branches = [\"\\r'\", \"${now}\"]",
        "a status that is none": b'[sources.requests]\nfailed = ["0xx"]',
        "no host": b'[sources.ghes]\nurl = "https://[bad"',
        "a port that is none": b'[sources.ghes]\nurl = "https://x:99999999"',
    },
    "log_parsers": {
        "nested too deep": NDJSON + LINE + b',"x":' + DEEP + b"\n",
        "something between minute and Z": NDJSON + b'{"ts":"2026-01-01T00:00+09:00Z","status":200}\n' + LINE + b"}\n",
        "a duration without end": COMBINED
        + b'::1 - - [01/Mar/2026:00:00:59 +0900] "GET / HTTP/1.0" 200 12 "a" "b" ' + b"9" * 400 + b"\n",
        "durations that add up to no number": NDJSON + 3 * (LINE + b',"duration_ms":1e308}\n'),
        "a digit that is no number": TABLE + "ts,service,status\n²,a,200\n".encode(),
    },
    "api_decoders": {
        "nested too deep": ISSUES + b'200\n\n[{"id":1,"x":' + DEEP,
        "no UTF-8": ISSUES + b'200\n\n[{"id":1,"title":"\xff"}]',
        "a number that no table holds": ISSUES + b'200\n\n[{"id":1,"number":' + b"9" * 30 + b"}]",
        "a digit that is no number": COMMENTS + '200\n\n[{"id":1,"issue_url":"x/²"}]'.encode(),
        "a wait of a digit that is no number": COMMENTS + b"429\nretry-after: \xb2\n\n{}",
        "a wait of thirty years": COMMENTS + b"429\nretry-after: 999999999\n\n{}",
        "a time before all times": COMMENTS + b'200\n\n[{"id":1,"created_at":"0001-01-01T00:00:00+09:00"}]',
        "a month that is none": COMMENTS + b'200\n\n[{"id":1,"updated_at":"2026-99-01T00:00:00Z"}]',
        "a redirect to nowhere": COMMENTS + b"302\nlocation: http://[\n\n[]",
        "a link to nowhere": COMMENTS + b'200\nlink: <http://ghes.test/\x01>; rel="next"\n\n[{"id":1}]',
        "a range that no header can carry": HEROKU_APP + "200\nNext-Range: ä\n\n[]".encode(),
        "a manifest of no UTF-8": FILES + b'{"\xff',
        "a state that is no time": STATE + b'{"newest":"yesterday"}',
    },
}  # fmt: skip


@pytest.mark.parametrize(("target", "name"), [(target, name) for target, cases in WERE_BUGS.items() for name in cases])
def test_what_was_a_bug_is_none(target: str, name: str) -> None:
    """Each input once gave a traceback or a wrong row; now it is refused, or read as it is."""
    TARGETS[target](WERE_BUGS[target][name])


@pytest.mark.parametrize("target", TARGETS)
def test_broken_seeds_break_nothing(target: str) -> None:
    """Seeds with a part cut out, doubled or replaced: no traceback and no row that is not in them."""
    cases = seeds()[target]

    @settings(
        max_examples=20 if target == "csv_loader" else 40,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        seed=st.sampled_from(cases),
        place=st.integers(0, 400),
        length=st.integers(0, 12),
        put=st.binary(max_size=6) | st.sampled_from([b'"', b",", b"\n", b"\r\n", b"\x00", b"\xff", b"9" * 30, b"null"]),
    )
    @example(seed=b"", place=0, length=0, put=b"")
    def attempt(seed: bytes, place: int, length: int, put: bytes) -> None:
        at = min(place, len(seed))
        target_of(target)(seed[:at] + put + seed[at + length :])

    attempt()


def target_of(name: str) -> Callable[[bytes], None]:
    """Return a target by its name."""
    return TARGETS[name]

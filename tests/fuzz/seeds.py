"""Where fuzzing starts from: a few inputs of each target, made here."""

from __future__ import annotations

import msgspec
import targets

TOML = b"""\
[metrics]
timezone = "Asia/Tokyo"
incident_link_hours = 24
environment = "production"
hotfix_labels = ["hotfix"]
hotfix_branches = ["hotfix/", 'fix\\']
request_window_minutes = 30
request_minimum = 100
request_z = 4.0
request_rate_increase = 0.01
availability_target = 0.999

[warehouse]
url = "duckdb:///fourkeys.duckdb"
location = "asia-northeast1"
maximum_bytes_billed = 1_000_000

[datastudio]
template_report_id = "id"

[sources.ghes]
url = "https://ghe.example.com/api/v3"
token_env = "T"
token_file = "~/token"
lag_minutes = 15
concurrency = 8

[sources.heroku]
url = "https://api.heroku.com"
overlap = 20

[sources.incidents]
name = "bot"
timezone = "UTC"
url_file = "url"
kinds = ["service"]
timeout_seconds = 60
chunk_rows = 5000
[sources.incidents.records]
table = "incidents"
query = ""
columns = { incident_id = "id", started_at = "t" }
[sources.incidents.events]
table = ""

[sources.requests]
files = ["*.ndjson"]
format = "ndjson"
service = "shop"
duration_unit = "ms"
timezone = "UTC"
failed = ["5xx", "429", "500-599"]
lag_minutes = 60
fields = { time = "ts", status = "s" }

[[services]]
name = "shop"
owner = "team"
description = "d"
system = "s"
repositories = ["acme/shop"]
deployments_from = "heroku"
include_prereleases = true
paths = ["a/"]
heroku_apps = { production = ["shop"] }
incident_keys = ["shop"]
request_keys = ["shop"]

[[overrides]]
service = "shop"
deployment = "v1"
environment = "production"
failed = true
recovered_at = 2026-01-01T00:00:00+09:00
reason = "r"
"""

NDJSON = b"""\
{"ts":"2026-01-01T00:00:00Z","service":"a","status":200,"duration_ms":1.5}
{"ts":"2026-01-01T09:00:01.5+09:00","service":null,"status":"503"}
{"ts":1767225600,"status":404,"duration_ms":"-"}
{"ts":"2026-01-01 09:00:00","status":200,"x":[{"y":null}]}
"""

COMBINED = b"""\
::1 - - [01/Mar/2026:00:00:59 +0900] "GET / HTTP/1.0" 200 12
10.0.0.1 - bob [01/Mar/2026:00:01:00 +0900] "GET /\\" HTTP/1.1" 503 - "http://a" "b (c)" 0.25
"""

CSV_LOG = b'''\
ts,service,status,duration_ms
2026-01-01T00:00:00Z,a,200,1.5
2026-01-01T09:00:00+09:00,"b ""c""",503,
1767225600,,404,-
'''

_PEOPLE = b'"user":{"login":"a","id":1},"author":{"login":"a","id":1}'
ISSUE = b'{"id":7,"number":3,"state":"open","title":"t","labels":[{"name":"bug"},"x"],"comments":0,' + _PEOPLE
RECORD = (
    ISSUE
    + b',"created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-02T00:00:00+09:00","body":"\\u0000\\ud83c\\udf89",'
    b'"assignees":[],"milestone":{"title":"m"},"pull_request":{"url":"u"},"issue_url":"http://g/issues/3",'
    b'"sha":"abc","parents":[{"sha":"d"}],"commit":{"author":{"date":"2026-01-01T00:00:00Z","email":"e"},'
    b'"message":"m"},"tag_name":"v1","assets":[{"id":1}],"name":"n","event":"closed","issue":{"number":1},'
    b'"environment":"production","full_name":"o/r","default_branch":"main","login":"bot[bot]"}'
)
GRAPH = (
    b'{"data":{"repository":{"pullRequests":{"pageInfo":{"hasNextPage":false,"endCursor":"c"},"nodes":[{"id":"x",'
    b'"databaseId":1,"number":2,"state":"MERGED","title":"t","createdAt":"2026-01-01T00:00:00Z",'
    b'"updatedAt":"2026-01-01T00:00:00Z","author":{"__typename":"Bot","login":"b"},"labels":{"nodes":[{"name":"l"}]},'
    b'"commits":{"totalCount":1,"nodes":[{"commit":{"oid":"a","author":{"name":"GitHub"},"parents":{"nodes":'
    b'[{"oid":"p"}]}}}]},"reviews":{"nodes":[{"databaseId":3,"state":"APPROVED"}]}}]}}},"errors":null}'
)
GRAPH_ERROR = b'{"data":null,"errors":[{"type":"RATE_LIMITED","message":"API rate limit exceeded"}]}'
HEROKU = (
    b'[{"id":"r","version":1,"status":"succeeded","current":true,"description":"Deploy 0123456","slug":{"id":"s"},'
    b'"artifacts":[{"id":"a","type":"oci-image"}],"app":{"id":"i","name":"app"},"user":{"email":"e"},'
    b'"created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z"}]'
)
HEADERS = (
    b"200\nDate: Tue, 24 Nov 2026 00:00:00 GMT\n"
    b'Link: <http://ghes.test/api/v3/repos/o/r/issues?page=2>; rel="next", <http://ghes.test/x?page=9>; rel="last"\n'
    b'ETag: "e"\n'
)
LIMITED = b"403\nRetry-After: 5\nX-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1790000000\n"
MOVED = b"302\nLocation: /api/v3/repositories/1\n"


def seeds() -> dict[str, list[bytes]]:
    """Return the inputs by target."""
    return {
        "csv_loader": list(_csv()),
        "config_parser": [b"", TOML, *(part for part in TOML.split(b"\n\n"))],
        "log_parsers": [
            b"\x00" + NDJSON, b"\x03" + NDJSON, b"\x01" + CSV_LOG, b"\x02" + COMBINED, b"\x03" + COMBINED,
            b"\x00\xef\xbb\xbf" + NDJSON,
        ],
        "api_decoders": list(_answers()),
    }  # fmt: skip


def _csv() -> list[bytes]:
    heads = {
        "ghes_labels": ("host,repository,id,name,description,is_default", 'h,o/r,{n},"a ""b""\nc",,true'),
        "ghes_pull_request_commits": (
            "host,repository,number,sha,position,parents,message,authored_at",
            'h,o/r,1,a{n},1,"[""x""]","",2026-01-0{n}T00:00:00Z',
        ),
        "request_counts": (
            "service_key,minute,status_class,requests,duration_ms_sum",
            "a,2026-01-01T00:0{n}:00Z,2xx,3,1.5",
        ),
        "heroku_releases": ("app_id,version,status,first_terminal_status", "a,{n},expired,succeeded"),
        "deployments": ("service,deployment_id,sha,finished_at", "shop,{n},abc,2026-01-01T00:00:00+09:00"),
    }
    found = []
    for place, name in enumerate(targets.CSV_STREAMS):
        head, row = heads[name]
        for end in ("\n", "\r\n"):
            lines = [head, *(row.replace("{n}", str(number)) for number in (1, 2, 2))]
            found.append(bytes([place]) + end.join([*lines, ""]).encode())
    return found


def _answers() -> list[bytes]:
    found = []
    for place in range(len(targets.API_STREAMS)):
        one = HEADERS + b"\n[" + RECORD + b"]" + targets._END + b"200\n\n[]"
        found += [bytes([place]) + one, bytes([place]) + b"200\n\n" + RECORD]
    graph = targets.API_STREAMS.index("ghes_pull_requests")
    found += [bytes([graph]) + b"200\n\n" + body for body in (GRAPH, GRAPH_ERROR)]
    for name, key in (("ghes_workflow_runs", b"workflow_runs"), ("ghes_workflow_jobs", b"jobs")):
        body = b'{"total_count":1,"' + key + b'":[' + RECORD + b"]}"
        found.append(bytes([targets.API_STREAMS.index(name)]) + b"200\n\n" + body)
    found += [bytes([2]) + LIMITED + b"\n{}", bytes([2]) + MOVED + b"\n{}"]
    last = len(targets.API_STREAMS)
    found.append(bytes([last]) + b"200\nNext-Range: version ]1..; max=1000\n\n" + HEROKU)
    found.append(bytes([last + 1]) + b'{"version":"1","started_at":"2026-01-01T00:00:00Z","streams":{}}')
    found.append(bytes([last + 1]) + b'{"plan":"plan","files":{},"state":{}}')
    progress = {"newest": "2026-01-01T00:00:00Z", "etag": "e", "last_id": 3, "known": {"1": "x"}, "seen": "s"}
    found.append(bytes([last + 2]) + msgspec.json.encode(progress))
    found.append(bytes([last + 2]) + b'{"last":3,"live":"a","artifacts":{"a":[1,2,"c"]},"statuses":{"4":"failed"}}')
    return found

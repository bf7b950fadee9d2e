"""The documents: true, complete, in step, and run."""

from __future__ import annotations

import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import commands
import pytest
from typer.testing import CliRunner

from fourkeys import config, errors
from fourkeys.cli._app import app
from fourkeys.cli._examples import EXAMPLES
from fourkeys.sandbox import Sandbox
from fourkeys.streams import STREAMS

ROOT = Path(__file__).parents[2]
PAGES = sorted(page for folder in (".", "docs", "dashboards", "bench") for page in (ROOT / folder).glob("*.md"))
README, JAPANESE = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.ja.md"))
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Run the simulated company."""
    with Sandbox(tmp_path_factory.mktemp("company")) as running:
        yield running


def prose(text: str) -> str:
    """Return a page without its code blocks."""
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def links(text: str) -> list[str]:
    """Return the targets of a page's links and pictures."""
    return re.findall(r"\]\(([^)\s]+)\)", prose(text))


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    found: set[str] = set()
    for _, title in HEADING.findall(prose(page.read_text(encoding="utf-8"))):
        slug = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title).lower()).replace(" ", "-")
        number = 0
        while (f"{slug}-{number}" if number else slug) in found:
            number += 1
        found.add(f"{slug}-{number}" if number else slug)
    return found


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_links_lead_somewhere(page: Path) -> None:
    """Relative links name files that are there, and anchors name headings."""
    broken = []
    for link in links(page.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        if "://" in link or link.startswith("mailto:"):
            continue
        target = (page.parent / path).resolve() if path else page
        is_lost = anchor and target.suffix == ".md" and target.exists() and anchor not in anchors(target)
        if is_lost or not target.exists():
            broken.append(link)

    assert [] == broken


def test_every_command_has_a_line_in_the_readme() -> None:
    """Both tables name every command, in one order."""
    rows = [re.findall(r"^\| `fourkeys ([^`]+)` \|", text, re.MULTILINE) for text in (README, JAPANESE)]

    assert sorted(name for name, _ in commands.leaves()) == sorted(rows[0])
    assert rows[0] == rows[1]


def test_every_option_is_documented() -> None:
    """docs/commands.md is what the program says; when it changes, write it anew: see its first lines."""
    assert commands.document() == (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    undescribed = [
        (name, parameter[0])
        for name, command in commands.leaves()
        for parameter in commands.parameters(command)
        if not parameter[1].strip()
    ]
    assert [] == undescribed


@pytest.mark.parametrize("name", list(EXAMPLES))
def test_the_example_of_each_command_parses(name: str) -> None:
    """The example in a command's help is of that command, and its arguments and options are right."""
    leaves = dict(commands.leaves())
    words = shlex.split(EXAMPLES[name])
    count = 1 + len(name.split())

    assert set(EXAMPLES) == set(leaves)
    assert ["fourkeys", *name.split()] == words[:count]
    leaves[name].make_context(name, words[count:])
    assert f"Example: {EXAMPLES[name]}" == leaves[name].epilog


def test_exit_codes_are_those_of_the_errors() -> None:
    """Each exit code of an error stands in both READMEs."""
    kinds = [
        each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, errors.FourkeysError)
    ]
    for text, mark in ((README, "Exit codes: "), (JAPANESE, "終了コード: ")):
        line = next(line for line in text.splitlines() if line.startswith(mark))
        assert {str(each.exit_code) for each in kinds} <= set(re.findall(r"\d+", line))


def test_japanese_is_in_step() -> None:
    """Both READMEs have the same code byte for byte, the same links and as many headings of the same levels."""
    blocks = [re.findall(r"^```.*?^```$", text, re.MULTILINE | re.DOTALL) for text in (README, JAPANESE)]
    levels = [[len(level) for level, _ in HEADING.findall(prose(text))] for text in (README, JAPANESE)]
    code = [sorted(set(re.findall(r"`([^`\n]+)`", prose(text)))) for text in (README, JAPANESE)]

    assert blocks[0] == blocks[1]
    assert levels[0] == levels[1]
    assert [link for link in links(README) if link != "README.ja.md"] == [
        link for link in links(JAPANESE) if link != "README.md"
    ]
    assert code[0] == code[1]


def test_every_block_of_the_readme_runs(tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an empty folder, in order, with an address and a token: each command ends with 0, and its files are there."""
    monkeypatch.chdir(tmp_path)
    for name, value in sandbox.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["fourkeys"])
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    ran = []
    for language, text in BLOCKS:
        if language == "toml":
            (tmp_path / "fourkeys.toml").write_text(text, encoding="utf-8")
            assert ["shop"] == [service.name for service in config.load(tmp_path / "fourkeys.toml").services]
        for line in text.splitlines() if language == "sh" else ():
            words = shlex.split(line, comments=True)
            if words[0] == "make":
                assert words[1] in targets
            elif words[0] == "fourkeys":
                ran.append(words[1])
                to = words.index(">") if ">" in words else len(words)
                done = CliRunner().invoke(app, words[1:to])
                assert 0 == done.exit_code, (line, done.output, done.exception)
                if words[1] == "init":
                    head, *services = Path("fourkeys.toml").read_text(encoding="utf-8").split("[[services]]")
                    shop = next(each for each in services if 'name = "shop"' in each)
                    Path("fourkeys.toml").write_text(f"{head}[[services]]{shop}", encoding="utf-8")  # one is enough
                if to < len(words):
                    (tmp_path / words[to + 1]).write_text(done.stdout, encoding="utf-8")
            else:
                assert words[0] in {"python3", "pip", "export"}, line

    assert {"init", "doctor", "run", "metrics", "report", "explain", "lineage", "extract"} <= set(ran)
    assert (tmp_path / "issues.csv").read_text(encoding="utf-8").startswith("host,repository,id,")
    assert (tmp_path / "fourkeys-report.html").stat().st_size > 50_000
    assert {"manifest.json", "ghes_issues.csv"} <= {file.name for file in (tmp_path / "data").iterdir()}


OCTX = {
    "issues": "id node_id url repository_url labels_url comments_url events_url html_url number state title body "
    "body_text body_html user_id labels assignee_id assignees author_association milestone locked "
    "active_lock_reason comments pull_request closed_at created_at updated_at sdc_repository",
    "comments": "id node_id url html_url body body_text body_html user_id created_at updated_at sdc_repository",
    "events": "id node_id url actor_id assignee_id assigner_id review_requester_id requested_reviewer_id label "
    "milestone_title project_card_url event commit_id commit_url created_at issue_id sdc_repository",
    "commits": "sha node_id url html_url comments_url author_id committer_id parents message authorized_at "
    "committed_at comment_count sdc_repository",
    "pull-request-commits": "sha node_id url html_url comments_url author_id committer_id author committer parents "
    "message authorized_at committed_at comment_count pull_request_number sdc_repository",
    "pull-request-files": "sha filename additions deletions changes blob_url raw_url contents_url patch "
    "pull_request_number sdc_repository",
    "reviews": "id node_id html_url user_id body commit_id state pull_request_url submitted_at "
    "author_association pull_request_number sdc_repository",
    "labels": "id node_id url name description color default sdc_repository",
    "releases": "url html_url assets_url upload_url tarball_url zipball_url id node_id tag_name target_commitish name "
    "body draft prerelease created_at published_at author_id assets sdc_repository",
    "users": "login id node_id avatar_url gravatar_id url html_url followers_url following_url gists_url "
    "starred_url subscriptions_url organizations_url repos_url events_url received_events_url type "
    "site_admin name email twitter_username created_at updated_at",
    "workflows": "id node_id name path state created_at updated_at url html_url badge_url sdc_repository",
    "runs": "id workflow_id node_id name head_branch head_sha run_number event status conclusion created_at "
    "updated_at url html_url sdc_repository",
    "jobs": "id run_id node_id head_sha status conclusion started_at completed_at name url html_url run_url "
    "check_run_url steps sdc_repository",
}
"""The headers of octx's files."""


def test_every_column_of_octx_has_its_place() -> None:
    """Each column of octx is a column of the stream by its name or the new one, or is told to be left out."""
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([a-z-]+) \| `(\w+)` \| ?(.*?) ?\| ?(.*?) ?\|$", text, re.MULTILINE)

    assert list(OCTX) == [row[0] for row in rows]
    for name, stream, renamed, missing in rows:
        header = set(STREAMS[stream].header)
        pairs = dict(re.findall(r"`(\w+)` → `(\w+)`", renamed))
        gone = {word for part in missing.split(";") for word in re.findall(r"`(\w+)`", part.partition(":")[0])}
        theirs = set(OCTX[name].split())

        assert set(pairs.values()) <= header, name
        assert pairs.keys() | gone <= theirs, name
        assert set() == gone & (header - set(pairs.values())), name
        assert theirs - pairs.keys() - gone <= header, name


def test_the_configurations_in_the_documents_load() -> None:
    """Every TOML block of every page is a configuration that is read."""
    for page in PAGES:
        for block in re.findall(r"^```toml\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
            config.parse(tomllib.loads(block), {}, str(page))


def test_the_messages_in_the_documents_are_said() -> None:
    """What docs/operations.md explains stands in the source."""
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    source = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "src").rglob("*.py"))
    table = text.partition("| it says |")[2]
    said = [
        message
        for first in re.findall(r"^\| (`.*?`)(?: \(.*?\))? \| ", table, re.MULTILINE)
        for message in first.strip("`").split("`, `")
    ]

    assert len(said) >= 12
    assert [] == [message for message in said if message not in source]

"""The sweep over the commit graph."""

from __future__ import annotations

from fourkeys.mart.commits import Hashes
from fourkeys.mart.link import Deployment, Graph, Link, sweep

LINE = Graph([("a", []), ("b", ["a"]), ("c", ["b"]), ("d", ["c"])])


def deployments(*shas: str | None, kind: str = "deploy") -> list[Deployment]:
    """Return one deployment per sha, called D1, D2 ..."""
    return [Deployment(f"D{n}", sha, kind) for n, sha in enumerate(shas, 1)]


def links(graph: Graph, *shas: str | None, kind: str = "deploy") -> list[Link]:
    """Sweep deployments of *shas*."""
    return list(sweep(graph, deployments(*shas, kind=kind)))


def test_each_commit_belongs_to_the_first_deployment_that_contains_it() -> None:
    """A commit is reached once: by the first deployment whose history holds it."""
    assert [["a"], ["b"], ["c", "d"]] == [sorted(link.commits) for link in links(LINE, "a", "b", "d")]


def test_the_first_deployment_is_the_baseline() -> None:
    """The first deployment seen of a line gives no samples; those after it do."""
    assert ["baseline", "ok"] == [link.base for link in links(LINE, "b", "c")]


def test_an_unknown_commit_before_gives_no_samples() -> None:
    """Where the deployment before is of an unknown commit, what is new cannot be told."""
    assert ["baseline", "ok", "base_unknown", "ok"] == [link.base for link in links(LINE, "a", "?", "b", "c")]
    assert ["baseline", "baseline", "ok"] == [link.base for link in links(LINE, "?", "b", "c")]


def test_same_commit_again_is_a_redeployment() -> None:
    """A deployment of the commit that is already live is a redeployment, also when the commit is unknown."""
    assert ["forward", "redeployment"] == [link.kind for link in links(LINE, "b", "b")]
    assert ["forward", "redeployment"] == [link.kind for link in links(LINE, "?", "?")]


def test_an_ancestor_of_what_is_live_is_a_rollback() -> None:
    """Going back to an ancestor is a rollback, and undoes the first deployment after it."""
    found = links(LINE, "a", "b", "c", "d", "b")

    assert ["forward"] * 4 + ["rollback"] == [link.kind for link in found]
    assert "D3" == found[-1].undoes_id


def test_a_commit_is_no_ancestor_of_itself() -> None:
    """Nor of those before it."""
    assert [False, True, False] == [LINE.is_ancestor("b", other) for other in "bca"]


def test_a_reapplied_version_is_forward() -> None:
    """V1 V2 V1 V2: the second V1 is a rollback, the second V2 is forward and brings no commits again."""
    found = links(LINE, "b", "c", "b", "c")

    assert ["forward", "forward", "rollback", "forward"] == [link.kind for link in found]
    assert [] == found[-1].commits


def test_a_second_rollback_undoes_only_what_came_after_the_first() -> None:
    """V1 V2 V1 V2 V1: the last rollback undoes the second V2."""
    assert "D4" == links(LINE, "b", "c", "b", "c", "b")[-1].undoes_id


def test_a_parallel_line_is_forward() -> None:
    """A release from a maintenance branch is no rollback of the main line."""
    graph = Graph([("a", []), ("m1", ["a"]), ("m2", ["m1"]), ("h", ["a"])])

    assert ["forward", "forward", "forward"] == [link.kind for link in links(graph, "m1", "h", "m2")]


def test_merges_octopuses_and_several_roots() -> None:
    """Every parent of a merge is followed, and a history may have several roots."""
    graph = Graph([("r1", []), ("r2", []), ("r3", []), ("x", ["r1", "r2", "r3"])])

    assert ["r2", "r3", "x"] == sorted(links(graph, "r1", "x")[1].commits)


def test_parents_outside_the_graph_are_its_boundary() -> None:
    """A commit whose parents were never extracted ends the walk."""
    graph = Graph([("b", ["missing"]), ("c", ["b"])])

    assert ["b", "c"] == sorted(links(graph, "c")[0].commits)


def test_long_histories_do_not_overflow() -> None:
    """A line of 20,000 commits is walked without recursion, for reach and for ancestry."""
    size = 20_000
    graph = Graph([("c0", [])] + [(f"c{n}", [f"c{n - 1}"]) for n in range(1, size)])
    found = links(graph, "c0", f"c{size - 1}", "c1")

    assert size - 1 == len(found[1].commits)
    assert "rollback" == found[2].kind


def test_a_commit_whose_parents_nobody_told_ends_what_is_known() -> None:
    """It is a commit like others, and its own boundary."""
    assert ["b"] == links(Graph([("b", None), ("c", ["b"])]), "c")[0].unknown


def test_abbreviated_shas_are_resolved() -> None:
    """Seven or more letters that only one commit starts with are that commit; fewer, or two, are unknown."""
    known = Hashes(["aaaaaaaa1", "aaaaaaaa2", "bbbbbbbb1", "ccccccc", "cccccccc1"])

    assert ["bbbbbbbb1", None, None, "ccccccc"] == list(map(known.resolve, ("bbbbbbb", "aaaaaaaa", "bbb", "ccccccc")))


def test_what_is_declared_decides_where_ancestry_cannot() -> None:
    """A rollback to a commit that is unknown stays a rollback, and undoes what came after that commit's deployment."""
    line = [*deployments("?1", "?2"), Deployment("D3", "?1", "rollback")]
    found = list(sweep(LINE, line))

    assert "rollback" == found[-1].kind
    assert "D2" == found[-1].undoes_id

"""The house: imports only go down, modules stay small."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "fourkeys"
MODULES = sorted(SOURCE.rglob("*.py"))
LONGEST = 300

FLOORS = {
    "errors": 0, "streams": 0, "catalog": 0, "pseudonyms": 0, "warehouses.base": 0,
    "http": 1, "files": 1, "config": 1, "window": 1, "warehouses.googlesql": 1,
    "warehouses.header": 1, "warehouses.merging": 1, "warehouses.texts": 1,
    "sources": 2, "warehouses": 2, "mart": 2,
    "extraction": 3, "pipeline": 3, "report": 3, "datastudio": 3, "doctor": 3, "starter": 3,
    "openlineage": 3, "sandbox": 3,
    "cli": 4, "airflow": 4, "__main__": 5,
}  # fmt: skip
"""0 is pure, 1 is one kind of I/O each, 2 is one outside system each, 3 orchestrates, 4 prints."""


def floor(module: str) -> int:
    """Return the floor of a module below `fourkeys`, by its longest known prefix."""
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        if (name := ".".join(parts[:length])) in FLOORS:
            return FLOORS[name]
    return -1


def name_of(file: Path) -> str:
    """Return the dotted name of a module below `fourkeys`."""
    parts = file.relative_to(SOURCE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imports(file: Path) -> set[str]:
    """Return the modules below `fourkeys` that *file* imports when it runs (not those only for type checkers)."""
    found: set[str] = set()
    for node in _running(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "fourkeys":
            module = node.module.removeprefix("fourkeys").removeprefix(".")
            for alias in node.names:
                candidate = f"{module}.{alias.name}".removeprefix(".")
                path = SOURCE.joinpath(*candidate.split("."))
                is_module = path.with_suffix(".py").exists() or path.is_dir()
                found.add(candidate if is_module else module)
    return {name for name in found if name}


def _running(tree: ast.AST) -> list[ast.AST]:
    nodes = []
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            continue
        nodes += [child, *_running(child)]
    return nodes


@pytest.mark.parametrize("file", MODULES, ids=[name_of(file) or "fourkeys" for file in MODULES])
def test_imports_only_go_down(file: Path) -> None:
    """A module imports only what lies below its floor, or beside it in its own folder."""
    name = name_of(file)
    upward = {
        other
        for other in imports(file)
        if floor(other) > floor(name) or (floor(other) == floor(name) == 2 and not _same_part(name, other))
    }

    assert not name or floor(name) >= 0, f"{name} has no floor"
    assert upward == set()


def _same_part(name: str, other: str) -> bool:
    """Whether two modules of floor 2 belong to one outside system."""
    depth = 2 if name.startswith(("sources", "warehouses")) else 1
    return name.split(".")[:depth] == other.split(".")[:depth]


@pytest.mark.parametrize("file", MODULES, ids=[name_of(file) or "fourkeys" for file in MODULES])
def test_modules_are_small(file: Path) -> None:
    """No module is longer than 300 lines."""
    assert LONGEST >= len(file.read_text(encoding="utf-8").splitlines())


def test_floors_know_every_module() -> None:
    """Each entry of the table above stands for a module that is there."""
    present = {name_of(file) for file in MODULES}

    assert set() == {name for name in FLOORS if not any(p == name or p.startswith(f"{name}.") for p in present)}

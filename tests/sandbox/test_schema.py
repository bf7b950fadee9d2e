"""The sandbox's GraphQL schema against GitHub's own."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path

import graphql
import pytest

SHARED = os.environ.get("FOURKEYS_SHARED")


@pytest.mark.shared
@pytest.mark.skipif(not SHARED, reason="FOURKEYS_SHARED is not set")
def test_schema_is_a_part_of_githubs() -> None:
    """Every type, field, argument and enum value of the sandbox is GitHub's, with the same types."""
    ours = graphql.build_schema(resources.files("fourkeys.sandbox").joinpath("schema.graphql").read_text("utf-8"))
    theirs = graphql.build_schema((Path(str(SHARED)) / "contract" / "graphql-subset.graphql").read_text("utf-8"))
    wrong = []
    for name, kind in ours.type_map.items():
        other = theirs.type_map.get(name)
        if other is None:
            wrong.append(name)
            continue
        for field, made in getattr(kind, "fields", {}).items():
            real = getattr(other, "fields", {}).get(field)
            if real is None or str(real.type) != str(made.type):
                wrong.append(f"{name}.{field}: {made.type}, not {real and real.type}")
                continue
            arguments = {key: str(value.type) for key, value in getattr(made, "args", {}).items()}
            known = {key: str(value.type) for key, value in getattr(real, "args", {}).items()}
            if arguments.items() - known.items():
                wrong.append(f"{name}.{field}{arguments}")
        if isinstance(kind, graphql.GraphQLEnumType):
            wrong += [f"{name}.{value}" for value in kind.values.keys() - other.values.keys()]
    assert not wrong

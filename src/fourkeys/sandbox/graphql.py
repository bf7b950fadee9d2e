"""GitHub Enterprise Server's GraphQL API over the simulated company, executed by graphql-core."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import graphql

from fourkeys.sandbox.connections import Inside, page_info
from fourkeys.sandbox.resolvers import RESOLVERS, kind_of_actor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fourkeys.sandbox.company import Company
    from fourkeys.sandbox.ghes import Ghes
    from fourkeys.sandbox.model import User


class GraphQL:
    """Answers GraphQL requests about the repositories of *ghes*.

    Attributes:
        base: address of the server's web pages.
    """

    def __init__(self, company: Company, ghes: Ghes, base: str) -> None:
        self._company, self._ghes, self.base = company, ghes, base

    def answer(self, query: str, variables: Mapping[str, Any] | None, operation: str | None) -> dict[str, Any]:
        """Execute *query*; return `data` and, where something went wrong, `errors`, as GitHub writes them."""
        try:
            document = graphql.parse(query)
        except graphql.GraphQLError as error:
            return {"errors": [error.formatted]}
        if problems := graphql.validate(_schema(), document):
            return {"errors": [problem.formatted for problem in problems]}
        result = graphql.execute_sync(
            _schema(), document, context_value=self, variable_values=dict(variables or {}), operation_name=operation
        )
        if not result.errors:
            return {"data": result.data}
        # GitHub writes the type of an error beside its message, not below `extensions`.
        plain = [{k: v for k, v in error.formatted.items() if k != "extensions"} for error in result.errors]
        typed = [p | (error.extensions or {}) for p, error in zip(plain, result.errors, strict=True)]
        return {"data": result.data, "errors": typed}

    def repository(self, owner: str, name: str) -> Inside:
        """Find a repository.

        Raises:
            GraphQLError: there is none; its type is NOT_FOUND.
        """
        shelf = self._ghes.shelves.get(f"{owner}/{name}".lower())
        if shelf is None:
            text = f"Could not resolve to a Repository with the name '{owner}/{name}'."
            raise graphql.GraphQLError(text, extensions={"type": "NOT_FOUND"})
        return Inside(shelf, shelf.repository)

    @property
    def viewer(self) -> User:
        """Whose token it is."""
        return self._company.people[0]


@cache
def _schema() -> graphql.GraphQLSchema:
    """Build the schema from its file and give every field its resolver."""
    text = resources.files("fourkeys.sandbox").joinpath("schema.graphql").read_text(encoding="utf-8")
    schema = graphql.build_schema(text)
    for kind in schema.type_map.values():
        if isinstance(kind, graphql.GraphQLInterfaceType):
            kind.resolve_type = kind_of_actor if kind.name == "Actor" else lambda *_: "Commit"
        if not isinstance(kind, graphql.GraphQLObjectType):
            continue
        if kind.name.endswith("Connection"):
            kind.fields["totalCount"].resolve = lambda source, _: source.total
            if "pageInfo" in kind.fields:
                kind.fields["pageInfo"].resolve = page_info
        for name, resolve in RESOLVERS.get(kind.name, {}).items():
            kind.fields[name].resolve = resolve
    return schema

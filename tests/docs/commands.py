"""Writes docs/commands.md from the program: `python tests/docs/commands.py > docs/commands.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import typer.main

from fourkeys.cli._app import app
from fourkeys.cli._examples import EXAMPLES

_OWN = {"help", "install_completion", "show_completion", "version"}


def leaves() -> Iterator[tuple[str, Any]]:
    """Yield every command that does something, by its name without the program's."""

    def walk(group: Any, prefix: str) -> Iterator[tuple[str, Any]]:
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                yield from walk(command, f"{prefix}{name} ")
            else:
                yield f"{prefix}{name}", command

    yield from walk(typer.main.get_command(app), "")


def parameters(command: Any) -> list[tuple[str, str, str]]:
    """Return the arguments and options of a command: how they are written, what they mean, and the default."""
    found = []
    for each in command.params:
        if each.name in _OWN:
            continue
        is_option = each.opts[0].startswith("-")
        written = (
            ", ".join(f"`{name}`" for name in each.opts) if is_option else f"`{each.metavar or each.name.upper()}`"
        )
        words = [getattr(word, "value", word) for word in getattr(each.type, "choices", ())]
        text = (each.help or "") + (f" One of {', '.join(words)}." if words else "")
        default = getattr(each.default, "value", each.default)
        shown = "" if default in (None, False, ()) or callable(default) else f"`{default}`"
        found.append((written, text, shown))
    return found


def document() -> str:
    """Return the whole page."""
    lines = ["# Commands", "Written from the program by `python tests/docs/commands.py > docs/commands.md`.", ""]
    for name, command in sorted(leaves(), key=lambda leaf: list(EXAMPLES).index(leaf[0])):
        lines += [f"## fourkeys {name}", command.help, "", "```sh", EXAMPLES[name], "```", ""]
        if rows := parameters(command):
            lines += ["| | meaning | default |", "| --- | --- | --- |"]
            lines += [
                "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in rows
            ]
            lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n"


if __name__ == "__main__":
    sys.stdout.write(document())

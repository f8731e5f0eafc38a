"""Commands that the README and the pages name exist, with the options that they name."""

import re
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest
import typer
from page_text import FOLDERS, PAGES, blocks, commands, quoted, text_of

from bench.cli.app import app

UsageError = typer.BadParameter.__base__  # of the click that typer brings along
assert UsageError is not None
# what runs a command of `bench` under another name
SAME = {"bench.run": ["run"], "slurm.submit": ["submit"], "slurm": []}
SHELL = {  # what readers have anyway; anything else in a block is a slip
    *("bench", "make", "python", "dvc", "git", "pip", "pre-commit", "python3.11", ".venv/bin/pip"),
    *("cp", "rm", "mkdir", "ln", "sed", "echo", "export", "rsync"),
}


@cache
def command_of(module: str) -> Any:
    """The command line of a module of this repository; None for one that takes plain words."""
    spec = find_spec(module)
    package = spec is not None and spec.submodule_search_locations is not None
    found = import_module(f"{module}.__main__" if package else module)
    group = getattr(found, "app", None)
    if group is None and hasattr(found, "typer"):
        group = typer.Typer(add_completion=False)
        group.command()(found.main)
    return None if group is None else typer.main.get_command(group)


def parse(command: Any, words: list[str], whole: bool) -> None:
    """Raises UsageError for an option or a value that cannot be, KeyError for a command.

    A mention in prose, which is not whole, may lack values.
    """
    if hasattr(command, "commands"):  # a group
        if words or whole:
            parse(command.commands[words[0]], words[1:], whole)
        return
    try:
        command.make_context(command.name, [word for word in words if word != "..."])
    except UsageError as error:
        if whole or type(error).__name__ != "MissingParameter":
            raise


def check(words: list[str], whole: bool) -> None:
    """Raises an error for a command of this repository that cannot be."""
    if words[0] == "bench":
        parse(typer.main.get_command(app), words[1:], whole)
    elif words[0] == "make":
        known = re.findall(r"^([\w./-]+):", text_of("Makefile"), flags=re.MULTILINE)
        assert set(words[1:]) <= set(known), f"the Makefile has no {words[1:]}"
    elif words[:2] == ["python", "-m"] and words[2].partition(".")[0] in FOLDERS:
        module, rest = words[2], words[3:]
        if "--" in rest:  # what follows is a command of its own
            at = rest.index("--")
            rest, after = rest[:at], rest[at + 1 :]
            check(after, whole)
        command = typer.main.get_command(app) if module in SAME else command_of(module)
        if command is None:
            assert rest == [], f"{module} takes no {rest}"
        else:
            parse(command, [*SAME.get(module, ()), *rest], whole)


@pytest.mark.parametrize("page", PAGES)
def test_blocks_can_be_typed(page: str) -> None:
    for block in blocks(page):
        for words in commands(block):
            assert words[0] in SHELL or "=" in words[0], f"{words[0]}: is it a command?"
            check(words, whole=True)


@pytest.mark.parametrize("page", PAGES)
def test_commands_in_prose_exist(page: str) -> None:
    for code in quoted(page):
        if code.startswith(("bench ", "make ", "python -m ")):
            for words in commands(code):
                check(words, whole=False)


def test_commands_of_the_makefile_exist() -> None:
    lines = re.findall(r"^\t.*\$\(BIN\)/(\S.*)$", text_of("Makefile"), flags=re.MULTILINE)
    ours = [line for line in lines if line.startswith("python -m benchmarks")]
    assert len(ours) >= 3
    for line in ours:
        check(line.split(), whole=True)


@pytest.mark.parametrize(
    "line",
    [
        "bench mend other/.runs",
        "bench run --metod gldi",
        "bench animate --run gldi",
        "bench submit --all --hurry",
        "make coffee",
        "python -m bench.run --ablation kernel --no-such",
        "python -m reports.video --clip F1_11 --out a.mp4 --sise 3",
        "python -m reports.study grade",
        "python -m slurm states",
        "python -m benchmarks.infer",
    ],
)
def test_a_slip_is_found(line: str) -> None:
    with pytest.raises((UsageError, KeyError, AssertionError, ImportError)):
        check(line.split(), whole=True)


def test_a_mention_may_lack_values_but_no_option_may_be_wrong() -> None:
    check(["bench", "animate", "--run", "gldi"], whole=False)
    with pytest.raises(UsageError):
        check(["bench", "animate", "--rum", "gldi"], whole=False)

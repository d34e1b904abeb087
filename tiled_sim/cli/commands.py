"""Every verb with its options as the page ``docs/commands.md``."""

import argparse
import importlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tiled_sim.cli.arguments import (
    Parser,
    add_experiment_options,
    add_kernel_options,
    add_plan_options,
    add_reading_options,
)
from tiled_sim.cli.cluster_options import add_cluster_options, add_workers_options
from tiled_sim.cli.main import EXIT_CODES, VERBS
from tiled_sim.cli.options import option_table

_INTRODUCTION = """\
# Commands

`tiled-sim VERB …`, the same as `python -m tiled_sim VERB …`. Options with two dashes are
tiled_sim's own and stand here; those with one dash are nanoBragg's and stand in
[options.md](options.md), keys of TOML documents in [experiment.md](experiment.md). No option may be
abbreviated. `--help` lists the options of a verb, `--json` prints one JSON document for scripts;
every verb has both. Defaults are in brackets. What several verbs have in common stands once, at the
[end](#experiments).

This page is made from the parsers themselves:
`python -c "from tiled_sim.cli.commands import commands_page; print(commands_page(), end='')"`.
"""

#: Of the folder that this page stands in.
_PAGE = re.compile(r"docs/([a-z-]+\.md)")


@dataclass(frozen=True, slots=True)
class _Common:
    """Options that several verbs have in common.

    Parameters
    ----------
    title : of the section that lists them
    what : they say, in a sentence
    add : adds them to a parser
    beside : adds those that are in another section already
    """

    title: str
    what: str
    add: Callable[[Parser], None]
    beside: Callable[[Parser], None] | None = None

    def actions(self) -> list[argparse.Action]:
        """Of these options alone."""
        known = _identities(_actions(self.beside) if self.beside else ())
        return [action for action in _actions(self.add) if _identity(action) not in known]


_COMMON = (
    _Common(
        "Experiments",
        "How an experiment in nanoBragg options is read; in a TOML document keys say the same.",
        add_reading_options,
    ),
    _Common(
        "Structure factors",
        "Where F comes from, in place of `-hkl` ([structure-factors.md](structure-factors.md)).",
        add_experiment_options,
        add_reading_options,
    ),
    _Common("Plans", "What decides tiles, traces and what is refused.", add_plan_options),
    _Common("Kernels", "What sums the steps ([precision.md](precision.md)).", add_kernel_options),
    _Common("Workers", "Who computes ([clusters.md](clusters.md)).", add_workers_options),
    _Common(
        "Clusters",
        "How a cluster is reached and followed ([clusters.md](clusters.md)).",
        add_cluster_options,
        add_workers_options,
    ),
)


def commands_page() -> str:
    """The page of all verbs: what each does, its options, and the exit codes."""
    verbs = [f"| [`{verb}`](#{verb}) | {_escaped(what)} |\n" for verb, what in VERBS.items()]
    parts = [
        f"{_INTRODUCTION}\n| verb | does |\n| --- | --- |\n{''.join(verbs)}",
        *(_verb(verb) for verb in VERBS),
        *(_common(section) for section in _COMMON),
        f"## Exit codes\n\n```text\n{EXIT_CODES.partition(chr(10))[2]}\n```\n",
    ]
    return "\n".join(parts)


def _verb(verb: str) -> str:
    parser: Parser = importlib.import_module(f"tiled_sim.cli.{verb}").parser()
    left = list(parser._actions)
    shared = []
    for section in _COMMON:
        actions = _identities(section.actions())
        if actions <= _identities(left):
            left = [action for action in left if _identity(action) not in actions]
            shared.append(f"[{section.title}](#{section.title.lower().replace(' ', '-')})")
    blocks = [f"## {verb}", *_text(parser.description or "")]
    for group in parser._action_groups:
        own = [action for action in group._group_actions if action in left and _is_told(action)]
        if own:
            blocks.append(_table(own, group))
    if shared:
        blocks.append(f"And the options of {', '.join(shared)}.")
    epilog = (parser.epilog or "").replace(option_table(), "")
    blocks += _text(epilog)
    return "\n\n".join(blocks) + "\n"


def _common(section: _Common) -> str:
    made = Parser("", "")
    section.add(made)
    own = _identities(section.actions())
    blocks = [f"## {section.title}", section.what]
    for group in made._action_groups:
        listed = [action for action in group._group_actions if _identity(action) in own]
        if listed:
            blocks.append(_table(listed, group))
    return "\n\n".join(blocks) + "\n"


def _text(text: str) -> Iterator[str]:
    """Blocks of a description: prose, and examples or lists, whose lines are indented, as such."""
    for block in text.strip("\n").split("\n\n"):
        lines = block.split("\n")
        if any(line.startswith("  ") for line in lines):
            yield "\n".join(["```text", *lines, "```"])
        elif block:
            yield _escaped(block)


def _table(actions: Sequence[argparse.Action], group: argparse._ArgumentGroup) -> str:
    title = group.title or ""
    heading = [] if title in ("positional arguments", "options") else [_capital(title)]
    if heading and group.description:
        heading = [f"{heading[0]} ({group.description})"]
    if not any(action.help for action in actions):
        return f"Arguments: {', '.join(_usage(action) for action in actions)}."
    head = "argument" if title == "positional arguments" else "option"
    rows = [f"| {_usage(action)} | {_help(action)} |" for action in actions]
    lines = [*(f"{_escaped(line)}:\n" for line in heading), f"| {head} | does |", "| --- | --- |"]
    return "\n".join([*lines, *rows])


def _usage(action: argparse.Action) -> str:
    formatter = argparse.HelpFormatter("")
    values = formatter._format_args(action, action.dest.upper()) if action.nargs != 0 else ""
    if not action.option_strings:
        return _code(values)
    return " ".join(_code(f"{option} {values}".strip()) for option in action.option_strings)


def _help(action: argparse.Action) -> str:
    return _escaped(argparse.HelpFormatter("")._expand_help(action) if action.help else "")


def _code(text: str) -> str:
    return "`" + text.replace("|", "\\|") + "`"


def _escaped(text: str) -> str:
    """Prose as Markdown shows it, pages as links; what stands in backticks as it is."""
    parts = text.split("`")
    for number in range(0, len(parts), 2):
        for letter, written in (("<", "&lt;"), ("*", "\\*"), ("|", "\\|")):
            parts[number] = parts[number].replace(letter, written)
        parts[number] = _PAGE.sub(r"[\1](\1)", parts[number])
    return "`".join(parts)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _is_told(action: argparse.Action) -> bool:
    return not {"--help", "--json"} & set(action.option_strings)


def _actions(add: Callable[[Parser], None]) -> list[argparse.Action]:
    """What a function adds to a parser."""
    made = Parser("", "")
    add(made)
    return [action for action in made._actions if _is_told(action)]


def _identity(action: argparse.Action) -> tuple[object, ...]:
    return (*action.option_strings, action.help)


def _identities(actions: Sequence[argparse.Action]) -> set[tuple[object, ...]]:
    return {_identity(action) for action in actions}

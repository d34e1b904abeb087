"""Splitting a command line: two dashes are ours, one dash is nanoBragg's."""

import argparse
import difflib
import re
from collections.abc import Collection, Sequence
from typing import NoReturn

from tiled_sim.cli.numbers import one_or_three
from tiled_sim.errors import UsageError
from tiled_sim.model.values import number_in


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are `UsageError`, and that knows no abbreviations."""

    def __init__(self, verb: str, description: str, epilog: str = "") -> None:
        super().__init__(
            prog=f"tiled-sim {verb}",
            description=description,
            epilog=epilog,
            add_help=False,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        # argparse knows -1 and -1.5 from an option, and not -1e3
        self._negative_number_matcher = re.compile(
            r"-(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"
        )
        self.add_argument("--help", action="help", help="show this text")
        self.add_argument("--json", action="store_true", help="print one JSON document")

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage and leaving."""
        raise UsageError(f"{message}; `{self.prog} --help` lists the options")

    def parse(self, words: Sequence[str]) -> argparse.Namespace:
        """Parse a command line that has nothing of nanoBragg's.

        Raises
        ------
        UsageError
            for words that are not understood
        """
        options, rest = self.parse_known_args(self._spelt(words))
        if rest:
            self._refuse(rest[0])
        return options

    def parse_beside_nanobragg(self, words: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
        """Parse what has two dashes; the rest, in order.

        Raises
        ------
        UsageError
            for an unknown option with two dashes
        """
        options, rest = self.parse_known_args(self._spelt(words))
        for word in rest:
            if word.startswith("--"):
                self._refuse(word)
        return options, rest

    def _spelt(self, words: Sequence[str]) -> list[str]:
        """Words in which several numbers of an option of ours are as argparse is told of them.

        The user may write them with blanks or with commas between.
        """
        found: list[str] = []
        left = list(words)
        while left:
            word = left.pop(0)
            option = self._option_string_actions.get(word)
            count = None if option is None else option.nargs
            if option is not None and option.type is one_or_three and _are_numbers(left[:3], 3):
                found.append(f"{word}={','.join(left[:3])}")
                del left[:3]
                continue
            found.append(word)
            if isinstance(count, int) and count > 1 and left:
                parts = left[0].split(",")
                if _are_numbers(parts, count):
                    found += parts
                    del left[0]
        return found

    def said(self, options: argparse.Namespace, *, beside: Collection[str]) -> list[str]:
        """Names of the options that have another value than by default.

        Parameters
        ----------
        options : as they were found
        beside : names of their values that are left out
        """
        return [
            action.option_strings[0]
            for action in self._actions
            if action.option_strings
            and action.dest not in beside
            and getattr(options, action.dest, action.default) != action.default
        ]

    def _refuse(self, word: str) -> NoReturn:
        known = [option for action in self._actions for option in action.option_strings]
        nearest = difflib.get_close_matches(word, known, n=2)
        hint = f"; did you mean {' or '.join(nearest)}?" if nearest else ""
        raise UsageError(f"{self.prog}: {word!r} is not understood{hint}")


def _are_numbers(words: Sequence[str], count: int) -> bool:
    return len(words) == count and all(number_in(word) is not None for word in words)

"""The pages of the documentation, and the blocks of code that stand in them."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = (ROOT / "README.md", *sorted(DOCS.glob("*.md")))

_FENCE = re.compile(r"^( *)(`{3,}|~{3,})\s*(\S*)")
_NEEDS = re.compile(r"<!-- needs (.+) -->$")
#: In the README, for whoever runs them.
_COMMANDS = {"<!-- run command -->": "a network", "<!-- test command -->": "a network"}


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of code.

    Parameters
    ----------
    page : it stands in
    line : of its fence, from 1
    language : as the fence says; empty: it does not
    text : between the fences
    needs : what it cannot be run without, as the comment above it says; empty: nothing
    follows : whether only empty lines are between it and the block before
    """

    page: Path
    line: int
    language: str
    text: str
    needs: str
    follows: bool

    @property
    def place(self) -> str:
        """Page and line."""
        return f"{self.page.name}:{self.line}"


def blocks_of(page: Path) -> list[Block]:
    """All fenced blocks of a page, in order."""
    lines = page.read_text().split("\n")
    found: list[Block] = []
    number, above = 0, ""
    follows = False
    while number < len(lines):
        opened = _FENCE.match(lines[number])
        if not opened:
            follows = follows and not lines[number].strip()
            above = lines[number].strip() or above
            number += 1
            continue
        indent, fence, language = opened.groups()
        end = next(n for n in range(number + 1, len(lines)) if lines[n].strip() == fence)
        text = "".join(f"{line.removeprefix(indent)}\n" for line in lines[number + 1 : end])
        needs = _NEEDS.match(above)
        said = needs[1] if needs else _COMMANDS.get(above, "")
        found.append(Block(page, number + 1, language, text, said, follows))
        number, above, follows = end + 1, "", True
    return found


def without_blocks(page: Path) -> str:
    """A page's text with empty lines in place of its blocks."""
    lines = page.read_text().split("\n")
    for block in blocks_of(page):
        for number in range(block.line - 1, block.line + block.text.count("\n") + 1):
            lines[number] = ""
    return "\n".join(lines)

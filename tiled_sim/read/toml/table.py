"""One table of a TOML file: its keys are known and typed, and every complaint names its key."""

import contextlib
import difflib
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from tiled_sim.errors import ExperimentError, InputFileError
from tiled_sim.model.units import PLAIN, Unit, spellings
from tiled_sim.model.values import either, finite, finite_list, is_integer, shown
from tiled_sim.physics.vectors import Array, Vector, as_tuple, unit
from tiled_sim.read.toml.keys import (
    FILE,
    FLAG,
    INTEGER,
    NINE_A_FRAME,
    NUMBER,
    NUMBER_A_FRAME,
    TABLE,
    TABLES,
    TEXT,
    TEXTS,
)

Built = TypeVar("Built")

#: A vector this close to length 1 is taken as it stands, to the last bit (as in `model`).
_UNIT_LENGTH = 1e-9


class Table:
    """The keys of one section, looked up by the quantity they give.

    A quantity with a unit is asked for by its bare name and comes in the unit inside.

    Parameters
    ----------
    file : the TOML file
    name : of the section, in its brackets; empty for the top level
    content : what the file says
    known : every quantity that may be given, with its unit

    Raises
    ------
    ExperimentError
        if ``content`` is not a table, has an unknown key, or gives one quantity in two units
    """

    def __init__(self, file: Path, name: str, content: Any, known: Mapping[str, Unit]) -> None:
        self._file = file
        self._name = name
        self._known = known
        self._keys: dict[str, str] = {}
        if not isinstance(content, dict):
            raise self.error(f"{content!r} must be {TABLE}")
        self._content = content
        quantities = {key: name for name, unit in known.items() for key in spellings(name, unit)}
        for key in content:
            if key not in quantities:
                raise self.error(self._unknown(key, list(quantities)))
            quantity = quantities[key]
            if quantity in self._keys:
                raise self.error(f"{self._keys[quantity]} and {key} both give it: give one")
            self._keys[quantity] = key

    @property
    def file(self) -> Path:
        """The TOML file."""
        return self._file

    def __contains__(self, quantity: str) -> bool:
        return quantity in self._keys

    def _unknown(self, key: str, keys: list[str]) -> str:
        if key in self._known:
            return f"{key} needs its unit in the key: {either(spellings(key, self._known[key]))}"
        what = "key" if self._name else "section or key"
        nearest = difflib.get_close_matches(key, keys, n=3, cutoff=0.6)
        hint = f"did you mean {either(nearest)}?" if nearest else f"known are {', '.join(keys)}"
        return f"unknown {what} {key!r}; {hint}"

    def error(self, message: str) -> ExperimentError:
        """Error to raise about this section."""
        where = f"{self._file}: {self._name}" if self._name else f"{self._file}:"
        return ExperimentError(f"{where} {message}")

    def named(self, *quantities: str) -> str:
        """Those of the quantities that are given, by their keys."""
        return " and ".join(self._keys[name] for name in quantities if name in self)

    def choose(self, what: str, *ways: tuple[str, ...]) -> tuple[str, ...] | None:
        """The one way, of several groups of quantities, in which something is said; None: in none.

        Parameters
        ----------
        what : is said, for the message
        ways : quantities of each

        Raises
        ------
        ExperimentError
            if quantities of two ways are given; names both
        """
        taken = [way for way in ways if any(name in self for name in way)]
        if len(taken) > 1:
            first, second, *_ = (self.named(*way) for way in taken)
            raise self.error(f"{first} and {second} both say {what}: give one or the other")
        return taken[0] if taken else None

    def build(self, make: Callable[..., Built], **fields: Any) -> Built:
        """Make a part of the experiment; what it objects to is said of this section."""
        try:
            return make(**fields)
        except ExperimentError as error:
            raise self.error(str(error)) from None

    # One value

    def value(self, quantity: str, must_be: str) -> Any:
        """What the file says, unchecked.

        Raises
        ------
        ExperimentError
            if it says nothing; ``must_be`` is what is missing
        """
        if quantity not in self:
            keys = either(spellings(quantity, self._known[quantity]))
            raise self.error(f"{keys} is missing: {must_be}")
        return self._content[self._keys[quantity]]

    def _wrong(self, quantity: str, must_be: str) -> ExperimentError:
        key = self._keys[quantity]
        return self.error(f"{key} = {shown(self._content[key])} must be {must_be}")

    def number(self, quantity: str, default: float | None = None) -> float:
        """A finite number, in the unit inside; required if there is no default."""
        if quantity not in self and default is not None:
            return default
        must_be = NUMBER
        number = finite(self.value(quantity, must_be), self._per_inside(quantity))
        if number is None:
            raise self._wrong(quantity, must_be)
        return number

    def number_or_word(self, quantity: str, word: str) -> float | None:
        """A finite number, in the unit inside; None for the word."""
        value = self._content[self._keys[quantity]]
        if value == word:
            return None
        number = finite(value, self._per_inside(quantity))
        if number is None:
            raise self._wrong(quantity, f'{NUMBER}, or "{word}"')
        return number

    def numbers(self, quantity: str, count: int) -> tuple[float, ...]:
        """A list of so many finite numbers, in the unit inside."""
        must_be = f"{count} finite numbers in brackets"
        values = self.value(quantity, must_be)
        numbers = finite_list(values, count, self._per_inside(quantity))
        if numbers is None:
            raise self._wrong(quantity, must_be)
        return numbers

    def numbers_or_one(self, quantity: str, count: int) -> tuple[float, ...]:
        """A list of so many finite numbers, in the unit inside; one number stands for all."""
        must_be = f"{NUMBER}, or {count} in brackets"
        values = self.value(quantity, must_be)
        listed = values if isinstance(values, list) else [values] * count
        numbers = finite_list(listed, count, self._per_inside(quantity))
        if numbers is None:
            raise self._wrong(quantity, must_be)
        return numbers

    def number_or_numbers(self, quantity: str, count: int) -> float | tuple[float, ...]:
        """A finite number, or a list of so many, in the unit inside."""
        must_be = f"{NUMBER}, or {count} in brackets"
        value, per_inside = self.value(quantity, must_be), self._per_inside(quantity)
        numbers = finite_list(value, count, per_inside)
        found = finite(value, per_inside) if numbers is None else numbers
        if found is None:
            raise self._wrong(quantity, must_be)
        return found

    def nine_a_frame(self, quantity: str) -> Array:
        """Lists of nine finite numbers, in the unit inside, (frames, 3, 3)."""
        rows = self.value(quantity, NINE_A_FRAME)
        per_inside = self._per_inside(quantity)
        numbers = (
            [finite_list(row, 9, per_inside) for row in rows] if isinstance(rows, list) else []
        )
        if not numbers or None in numbers:
            raise self.error(f"{self._keys[quantity]} must be {NINE_A_FRAME}")
        return np.array(numbers).reshape(-1, 3, 3)

    def number_a_frame(self, quantity: str, frames: int) -> Array:
        """Finite numbers, in the unit inside, (frames,)."""
        value = self.value(quantity, NUMBER_A_FRAME)
        numbers = finite_list(value, frames, self._per_inside(quantity))
        if numbers is None:
            raise self._wrong(quantity, NUMBER_A_FRAME)
        return np.array(numbers)

    def _per_inside(self, quantity: str) -> float:
        """How many of the unit of its key make one of the unit inside."""
        suffix = self._keys[quantity].removeprefix(f"{quantity}_")
        return self._known[quantity].get(suffix, 1.0)

    def vector(self, quantity: str) -> Vector:
        """Three finite numbers, in the unit inside."""
        x, y, z = self.numbers(quantity, 3)
        return x, y, z

    def direction(self, quantity: str, default: Vector | None = None) -> Vector:
        """A unit vector; one of another length is scaled."""
        if quantity not in self and default is not None:
            return default
        vector = self.vector(quantity)
        largest = max(abs(component) for component in vector)
        if largest == 0.0:
            raise self._wrong(quantity, "a vector with a length")
        if abs(math.hypot(*vector) - 1.0) < _UNIT_LENGTH:
            return vector
        return as_tuple(unit([component / largest for component in vector]))

    def integer(self, quantity: str, default: int | None = None) -> int:
        """A whole number; required if there is no default."""
        if quantity not in self and default is not None:
            return default
        value = self.value(quantity, INTEGER)
        if not is_integer(value):
            raise self._wrong(quantity, INTEGER)
        return value

    def integer_or_word(self, quantity: str, word: str, default: int) -> int | None:
        """A whole number; None for the word."""
        if quantity not in self:
            return default
        value = self._content[self._keys[quantity]]
        if value == word:
            return None
        if not is_integer(value):
            raise self._wrong(quantity, f'{INTEGER}, or "{word}"')
        return int(value)

    def integers(self, quantity: str, count: int) -> tuple[int, ...]:
        """A list of so many whole numbers."""
        must_be = f"{count} whole numbers in brackets"
        values = self.value(quantity, must_be)
        if not isinstance(values, list) or len(values) != count:
            raise self._wrong(quantity, must_be)
        if not all(is_integer(value) for value in values):
            raise self._wrong(quantity, must_be)
        return tuple(values)

    def integers_or_one(self, quantity: str, count: int) -> tuple[int, ...]:
        """A list of so many whole numbers; one stands for all."""
        must_be = f"{INTEGER}, or {count} in brackets"
        values = self.value(quantity, must_be)
        listed = values if isinstance(values, list) else [values] * count
        if len(listed) != count or not all(is_integer(value) for value in listed):
            raise self._wrong(quantity, must_be)
        return tuple(listed)

    def flag(self, quantity: str, default: bool) -> bool:
        """True or false."""
        value = self._content[self._keys[quantity]] if quantity in self else default
        if not isinstance(value, bool):
            raise self._wrong(quantity, FLAG)
        return value

    def text(self, quantity: str, default: str | None = None) -> str:
        """A text; required if there is no default."""
        if quantity not in self and default is not None:
            return default
        value = self.value(quantity, TEXT)
        if not isinstance(value, str):
            raise self._wrong(quantity, TEXT)
        return value

    def texts(self, quantity: str, default: tuple[str, ...]) -> tuple[str, ...]:
        """A list of texts."""
        if quantity not in self:
            return default
        values = self.value(quantity, TEXTS)
        if not isinstance(values, list) or not all(isinstance(text, str) for text in values):
            raise self._wrong(quantity, TEXTS)
        return tuple(values)

    def path(self, quantity: str) -> str:
        """A path, which counts from the folder of the TOML file.

        Returns
        -------
        the same from the working directory, if the TOML file lies under it; an absolute path as
        it stands
        """
        text = self.value(quantity, FILE)
        if not isinstance(text, str) or not text or "\0" in text:
            raise self._wrong(quantity, FILE)
        folder = self._file.parent
        if folder.is_absolute() and folder.is_relative_to(Path.cwd()):
            folder = folder.relative_to(Path.cwd())
        # beside the TOML file in the working directory the text stays as it was written
        if Path(text).is_absolute() or folder == Path("."):
            return text
        return str(folder / text)

    @contextlib.contextmanager
    def reading(self, quantity: str) -> Iterator[None]:
        """Say of a file that cannot be read which key names it."""
        try:
            yield
        except InputFileError as error:
            where = f"{self._file}: {self._name}".rstrip()
            raise InputFileError(f"{where} {self._keys[quantity]}: {error}") from None

    # Tables within

    def table(self, quantity: str, known: Mapping[str, Unit]) -> "Table":
        """The table under a key, empty if it is absent."""
        name = f"{self._name} {quantity}:" if self._name else f"[{quantity}]"
        return Table(self._file, name, self._content.get(quantity, {}), known)

    def tables(self, quantity: str, known: Mapping[str, Unit]) -> list["Table"]:
        """The tables of a list; in messages they count from 1."""
        contents = self.value(quantity, TABLES)
        if not isinstance(contents, list) or not contents:
            raise self._wrong(quantity, TABLES)
        name = f"{self._name[1:-1]}.{quantity}" if self._name else quantity
        return [
            Table(self._file, f"[[{name}]] number {number}:", content, known)
            for number, content in enumerate(contents, 1)
        ]


def plain(*names: str) -> dict[str, Unit]:
    """Known quantities without unit."""
    return dict.fromkeys(names, PLAIN)

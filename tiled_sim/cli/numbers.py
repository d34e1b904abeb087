"""Numbers on the command line: words, each read by argparse."""

import argparse
import math

from tiled_sim.model.values import integer_in, number_in, shown


def any_number(text: str) -> float:
    """Read a number, infinities and NaN among them, for whoever refuses them by what they mean."""
    value = number_in(text)
    if value is None:
        raise argparse.ArgumentTypeError(f"{shown(text)} is not a number")
    return value


def number(text: str) -> float:
    """Read a finite number."""
    value = number_in(text)
    if value is None or not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{shown(text)} is not a finite number")
    return value


def positive(text: str) -> float:
    """Read a positive number."""
    value = number_in(text)
    if value is None or not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{shown(text)} is not a positive number")
    return value


def one_or_three(text: str) -> tuple[float, float, float]:
    """Read a finite number that stands for three, or three with commas between."""
    values = [number_in(part) for part in text.split(",")]
    numbers = [value for value in values if value is not None and math.isfinite(value)]
    if len(numbers) != len(values) or len(numbers) not in (1, 3):
        raise argparse.ArgumentTypeError(
            f"{shown(text)} is not a number or three, 50 or 50 80 120 or 50,80,120"
        )
    x, y, z = numbers * 3 if len(numbers) == 1 else numbers
    return x, y, z


def integer(text: str) -> int:
    """Read a whole number of either sign."""
    value = integer_in(text)
    if value is None:
        raise argparse.ArgumentTypeError(f"{shown(text)} is not a whole number")
    return value


def whole_number(text: str) -> int:
    """Read a number that counts something."""
    value = integer_in(text)
    if value is None or value < 0:
        raise argparse.ArgumentTypeError(f"{shown(text)} is not a whole number from 0")
    return value

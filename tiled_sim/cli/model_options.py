"""The options that say how structure factors are calculated from a model."""

import argparse

from tiled_sim.cli.numbers import any_number
from tiled_sim.errors import UsageError
from tiled_sim.model.calculation import CHANTLER, EVERY_ENERGY, SOLVENT_B, SOLVENT_K, Calculation
from tiled_sim.model.own_options import OwnOptions
from tiled_sim.model.values import shown

#: In place of a number of energies: those of all sources.
_ALL = "all"


def _energies(text: str) -> int:
    if text == _ALL:
        return EVERY_ENERGY
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(
            f"{shown(text)} is no number of energies, from 1 on, and not {_ALL}"
        )
    return int(text)


def add_calculation_options(parser: argparse.ArgumentParser, dmin: str = "--model-dmin") -> None:
    """The options beside the model itself.

    Parameters
    ----------
    parser : that takes them
    dmin : what that of the finest spacing is called
    """
    otherwise = "what the file says" if dmin == "--dmin" else "what the detector reaches"
    parser.add_argument(
        dmin,
        dest="model_dmin",
        type=any_number,
        metavar="ANGSTROM",
        help=f"finest spacing that F of the model is calculated for ({otherwise})",
    )
    parser.add_argument(
        "--anomalous",
        metavar=f"{CHANTLER}|FILE",
        help="f′ and f″ of the model's elements at the wavelength, of Chantler's tables or a file "
        "with lines of element, energy [eV], f′, f″ (none)",
    )
    parser.add_argument(
        "--solvent",
        nargs=2,
        type=any_number,
        metavar=("K", "B"),
        help="density [electrons/Å³] and B [Å²] of the model's flat bulk solvent; 0 0 for none "
        f"({SOLVENT_K:g} {SOLVENT_B:g})",
    )


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """The option that names a model, and those beside it."""
    parser.add_argument(
        "--model",
        metavar="FILE",
        help="calculate F from this model of the crystal, PDB or mmCIF, in place of -hkl",
    )
    add_calculation_options(parser)
    add_energies_option(parser)


def add_energies_option(parser: argparse.ArgumentParser) -> None:
    """The option that says at how many energies F of a model is calculated."""
    parser.add_argument(
        "--F-energies",
        type=_energies,
        metavar=f"N|{_ALL}",
        help="calculate F of the model, with its f′ and f″, for so many energies of the spectrum, "
        f"of which each source has the nearest; {_ALL}: for the own of each (the beam's alone)",
    )


def calculation_in(options: argparse.Namespace) -> Calculation:
    """What the options beside a model say. Raises `ExperimentError` for what cannot be."""
    return Calculation.of(
        options.model_dmin, options.anomalous, _solvent(options), options.F_energies
    )


def of_model(options: argparse.Namespace) -> OwnOptions:
    """What the options beside a model say, for the reader of nanoBragg's."""
    return {
        "model_dmin": options.model_dmin,
        "anomalous": options.anomalous,
        "solvent": _solvent(options),
        "F_energies": options.F_energies,
    }


def refuse_model_options(options: argparse.Namespace) -> None:
    """Refuse them beside a TOML file, where the document says the same.

    Raises
    ------
    UsageError
        naming them and the keys
    """
    if all(value is None for value in of_model(options).values()):
        return
    raise UsageError(
        "--model-dmin, --anomalous, --F-energies and --solvent go with nanoBragg options; in a "
        "TOML file write `model_dmin_A`, `anomalous`, `energies`, `solvent_k` and `solvent_B` in "
        "[structure_factors]"
    )


def _solvent(options: argparse.Namespace) -> tuple[float, float] | None:
    return None if options.solvent is None else (options.solvent[0], options.solvent[1])

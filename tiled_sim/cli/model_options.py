"""The options that say how structure factors are calculated from a model."""

import argparse

from tiled_sim.errors import UsageError
from tiled_sim.model.calculation import CHANTLER, SOLVENT_B, SOLVENT_K, Calculation
from tiled_sim.model.own_options import OwnOptions
from tiled_sim.model.values import number_in, shown


def _number(text: str) -> float:
    value = number_in(text)
    if value is None:
        raise argparse.ArgumentTypeError(f"{shown(text)} is not a number")
    return value


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
        type=_number,
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
        type=_number,
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


def calculation_in(options: argparse.Namespace) -> Calculation:
    """What the options beside a model say. Raises `ExperimentError` for what cannot be."""
    return Calculation.of(options.model_dmin, options.anomalous, _solvent(options))


def of_model(options: argparse.Namespace) -> OwnOptions:
    """What the options beside a model say, for the reader of nanoBragg's."""
    return {
        "model_dmin": options.model_dmin,
        "anomalous": options.anomalous,
        "solvent": _solvent(options),
    }


def refuse_model_options(options: argparse.Namespace) -> None:
    """Refuse them beside a TOML file, where the document says the same.

    Raises
    ------
    UsageError
        naming them and the keys
    """
    if options.model_dmin is None and options.anomalous is None and options.solvent is None:
        return
    raise UsageError(
        "--model-dmin, --anomalous and --solvent go with nanoBragg options; in a TOML file write "
        "`model_dmin_A`, `anomalous`, `solvent_k` and `solvent_B` in [structure_factors]"
    )


def _solvent(options: argparse.Namespace) -> tuple[float, float] | None:
    return None if options.solvent is None else (options.solvent[0], options.solvent[1])

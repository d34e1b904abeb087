"""``tiled-sim sf``: structure factors of a model, as a file."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from tiled_sim.cli.model_options import add_calculation_options, calculation_in
from tiled_sim.cli.parser import Parser
from tiled_sim.cli.printing import print_json
from tiled_sim.errors import UsageError
from tiled_sim.io.fdump import write_fdump
from tiled_sim.io.hkl import write_hkl
from tiled_sim.io.mtz_writing import write_mtz
from tiled_sim.io.new_file import require_new
from tiled_sim.model.structure_factors import StructureFactors
from tiled_sim.read.inputs import calculated
from tiled_sim.read.nanobragg.beam import said_wavelength
from tiled_sim.read.nanobragg.conflicts import Conflicts
from tiled_sim.read.nanobragg.options import parse

#: Of nanoBragg's, what a model lacks.
_UNDERSTOOD = ("-lambda", "-energy")
#: Formats by the ending of a name: what they are called, and what writes them.
_FORMATS: dict[str, tuple[str, Callable[[str, StructureFactors], None]]] = {
    ".hkl": ("hkl", write_hkl),
    ".bin": ("fdump", write_fdump),
    ".mtz": ("mtz", write_mtz),
}


def parser() -> Parser:
    """The options of the verb."""
    made = Parser(
        "sf",
        "Structure factors calculated from a model of the crystal, PDB or mmCIF, as a file.\n\n"
        "  tiled-sim sf MODEL --out list.hkl|Fdump.bin|F.mtz\n"
        "  tiled-sim sf MODEL --out F.mtz --anomalous chantler -energy EV (or -lambda ANGSTROM)\n\n"
        "The list and the Fdump have the whole sphere, the MTZ the asymmetric unit. `submit`,\n"
        "`plan` and `probe` take the same from --model, without a file.",
    )
    made.add_argument("model", metavar="MODEL", help="PDB or mmCIF, gzipped or not")
    made.add_argument(
        "--out",
        metavar="FILE",
        required=True,
        help="the file to make, of the format of its ending; must not exist",
    )
    add_calculation_options(made, "--dmin")
    made.set_defaults(F_energies=None)  # a file holds F of one
    return made


def run(words: Sequence[str]) -> int:
    """Run the verb; the exit code."""
    options, rest = parser().parse_beside_nanobragg(words)
    given = parse(rest, c_compat=False)
    others = [option for option in given if option not in _UNDERSTOOD]
    if others:
        raise UsageError(
            f"{others[0]} is none of {' and '.join(_UNDERSTOOD)}, which say for what light f′ and "
            "f″ are; leave it out"
        )
    wavelength = said_wavelength(given, Conflicts(False))
    if wavelength is not None and options.anomalous is None:
        raise UsageError(
            "-lambda and -energy have no effect on F without f′ and f″: say --anomalous chantler, "
            "or leave them out"
        )
    name, write = _format_of(options.out)
    require_new(options.out)
    factors = calculated(options.model, calculation_in(options), wavelength)
    write(options.out, factors)
    found = factors.provenance
    if options.json:
        print_json({"path": options.out, "format": name, "structure_factors": asdict(found)})
        return 0
    print(options.out)
    for note in found.notes:
        print(f"note      {note}")
    return 0


def _format_of(path: str) -> tuple[str, Callable[[str, StructureFactors], None]]:
    found = _FORMATS.get(Path(path).suffix.lower())
    if found is None:
        raise UsageError(
            f"--out {path}: what it is to be is told by the ending of its name: .hkl, a list of "
            "h k l F; .bin, an Fdump; .mtz, an MTZ"
        )
    return found

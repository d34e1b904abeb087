"""Where everything came from that a run was made with."""

from collections.abc import Iterator
from typing import Any

from tiled_sim.io.stol import WATER
from tiled_sim.model.exposures import Listed
from tiled_sim.report.table import Column, Table, shown
from tiled_sim.run.run import Run

_COLUMNS = (Column("input"), Column("source", long=True), Column("SHA-256", long=True))
_FACTS = (Column("fact"), Column("value", long=True))


def provenance_tables(run: Run) -> list[Table]:
    """Files and lists with their hashes, what was found in that of F, and the hashes of the run."""
    factors = run.attributes["structure_factors"]
    tables = [Table.of("Files and lists", _COLUMNS, _inputs(run))]
    if factors is not None:
        tables.append(Table.of("Structure factors", _FACTS, _of_factors(run, factors)))
    hashes = ((name.replace("_", " "), value or "none") for name, value in run.hashes.items())
    content = (Column("content"), Column("SHA-256", long=True))
    tables.append(Table.of("Content that decides the image", content, hashes))
    earlier = run.attributes.get("earlier", ())
    if earlier:
        rows = (
            (f"until {before.get('until')}", before["frames"], before["hashes"]["experiment"])
            for before in earlier
        )
        columns = (Column("before frames were added"), Column("frames", numbers=True), content[1])
        tables.append(Table.of("The run before", columns, rows))
    return tables


def _inputs(run: Run) -> Iterator[tuple[str, str, str]]:
    """Name, source and hash of each."""
    experiment, factors = run.experiment, run.attributes["structure_factors"]
    default = f"F = {experiment.structure_factors.default_F:g} electrons"
    if factors is None:
        yield "structure factors", f"no file: {default} everywhere", "–"
    else:
        yield "structure factors", factors["path"], factors["sha256"]
    calculation = experiment.structure_factors.calculation
    if calculation is not None and calculation.anomalous_path is not None:
        yield "f′ and f″", calculation.anomalous_path, "–"
    spectrum = experiment.beam.spectrum
    plural = "" if len(spectrum) == 1 else "s"
    yield "spectrum", f"{len(spectrum)} source{plural}, in the run", spectrum.sha256
    for number, crystal in enumerate(experiment.crystals, 1):
        listed = crystal.domains.listed
        if listed is not None:
            where = f" of crystal {number}" if experiment.further_crystals else ""
            yield f"mosaic domains{where}", f"{len(listed)}, in the run", listed.sha256
    if isinstance(experiment.exposures, Listed):
        yield from _shots(experiment.exposures)
    if experiment.background is not None:
        table = experiment.background.path or WATER
        yield "amorphous background", table, experiment.background.sha256
    dead = experiment.detector.dead_pixels
    if dead is not None:
        yield "dead pixels", dead.path or f"the detector {dead.model}", dead.sha256
    masks = {panel.mask for panel in experiment.detector.panels if panel.mask is not None}
    for mask in sorted(masks, key=lambda mask: mask.path):
        yield "mask", mask.path, mask.sha256


def _shots(exposures: Listed) -> Iterator[tuple[str, str, str]]:
    source = exposures.source
    if source is not None and source.path is not None:
        yield "table of shots", source.path, source.sha256
    elif source is not None:
        yield "random shots", f"{source.random}, by the seed {source.seed}", "–"
    for name, digest in exposures.hashes.items():
        yield f"{name.replace('_', ' ')} of each frame", "in the run", digest


def _of_factors(run: Run, found: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """What was found in the file of F."""
    coverage = found["coverage"]
    yield "format", found["format"]
    yield "size [bytes]", found["size"]
    yield "reflections given", found["count"]
    for axis, low, high in zip("hkl", found["minimum"], found["maximum"], strict=True):
        yield f"range of {axis}", f"{low} … {high}"
    yield "F elsewhere [electrons]", run.experiment.structure_factors.default_F
    for name in ("negative", "zero", "duplicates"):
        if name in found:
            yield f"{name} among them", found[name]
    for name, told in (
        ("space_group", "space group"),
        ("cell", "cell that the file names [Å, °]"),
        ("wavelength", "wavelength that the file names [Å]"),
    ):
        if found.get(name) is not None:
            yield told, found[name]
    yield "share of the reflections in reach", f"{100 * coverage['fraction']:.4g} %"
    yield "reflections in reach, but not given", coverage["missing"]
    if coverage.get("forbidden"):
        yield "absent by symmetry", coverage["forbidden"]
    for name, value in (found.get("computed") or {}).items():
        if isinstance(value, int | float | str) and value != "":
            yield f"calculation: {name.replace('_', ' ')}", shown(value)
    for note in found["notes"]:
        yield "note", note

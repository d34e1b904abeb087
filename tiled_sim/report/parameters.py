"""An experiment as tables of quantities with their units."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from tiled_sim.instruments.derived import Derived, derived, panel_name
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.exposures import Listed
from tiled_sim.model.units import ANGLE, AREA, FLUENCE, LENGTH, Unit, units_of
from tiled_sim.report.table import Column, Table, shown

#: Panels that are listed one by one.
MOST_PANELS = 12
_COLUMNS = (Column("quantity"), Column("value", long=True), Column("unit"))
#: In which unit of those that a quantity may be said it is told.
_TOLD = ((LENGTH, "mm"), (ANGLE, "deg"), (FLUENCE, "photons_per_um2"), (AREA, "um2"))
_SPELT = {
    "A": "Å",
    "per_A": "1/Å",
    "deg": "°",
    "um2": "µm²",
    "photons_per_um2": "photons/µm²",
    "g_per_cm3": "g/cm³",
    "g_per_mol": "g/mol",
    "ADU_per_photon": "ADU/photon",
}
#: Of panels: what is derived of them that fits into a row.
_OF_PANEL = {
    "distance along the beam": ("distance along the beam", "mm"),
    "beam spot (slow, fast)": ("beam spot (slow, fast)", "px"),
    "2θ at the corner farthest from the beam": ("largest 2θ", "°"),
    "resolution at the corner farthest from the beam": ("finest resolution", "Å"),
    "solid angle": ("solid angle", "sr"),
}
#: Of the amorphous background: fields that nothing derived says.
_OF_BACKGROUND = {"abscissa", "density", "molar mass"}
#: Units of fields that a document says without one.
_UNSAID = {
    "default_F": "electrons",
    "F000": "electrons",
    "solvent_k": "electrons/Å³",
    "solvent_B": "Å²",
}
#: Fields that people call otherwise.
_CALLED = {
    **{f"{axis} star": f"{axis}*" for axis in "abc"},
    "mosaic count": "mosaic domains",
    "mosaic spreads": "mosaic spreads about a*, b*, c*",
}
#: What a field of the crystal says already.
_TWICE = {"kind of mosaic domains"}
_Row = tuple[str, str, str]


def parameter_tables(experiment: Experiment) -> list[Table]:
    """Every quantity of an experiment, and what follows from it, by its parts.

    Parameters
    ----------
    experiment : resolved
    """
    follows: dict[str, list[Derived]] = {}
    for row in derived(experiment):
        follows.setdefault(row.about, []).append(row)

    def of(name: str, caption: str, *parts: Any, **others: Any) -> Table:
        rows = [row for part in parts for row in _fields(part)]
        for prefix, part in others.items():
            rows += () if part is None else _fields(part, f"{prefix.replace('_', ' ')} ")
        known = {row[0] for row in rows}
        known |= _TWICE if "mosaic kind" in known else set()
        more = (_derived_row(row) for row in follows.get(name, ()) if row.name not in known)
        return Table(caption, _COLUMNS, (*rows, *more))

    tables = [of("experiment", "The whole"), of("beam", "Beam", experiment.beam)]
    for number, crystal in enumerate(experiment.crystals, 1):
        name = "crystal" if number == 1 else f"crystal {number}"
        told = f"Crystal {number}" if experiment.further_crystals else "Crystal"
        tables.append(of(name, told, crystal, mosaic=crystal.domains, diffuse=crystal.diffuse))
    tables.append(_frames(experiment, follows))
    tables.append(of("", "Detector", experiment.detector))
    tables += (of(name, name.capitalize()) for name in _sensors(experiment))
    tables.append(_panels(experiment, follows))
    tables.append(of("", "Sampling", experiment.sampling))
    factors = experiment.structure_factors
    tables.append(of("", "Structure factors", factors, calculation=factors.calculation))
    if experiment.background is not None:
        table = of("background", "Amorphous background")
        said = [row for row in _fields(experiment.background) if row[0] in _OF_BACKGROUND]
        tables.append(dataclasses.replace(table, rows=(*table.rows, *said)))
    if experiment.noise is not None:
        noise = experiment.noise
        tables.append(of("", "Noise", noise, point_spread=noise.point_spread))
    return tables


def short_table(experiment: Experiment) -> Table:
    """What people ask of an experiment first."""
    frames, panels, slow, fast = experiment.shape
    of_crystal = {row.name: row for row in derived(_of_one_panel(experiment))}
    sizes = {panel.pixels for panel in experiment.detector.panels}
    pixels = f"{slow} × {fast} (slow × fast)" + ("" if len(sizes) == 1 else ", the largest")
    rows = [
        ("frames", shown(frames), ""),
        ("panels", shown(panels), ""),
        ("pixels of a panel", pixels, ""),
        *(
            row
            for row in _fields(experiment.beam)
            if row[0] in ("wavelength", "fluence", "polarization")
        ),
        *(
            _derived_row(of_crystal[name])
            for name in ("photon energy", "cell a, b, c", "cell alpha, beta, gamma")
        ),
        ("unit cells along a, b, c", shown(experiment.crystal.cells), ""),
        *(
            _derived_row(of_crystal[name])
            for name in ("distance along the beam",)
            if name in of_crystal
        ),
        ("steps of a pixel", shown(experiment.steps), ""),
        ("F from", experiment.structure_factors.path or "nowhere: one value", ""),
        ("F elsewhere", shown(experiment.structure_factors.default_F), "electrons"),
        ("noise", "no" if experiment.noise is None else "yes", ""),
    ]
    return Table("Experiment", _COLUMNS, tuple(rows))


def _of_one_panel(experiment: Experiment) -> Experiment:
    """The same with its first panel alone, of which values are derived at once."""
    detector = experiment.detector
    if len(detector.panels) == 1:
        return experiment
    first = dataclasses.replace(detector, panels=detector.panels[:1])
    return dataclasses.replace(experiment, detector=first)


def _fields(part: Any, prefix: str = "") -> Iterator[_Row]:
    """The plain fields of a part that are said, in the units of people."""
    for name, unit in units_of(type(part)).items():
        value = getattr(part, name)
        if value is None or dataclasses.is_dataclass(value) or _is_of_parts(value):
            continue
        if name == "spreads" and not any(value):
            continue  # of anisotropic domains alone
        told, of_value = _in_unit(value, unit)
        called = f"{prefix}{name.replace('_', ' ')}"
        yield _CALLED.get(called, called), told, of_value or _UNSAID.get(name, "")


def _sensors(experiment: Experiment) -> Iterator[str]:
    """Of which parts the sensors that differ are derived, the detector's first."""
    detector = experiment.detector
    known = set()
    if detector.sensor is not None:
        known.add(detector.sensor)
        yield "sensor"
    for number, panel in enumerate(detector.panels):
        if panel.sensor is not None and panel.sensor not in known:
            known.add(panel.sensor)
            yield f"sensor of {panel_name(number, panel)}"


def _is_of_parts(value: Any) -> bool:
    return isinstance(value, tuple) and any(dataclasses.is_dataclass(one) for one in value)


def _in_unit(value: Any, unit: Unit) -> tuple[str, str]:
    """A value as it is told, and its unit."""
    name = next((told for known, told in _TOLD if unit is known), next(iter(unit), ""))
    spelt = _SPELT.get(name, name)
    if not unit:
        return shown(value), ""
    factor = unit[name]
    scaled = tuple(one * factor for one in value) if isinstance(value, tuple) else value * factor
    # whole numbers stay whole
    return shown(value if factor == 1.0 else scaled), spelt


def _derived_row(row: Derived) -> _Row:
    values = row.value if isinstance(row.value, tuple) else (row.value,)
    return row.name, " ".join("∞" if one is None else shown(one) for one in values), row.unit


def _frames(experiment: Experiment, follows: dict[str, list[Derived]]) -> Table:
    """The exposures; of those that are listed, what is the same for all."""
    exposures = experiment.exposures
    if not isinstance(exposures, Listed):
        rows: list[_Row] = list(_fields(exposures))
    else:
        rows = [
            ("spindle", shown(exposures.spindle), ""),
            ("phi steps of a frame", shown(exposures.steps), ""),
        ]
    known = {row[0] for row in rows}
    more = (_derived_row(row) for row in follows["frames"] if row.name not in known)
    return Table("Frames", _COLUMNS, (*rows, *more))


def _panels(experiment: Experiment, follows: dict[str, list[Derived]]) -> Table:
    """The first panels, a row each."""
    panels = experiment.detector.panels
    columns = (
        Column("panel"),
        Column("pixels (slow × fast)", numbers=True),
        Column("side of a pixel (slow, fast)", "mm", numbers=True),
        Column("corner of the first pixel (x, y, z)", "mm", numbers=True),
        *(Column(name, unit, numbers=True) for name, unit in _OF_PANEL.values()),
    )
    rows = []
    of_panels = [rows for name, rows in follows.items() if name.startswith("panel ")]
    for number, (panel, told) in enumerate(zip(panels, of_panels, strict=True)):
        if number == MOST_PANELS:
            break
        values = {row.name: row for row in told}
        rows.append(
            (
                panel_name(number, panel).removeprefix("panel "),
                " × ".join(map(str, panel.pixels)),
                shown([1e3 * side for side in panel.pixel_size]),
                shown([1e3 * x for x in panel.origin]),
                *(_derived_row(values[key])[1] if key in values else "–" for key in _OF_PANEL),
            )
        )
    more = len(panels) - len(rows)
    notes = (f"and {more} more panels",) if more else ()
    return Table("Panels", columns, tuple(rows), notes)

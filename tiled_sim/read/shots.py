"""Shots: from a table, or random orientations, to exposures that are listed."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tiled_sim.errors import InputFileError, UsageError
from tiled_sim.io.shots import (
    BEAM,
    CELLS,
    MISSET,
    QUATERNION,
    RECIPROCAL_VECTORS,
    ROTATION,
    SCALES,
    SHIFT,
    ShotsTable,
    read_shots,
)
from tiled_sim.model.bandwidth import SASE, Bandwidth
from tiled_sim.model.beam import LONGEST, SHORTEST, Beam
from tiled_sim.model.crystal import MOST_CELLS, Crystal
from tiled_sim.model.exposures import MOST_FRAMES, Listed, ListedFrom, Rotation
from tiled_sim.model.settings import SHOTS_SEED
from tiled_sim.physics.cell import stood_from
from tiled_sim.physics.constants import HC_EV_ANGSTROM
from tiled_sim.physics.orientation import random_cells, random_rotations
from tiled_sim.physics.vectors import (
    Array,
    Vector,
    about_fixed_axes,
    nearest_rotations,
    of_quaternions,
)
from tiled_sim.read.matrices import cell_of, in_words
from tiled_sim.read.stills import OTHER_CELL

#: Standard deviation of the lengths of cells that still share a list of F.
MOST_CELL_SPREAD = 0.02
#: How far written numbers of a rotation, or of a cell, may be from it by their rounding.
_ROUNDING = 1e-4
_ORIENTATIONS = (MISSET, QUATERNION, ROTATION, RECIPROCAL_VECTORS)


@dataclass(frozen=True, slots=True)
class Shots:
    """Shots as they are asked for: a table, or a number of random orientations.

    Parameters
    ----------
    table : file; None: none
    random : number of random orientations; None: none
    seed : of them, and of a table's; None: 1
    sha256 : that the table must have; None: any
    cell_spread : standard deviations of a, b and c, as shares of them; None: all cells are the
        same, but for the table's
    """

    table: str | None = None
    random: int | None = None
    seed: int | None = None
    sha256: str | None = None
    cell_spread: Vector | None = None

    @classmethod
    def of(
        cls,
        table: str | Path | None,
        random: int | None,
        seed: int | None,
        sha256: str | None = None,
        cell_spread: Vector | None = None,
    ) -> "Shots | None":
        """Those of options; None: none are asked for.

        Raises
        ------
        UsageError
            for both ways at once, and a seed of neither
        """
        if table is not None and random is not None:
            raise UsageError(
                f"--shots {table} and --random-shots {random} both say what the shots are; give "
                "one (in a table the column `orientation` asks for a random one)"
            )
        if table is None and random is None:
            for option, value in (("seed", seed), ("cell-spread", cell_spread)):
                if value is not None:
                    raise UsageError(
                        f"--shots-{option} {value} has no effect without --random-shots or "
                        "--shots; leave it out"
                    )
            return None
        return cls(None if table is None else str(table), random, seed, sha256, cell_spread)


def listed_shots(
    shots: Shots,
    rotation: Rotation,
    crystal: Crystal,
    light: tuple[Beam, Bandwidth | None],
    notes: list[str],
    first: int = 0,
) -> Listed:
    """Exposures of shots; what they leave out is that of the experiment.

    Parameters
    ----------
    shots : as they are asked for
    rotation : what the experiment says of phi, for every shot
    crystal : of the experiment
    light : its beam, and the numbers of its spectrum, of which every shot has a pulse of its own
        if it is that of a SASE pulse; None: its spectrum is no one's by numbers
    notes : take what the user should know
    first : number of the first, by which what is random of it is drawn; those before it are others

    Raises
    ------
    InputFileError
        for a table that does not hold what it must; names file and row
    ExperimentError
        for values that cannot be
    UsageError
        for a number of shots that cannot be, and frames of a rotation beside shots
    """
    if rotation.count > 1:
        raise UsageError(
            f"{rotation.count} frames of a rotation and shots both say what the frames are; leave "
            "one of them out"
        )
    seed = SHOTS_SEED if shots.seed is None else shots.seed
    source = ListedFrom(seed=seed, cell_spread=shots.cell_spread)
    if shots.table is None:
        count = shots.random or 0
        if not 1 <= count <= MOST_FRAMES - first:
            most = MOST_FRAMES - first
            raise UsageError(f"--random-shots {count} must be a number from 1 to {most}")
        notes.append(f"{count} shots of random orientations, by seed {seed}")
        columns = {"orientation": random_rotations(seed, np.arange(first, first + count))}
        source = replace(source, random=count)
    else:
        table = read_shots(shots.table)
        if shots.sha256 is not None and table.sha256 != shots.sha256:
            raise InputFileError(
                f"{table.path}: its SHA-256 is {table.sha256}, and {shots.sha256} is asked for: it "
                "is another table"
            )
        columns = _columns(table, crystal, seed, first)
        notes.append(f"{len(table)} shots of {table.path}: {', '.join(columns)}")
        notes.extend(_duplicates(table, columns))
        if rotation.steps == 1 and np.any(columns.get("oscillation", 0.0)):
            notes.append(
                f"the oscillation of {table.path} counts for nothing: there is one step of phi in "
                "a shot; -phisteps N (in TOML `steps` of [frames]) turns the crystal by it"
            )
        source = replace(source, path=table.path, sha256=table.sha256)
    if shots.cell_spread is not None:
        _add_cells(columns, first, crystal, source, notes)
    pulses = _add_pulses(columns, first, *light, notes)
    return _filled(columns, rotation, replace(source, pulses=pulses))


def _add_cells(
    columns: dict[str, Array], first: int, crystal: Crystal, source: ListedFrom, notes: list[str]
) -> None:
    """Give every shot a cell of its own, at random."""
    spread = source.cell_spread
    assert spread is not None
    said = ", ".join(f"{share:g}" for share in spread)
    if "vectors" in columns:
        raise InputFileError(
            f"{source.path}: it says the cell of each shot, and --shots-cell-spread {said} draws "
            "them at random: leave one of the two out"
        )
    if not all(0.0 <= share <= MOST_CELL_SPREAD for share in spread):
        raise UsageError(
            f"--shots-cell-spread {said}: each must be a share from 0 to {MOST_CELL_SPREAD:g}, as "
            "all cells have one list of F"
        )
    shots = np.arange(first, first + len(columns["orientation"]))
    factors = 1.0 + np.array(spread) * random_cells(source.seed, shots)
    columns["vectors"] = crystal.direct_vectors * factors[:, :, None]
    notes.append(
        f"a, b, c of each shot vary by {said} of them (standard deviations), by seed {source.seed}"
    )


def _add_pulses(
    columns: dict[str, Array],
    first: int,
    beam: Beam,
    bandwidth: Bandwidth | None,
    notes: list[str],
) -> Bandwidth | None:
    """Give every shot a SASE pulse of its own; None: the shots have none."""
    if bandwidth is None or bandwidth.shape != SASE or "spectra" in columns:
        return None
    if len(beam.spectrum) != bandwidth.channels:
        raise UsageError(
            f"the {len(beam.spectrum)} sources of the beam are more than the {bandwidth.channels} "
            "channels of its pulses: shots have pulses of one direction alone; leave the "
            "divergence, or --bandwidth-shape sase, out"
        )
    count = len(columns["orientation"])
    numbers = range(first, first + count)
    pulses = [bandwidth.channels_at(beam.wavelength, shot)[1] for shot in numbers]
    columns["spectra"] = np.array(pulses)
    columns["spectrum"] = np.arange(count, dtype=np.float64)
    notes.append(f"each of {count} shots has a SASE pulse of its own, by seed {bandwidth.seed}")
    return bandwidth


def _filled(columns: dict[str, Array], rotation: Rotation, source: ListedFrom) -> Listed:
    """Exposures of columns, with phi of the experiment where they leave it out."""
    count = len(columns["orientation"])
    if rotation.start and "start" not in columns:
        columns["start"] = np.full(count, rotation.start)
    if (rotation.oscillation or rotation.steps > 1) and "oscillation" not in columns:
        columns["oscillation"] = np.full(count, rotation.oscillation)
    for values in columns.values():
        values.setflags(write=False)  # so that they need not be copied
    turns = "start" in columns or "oscillation" in columns
    listed = Listed(**columns, steps=rotation.steps, source=source)  # type: ignore[arg-type]
    return replace(listed, spindle=rotation.spindle) if turns else listed


def _columns(table: ShotsTable, crystal: Crystal, seed: int, first: int) -> dict[str, Array]:
    """Arrays of `Listed` that a table gives."""
    columns = _orientations(table, crystal, seed, first)
    if table.has("N", *CELLS):
        columns["cells"] = _cells(table)
    if table.has("cell_scale", *SCALES):
        if "vectors" in columns:
            raise InputFileError(
                f"{table.path}: a*, b*, c* and cell_scale both say what the cell is; give one"
            )
        columns["vectors"] = crystal.direct_vectors * _scales(table)[:, :, None]
    if table.has("fluence"):
        columns["fluence"] = fluence = table.columns["fluence"]
        table.require(fluence >= 0.0, "fluence must not be negative")
    if table.has("wavelength", "energy"):
        columns["wavelength"] = _wavelengths(table)
    if table.has(*BEAM):
        direction = table.group(BEAM)
        length = np.linalg.norm(direction, axis=1, keepdims=True)
        table.require(length[:, 0] > 0.0, "the beam's direction has no length")
        columns["beam_direction"] = direction / length
    if table.has(*SHIFT):
        nothing = np.zeros(len(table))
        shift = [table.columns.get(name, nothing) for name in SHIFT]
        columns["detector_shift"] = np.stack(shift, axis=-1)
    for name in ("start", "oscillation"):
        if table.has(name):
            columns[name] = table.columns[name]
    return columns | _spectra(table)


def _spectra(table: ShotsTable) -> dict[str, Array]:
    if table.spectra is None:
        if table.has("spectrum"):
            raise InputFileError(
                f"{table.path}: the column spectrum names rows of `spectra`, which only a table in "
                "HDF5 can hold"
            )
        return {}
    numbers = np.arange(len(table), dtype=np.float64)
    if table.has("spectrum"):
        numbers = table.columns["spectrum"]
    elif len(table.spectra) != len(table):
        raise InputFileError(
            f"{table.path}: {len(table.spectra)} spectra for {len(table)} shots; the column "
            "spectrum says which is whose"
        )
    able = (numbers == np.floor(numbers)) & (numbers >= 0) & (numbers < len(table.spectra))
    table.require(able, f"spectrum must be a whole number from 0 to {len(table.spectra) - 1}")
    return {"spectrum": numbers.astype(np.int64), "spectra": table.spectra}


def _cells(table: ShotsTable) -> Array:
    if table.has("N") and table.has(*CELLS):
        raise InputFileError(f"{table.path}: N and Na, Nb, Nc both say the cells; give one")
    cells = table.group(CELLS) if table.has(*CELLS) else table.columns["N"][:, None].repeat(3, 1)
    able = ((cells == np.floor(cells)) & (cells >= 1) & (cells <= MOST_CELLS)).all(axis=1)
    table.require(able, f"numbers of cells must be whole, from 1 to {MOST_CELLS}")
    return np.asarray(cells.astype(np.int64))


def _scales(table: ShotsTable) -> Array:
    """Factor on a, b and c, (rows, 3)."""
    if table.has("cell_scale") and table.has(*SCALES):
        raise InputFileError(
            f"{table.path}: cell_scale and {SCALES[0]} both say the cell; give one"
        )
    scales = table.group(SCALES) if table.has(*SCALES) else table.columns["cell_scale"][:, None]
    able = ((scales > 0.1) & (scales < 10.0)).all(axis=1)
    table.require(able, "cell_scale is a factor on the cell's lengths, near 1")
    return np.asarray(np.broadcast_to(scales, (len(table), 3)))


def _wavelengths(table: ShotsTable) -> Array:
    if table.has("wavelength") and table.has("energy"):
        raise InputFileError(f"{table.path}: wavelength and energy both give it; give one")
    name = "wavelength" if table.has("wavelength") else "energy"
    values = table.columns[name]
    table.require(values > 0.0, f"{name} must be positive")
    found = np.asarray(values if name == "wavelength" else HC_EV_ANGSTROM / values)
    table.require(
        (found >= SHORTEST) & (found <= LONGEST),
        f"{name} must be that of light of {SHORTEST:g} to {LONGEST:g} Å; check its unit",
    )
    return found


def _orientations(table: ShotsTable, crystal: Crystal, seed: int, first: int) -> dict[str, Array]:
    """Orientation of each row, and its cell where a*, b*, c* say another than the crystal's."""
    ways = [way for way in _ORIENTATIONS if table.has(*way)]
    if len(ways) > 1:
        raise InputFileError(
            f"{table.path}: {ways[0][0]} and {ways[1][0]} both say the orientation; give one of "
            "them"
        )
    way = ways[0] if ways else ()
    found = {"orientation": np.broadcast_to(np.eye(3), (len(table), 3, 3)).copy()}
    if way == MISSET:
        angles = table.group(MISSET).tolist()
        found["orientation"] = np.array([about_fixed_axes(*row) for row in angles])
    elif way == QUATERNION:
        found["orientation"] = _of_quaternions(table)
    elif way == ROTATION:
        found["orientation"] = _rotations(table)
    elif way == RECIPROCAL_VECTORS:
        found = _of_reciprocal_vectors(table, crystal)
    if table.random is not None:
        if way == RECIPROCAL_VECTORS and table.random.any():
            raise InputFileError(
                f"{table.place(int(np.argmax(table.random)))}: a random orientation and a*, b*, c* "
                "both say it; give one"
            )
        rows = np.flatnonzero(table.random)
        found["orientation"][rows] = random_rotations(seed, first + rows)
    return found


def _of_quaternions(table: ShotsTable) -> Array:
    quaternions = table.group(QUATERNION)
    length = np.linalg.norm(quaternions, axis=1, keepdims=True)
    table.require(
        np.abs(length[:, 0] - 1.0) < _ROUNDING, "the quaternion q_w, q_x, q_y, q_z is of length 1"
    )
    return of_quaternions(quaternions / length)


def _rotations(table: ShotsTable) -> Array:
    matrices = table.group(ROTATION).reshape(-1, 3, 3)
    nearest = nearest_rotations(matrices)
    able = np.abs(nearest - matrices).max(axis=(1, 2)) < _ROUNDING
    table.require(able, "r_xx … r_zz is no right-handed rotation, row by row")
    return nearest


def _of_reciprocal_vectors(table: ShotsTable, crystal: Crystal) -> dict[str, Array]:
    """The cell of each row as the crystal stands, and the rotation from there."""
    reciprocal = table.group(RECIPROCAL_VECTORS).reshape(-1, 3, 3)
    volume = np.linalg.det(reciprocal)
    table.require(volume > 0.0, "a*, b*, c* must be right-handed and span a cell")
    _require_like(table, reciprocal, crystal)
    direct = np.asarray(np.linalg.inv(reciprocal).transpose(0, 2, 1), dtype=np.float64)
    orientation, vectors = stood_from(crystal.direct_vectors, direct)
    return {"orientation": orientation} | ({} if vectors is None else {"vectors": vectors})


def _require_like(table: ShotsTable, reciprocal: Array, crystal: Crystal) -> None:
    """Refuse cells that share no list of F with the crystal's."""
    edges = np.linalg.norm(np.linalg.inv(reciprocal), axis=1)  # those of a, b, c are its columns
    off = np.abs(edges / np.linalg.norm(crystal.direct_vectors, axis=1) - 1.0).max(axis=1)
    worst = int(np.argmax(off > OTHER_CELL))
    cells = (cell_of(rows) for rows in (reciprocal[worst], crystal.reciprocal_vectors))
    table.require(
        off <= OTHER_CELL,
        "a*, b*, c* are of the cell {}, and the crystal has {}".format(*map(in_words, cells))
        + f": lengths may differ by {100 * OTHER_CELL:g} %, as all shots have the same F; check "
        "the unit of the columns, and -cell",
    )


def _duplicates(table: ShotsTable, columns: dict[str, Array]) -> list[str]:
    """What to tell of rows that say the same."""
    import pandas

    each = (values for name, values in columns.items() if name != "spectra")
    rows = [values.reshape(len(table), -1) for values in each]
    every = np.concatenate([np.asarray(part, dtype=np.float64) for part in rows], axis=1)
    again = pandas.DataFrame(every).duplicated().to_numpy()
    if not again.any():
        return []
    row = int(np.argmax(again))
    first = int(np.argmax((every == every[row]).all(axis=1)))
    return [
        f"{int(again.sum())} of {len(table)} shots are the same as one before them: "
        f"{table.place(row)} says what {table.place(first)} says; they differ by their noise alone"
    ]

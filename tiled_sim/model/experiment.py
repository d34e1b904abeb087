"""What is simulated: frozen, resolved, hashed.

Lengths are metres, angles radians, wavelengths and cells Å, reciprocal vectors 1/Å, all float64.
Nothing here is a default that is still to be worked out: readers of TOML and of nanoBragg
options resolve everything once, before an `Experiment` is made.
"""

import dataclasses
import json
import math
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy.typing as npt

from tiled_sim.model.background import Background
from tiled_sim.model.bandwidth import Bandwidth, SpectrumFile
from tiled_sim.model.beam import Beam, Spectrum
from tiled_sim.model.calculation import Calculation
from tiled_sim.model.canonical import canonical_sha256
from tiled_sim.model.changes import changed
from tiled_sim.model.checks import UNHASHED, require
from tiled_sim.model.crystal import NOT_IN_C, Crystal
from tiled_sim.model.crystals import MOST_CRYSTALS
from tiled_sim.model.detector import Detector, Panel
from tiled_sim.model.document import (
    domains_from_plain,
    from_plain,
    listed_from_plain,
    names_of_domains,
    to_plain,
)
from tiled_sim.model.domains import NANOBRAGG
from tiled_sim.model.energies import require_energies
from tiled_sim.model.exposures import Exposures, Listed
from tiled_sim.model.frame import extreme_frames, frame_of
from tiled_sim.model.own_options import OwnOptions
from tiled_sim.model.reach import finest_spacing
from tiled_sim.model.readout import Noise, PointSpread
from tiled_sim.model.sampling import Sampling
from tiled_sim.model.upstream import require_downstream, require_forward

#: Names of the beam's spectrum, and of listed exposures, among the arrays of an experiment.
_SPECTRUM, FRAMES = "spectrum", "frames"
#: Phi steps times mosaic domains; so many matrices are 720 MB.
_MOST_ORIENTATIONS = 10**7
#: F that is still a number when it is squared in float32 [electron].
_LARGEST_F = 1e18


@dataclass(frozen=True, slots=True)
class Reflections:
    """Where F comes from: at most one file, and the value elsewhere.

    Parameters
    ----------
    path : file, or None for `default_F` everywhere
    format : ``hkl``, ``fdump``, ``mtz`` or ``model``; None without a file
    default_F : F of every node that the file does not give [electron]
    column : label of the amplitudes in an MTZ; None: its only column of them
    ignore_file_cell : whether the cell that a file names may be another than the crystal's
    space_group : name of that of a list, which says what nodes are absent by symmetry; None: not
        known, or, of an MTZ or a model, the file's
    calculation : how F is calculated from a model; None: F is read
    F000 : F of 0 0 0, whatever the file gives [electron]; None: the file's, or `default_F`
    """

    path: str | None = field(default=None, metadata=UNHASHED)
    # decides: an Fdump and a list treat default_F inside the grid differently
    format: str | None = None
    default_F: float = 0.0
    column: str | None = field(default=None, metadata=UNHASHED)
    ignore_file_cell: bool = field(default=False, metadata=UNHASHED)
    space_group: str | None = None
    calculation: Calculation | None = None
    F000: float | None = None

    def __post_init__(self) -> None:
        require(
            math.isfinite(self.default_F),
            f"structure_factors.default_F = {self.default_F} must be finite",
        )
        require(
            abs(self.default_F) <= _LARGEST_F,
            f"structure_factors.default_F = {self.default_F} is more than {_LARGEST_F:g} electrons",
        )
        require(
            self.F000 is None or abs(self.F000) <= _LARGEST_F,
            f"structure_factors.F000 = {self.F000} must be finite, and not more than "
            f"{_LARGEST_F:g} electrons",
        )
        require(
            self.F000 is None or self.path is not None,
            f"structure_factors.F000 = {self.F000} goes with a file of F: without one F is "
            "default_F everywhere; leave F000 out",
        )
        require(
            self.column is None or self.format == "mtz",
            f"structure_factors.column = {self.column!r} names a column of an MTZ, but the source "
            f"is {self.path}, of format {self.format}",
        )
        require(
            self.space_group is None or self.format in ("hkl", "fdump"),
            f"structure_factors.space_group = {self.space_group!r} is that of a list of "
            f"reflections, and {self._unlisted()}: leave it out (--space-group)",
        )
        require(
            (self.calculation is not None) == (self.format == "model"),
            "structure_factors: model_dmin, anomalous, energies, solvent_k and solvent_B say how F "
            f"is calculated from a model, and the source is {self.path}, of format {self.format}; "
            "name the model (--model FILE, in TOML model), or leave them out",
        )
        require(
            self.path is not None or self.default_F != 0.0,
            "no structure factors: name a file (-hkl FILE, --fdump FILE, --mtz FILE, --model FILE; "
            "in TOML hkl, fdump, mtz or model in [structure_factors]) or a default_F other than 0. "
            "Without them every F_cell would be 0 and the image empty. Nothing is read from the "
            "working directory unasked",
        )

    def _unlisted(self) -> str:
        """Why a space group has no effect."""
        return "there is none" if self.path is None else f"{self.path} names its own"


@dataclass(frozen=True, slots=True)
class Experiment:
    """Everything that decides the image.

    Parameters
    ----------
    beam, crystal, detector, sampling, exposures, structure_factors : see their classes
    further_crystals : beside the first, in the same light, with the same structure factors; frames
        turn all together, and have their numbers of cells for all
    c_compat : replay what the C program does wrong where that is defined (docs/differences.md)
    background : scattering of amorphous material; None: none
    noise : how photons are counted; None: they are not, the image is of expected photons alone
    allow_upstream : whether light of sources may travel against the beam, and panels stand upstream
        of the sample
    notes : decisions of the reader that the user should know of; not part of the hash
    """

    beam: Beam
    crystal: Crystal
    detector: Detector
    sampling: Sampling
    exposures: Exposures
    structure_factors: Reflections
    c_compat: bool = False
    background: Background | None = None
    noise: Noise | None = None
    allow_upstream: bool = field(default=False, metadata=UNHASHED)
    further_crystals: tuple[Crystal, ...] = ()
    notes: tuple[str, ...] = field(default=(), compare=False, metadata=UNHASHED)

    def __post_init__(self) -> None:
        _require_number(self.crystals)
        domains = sum(crystal.domains.count for crystal in self.crystals)
        orientations = self.exposures.steps * domains
        require(
            orientations <= _MOST_ORIENTATIONS,
            f"frames.steps = {self.exposures.steps} times crystal.mosaic_domains = {domains} are "
            f"{orientations} orientations of the crystal, each as much work as an image of its "
            f"own; {_MOST_ORIENTATIONS} are allowed",
        )
        if isinstance(self.exposures, Listed):
            _require_spectra(self.exposures, self.beam)
        if not self.allow_upstream:
            require_forward(self.beam.spectrum, self.beam.direction)
            for frame in extreme_frames(self.exposures):
                seen = frame_of(self, frame)
                require_downstream(seen.detector.panels, seen.beam.direction)
        sampling = self.sampling
        not_as_c = {
            "a sensor with a thickness": bool(self.detector.sensors),
            "oversample_thick": sampling.oversample_thick,
            "oversample_polar": sampling.oversample_polar,
            "oversample_omega": sampling.oversample_omega,
            "an amorphous background": self.background is not None,
            "a list of exposures": isinstance(self.exposures, Listed),
        }
        for what, is_there in not_as_c.items():
            require(
                not (self.c_compat and is_there),
                f"{what} cannot be had as C has it: the C program's result means nothing "
                "(docs/differences.md, rows 14, 15 and 20); leave it or c_compat out",
            )
        if self.c_compat:
            _require_as_in_c(self.crystals)
        if self.noise is not None and self.noise.point_spread is not None:
            for panel in self.detector.panels:
                _require_reach(self.noise.point_spread, panel)
        require_energies(self)
        calculation = self.structure_factors.calculation
        if calculation is not None and calculation.dmin is None:
            dmin = finest_spacing(self)
            source = replace(self.structure_factors, calculation=replace(calculation, dmin=dmin))
            object.__setattr__(self, "structure_factors", source)

    def _repr_html_(self) -> str:
        """What a notebook shows: tables of its parameters with their units."""
        from tiled_sim.report.notebook import experiment_html

        return experiment_html(self)

    @property
    def crystals(self) -> tuple[Crystal, ...]:
        """All crystals of the image, the first one first."""
        return self.crystal, *self.further_crystals

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(frame, panel, slow, fast) size of the image, panels padded to the largest."""
        slow, fast = self.detector.pixels
        return len(self.exposures), len(self.detector.panels), slow, fast

    @property
    def steps(self) -> int:
        """Terms in a pixel's sum: sources × mosaic domains of all crystals × phi × subpixels."""
        return (
            len(self.beam.spectrum)
            * sum(crystal.domains.count for crystal in self.crystals)
            * self.exposures.steps
            * self.sampling.oversample**2
        )

    @property
    def evaluations_per_pixel(self) -> int:
        """Steps in every layer of the sensor; of panels that differ, where there are most."""
        return self.steps * self.detector.layers

    @property
    def evaluations(self) -> int:
        """Of all frames, in the regions of interest: what is computed, unless a mask says else."""
        return len(self.exposures) * self.detector.layered_pixels * self.steps

    def to_dict(self) -> dict[str, typing.Any]:
        """All fields as plain JSON values, in place of arrays their hashes.

        Together with `arrays` it is all there is; `from_dict` is the inverse.
        """
        return json.loads(json.dumps(to_plain(self), allow_nan=False))

    def arrays(self) -> dict[str, npt.NDArray[typing.Any]]:
        """What `to_dict` has only the hash of: ``spectrum/incident`` and its like."""
        spectrum = self.beam.spectrum
        names = (item.name for item in dataclasses.fields(spectrum))
        arrays: dict[str, npt.NDArray[typing.Any]]
        arrays = {f"{_SPECTRUM}/{name}": getattr(spectrum, name) for name in names}
        if isinstance(self.exposures, Listed):
            columns = self.exposures.columns.items()
            arrays |= {f"{FRAMES}/{name}": values for name, values in columns}
        for number, crystal in enumerate(self.crystals):
            listed = crystal.domains.listed
            if listed is not None:
                rotations, weights = names_of_domains(number)
                arrays |= {rotations: listed.rotation, weights: listed.weight}
        return arrays

    @classmethod
    def from_dict(
        cls, data: Mapping[str, typing.Any], arrays: Mapping[str, npt.NDArray[typing.Any]]
    ) -> "Experiment":
        """Rebuild an experiment from `to_dict` and `arrays`.

        Raises
        ------
        ExperimentError
            for arrays that are not those whose hashes the document has
        KeyError, TypeError
            for a document that lacks or spoils a field
        """
        names = (item.name for item in dataclasses.fields(Spectrum))
        spectrum = Spectrum(*(arrays[f"{_SPECTRUM}/{name}"] for name in names))
        written = data["beam"]["spectrum"]["sha256"]
        require(
            spectrum.sha256 == written,
            f"beam.spectrum: its arrays have SHA-256 {spectrum.sha256}, written were those of "
            f"{written}",
        )
        exposures = data["exposures"]
        if "orientation" in exposures:
            prefix = f"{FRAMES}/"
            of_frames = {
                name.removeprefix(prefix): values
                for name, values in arrays.items()
                if name.startswith(prefix)
            }
            listed = listed_from_plain(exposures, of_frames)
            for name, found in listed.hashes.items():
                written = exposures[name]["sha256"]
                require(
                    found == written,
                    f"exposures.{name}: its array has SHA-256 {found}, written was that of "
                    f"{written}",
                )
            exposures = listed
        crystal, *further = (
            {**crystal, "domains": domains_from_plain(crystal, arrays, number)}
            for number, crystal in enumerate((data["crystal"], *data.get("further_crystals", ())))
        )
        # documents of before the field were never asked on which side their light comes in
        said = {"allow_upstream": True, **data}
        beam = {**data["beam"], "spectrum": spectrum}
        said |= {"crystal": crystal, "further_crystals": further}
        return from_plain(cls, {**said, "beam": beam, "exposures": exposures})

    def with_(self, changes: Mapping[str, typing.Any]) -> "Experiment":
        """The experiment with other values, and with all that follows from them.

        ``experiment.with_({"beam.wavelength_A": 1.5, "crystal.cells": [20, 20, 20]})``: keys are
        those of the TOML that ``tiled-sim config`` prints, each with its section before it;
        ``docs/python.md`` says what each does.

        Raises
        ------
        ExperimentError
            for keys that are unknown or have no one clear meaning, and for values that cannot be
        """
        return changed(self, changes)

    @property
    def sha256(self) -> str:
        """Hash of what is simulated, not of where files lie or notes: see `canonical`."""
        return canonical_sha256(self)

    @classmethod
    def from_nanobragg(
        cls,
        options: typing.Sequence[str],
        *,
        c_compat: bool = False,
        spectrum: str | Path | SpectrumFile | Bandwidth | None = None,
        geometry: str | Path | None = None,
        detector: str | None = None,
        experiment: int | typing.Literal["all"] | None = None,
        **own: typing.Unpack[OwnOptions],
    ) -> "Experiment":
        """Read a nanoBragg command line; see `tiled_sim.read.nanobragg.reader.read_options`.

        ``spectrum`` is a file of energies or wavelengths and weights, a `SpectrumFile` that says in
        how many channels, or a `Bandwidth` (docs/spectra.md). ``geometry`` is a geometry
        file, of which ``experiment`` names one of several (``"all"``: its stills are frames), and
        ``detector`` the name of a detector: either stands for the options of the detector
        (docs/geometry.md). Keyword arguments beside these are those of `OwnOptions`:
        ``mtz="f.mtz"`` and so on.
        """
        from tiled_sim.read.nanobragg.reader import read_options
        from tiled_sim.read.nanobragg.stated import DetectorSource

        stated = DetectorSource.of(geometry, detector, experiment)
        return read_options(options, c_compat=c_compat, spectrum=spectrum, detector=stated, **own)

    @classmethod
    def from_toml(
        cls, path: str | Path, *, changes: Mapping[str, typing.Any] | None = None
    ) -> "Experiment":
        """Read a TOML file; see `tiled_sim.read.toml.reader.read_toml`."""
        from tiled_sim.read.toml.reader import read_toml

        return read_toml(path, changes)


def _require_number(crystals: tuple[Crystal, ...]) -> None:
    """Refuse more crystals than an image may have."""
    require(
        len(crystals) <= MOST_CRYSTALS,
        f"{len(crystals)} crystals in one image, each as much work as an image of its own; "
        f"{MOST_CRYSTALS} are allowed (mosaic domains that are listed may be more)",
    )


def _require_as_in_c(crystals: tuple[Crystal, ...]) -> None:
    """Refuse what the C program does not have."""
    first = crystals[0]
    kind, shape = first.domains.kind, first.shape
    for what, is_there in (
        ("diffuse scattering", first.diffuse is not None),
        (f"mosaic domains of the kind {kind}", kind != NANOBRAGG),
        (f"the shape {shape}", shape in NOT_IN_C),
        ("more than one crystal in an image", len(crystals) > 1),
        ("the share of a crystal", first.share != 1.0),
    ):
        require(
            not is_there,
            f"{what} cannot be had as C has it: the C program knows none such; leave it or "
            "c_compat out",
        )


def _require_spectra(listed: Listed, beam: Beam) -> None:
    """Refuse weights that are not those of the beam's sources."""
    if listed.spectra is not None:
        columns, sources = listed.spectra.shape[1], len(beam.spectrum)
        require(
            columns == sources,
            f"frames.spectra has {columns} weights in a row, and the beam {sources} sources; each "
            "spectrum weighs every source",
        )


def _require_reach(spread: PointSpread, panel: Panel) -> None:
    """Refuse a point spread that a panel cannot have."""
    require(
        panel.has_square_pixels,
        f"noise.point_spread: the pixels of panel {panel.name} are {panel.pixel_size} m (slow, "
        "fast), and light spreads over square pixels alone; leave the point spread out",
    )
    reach = spread.reach(panel.pixel_size[0])
    require(
        reach <= max(panel.pixels),
        f"noise.point_spread reaches over {reach} pixels, the panel has {panel.pixels} (slow, "
        "fast); check the unit of its width, or give a radius",
    )

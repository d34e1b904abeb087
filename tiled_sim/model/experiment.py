"""What is simulated: frozen, resolved, hashed.

Lengths are metres, angles radians, wavelengths and cells Å, reciprocal vectors 1/Å, all float64.
Nothing here is a default that is still to be worked out: readers of TOML and of nanoBragg
options resolve everything once, before an `Experiment` is made.
"""

import dataclasses
import hashlib
import json
import math
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path

from tiled_sim.model.background import Background
from tiled_sim.model.beam import Beam
from tiled_sim.model.checks import require
from tiled_sim.model.crystal import Crystal
from tiled_sim.model.detector import Detector
from tiled_sim.model.exposures import Frames
from tiled_sim.model.readout import Noise
from tiled_sim.model.sampling import Sampling

#: Phi steps times mosaic domains; so many matrices are 720 MB.
_MOST_ORIENTATIONS = 10**7


@dataclass(frozen=True, slots=True)
class StructureFactorSource:
    """Where F comes from: at most one file, and the value elsewhere.

    Parameters
    ----------
    path : file, or None for `default_F` everywhere
    format : ``hkl``, ``fdump`` or ``mtz``; None without a file
    default_F : F of every node that the file does not give [electron]
    column : label of the amplitudes in an MTZ; None: its only column of them
    """

    path: str | None = None
    format: str | None = None
    default_F: float = 0.0
    column: str | None = None

    def __post_init__(self) -> None:
        require(
            math.isfinite(self.default_F),
            f"structure_factors.default_F = {self.default_F} must be finite",
        )
        require(
            self.column is None or self.format == "mtz",
            f"structure_factors.column = {self.column!r} names a column of an MTZ, but the source "
            f"is {self.path}, of format {self.format}",
        )
        require(
            self.path is not None or self.default_F != 0.0,
            "no structure factors: name a file (-hkl FILE, --fdump FILE, --mtz FILE; in TOML hkl, "
            "fdump or mtz in [structure_factors]) or a default_F other than 0. Without them every "
            "F_cell would be 0 and the image empty. Nothing is read from the working directory "
            "unasked",
        )


@dataclass(frozen=True, slots=True)
class Experiment:
    """Everything that decides the image.

    Parameters
    ----------
    beam, crystal, detector, sampling, frames, structure_factors : see their classes
    c_compat : replay what the C program does wrong where that is defined (docs/differences.md)
    background : scattering of amorphous material; None: none
    noise : how photons are counted; None: they are not, the image is of expected photons alone
    notes : decisions of the reader that the user should know of; not part of the hash
    """

    beam: Beam
    crystal: Crystal
    detector: Detector
    sampling: Sampling
    frames: Frames
    structure_factors: StructureFactorSource
    c_compat: bool = False
    background: Background | None = None
    noise: Noise | None = None
    notes: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        orientations = self.frames.steps * self.crystal.mosaic_domains
        require(
            orientations <= _MOST_ORIENTATIONS,
            f"frames.steps = {self.frames.steps} times crystal.mosaic_domains = "
            f"{self.crystal.mosaic_domains} are {orientations} orientations of the crystal, each "
            f"as much work as an image of its own; {_MOST_ORIENTATIONS} are allowed",
        )
        sampling = self.sampling
        not_as_c = {
            "a sensor with a thickness": self.detector.sensor is not None,
            "oversample_thick": sampling.oversample_thick,
            "oversample_polar": sampling.oversample_polar,
            "oversample_omega": sampling.oversample_omega,
            "an amorphous background": self.background is not None,
        }
        for what, is_there in not_as_c.items():
            require(
                not (self.c_compat and is_there),
                f"{what} cannot be had as C has it: the C program's result means nothing "
                "(docs/differences.md, rows 14, 15 and 20); leave it or c_compat out",
            )
        if self.noise is not None and self.noise.point_spread is not None:
            reach = self.noise.point_spread.reach(self.detector.pixel_size)
            require(
                reach <= max(self.detector.pixels),
                f"noise.point_spread reaches over {reach} pixels, the panel has "
                f"{self.detector.pixels} (slow, fast); check the unit of its width, or give a "
                "radius",
            )

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(frame, panel, slow, fast) size of the image."""
        slow, fast = self.detector.pixels
        return self.frames.count, len(self.detector.panels), slow, fast

    @property
    def steps(self) -> int:
        """Terms in a pixel's sum: sources × mosaic domains × phi steps × subpixels."""
        return (
            len(self.beam.sources)
            * self.crystal.mosaic_domains
            * self.frames.steps
            * self.sampling.oversample**2
        )

    @property
    def evaluations_per_pixel(self) -> int:
        """Steps in every layer of the sensor."""
        return self.steps * self.detector.layers

    def to_dict(self) -> dict[str, typing.Any]:
        """All fields as plain JSON values; `from_dict` is the inverse."""
        return json.loads(json.dumps(dataclasses.asdict(self), allow_nan=False))

    @classmethod
    def from_dict(cls, data: dict[str, typing.Any]) -> "Experiment":
        """Rebuild an experiment from `to_dict`."""
        return _from_plain(cls, data)

    @property
    def sha256(self) -> str:
        """Hash of the canonical JSON: of what is simulated, not of where files lie or notes."""
        plain = self.to_dict()
        del plain["notes"]
        # the format stays: an Fdump and a list treat default_F inside the grid differently
        del plain["structure_factors"]["path"], plain["structure_factors"]["column"]
        if plain["background"] is not None:
            del plain["background"]["path"]
        for panel in plain["detector"]["panels"]:
            del panel["name"]
            if panel["mask"] is not None:
                del panel["mask"]["path"]
        text = json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    @classmethod
    def from_nanobragg(
        cls,
        options: typing.Sequence[str],
        *,
        c_compat: bool = False,
        fdump: str | Path | None = None,
        mtz: str | Path | None = None,
        clip_to_beam: bool | None = None,
        noise: Noise | None = None,
    ) -> "Experiment":
        """Read a nanoBragg command line; see `tiled_sim.read.nanobragg.reader.read_options`."""
        from tiled_sim.read.nanobragg.reader import read_options

        return read_options(
            options,
            c_compat=c_compat,
            fdump=fdump,
            mtz=mtz,
            clip_to_beam=clip_to_beam,
            noise=noise,
        )

    @classmethod
    def from_toml(cls, path: str | Path) -> "Experiment":
        """Read a TOML file; see `tiled_sim.read.toml.reader.read_toml`."""
        from tiled_sim.read.toml.reader import read_toml

        return read_toml(path)


def _from_plain(expected: typing.Any, value: typing.Any) -> typing.Any:
    """Turn plain JSON values back into the annotated type of a field."""
    if dataclasses.is_dataclass(expected):
        hints = typing.get_type_hints(expected)
        arguments = {key: _from_plain(hints[key], item) for key, item in value.items()}
        return typing.cast(typing.Any, expected)(**arguments)
    origin = typing.get_origin(expected)
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return None
        (inner,) = (choice for choice in typing.get_args(expected) if choice is not type(None))
        return _from_plain(inner, value)
    if origin is tuple:
        element = typing.get_args(expected)[0]
        return tuple(_from_plain(element, item) for item in value)
    return float(value) if expected is float else value

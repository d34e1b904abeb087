"""The ``[noise]`` of a TOML file."""

from tiled_sim.model.readout import Noise, PointSpread
from tiled_sim.read.toml.keys import known
from tiled_sim.read.toml.table import Table

_PLAIN = Noise()


def read_noise(table: Table) -> Noise:
    """Read how photons are counted; what is not said is as for plain Poisson noise.

    Parameters
    ----------
    table : ``[noise]``

    Raises
    ------
    ExperimentError
        for values that cannot be
    """
    return table.build(
        Noise,
        seed=table.integer("seed", _PLAIN.seed),
        flicker=table.number("flicker", _PLAIN.flicker),
        calibration=table.number("calibration", _PLAIN.calibration),
        calibration_seed=table.integer("calibration_seed", _PLAIN.calibration_seed),
        readout=table.number("readout", _PLAIN.readout),
        gain=table.number("gain", _PLAIN.gain),
        offset=table.number("offset", _PLAIN.offset),
        saturation=table.integer("saturation", _PLAIN.saturation),
        point_spread=_point_spread(table) if "point_spread" in table else None,
    )


def _point_spread(noise: Table) -> PointSpread:
    table = noise.table("point_spread", known("noise", "point_spread"))
    return table.build(
        PointSpread,
        kind=table.text("kind"),
        fwhm=table.number("fwhm"),
        radius=table.integer("radius") if "radius" in table else None,
    )

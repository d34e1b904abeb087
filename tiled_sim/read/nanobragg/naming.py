"""Which options say what the model complains of."""

from collections.abc import Iterator
from contextlib import contextmanager

from tiled_sim.errors import ExperimentError

#: Options by the beginnings of what the model says.
_SAID_BY = {
    "beam.polarization": "-polar",
    "beam.fluence": "-fluence, or -flux, -exposure and -beamsize",
    "beam.spectrum": "-sourcefile",
    "source.weight": "-sourcefile",
    "source.wavelength": "-sourcefile, -lambda and -dispersion",
    "crystal.cells": "-N",
    "crystal.fudge": "-fudge",
    "crystal.share": "the share of --twin",
    "crystal.mosaic_domains": "-mosaic_domains",
    "crystal.mosaic_seed": "-mosaic_seed",
    "crystal.mosaic_kind": "--mosaic-kind, -mosaic and --mosaic-angles",
    "crystal.mosaic_spread = (": "--mosaic-angles",
    "crystal.mosaic_spread:": "-mosaic, --mosaic-angles",
    "crystal.mosaic_spread": "-mosaic",
    "crystal.domains.spreads": "--mosaic-angles",
    "frames.steps": "-phisteps, -phistep and -osc",
    "sampling.oversample": "-oversample",
    "sampling.dmin": "-dmin",
    "sensor.layers": "-detector_thicksteps",
    "sensor.thickness": "-detector_thick",
    "sensor.attenuation_length": "-detector_abs",
    "background.density": "-density",
    "background.molar_mass": "-MW",
    "background.thickness": "-water",
    "background.area": "-water",
    "noise.seed": "-seed",
    "region of interest": "-roi",
    "structure_factors.default_F": "-default_F",
}


@contextmanager
def by_options() -> Iterator[None]:
    """Say of what the model refuses which options say it."""
    try:
        yield
    except ExperimentError as error:
        message = error.written
        for beginning, options in _SAID_BY.items():
            if message.startswith(beginning):
                raise type(error)(f"{message} ({options})") from None
        raise

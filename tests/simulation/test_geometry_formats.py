"""One detector in the forms of CrystFEL, DIALS and NeXus makes one image."""

import numpy as np
import pytest

from tiled_sim import simulate
from tiled_sim.model.experiment import Experiment

WORDS = "-default_F 100 -cell 70 80 90 75 85 95 -misset 10 20 30 -N 20 -oversample 1"
#: (slow, fast) of the dead pixels that the .geom alone has, all on one panel.
DEAD = ("m0a3", np.s_[3, 10:13])


@pytest.fixture(scope="module")
def images(data, tmp_path_factory):
    """Pixels of each panel by its name, by the ending of the file."""
    geom = tmp_path_factory.mktemp("geometry") / "chips16.geom"
    # the others have the wavelength of 9500 eV in six decimals
    text = (data / "geometry/chips16.geom").read_text()
    geom.write_text(text.replace("photon_energy = 9500 eV", "wavelength = 1.305096 A"))
    files = {ending: data / f"geometry/chips16.{ending}" for ending in ("expt", "nxs")}
    found = {}
    for ending, file in {"geom": geom, **files}.items():
        experiment = Experiment.from_nanobragg(WORDS.split(), geometry=str(file))
        names = [panel.name.split("/")[-1] for panel in experiment.detector.panels]
        found[ending] = dict(zip(names, np.asarray(simulate(experiment))[0], strict=True))
    return found


@pytest.mark.parametrize("ending", ["geom", "nxs"])
def test_every_pixel_is_that_of_the_experiment_list(images, ending):
    assert images[ending].keys() == images["expt"].keys()
    for name, expected in images["expt"].items():
        image, wanted = images[ending][name].copy(), expected.copy()
        if (ending, name) == ("geom", DEAD[0]):
            assert (image[DEAD[1]] == 0).all()
            assert (wanted[DEAD[1]] > 0).all()
            image[DEAD[1]] = wanted[DEAD[1]]
        assert wanted.max() > 0
        # beside what is left where the cells of the crystal cancel each other
        np.testing.assert_allclose(image, wanted, rtol=1e-6, atol=1e-12 * wanted.max())

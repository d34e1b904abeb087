"""The image as a dask array: computed when asked for, and the same wherever that is."""

import dataclasses
import pickle
import shutil

import dask.array
import numpy as np
import pytest

import tiled_sim as ts
from tiled_sim.errors import InputFileError, UsageError

CORNER = {"slow": slice(64, 96), "fast": slice(32, 64)}


@pytest.fixture
def own_hkl(data, tmp_path):
    """A copy of the structure factors that may be changed."""
    return shutil.copy(data / "p1.hkl", tmp_path / "own.hkl")


@pytest.fixture(scope="module")
def experiment(still):
    return still("-oversample", 2)


@pytest.fixture(scope="module")
def simulated(experiment):
    return ts.simulate(experiment)


def test_on_threads_the_image_is_that_of_simulate_to_the_byte(experiment, simulated):
    lazy = ts.lazy_image(experiment, tile=32)
    computed = lazy.compute(scheduler="threads")
    assert computed.values.tobytes() == simulated.values.tobytes()


def test_on_a_cluster_the_image_is_that_of_simulate_to_the_byte(experiment, simulated, client):
    data = client.compute(ts.lazy_image(experiment, tile=(16, 48)).data).result()
    assert data.tobytes() == simulated.values.tobytes()


def test_the_image_is_labelled_as_that_of_simulate(experiment, simulated):
    lazy = ts.lazy_image(experiment)
    assert (lazy.dims, lazy.name, lazy.attrs) == (simulated.dims, simulated.name, simulated.attrs)
    for name in simulated.coords:
        np.testing.assert_array_equal(lazy[name], simulated[name])
        assert lazy[name].attrs == simulated[name].attrs


@pytest.mark.parametrize(
    ("tile", "slow", "fast"),
    [
        (64, (64, 32), (64, 32)),
        ((16, 80), (16,) * 6, (80, 16)),
        (512, (96,), (96,)),
    ],
)
def test_a_tile_is_a_chunk(experiment, tile, slow, fast):
    lazy = ts.lazy_image(experiment, tile=tile)
    assert isinstance(lazy.data, dask.array.Array)
    assert lazy.dtype == np.float32
    assert lazy.chunks == ((1,), (1,), slow, fast)


def test_a_part_is_that_part(experiment, simulated):
    part = ts.lazy_image(experiment, tile=32).isel(CORNER).compute(scheduler="threads")
    assert part.values.tobytes() == simulated.isel(CORNER).values.tobytes()


def test_frames_and_panels_land_in_their_places(still):
    experiment = still("-osc", 2, "-phisteps", 2, "-phi", 1)
    (panel,) = experiment.detector.panels
    x, y, z = panel.origin
    panels = tuple(dataclasses.replace(panel, origin=(x, y, z - 0.01 * n)) for n in range(3))
    experiment = dataclasses.replace(
        experiment,
        exposures=dataclasses.replace(experiment.exposures, count=2),
        detector=dataclasses.replace(experiment.detector, panels=panels),
    )
    computed = ts.lazy_image(experiment, tile=48).compute(scheduler="threads")
    assert computed.values.tobytes() == ts.simulate(experiment).values.tobytes()


def test_a_masked_image_is_that_of_simulate(data):
    words = "-cell 70 80 90 75 85 95 -N 5 -oversample 1 -roi 20 99 40 111"
    experiment = ts.Experiment.from_nanobragg(
        ["-hkl", str(data / "p1.hkl"), "-mask", str(data / "mask.img"), *words.split()]
    )
    computed = ts.lazy_image(experiment, tile=48).compute(scheduler="threads")
    assert computed.values.tobytes() == ts.simulate(experiment).values.tobytes()


def test_the_phi_carry_over_of_c_is_that_of_simulate(still):
    experiment = still("-phi", 0, "-osc", 1, "-phisteps", 3, c_compat=True)
    computed = ts.lazy_image(experiment, tile=48).compute(scheduler="threads")
    assert computed.values.tobytes() == ts.simulate(experiment).values.tobytes()


def test_without_a_file_f_is_the_same_everywhere():
    words = "-cell 70 80 90 75 85 95 -N 5 -default_F 10 -detpixels 32 -oversample 1"
    experiment = ts.Experiment.from_nanobragg(words.split())
    computed = ts.lazy_image(experiment).compute(scheduler="threads")
    assert computed.values.tobytes() == ts.simulate(experiment).values.tobytes()


def test_the_graph_of_a_thousand_tiles_is_small_and_without_the_grid(still):
    experiment = still("-detpixels", 640, "-pixel", 0.05)
    lazy = ts.lazy_image(experiment, tile=16)
    assert lazy.data.npartitions == 1600
    size = len(pickle.dumps(dict(lazy.__dask_graph__())))
    grid = 29 * 33 * 37 * 8  # of p1.hkl, amplitudes alone
    assert size < 200_000 < grid


def test_nothing_is_computed_before_it_is_asked_for(still, own_hkl):
    lazy = ts.lazy_image(still("-hkl", own_hkl), tile=32)
    own_hkl.unlink()
    with pytest.raises(InputFileError, match=r"own\.hkl"):
        lazy.compute(scheduler="threads")


def changed(own_hkl, still):
    """A lazy image whose structure factors have changed."""
    lazy = ts.lazy_image(still("-hkl", own_hkl), tile=32)
    own_hkl.write_text(own_hkl.read_text() + "20 20 20 1.0\n")
    return lazy


def test_structure_factors_changed_since_are_refused(still, own_hkl):
    lazy = changed(own_hkl, still)
    with pytest.raises(InputFileError, match=r"own\.hkl has changed since the image was made"):
        lazy.compute(scheduler="threads")


def test_workers_refuse_structure_factors_changed_since(still, own_hkl, client):
    lazy = changed(own_hkl, still)
    future = client.compute(lazy.data)
    with pytest.raises(InputFileError, match=r"own\.hkl has changed since the image was made"):
        future.result()


def test_two_experiments_in_one_graph_do_not_mix(still, simulated, experiment):
    other = still("-oversample", 2, "-misset", 11, 20, 30)
    mine, theirs = ts.lazy_image(experiment, tile=32), ts.lazy_image(other, tile=32)
    difference = (mine - theirs).compute(scheduler="threads")
    expected = simulated.values - ts.simulate(other).values
    assert expected.any()
    np.testing.assert_array_equal(difference.values, expected)


def test_two_structure_factors_in_one_graph_do_not_mix(still, own_hkl, experiment):
    rows = [line.rsplit(" ", 1) for line in own_hkl.read_text().splitlines()]
    own_hkl.write_text("".join(f"{hkl} {2 * float(F)}\n" for hkl, F in rows))
    own = still("-oversample", 2, "-hkl", own_hkl)
    assert own.sha256 == experiment.sha256  # the hash of an experiment is not that of its files
    difference = ts.lazy_image(own, tile=32) - ts.lazy_image(experiment, tile=32)
    expected = ts.simulate(own).values - ts.simulate(experiment).values
    assert expected.any()
    np.testing.assert_array_equal(difference.compute(scheduler="threads").values, expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tile": 30}, "30 pixels along slow is not a multiple of 16"),
        ({"tile": (32, -16)}, "-16 pixels along fast"),
        ({"precision": "float16"}, "precision='float16'"),
        ({"kernel": "fast"}, "kernel='fast'"),
        ({"device": "tpu"}, "device='tpu'"),
    ],
)
def test_what_cannot_be_honoured_is_refused_at_once(experiment, options, message):
    with pytest.raises(UsageError, match=message):
        ts.lazy_image(experiment, **options)

"""A run of listed stills: kept, checked, traced and probed like any other."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import zarr

from support.damage import remove
from tiled_sim.cli.main import main
from tiled_sim.cluster import worker
from tiled_sim.errors import StoreError
from tiled_sim.model.exposures import Listed
from tiled_sim.physics.vectors import about_axis
from tiled_sim.plan.prepare import prepare
from tiled_sim.read.toml.writer import write_toml
from tiled_sim.run.creation import create_run
from tiled_sim.run.run import Run

TURNS = np.stack([about_axis((0.0, 0.6, 0.8), angle) for angle in (0.0, 0.4, -1.1)])


@pytest.fixture(scope="module")
def listed(still):
    return dataclasses.replace(
        still("-detpixels", 64, "-pixel", 0.4), exposures=Listed(TURNS), notes=()
    )


@pytest.fixture(scope="module")
def made(listed, tmp_path_factory):
    prepared = prepare(listed, tile=(64, 64), require_coverage=0.0)
    run = create_run(prepared, tmp_path_factory.mktemp("listed") / "run.zarr")
    worker.compute_batch(str(run.path), run.run_id, "cpu", [(n, 1) for n in range(len(run.plan))])
    run.store.open(run.path, mode="r+").finish()
    return run.path


@pytest.fixture
def path(made, tmp_path):
    return shutil.copytree(made, tmp_path / "run.zarr")


def test_the_experiment_comes_back(made, listed):
    run = Run(made)
    assert run.experiment == listed
    assert list(run.faults()) == []


def test_a_reader_of_zarr_finds_the_orientations_among_the_frames(made):
    frames = zarr.open_group(made, mode="r")["frames"]
    np.testing.assert_array_equal(frames["orientation"][...], TURNS)
    np.testing.assert_array_equal(frames["phi"][...], np.zeros((3, 1)))


def test_frames_are_images_of_the_crystal_turned(made, listed, simulate):
    image = Run(made).image.values
    for frame, turn in enumerate(TURNS):
        vectors = {
            name: tuple((turn @ np.array(getattr(listed.crystal, name))).tolist())
            for name in ("a", "b", "c", "a_star", "b_star", "c_star")
        }
        alone = dataclasses.replace(
            listed,
            crystal=dataclasses.replace(listed.crystal, **vectors),
            exposures=Listed(np.eye(3)[None]),
        )
        expected = simulate(alone).image[0]
        np.testing.assert_allclose(image[frame], expected, rtol=1e-4, atol=1e-6 * expected.max())


def test_an_orientation_that_was_changed_is_refused(path):
    frames = zarr.open_group(path, mode="r+", use_consolidated=False)["frames"]
    frames["orientation"][2] = TURNS[1]
    with pytest.raises(StoreError, match=r"exposures\.orientation"):
        Run(path)


def test_orientations_that_were_lost_are_named(path):
    remove(path / "frames/orientation/c/0/0/0")
    with pytest.raises(StoreError, match=r"Lost: frames/orientation/c/0/0/0"):
        Run(path)


def test_every_frame_is_traced(made, capsys):
    stored, found = Run(made).image.values[:, 0, 20, 31], []
    for frame in range(3):
        words = ["trace", "--json", str(made), "--pixel", "20", "31", "--frame", str(frame)]
        assert main(words) == 0
        (traced,) = json.loads(capsys.readouterr().out)["pixels"]
        found.append(traced["values"]["I_pixel_final"])
    np.testing.assert_allclose(found, stored, rtol=1e-6)


def test_reflections_under_a_pixel_are_those_of_the_frame(listed, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.toml").write_text(write_toml(listed))
    found = []
    for frame in ("0", "1"):
        main(["probe", "--json", "--pixel", "20", "31", "--frame", frame, "a.toml"])
        found.append(json.loads(capsys.readouterr().out)["pixels"])
    assert found[0] != found[1]

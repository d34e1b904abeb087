"""NXmx: what is written, by h5py, by our own reader, and by the packages nxmx and nexusformat."""

import dataclasses
import math
import shutil

import h5py
import hdf5plugin  # noqa: F401  the filter
import numpy as np
import nxmx
import pytest
import zarr
from nexusformat.nexus.validate import validate_application

from support.corners import corners_of, stored_corners
from support.exports import TILTED, chips, experiment_of, filled_run, nexus_corners, shots
from support.panels import TOML
from tiled_sim.errors import StoreError, TileError, UsageError
from tiled_sim.export import nxmx_data
from tiled_sim.export.exporting import export_run
from tiled_sim.io.hdf5 import read_hdf5_image, read_hdf5_mask
from tiled_sim.model.assembly import BeamFrame
from tiled_sim.model.detector import Sensor
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.readout import Noise
from tiled_sim.read.geometry import read_geometry

DETECTOR = "entry/instrument/detector"
BEAM = "entry/instrument/beam"

#: Name, experiment, tile of each run that every reader is held to.
KINDS = {
    "tilted": (lambda: experiment_of(TILTED, noise=Noise(gain=2.0, saturation=1000)), None),
    "chips": (chips, None),
    "chips of CrystFEL": (lambda: chips(file="chips16.geom"), None),
    "chips of DIALS": (lambda: chips(file="chips16.expt"), None),
    "sizes": (lambda: Experiment.from_toml(TOML), (32, 32)),
    "photons": (lambda: experiment_of(TILTED + " -phi 3 -osc 0.25", frames=3), (16, 32)),
    "shots": (lambda: shots(3), None),
    "spectrum": (lambda: experiment_of(f"{TILTED} -dispersion 2 -dispsteps 3 -polar 0.9"), None),
}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Run and file of a kind."""
    made = {}

    def of(kind):
        if kind not in made:
            folder = tmp_path_factory.mktemp("exported")
            experiment, tile = KINDS[kind]
            run = filled_run(folder / "r.zarr", experiment(), tile=tile)
            made[kind] = run, export_run(run, folder / "x.nxs", to="nxmx").path
        return made[kind]

    return of


@pytest.fixture(params=KINDS)
def each(request, exported):
    """Run and file of every kind."""
    return exported(request.param)


def export(tmp_path, experiment, **options):
    """The open file of an experiment, and the notes of its export."""
    run = filled_run(tmp_path / "r.zarr", experiment)
    made = export_run(run, tmp_path / "x.nxs", to="nxmx", **options)
    return h5py.File(made.path), made.notes


def panels_of(file, data):
    """What a file has of every panel, cut by its modules, in the order of the data."""
    detector = file[DETECTOR]
    modules = [one for one in detector.values() if one.attrs.get("NX_class") == "NXdetector_module"]
    for module in sorted(modules, key=lambda one: one["data_origin"][0]):
        rows, columns = (
            slice(first, first + size)
            for first, size in zip(module["data_origin"], module["data_size"], strict=True)
        )
        yield data[..., rows, columns]


# Pixels


def test_every_pixel_is_that_of_the_run(each):
    run, path = each
    whole = (run.image if run.experiment.noise is None else run.counts).values
    with h5py.File(path) as file:
        data = file["entry/data/data"]
        assert data.dtype == whole.dtype
        for number, found in enumerate(panels_of(file, data[...])):
            slow, fast = run.experiment.detector.panels[number].pixels
            assert np.array_equal(found[:, :, :fast], whole[:, number, :slow, :fast])
            assert not found[:, :, fast:].any()


def test_photons_are_exported_of_a_run_with_counts_where_they_are_asked_for(tmp_path):
    run = filled_run(tmp_path / "r.zarr", chips())
    path = export_run(run, tmp_path / "x.nxs", to="nxmx", counts=False, panels=[3]).path
    with h5py.File(path) as file:
        assert np.array_equal(file["entry/data/data"][...], run.image.values[:, 3])
        assert file["entry/data/data"].attrs["units"] == "photon"
        assert "saturation_value" not in file[DETECTOR]


def test_some_frames_and_panels_are_written_in_their_order(tmp_path):
    run = filled_run(tmp_path / "r.zarr", chips(frames=4))
    path = export_run(run, tmp_path / "x.nxs", to="nxmx", frames=(1, 3), panels=[9, 2]).path
    with h5py.File(path) as file:
        first, second = panels_of(file, file["entry/data/data"][...])
        assert np.array_equal(first, run.counts.values[1:3, 9])
        assert np.array_equal(second, run.counts.values[1:3, 2])
        assert file["entry/sample/transformations/omega"][...] == pytest.approx([10.5, 11.0])


def test_a_panel_of_a_frame_is_a_chunk_of_bitshuffle_and_lz4(exported):
    _, path = exported("chips")
    with h5py.File(path.with_name("x_000001.h5")) as file:
        data = file["entry/data/data"]
        assert (data.shape, data.chunks) == ((2, 16 * 256, 256), (1, 256, 256))
        (number, _, options, _) = data.id.get_create_plist().get_filter(0)
        assert (number, options[2:]) == (32008, (4, 0, 2))


def test_frames_lie_in_files_of_some_each_and_in_one_virtual_dataset(tmp_path, monkeypatch):
    monkeypatch.setattr(nxmx_data, "_MOST_FRAMES", 2)
    run = filled_run(tmp_path / "r.zarr", experiment_of(TILTED, frames=5))
    (tmp_path / "out").mkdir()
    export_run(run, tmp_path / "out/x.nxs", to="nxmx")
    # names are from the folder of the master, so that all can be moved
    shutil.move(tmp_path / "out", tmp_path / "moved")
    assert [one.name for one in sorted((tmp_path / "moved").iterdir())] == [
        *("x.nxs", "x_000001.h5", "x_000002.h5", "x_000003.h5")
    ]
    with h5py.File(tmp_path / "moved/x.nxs") as file:
        assert np.array_equal(file["entry/data/data"][...], run.image.values[:, 0])


@pytest.mark.parametrize("noise", [None, Noise()])
def test_where_a_file_is_missing_a_reader_finds_what_no_pixel_is(tmp_path, noise):
    file, _ = export(tmp_path, experiment_of(TILTED, noise=noise))
    (tmp_path / "x_000001.h5").unlink()
    found = file["entry/data/data"][...]
    assert (found == -1).all() if noise else np.isnan(found).all()


def test_our_reader_of_images_finds_them(exported):
    run, path = exported("tilted")
    _, pixels, dead = read_hdf5_image(path, None, 0, 0)
    assert np.array_equal(pixels, run.counts.values[0, 0])
    assert not dead.any()


# Geometry


def test_our_reader_of_geometry_finds_every_corner(each):
    run, path = each
    found = np.array([corners_of(panel) for panel in read_geometry(str(path)).panels])
    ours = nexus_corners(run.experiment)
    widest = max(panel.pixels[1] for panel in run.experiment.detector.panels)
    same = [panel.pixels[1] == widest for panel in run.experiment.detector.panels]
    assert np.abs(found - ours)[:, [0, 2]].max() < 1e-6
    assert np.abs(found - ours)[same].max() < 1e-6


def test_corners_are_those_that_an_independent_calculation_has(exported):
    _, path = exported("chips")
    for panel in read_geometry(str(path)).panels:
        assert corners_of(panel) == pytest.approx(stored_corners("chips16", panel.name), abs=1e-6)


def test_the_package_nxmx_finds_every_corner(each):
    run, path = each
    ours = nexus_corners(run.experiment)
    with h5py.File(path) as file:
        (detector,) = nxmx.NXmx(file).entries[0].instruments[0].detectors
        assert len(detector.modules) == len(ours)
        for module, (first, _, slow) in zip(detector.modules, ours, strict=True):
            chain = nxmx.get_dependency_chain(module.slow_pixel_direction.depends_on)
            turn = nxmx.get_cumulative_transformation(chain)[0]
            assert turn[:3, 3] == pytest.approx(first, abs=1e-6)
            height = module.data_size[0] * module.slow_pixel_direction[()].to("mm").magnitude[0]
            along = turn[:3, :3] @ module.slow_pixel_direction.vector
            assert turn[:3, 3] + height * along == pytest.approx(slow, abs=1e-6)


def test_groups_and_names_of_panels_come_back(exported):
    run, path = exported("chips")
    found = [(panel.name, panel.group) for panel in read_geometry(str(path)).panels]
    assert found == [(one.name, one.group) for one in run.experiment.detector.panels]


def test_groups_in_groups_are_axes_that_carry_each_other(tmp_path):
    experiment = chips()
    panels = tuple(
        dataclasses.replace(panel, group=("half", f"quarter/{number // 4}"), name="same")
        for number, panel in enumerate(experiment.detector.panels)
    )
    detector = dataclasses.replace(experiment.detector, panels=panels)
    file, _ = export(tmp_path, dataclasses.replace(experiment, detector=detector))
    axes = file[f"{DETECTOR}/transformations"]
    assert list(axes) == ["det_z", "half", *(f"quarter_{number}" for number in range(4))]
    assert axes["quarter_3"].attrs["depends_on"] == axes["half"].name
    assert axes["half"].attrs["depends_on"] == axes["det_z"].name
    ours = nexus_corners(experiment)
    file.close()
    found = read_geometry(str(tmp_path / "x.nxs")).panels
    assert np.abs([corners_of(one) for one in found] - ours).max() < 1e-6


def test_panels_keep_their_order_whatever_their_names(tmp_path):
    experiment = chips()
    panels = tuple(
        dataclasses.replace(panel, name=f"p{15 - number}")
        for number, panel in enumerate(experiment.detector.panels)
    )
    detector = dataclasses.replace(experiment.detector, panels=panels)
    file, _ = export(tmp_path, dataclasses.replace(experiment, detector=detector))
    modules = nxmx.NXmx(file).entries[0].instruments[0].detectors[0].modules
    assert [one.path.rpartition("/")[2] for one in modules] == [f"p{15 - n}" for n in range(16)]


def test_the_beam_meets_a_single_panel_where_its_centre_is_said(exported):
    run, path = exported("tilted")
    (corner, along_fast, along_slow) = nexus_corners(run.experiment)[0]
    with h5py.File(path) as file:
        x, y = (file[f"{DETECTOR}/beam_center_{axis}"][()] for axis in "xy")
    met = corner + x * (along_fast - corner) / 60 + y * (along_slow - corner) / 40
    assert met[:2] == pytest.approx([0, 0], abs=1e-9)


def test_a_curved_detector_is_refused(tmp_path):
    words = TILTED.partition("-twotheta")[0]
    run = filled_run(tmp_path / "r.zarr", experiment_of(f"{words} -curved_det"))
    with pytest.raises(UsageError, match="the detector is curved"):
        export_run(run, tmp_path / "x.nxs", to="nxmx")
    assert [one.name for one in tmp_path.iterdir()] == ["r.zarr"]


# What else is said


def test_the_axis_of_the_goniometer_turns_as_the_crystal_does(exported):
    run, path = exported("chips")
    exposures, frame = (
        run.experiment.exposures,
        BeamFrame.of(run.experiment.detector, run.experiment.beam.direction),
    )
    with h5py.File(path) as file:
        sample = nxmx.NXmx(file).entries[0].samples[0]
        axis = sample.depends_on
        assert axis.transformation_type == "rotation"
        assert axis.vector == pytest.approx(frame.coordinates(np.array(exposures.spindle)))
        assert axis[()].to("degree").magnitude == pytest.approx([10.0, 10.5])
        assert axis.end[()].to("degree").magnitude == pytest.approx([10.5, 11.0])
        assert axis.increment_set.to("degree").magnitude == pytest.approx([0.5, 0.5])


def test_an_axis_that_turns_backwards_is_the_opposite_one_that_turns_forwards(tmp_path):
    experiment = experiment_of(TILTED + " -phi 30 -osc 0.5", frames=2)
    width = math.radians(-0.5)
    backwards = dataclasses.replace(
        experiment.exposures, oscillation=width, step=width / experiment.exposures.steps
    )
    experiment = dataclasses.replace(experiment, exposures=backwards)
    file, _ = export(tmp_path, experiment)
    frame = BeamFrame.of(experiment.detector, experiment.beam.direction)
    axis = nxmx.NXmx(file).entries[0].samples[0].depends_on
    spindle = frame.coordinates(np.array(experiment.exposures.spindle))
    assert axis.vector == pytest.approx(-spindle)
    assert axis[()].magnitude == pytest.approx([-30.0, -29.5])


def test_a_still_has_no_axis(exported):
    _, path = exported("tilted")
    with h5py.File(path) as file:
        assert nxmx.NXmx(file).entries[0].samples[0].depends_on is None


@pytest.mark.parametrize("kind", ["tilted", "shots"])
def test_the_crystal_of_a_still_is_said_as_it_stands_in_each(exported, kind):
    run, path = exported(kind)
    experiment = run.experiment
    frame = BeamFrame.of(experiment.detector, experiment.beam.direction)
    with h5py.File(path) as file:
        matrices = file["entry/sample/ub_matrix"][...]
    assert len(matrices) == len(experiment.exposures)
    for number, matrix in enumerate(matrices):
        turned = experiment.crystal.direct_vectors @ experiment.exposures[number].rotations[0].T
        assert frame.coordinates(turned) @ matrix == pytest.approx(np.eye(3), abs=1e-12)


def test_the_crystal_of_a_scan_is_said_where_the_axis_stands_at_0(exported):
    run, path = exported("chips")
    experiment = run.experiment
    frame = BeamFrame.of(experiment.detector, experiment.beam.direction)
    with h5py.File(path) as file:
        (matrix,) = file["entry/sample/ub_matrix"][...]
    vectors = frame.coordinates(np.array(experiment.crystal.direct_vectors))
    assert vectors @ matrix == pytest.approx(np.eye(3), abs=1e-12)


def test_one_wavelength_is_a_number(exported):
    _, path = exported("tilted")
    with h5py.File(path) as file:
        node = file[f"{BEAM}/incident_wavelength"]
        assert (node[()], node.attrs["units"]) == (1.3, "angstrom")
        assert "variant" not in node.attrs


def test_a_spectrum_is_a_variant_of_its_mean(exported):
    _, path = exported("spectrum")
    with h5py.File(path) as file:
        node = file[f"{BEAM}/incident_wavelength"]
        assert node[()] == pytest.approx(1.3)
        name = node.attrs["variant"]
        assert file[f"{BEAM}/{name}"][...] == pytest.approx([1.287, 1.3, 1.313])
        assert file[f"{BEAM}/{name}_weights"][...].tolist() == [1.0, 1.0, 1.0]
    light = read_geometry(str(path)).light
    assert light.wavelength == pytest.approx((1.287, 1.3, 1.313))


def test_directions_of_the_beam_are_summed_and_told(tmp_path):
    file, notes = export(tmp_path, experiment_of(f"{TILTED} -divergence 2 -divsteps 3"))
    assert file[f"{BEAM}/incident_wavelength"].shape == ()
    # three steps a way, within half of the 2 mrad: -1, 0 and 1, of which those in a circle are lit
    divergence = file[f"{BEAM}/incident_beam_divergence"]
    assert divergence.attrs["units"] == "deg"
    assert divergence[...] == pytest.approx(np.degrees(1e-3 * np.sqrt([[2 / 5, 2 / 5]])), rel=1e-5)
    assert any("the 5 directions of the beam" in note for note in notes)


def test_the_polarization_comes_back(exported):
    run, path = exported("spectrum")
    beam = run.experiment.beam
    frame = BeamFrame.of(run.experiment.detector, beam.direction)
    light = read_geometry(str(path)).light
    along = frame.coordinates(np.array(beam.polarization_axis))
    assert light.polarization == pytest.approx(0.9)
    assert abs(np.dot(light.polarization_axis, along)) == pytest.approx(1.0)


def test_limits_and_gain_of_counts_are_said(exported):
    _, path = exported("tilted")
    with h5py.File(path) as file:
        assert file[f"{DETECTOR}/saturation_value"][()] == 999
        assert file[f"{DETECTOR}/underload_value"][()] == 0
        assert file[f"{DETECTOR}/bit_depth_readout"][()] == 32
        assert file["entry/data/data_scaling_factor"][()] == 0.5
        assert nxmx.NXmx(file).entries[0].data[0].data_scale_factor == 0.5


def test_photons_have_no_limit_and_no_gain(exported):
    _, path = exported("photons")
    with h5py.File(path) as file:
        assert not {"saturation_value", "bit_depth_readout"} & set(file[DETECTOR])
        assert list(file["entry/data"]) == ["data"]


@pytest.mark.parametrize(("length", "material"), [(300e-6, "Si"), (5e-6, "CdTe")])
def test_a_sensor_is_called_what_stops_photons_like_it(tmp_path, length, material):
    experiment = experiment_of(TILTED)
    detector = dataclasses.replace(experiment.detector, sensor=Sensor(450e-6, length, 8))
    file, notes = export(tmp_path, dataclasses.replace(experiment, detector=detector))
    assert file[f"{DETECTOR}/sensor_material"].asstr()[()] == material
    assert file[f"{DETECTOR}/sensor_thickness"][()] == 450e-6
    assert any(material in note for note in notes)


def test_a_sensor_of_one_layer_has_no_depth_to_correct_for(tmp_path):
    experiment = experiment_of(TILTED)
    detector = dataclasses.replace(experiment.detector, sensor=Sensor(450e-6, 300e-6))
    file, notes = export(tmp_path, dataclasses.replace(experiment, detector=detector))
    assert file[f"{DETECTOR}/sensor_thickness"][()] < 1e-8
    assert any("one layer" in note for note in notes)
    assert any("panel.thickness=0.45 " in note for note in notes)


def test_panels_of_several_sensors_are_refused_and_those_of_one_written(tmp_path):
    experiment = chips()
    first, *others = experiment.detector.panels
    panels = (dataclasses.replace(first, sensor=Sensor(1e-4, 1e-4, 8)), *others)
    detector = dataclasses.replace(experiment.detector, panels=panels)
    run = filled_run(tmp_path / "r.zarr", dataclasses.replace(experiment, detector=detector))
    with pytest.raises(UsageError, match="several sensors"):
        export_run(run, tmp_path / "x.nxs", to="nxmx")
    path = export_run(run, tmp_path / "x.nxs", to="nxmx", panels=[0]).path
    with h5py.File(path) as file:
        assert file[f"{DETECTOR}/sensor_thickness"][()] == 1e-4


def test_where_every_photon_is_caught_at_the_plane_the_sensor_is_next_to_nothing(exported):
    _, path = exported("tilted")
    with h5py.File(path) as file:
        assert 0 < file[f"{DETECTOR}/sensor_thickness"][()] < 1e-8


def test_what_keeps_dials_from_dividing_by_a_sensor_of_nothing_is_told(tmp_path):
    _, notes = export(tmp_path, experiment_of(TILTED))
    assert any("panel.thickness=1000 " in note for note in notes)


def test_pixels_that_are_not_live_are_masked(exported):
    run, path = exported("sizes")
    mask = run.mask.values
    with h5py.File(path) as file:
        for number, found in enumerate(panels_of(file, file[f"{DETECTOR}/pixel_mask"])):
            slow, fast = run.experiment.detector.panels[number].pixels
            assert np.array_equal(found[:, :fast] != 0, mask[number, :slow, :fast] != 0)
            assert (found[:, fast:] == 1).all()
        assert file[f"{DETECTOR}/pixel_mask"][0, 0] == 1 << 8  # outside the region of interest


def test_dead_pixels_are_dead(exported):
    run, path = exported("chips of CrystFEL")
    _, mask = read_hdf5_mask(path, None)
    dead = run.mask.values.reshape(-1, 256)
    assert dead.any()
    assert np.array_equal(mask == 1 << 1, dead != 0)


def test_the_time_is_that_when_the_run_was_made(exported):
    run, path = exported("tilted")
    with h5py.File(path) as file:
        for name in ("start_time", "end_time_estimated"):
            assert file[f"entry/{name}"].asstr()[()] == run.attributes["created"]


def test_files_of_images_are_the_same_bytes_each_time(exported, tmp_path):
    run, path = exported("tilted")
    export_run(run, tmp_path / "x.nxs", to="nxmx")
    again = (tmp_path / "x_000001.h5").read_bytes()
    assert again == path.with_name("x_000001.h5").read_bytes()


def test_the_default_plot_is_the_images(exported):
    _, path = exported("tilted")
    with h5py.File(path) as file:
        entry = file[file.attrs["default"]]
        data = entry[entry.attrs["default"]]
        assert data[data.attrs["signal"]].shape == (1, 40, 60)
        assert np.array_equal(file[f"{DETECTOR}/data"], data["data"])


def test_nexusformat_finds_no_error(each):
    _, errors = validate_application(str(each[1]))
    assert errors == 0


# Runs that are not whole


def test_half_a_run_is_refused_and_leaves_nothing(tmp_path):
    run = filled_run(tmp_path / "r.zarr", chips(), undone=[3])
    with pytest.raises(TileError, match="1 of the 4 tiles"):
        export_run(run, tmp_path / "x.nxs", to="nxmx")
    assert [one.name for one in tmp_path.iterdir()] == ["r.zarr"]
    export_run(run, tmp_path / "x.nxs", to="nxmx", frames=(0, 1))


@pytest.mark.parametrize("noise", [None, Noise()])
def test_pixels_that_are_no_numbers_are_refused_wherever_they_are(tmp_path, noise):
    run = filled_run(tmp_path / "r.zarr", experiment_of(TILTED, frames=2, noise=noise))
    array = zarr.open_array(run.path / "0" / ("image" if noise is None else "counts"), mode="r+")
    array[1, 0, -1, -1] = array.fill_value
    with pytest.raises(TileError, match="frame 1, panel 0 has pixels that are not computed"):
        export_run(run, tmp_path / "x.nxs", to="nxmx")
    assert not (tmp_path / "x.nxs").exists()


def test_a_tile_that_turns_out_damaged_leaves_no_master(tmp_path, monkeypatch):
    monkeypatch.setattr(nxmx_data, "_MOST_FRAMES", 1)
    run = filled_run(tmp_path / "r.zarr", experiment_of(TILTED, frames=2), tile=(48, 64))
    shard = run.path / "0/image/c/1/0/0/0"
    content = shard.read_bytes()
    shard.write_bytes(bytes(50) + content[50:])
    with pytest.raises(StoreError, match="cannot be read"):
        export_run(run, tmp_path / "x.nxs", to="nxmx")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["r.zarr", "x.nxs.partial"]
    shard.write_bytes(content)
    first = tmp_path / "x.nxs.partial/x_000001.h5"
    made = first.stat().st_mtime_ns
    export_run(run, tmp_path / "x.nxs", to="nxmx")
    assert (tmp_path / "x_000001.h5").stat().st_mtime_ns == made
    with h5py.File(tmp_path / "x.nxs") as file:
        assert np.array_equal(file["entry/data/data"][...], run.image.values[:, 0])


def test_every_image_is_told_once(tmp_path):
    run = filled_run(tmp_path / "r.zarr", chips(frames=3))
    told = []
    export_run(run, tmp_path / "x.nxs", to="nxmx", panels=[0, 5], advance=told.append)
    assert sum(told) == 6

"""One tile: masks, traces, counts of evaluations, and where it is computed."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from tiled_sim.errors import ExperimentError, UsageError
from tiled_sim.io.smv import read_smv
from tiled_sim.kernels.devices import resolve_device
from tiled_sim.kernels.first import first_evaluations
from tiled_sim.kernels.recorder import Recorder
from tiled_sim.kernels.reference import ReferenceKernel
from tiled_sim.kernels.scene import Scene
from tiled_sim.model.inputs import Inputs
from tiled_sim.model.mask import Mask
from tiled_sim.model.settings import BY_REFERENCE
from tiled_sim.plan.planning import make_plan
from tiled_sim.read.inputs import load_inputs
from tiled_sim.read.nanobragg.reader import read_options
from tiled_sim.simulation.simulator import Simulator
from tiled_sim.simulation.trace import UNITS, RecordedPixel, scaling_chain

CPU = torch.device("cpu")
LINE = (
    "-hkl p1.hkl -cell 70 80 90 75 85 95 -misset 10 20 30 -N 5 -lambda 1 -detpixels_x 75 "
    "-detpixels_y 60 -pixel 0.4 -distance 100 -oversample 2 -osc 1 -phi 3 -phisteps 2 "
)
PLAIN = "-default_F 100 -cell 70 -N 1 -detpixels_x 40 -detpixels_y 24 -oversample 2"


#: Rows of what is beside the crystal.
BESIDE = {"crystal_share", "other_crystals_photons", "background_photons", "diffuse_photons"}


def read(line="", **keywords):
    return read_options((LINE + line).split(), **keywords)


@pytest.fixture
def experiment(in_data):
    return read()


@pytest.fixture
def computed(experiment, simulate):
    """A whole panel in tiles of 32 × 48, and with a pixel that was asked for."""
    return simulate(experiment, tile=(32, 48), trace_pixels=((40, 70),))


def simulator_of(experiment, **options):
    inputs = load_inputs(experiment)
    return Simulator(
        experiment, inputs, make_plan(experiment, inputs, BY_REFERENCE, **options), CPU
    )


def holds(tile, slow, fast):
    return slow in range(*tile.slow) and fast in range(*tile.fast)


def with_mask(experiment, mask, **options):
    """The only tile of an experiment, under a mask."""
    inputs = Inputs(Mask((1, *mask.shape), lambda _, slow, fast: mask[slow, fast]))
    plan = make_plan(experiment, inputs, BY_REFERENCE, **options)
    return Simulator(experiment, inputs, plan, CPU).simulate_tile(plan[0])


@pytest.fixture(scope="module")
def plain():
    """Without a file of structure factors, so that every live pixel is bright."""
    return read_options(PLAIN.split())


def test_no_more_of_the_mask_is_read_than_the_blocks_of_the_region():
    experiment = read_options([*PLAIN.split(), *["-roi", "18", "30", "2", "9"]])
    asked = []

    def read(panel, slow, fast):
        asked.append((slow, fast))
        return load_inputs(experiment).mask(panel, slow, fast)

    inputs = Inputs(Mask((1, 24, 40), read))
    plan = make_plan(experiment, inputs, BY_REFERENCE, tile=(16, 16), trace_pixels=((3, 19),))
    simulator = Simulator(experiment, inputs, plan, CPU)
    asked.clear()
    for tile in plan:
        result = simulator.simulate_tile(tile)
        live = load_inputs(experiment).mask(0, slice(*tile.slow), slice(*tile.fast)) == 0
        assert np.array_equal(result.image[0, 0] > 0, live)
    assert asked
    assert all(slow.stop <= 16 and fast.start >= 16 and fast.stop <= 32 for slow, fast in asked)


def dead_at(*places, shape=(24, 40)):
    mask = np.zeros(shape, np.uint8)
    for place in places:
        mask[place] = 1
    return mask


def test_a_tile_is_computed_in_the_memory_that_is_given(plain):
    simulator = simulator_of(plain, tile=(16, 16))
    whole = np.zeros(plain.shape, dtype=np.float32)
    for tile in simulator.plan:
        result = simulator.simulate_tile(tile, image=whole[tile.region])
        assert np.shares_memory(result.image, whole)
        assert np.array_equal(whole[tile.region], simulator.simulate_tile(tile).image)
    assert (whole > 0).all()


# Masks


def test_a_masked_pixel_is_zero_and_its_neighbours_are_not(plain):
    image = with_mask(plain, dead_at((3, 5), (20, 39))).image[0, 0]
    assert np.argwhere(image == 0).tolist() == [[3, 5], [20, 39]]


def test_a_mask_changes_no_other_pixel(plain):
    mask = dead_at(np.s_[::2], np.s_[:, 3:30])
    masked, whole = with_mask(plain, mask).image, with_mask(plain, dead_at()).image
    assert np.array_equal(masked, np.where(mask == 0, whole, 0))


@pytest.mark.parametrize("value", [1, 2, 3, 255])
def test_any_value_but_zero_is_dead(plain, value):
    assert with_mask(plain, dead_at((3, 5)) * np.uint8(value)).image[0, 0, 3, 5] == 0


def test_a_tile_without_a_live_pixel_is_zero(plain):
    result = with_mask(plain, dead_at(np.s_[:]))
    assert not result.image.any()
    assert (result.evaluations.planned, result.evaluations.done, result.traces) == (0, 0, [])


def test_masked_pixels_of_a_mask_file_are_zero(in_data, simulate, data):
    line = "-default_F 100 -cell 70 -N 1 -mask mask.img -oversample 1"
    image = simulate(read_options(line.split())).panel
    assert np.array_equal(image == 0, read_smv(data / "mask.img").pixels == 0)


def test_only_the_region_of_interest_is_computed(in_data, simulate):
    line = "-default_F 100 -cell 70 -N 1 -detpixels 64 -oversample 1 -roi 10 20 30 50"
    lit = np.argwhere(simulate(read_options(line.split())).panel)
    assert lit.min(axis=0).tolist() == [30, 10]
    assert lit.max(axis=0).tolist() == [50, 20]


def test_a_tile_has_the_shape_of_its_rectangle(computed):
    assert [result.image.shape for result in computed.results] == [
        tile.shape for tile in computed.tiles
    ]


def test_an_image_is_float32(computed):
    assert {result.image.dtype for result in computed.results} == {np.dtype(np.float32)}


# Evaluations


def test_evaluations_planned_are_live_pixels_times_steps(plain):
    result = with_mask(plain, dead_at((3, 5), (20, 39)))
    assert result.evaluations.planned == (24 * 40 - 2) * 4


def test_all_planned_evaluations_are_done_without_a_resolution_limit(computed):
    assert [r.evaluations.done for r in computed.results] == [
        r.evaluations.planned for r in computed.results
    ]


def test_evaluations_beyond_dmin_are_planned_and_not_done(in_data, simulate):
    (result,) = simulate(read("-dmin 12")).results
    assert 0 < result.evaluations.done < result.evaluations.planned


def test_the_stages_of_a_tile_are_timed(computed):
    for result in computed.results:
        assert set(result.seconds) == {"kernel", "trace"}
        assert min(result.seconds.values()) >= 0


# Traces


def traced(computed, reason):
    return [
        (tile, trace)
        for tile, result in zip(computed.tiles, computed.results, strict=True)
        for trace in result.traces
        if trace.reason == reason
    ]


def test_the_brightest_pixel_of_every_tile_is_traced(computed):
    brightest = traced(computed, "brightest")
    assert len(brightest) == len(computed.tiles)
    for tile, trace in brightest:
        inside = computed.panel[slice(*tile.slow), slice(*tile.fast)]
        assert holds(tile, *trace.pixel)
        assert computed.panel[trace.pixel] == inside.max()


def test_a_pixel_that_was_asked_for_is_traced_in_its_tile(computed):
    ((tile, trace),) = traced(computed, "requested")
    assert trace.pixel == (40, 70)
    assert holds(tile, 40, 70)


def test_a_dark_tile_has_no_brightest_pixel(in_data, simulate):
    (result,) = simulate(read("-dmin 1000")).results
    assert result.traces == []


def test_a_trace_says_what_the_image_holds(computed):
    for reason in ("requested", "brightest"):
        for _, trace in traced(computed, reason):
            assert trace.values["floatimage_accumulated"] == computed.panel[trace.pixel]


def test_every_row_of_a_trace_has_a_unit(computed):
    ((_, trace),) = traced(computed, "requested")
    assert set(trace.values) == set(UNITS) - BESIDE


def test_a_trace_multiplies_up_to_the_pixel(computed):
    ((_, trace),) = traced(computed, "requested")
    row = trace.values
    product = row["r_e_sqr"] * row["fluence_photons_per_m2"] * row["I_before_scaling"]
    product *= row["polar"] * row["omega_pixel"] * row["capture_fraction"] / row["steps"]
    assert product == pytest.approx(row["I_pixel_final"], rel=1e-14)


def test_the_geometry_of_a_trace_follows_from_the_pixel(computed, experiment):
    ((_, trace),) = traced(computed, "requested")
    row = trace.values
    (panel,), (size, _) = experiment.detector.panels, experiment.detector.pixel_size
    # the last of 2 x 2 subpixels
    along = [(place + 0.75) * size for place in trace.pixel]
    position = np.array(panel.origin) + along @ np.array([panel.slow_axis, panel.fast_axis])
    R = np.linalg.norm(position)
    q = (position / R - [1.0, 0.0, 0.0]) / 1e-10
    assert row["pixel_pos_meters"] == pytest.approx(position)
    assert row["R_distance_meters"] == pytest.approx(R)
    assert row["obliquity_factor"] == pytest.approx(0.1 / R)
    assert row["diffracted_vec"] == pytest.approx(position / R)
    assert row["cos_2theta"] == pytest.approx(position[0] / R)
    assert row["scattering_vec_A_inv"] == pytest.approx(q)
    assert row["pix0_vector_meters"] == pytest.approx(panel.origin)
    assert (row["lambda_angstroms"], row["lambda_meters"]) == (1.0, 1e-10)


def test_the_indices_of_a_trace_are_those_of_its_crystal_and_scattering_vector(computed):
    ((_, trace),) = traced(computed, "requested")
    row = trace.values
    vectors = [row["rot_a_angstroms"], row["rot_b_angstroms"], row["rot_c_angstroms"]]
    hkl = np.array(vectors) @ row["scattering_vec_A_inv"] * 1e-10
    assert row["hkl_frac"] == pytest.approx(hkl)
    assert row["hkl_rounded"] == np.ceil(hkl - 0.5).tolist()


def test_the_lattice_factor_of_a_trace_is_the_product_of_its_three(computed):
    ((_, trace),) = traced(computed, "requested")
    row = trace.values
    factors = [np.sin(np.pi * 5 * x) / np.sin(np.pi * x) for x in row["hkl_frac"]]
    assert [row["F_latt_a"], row["F_latt_b"], row["F_latt_c"]] == pytest.approx(factors)
    assert row["F_latt"] == pytest.approx(np.prod(factors))


def test_a_trace_tells_every_phi_step(computed):
    ((_, trace),) = traced(computed, "requested")
    assert [(step["phi_tic"], step["phi_deg"]) for step in trace.phi_steps] == [
        (0, pytest.approx(3.0)),
        (1, pytest.approx(3.5)),
    ]


def test_a_trace_with_several_sources_multiplies_up_to_the_pixel(in_data, simulate):
    experiment = read("-dispersion 2 -dispsteps 3 -polar 0.9 -hdivrange 4 -hdivsteps 2")
    (result,) = simulate(experiment).results
    for trace in result.traces:
        row = trace.values
        product = row["r_e_sqr"] * row["fluence_photons_per_m2"] * row["I_before_scaling"]
        product *= row["polar"] * row["omega_pixel"] / row["steps"]
        assert product == pytest.approx(row["I_pixel_final"], rel=1e-13)


def test_only_a_square_crystal_has_factors_of_the_lattice_one_by_one(in_data, simulate):
    (square,), (round_,) = (
        simulate(read(shape)).results for shape in ("-square_xtal", "-round_xtal")
    )
    assert "F_latt_a" in square.traces[0].values
    assert "F_latt_a" not in round_.traces[0].values
    assert round_.traces[0].values["F_latt"] != 0


def test_a_trace_that_does_not_match_the_image_is_an_error(experiment):
    recorder = Recorder(0)
    recorder.record(photons=1.0)
    pixel = RecordedPixel(recorder, ())
    with pytest.raises(
        AssertionError, match=r"trace of pixel \(0, 0, 1, 2\) gives 1.0, the image 2.0"
    ):
        scaling_chain(pixel, Scene.of(experiment, 0), (0, 0, 1, 2), "requested", 2.0, None)


# Spots instead of pixels

NARROW = "-gauss_xtal -N 12 -phi 1 -osc 1 -phisteps 4 -oversample 1"


def followed(simulate, line=NARROW, **options):
    return simulate(read(line), kernel="spots", negligible=1e-6, **options)


def test_what_spots_leave_out_is_counted_and_bounded(in_data, simulate):
    (part,) = followed(simulate).results
    (whole,) = simulate(read(NARROW)).results
    assert part.evaluations.planned == whole.evaluations.done == 75 * 60 * 4
    assert 0 < part.evaluations.done < part.evaluations.planned / 10
    assert part.evaluations.skipped == part.evaluations.planned - part.evaluations.done
    lacking = whole.image.astype(float) - part.image
    assert -1e-6 * whole.image.max() < lacking.min()
    assert 0 < lacking.max() <= part.evaluations.skipped_bound < 1e-3 * whole.image.max()


def test_spots_do_not_depend_on_the_tile(in_data, simulate):
    whole, small = (followed(simulate, tile=tile) for tile in ((64, 80), (16, 32)))
    assert whole.image.max() > 0
    assert whole.image.tobytes() == small.image.tobytes()


def test_a_trace_of_followed_spots_departs_from_the_image_nowhere(in_data, simulate):
    pixels = tuple((slow, fast) for slow in range(3, 60, 14) for fast in range(4, 75, 17))
    traced = followed(simulate, trace_pixels=pixels)
    traces = [trace for result in traced.results for trace in result.traces]
    assert len(traces) > len(pixels)
    assert {trace.departure for trace in traces} == {0.0}


# Progress


@pytest.mark.parametrize("kernel", ["reference", "spots"])
def test_progress_of_a_tile_rises_to_the_evaluations_that_are_planned(still, kernel):
    sources = ("-hdivrange", 40, "-hdivsteps", 3)
    experiment = still("-gauss_xtal", *sources, "-roi", 3, 90, 5, 60)
    inputs = load_inputs(experiment)
    chosen = dataclasses.replace(BY_REFERENCE, kernel=kernel, negligible=1e-6)
    plan = make_plan(experiment, inputs, chosen, tile=(96, 96))
    simulator = Simulator(experiment, inputs, plan, torch.device("cpu"))
    told = []
    result = simulator.simulate_tile(plan.grid[0], told.append)
    assert told == sorted(told)
    assert told[-1] == result.evaluations.planned == 88 * 56 * experiment.steps
    assert len(told) > 3


# Device memory


def small_device(monkeypatch, blocks):
    """A device with room for so many blocks; the numbers of blocks that were tried."""
    tried = []
    photons_of_blocks = ReferenceKernel.photons_of_blocks

    def limited(kernel, these, progress=None):
        tried.append(len(these.slow))
        if len(these.slow) > blocks:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return photons_of_blocks(kernel, these, progress)

    monkeypatch.setattr(ReferenceKernel, "photons_of_blocks", limited)
    return tried


def test_a_device_out_of_memory_works_on_fewer_blocks_and_gives_the_same_bytes(
    in_data, simulate, monkeypatch
):
    (whole,) = simulate(read()).results
    tried = small_device(monkeypatch, 6)
    (halved,) = simulate(read()).results
    assert tried[:3] == [20, 10, 5]
    assert set(tried[3:]) == {5}
    assert (whole.halvings, halved.halvings) == (0, 2)
    assert halved.image.tobytes() == whole.image.tobytes()
    assert halved.lookups == whole.lookups


def test_a_device_without_room_for_one_block_is_an_error(in_data, simulate, monkeypatch):
    tried = small_device(monkeypatch, 0)
    with pytest.raises(torch.OutOfMemoryError):
        simulate(read())
    assert tried[-1] == 1


def test_a_trace_is_plain_json(computed):
    ((_, trace),) = traced(computed, "requested")
    assert json.loads(json.dumps(trace.to_dict())) == trace.to_dict()


# Frames


def test_every_frame_is_that_of_its_own_start(in_data, simulate):
    sweep = read()
    exposures = dataclasses.replace(sweep.exposures, count=3)
    image = simulate(dataclasses.replace(sweep, exposures=exposures)).image
    start = exposures.start + 2 * exposures.oscillation
    alone = dataclasses.replace(sweep, exposures=dataclasses.replace(sweep.exposures, start=start))
    assert np.array_equal(image[2], simulate(alone).image[0])
    assert not np.array_equal(image[2], image[0])


def test_panels_are_computed_where_they_stand(in_data, simulate):
    flat = read()
    (panel,) = flat.detector.panels
    x, y, z = panel.origin
    moved = dataclasses.replace(panel, origin=(x, y, z + 0.01), name="1")
    two = dataclasses.replace(
        flat, detector=dataclasses.replace(flat.detector, panels=(panel, moved))
    )
    alone = dataclasses.replace(flat, detector=dataclasses.replace(flat.detector, panels=(moved,)))
    image = simulate(two).image
    assert np.array_equal(image[0, 0], simulate(flat).panel)
    assert np.array_equal(image[0, 1], simulate(alone).panel)


# The first evaluation of C


@pytest.mark.parametrize(
    ("line", "c_compat", "number"),
    [
        ("-phi 0 -osc 1 -phisteps 2", True, 1),
        ("-phi -0.5 -osc 1 -phisteps 2", True, 1),
        ("-phi 3 -osc 1 -phisteps 2", True, 0),
        ("-phi 0 -osc 1 -phisteps 2", False, 0),
    ],
)
def test_the_first_evaluation_is_looked_for_where_c_carries_a_rotation(
    in_data, line, c_compat, number
):
    experiment = read(line, c_compat=c_compat)
    assert len(first_evaluations(experiment, lambda panel: [np.zeros(75, np.uint8)] * 60)) == number


# Devices


def test_auto_is_a_device_that_is_there():
    assert resolve_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_cpu_is_the_cpu():
    assert resolve_device("cpu") == CPU


@pytest.mark.parametrize("name", ["gpu", "meta", "mps", "", "cuda:x"])
def test_another_name_is_refused(name):
    with pytest.raises(UsageError, match=f"device={name!r} must be auto, cpu, cuda or cuda:N"):
        resolve_device(name)


def test_a_device_that_is_not_there_is_refused_with_the_number_there_are():
    with pytest.raises(UsageError, match=r"device='cuda:99': torch sees [0-9]+ CUDA devices"):
        resolve_device("cuda:99")


@pytest.mark.gpu
def test_a_tile_on_the_gpu_is_that_on_the_cpu(experiment, simulate):
    inputs = load_inputs(experiment)
    plan = make_plan(experiment, inputs, BY_REFERENCE)
    simulator = Simulator(experiment, inputs, plan, torch.device("cuda"))
    on_gpu = simulator.simulate_tile(plan[0]).image[0, 0]
    on_cpu = simulate(experiment).panel
    assert on_gpu == pytest.approx(on_cpu, rel=1e-6, abs=1e-9 * on_cpu.max())


def test_the_photons_of_a_pixel_are_those_of_the_image_before_it_is_rounded(experiment, computed):
    simulator = simulator_of(experiment, tile=(16, 16), trace_pixels=((40, 70),))
    photons = simulator.photons_of_pixel((0, 0, 40, 70))
    ((_, trace),) = traced(computed, "requested")
    assert photons == trace.values["I_pixel_final"]
    assert np.float32(photons) == computed.panel[40, 70]


def test_the_steps_of_a_pixel_are_the_same_from_any_tile(experiment):
    steps = [
        simulator_of(experiment, tile=sides).steps_of_pixel((0, 0, 40, 70))
        for sides in ((16, 16), (32, 48))
    ]
    assert steps[0] == steps[1]
    assert len(steps[0]) == experiment.steps == 8


def test_a_scene_of_one_step_has_that_step_alone(in_data):
    experiment = read("-dispersion 1 -dispsteps 2 -mosaic 0.5 -mosaic_domains 3")
    scene = Scene.of(experiment, 0)
    alone = scene.single_step(1, 1, 2)
    assert np.array_equal(alone.orientations, scene.orientations[1:2, 2:3])
    ((source,), other) = alone.spectrum, scene.spectrum[1]
    assert (source.incident, source.wavelength) == (other.incident, other.wavelength)
    assert alone.angles == scene.angles[1:]
    assert alone.steps == experiment.sampling.oversample**2


def test_a_pixel_that_float32_does_not_hold_is_refused_with_what_to_do(in_data, simulate):
    with pytest.raises(ExperimentError, match=r"brighter than float32 holds.*lower the fluence"):
        simulate(read("-fluence 1e70"))

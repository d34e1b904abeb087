"""Reference images of the C program, pixel by pixel, and its pixel traces, row by row."""

import functools
import re
from pathlib import Path

import numpy as np
import pytest

from tiled_sim.errors import ExperimentError
from tiled_sim.model.experiment import Experiment

GOLDEN = Path(__file__).parent / "golden"
OF_THEIR_OWN = {"pilatus6m_2erl", "nonbragg_droplet"}
NAMES = sorted({path.stem for path in GOLDEN.glob("*.npz")} - OF_THEIR_OWN)
#: Where the C program takes the polarization of the first source for all of them.
MANY_SOURCES = ("divergence_dispersion", "source_file")
AS_C = [name for name in NAMES if name.startswith("compat_")]
RIGHT = [name for name in NAMES if name not in AS_C and name not in MANY_SOURCES]

#: The flagship: a Pilatus 6M, tilted by its axes, in an oscillation of 0.1°.
FLAGSHIP = """
    -mat A.mat -hkl scaled.hkl -nonoise -nointerpolate -oversample 1 -exposure 1 -flux 1e18
    -beamsize 1.0 -spindle_axis -1 0 0 -Xbeam 217.742295 -Ybeam 213.907080 -distance 231.274660
    -lambda 0.976800 -pixel 0.172 -detpixels_x 2463 -detpixels_y 2527
    -odet_vector -0.000088 0.004914 -0.999988 -sdet_vector -0.005998 -0.999970 -0.004913
    -fdet_vector 0.999982 -0.005998 -0.000118 -beam_vector 0.00051387949 0.0 -0.99999986
    -Na 36 -Nb 47 -Nc 29 -osc 0.1 -phi 0 -phisteps 10
    -detector_rotx 0 -detector_roty 0 -detector_rotz 0 -twotheta 0
"""
PIX0 = "-pix0_vector_mm -216.336293 215.205512 -230.200866"
DIM, BRIGHT = (685, 1039), (1039, 685)
CROPS = {
    "crop_peak": (slice(975, 1103), slice(621, 749)),
    "crop_trace": (slice(653, 717), slice(1007, 1071)),
}
#: Prefix of the references, for the C program as it is and for what is right.
PREFIX = {True: "c", False: "correct"}


def options_of(reference):
    return str(reference["args"]).split()


def worst(image, reference, brightest=None):
    """Largest relative difference of the pixels above 1e-9 of the maximum."""
    reference = reference.astype(float)
    brightest = np.abs(reference).max() if brightest is None else brightest
    counted = np.abs(reference) > 1e-9 * brightest
    assert counted.any()
    faint = np.abs(image[~counted] - reference[~counted]).max(initial=0.0)
    assert faint <= 1e-9 * brightest
    return float(np.abs(image[counted] / reference[counted] - 1.0).max())


def difference_of_sums(image, reference):
    return abs(image.sum(dtype=float) / reference.sum(dtype=float) - 1.0)


@pytest.fixture(scope="module")
def images(golden, data, simulate):
    """Compute a reference's command: (image here, image of the C program)."""

    @functools.cache
    def compute(name, c_compat):
        reference = np.load(golden / f"{name}.npz")
        experiment = Experiment.from_nanobragg(options_of(reference), c_compat=c_compat)
        return simulate(experiment).panel, reference["image"]

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(data)
        yield compute


# Small images


@pytest.mark.parametrize("name", RIGHT)
def test_every_pixel_is_that_of_the_c_program(images, name):
    assert worst(*images(name, c_compat=False)) < 1e-6


@pytest.mark.parametrize("name", RIGHT)
def test_the_sum_is_that_of_the_c_program(images, name):
    assert difference_of_sums(*images(name, c_compat=False)) < 1e-7


@pytest.mark.parametrize("name", NAMES)
def test_every_pixel_is_that_of_the_c_program_under_c_compat(images, name):
    assert worst(*images(name, c_compat=True)) < 1e-6


@pytest.mark.parametrize("name", NAMES)
def test_the_sum_is_that_of_the_c_program_under_c_compat(images, name):
    assert difference_of_sums(*images(name, c_compat=True)) < 1e-7


@pytest.mark.parametrize("name", MANY_SOURCES)
def test_polarization_of_each_source_is_close_to_the_c_program(images, name):
    assert worst(*images(name, c_compat=False)) < 1e-3


@pytest.mark.parametrize("name", MANY_SOURCES)
def test_polarization_of_each_source_keeps_the_sum(images, name):
    assert difference_of_sums(*images(name, c_compat=False)) < 5e-6


@pytest.mark.parametrize("name", MANY_SOURCES)
def test_polarization_of_each_source_is_not_that_of_the_first(images, name):
    assert worst(*images(name, c_compat=False)) > 1e-6


@pytest.mark.parametrize("name", ["compat_phi_carryover", "compat_curved_detector"])
def test_a_fault_of_the_c_program_is_not_replayed_unasked(images, name):
    assert worst(*images(name, c_compat=False)) > 0.1


def test_the_curved_detector_is_the_c_program_s_with_its_axes_swapped_back(images):
    image, reference = images("compat_curved_detector", c_compat=False)
    assert worst(image, reference.T) < 1e-6


def test_an_ignored_pix0_vector_is_refused_unasked(golden, in_data):
    options = options_of(np.load(golden / "compat_pix0_ignored.npz"))
    with pytest.raises(ExperimentError, match=r"53\.038 mm"):
        Experiment.from_nanobragg(options)


def test_every_reference_is_one_of_those_compared():
    assert len(NAMES) == 36


# A protein on a Pilatus 6M


@pytest.fixture(scope="module")
def protein(golden):
    return np.load(golden / "pilatus6m_2erl.npz")


@pytest.fixture
def protein_experiment(protein, in_data):
    return Experiment.from_nanobragg(options_of(protein))


@pytest.mark.parametrize("crop", ["crop_peak", "crop_spot"])
def test_a_crop_of_the_protein_is_that_of_the_c_program(
    protein, protein_experiment, simulate, crop
):
    (slow, fast), reference = protein[f"{crop}_origin"], protein[crop]
    rows, columns = reference.shape
    corners = [(slow + i * (rows - 1), fast + j * (columns - 1)) for i in (0, 1) for j in (0, 1)]
    image = simulate(protein_experiment, holding=corners).panel
    cut = image[slow : slow + rows, fast : fast + columns]
    assert worst(cut, reference, protein["stats"][1]) < 1e-6


def test_the_brightest_pixels_of_the_protein_are_those_of_the_c_program(
    protein, protein_experiment, simulate
):
    top, values = protein["top"][:1000], protein["top_value"][:1000]
    image = simulate(protein_experiment, tile=(64, 64), holding=top).panel
    assert worst(image[tuple(top.T)], values) < 1e-6


@pytest.fixture(scope="module")
def whole_protein(protein, data, simulate):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(data)
        return simulate(Experiment.from_nanobragg(options_of(protein))).panel


@pytest.mark.slow
def test_the_sum_of_the_whole_protein_is_that_of_the_c_program(protein, whole_protein):
    assert whole_protein.sum(dtype=float) == pytest.approx(protein["stats"][0], rel=1e-7)


@pytest.mark.slow
def test_the_maximum_of_the_whole_protein_is_that_of_the_c_program(protein, whole_protein):
    assert whole_protein.max() == pytest.approx(protein["stats"][1], rel=1e-6)


@pytest.mark.slow
def test_the_whole_protein_is_brightest_where_the_c_program_is(protein, whole_protein):
    assert worst(whole_protein[tuple(protein["top"].T)], protein["top_value"]) < 1e-6


@pytest.mark.slow
def test_no_pixel_of_the_whole_protein_outshines_the_brightest(protein, whole_protein):
    dimmest = protein["top_value"].min()
    others = np.ones(whole_protein.shape, bool)
    others[tuple(protein["top"].T)] = False
    assert whole_protein[others].max() <= dimmest * (1 + 1e-6)


@pytest.mark.slow
def test_a_sample_of_the_whole_protein_is_that_of_the_c_program(protein, whole_protein):
    assert worst(whole_protein[::37, ::37], protein["stride"], protein["stats"][1]) < 1e-6


# The flagship


@pytest.fixture(scope="module")
def flagship(shared):
    return np.load(shared / "golden" / "pilatus6m.npz")


@pytest.fixture
def in_flagship(shared, monkeypatch):
    monkeypatch.chdir(shared / "data" / "pilatus6m")


def flagship_experiment(c_compat, fdump=None):
    options = FLAGSHIP + (PIX0 if c_compat else "")
    if fdump is not None:
        options = options.replace("-hkl scaled.hkl", "")
    return Experiment.from_nanobragg(options.split(), c_compat=c_compat, fdump=fdump)


@pytest.mark.parametrize("c_compat", [True, False])
@pytest.mark.parametrize("crop", CROPS)
def test_a_crop_of_the_flagship_is_that_of_the_reference(
    flagship, in_flagship, simulate, crop, c_compat
):
    rows, columns = CROPS[crop]
    corners = [
        (i, j) for i in (rows.start, rows.stop - 1) for j in (columns.start, columns.stop - 1)
    ]
    image = simulate(flagship_experiment(c_compat), tile=(128, 128), holding=corners).panel
    reference = flagship[f"{PREFIX[c_compat]}_{crop}"]
    brightest = flagship[f"{PREFIX[c_compat]}_stats"][1]
    assert worst(image[CROPS[crop]], reference, brightest) < 1e-6


def test_the_flagship_with_a_pix0_that_its_beam_centre_contradicts_is_refused(in_flagship):
    with pytest.raises(ExperimentError, match=r"1\.146 mm \(6\.7 px\) apart"):
        Experiment.from_nanobragg((FLAGSHIP + PIX0).split())


def test_a_tile_from_the_fdump_is_that_from_the_hkl_to_the_byte(in_flagship, simulate):
    from_hkl, from_fdump = (
        simulate(flagship_experiment(False, fdump), tile=(128, 128), holding=[BRIGHT]).panel
        for fdump in (None, "Fdump.bin")
    )
    assert from_fdump.max() > 400
    assert from_fdump.tobytes() == from_hkl.tobytes()


def traced_rows(log):
    """Rows ``TRACE_C: name values…`` of a log, by name."""
    return {
        name: [float(word) for word in words.split()]
        for name, words in re.findall(r"^TRACE_C: (\w+) (.+)$", log, re.MULTILINE)
    }


def traced_phi_steps(log):
    """Lines ``TRACE_C_PHI name=value…`` of a log, in order."""
    return [
        {name: float(value) for name, value in re.findall(r"(\w+)=(\S+)", line)}
        for line in re.findall(r"^TRACE_C_PHI (.+)$", log, re.MULTILINE)
    ]


def numbers(value):
    return [float(item) for item in value] if isinstance(value, list | tuple) else [float(value)]


@pytest.fixture(
    params=[(pixel, c_compat) for pixel in (DIM, BRIGHT) for c_compat in (True, False)],
    ids=lambda param: f"slow{param[0][0]}-fast{param[0][1]}-{PREFIX[param[1]]}",
)
def trace_and_log(request, shared, in_flagship, simulate):
    """A pixel of the flagship: its trace here, and the log of the reference."""
    pixel, c_compat = request.param
    computed = simulate(
        flagship_experiment(c_compat), tile=(128, 128), trace_pixels=(pixel,), holding=[pixel]
    )
    (trace,) = (trace for trace in computed.results[0].traces if trace.reason == "requested")
    name = f"{PREFIX[c_compat]}_trace_slow{pixel[0]}_fast{pixel[1]}.log"
    return trace, (shared / "data" / "pilatus6m" / name).read_text()


def test_every_row_of_a_trace_is_that_of_the_reference(trace_and_log):
    trace, log = trace_and_log
    rows = traced_rows(log)
    del rows["floatimage_accumulated"]  # float32
    assert len(rows) == 39
    here = {name: numbers(trace.values[name]) for name in rows}
    assert here == {name: pytest.approx(row, rel=1e-9, abs=0.0) for name, row in rows.items()}


def test_every_phi_step_of_a_trace_is_that_of_the_reference(trace_and_log):
    trace, log = trace_and_log
    steps = traced_phi_steps(log)
    assert len(steps) == 10
    if trace.phi_steps[0]["phi_deg"] != 0.0:
        # the C program prints phi as it should be; the trace says the one that acts
        steps[0]["phi_deg"] = steps[-1]["phi_deg"]
    here = [
        {
            "phi_tic": step["phi_tic"],
            "phi_deg": step["phi_deg"],
            "k_frac": step["hkl_frac"][1],
            "F_latt_b": step["F_latt_abc"][1],
            "F_latt": step["F_latt"],
        }
        for step in trace.phi_steps
    ]
    assert here == [pytest.approx(step, rel=1e-9, abs=0.0) for step in steps]


@pytest.fixture(scope="module", params=[True, False], ids=["c", "correct"])
def whole_flagship(request, shared, simulate):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(shared / "data" / "pilatus6m")
        return simulate(flagship_experiment(request.param)).panel, PREFIX[request.param]


@pytest.mark.slow
def test_the_sum_of_the_whole_flagship_is_that_of_the_reference(whole_flagship):
    image, prefix = whole_flagship
    expected = {"c": 6490.8202, "correct": 6517.5746}[prefix]
    assert image.sum(dtype=float) == pytest.approx(expected, rel=1e-7)


@pytest.mark.slow
def test_the_peak_of_the_whole_flagship_is_that_of_the_reference(whole_flagship):
    image, prefix = whole_flagship
    expected = {"c": 446.254, "correct": 466.4818}[prefix]
    assert image.max() == pytest.approx(expected, rel=1e-6)


@pytest.mark.slow
def test_the_peak_of_the_whole_flagship_is_where_the_reference_has_it(whole_flagship):
    image, _ = whole_flagship
    assert divmod(int(image.argmax()), image.shape[1]) == BRIGHT


@pytest.mark.slow
def test_the_brightest_pixels_of_the_whole_flagship_are_those_of_the_reference(
    flagship, whole_flagship
):
    image, prefix = whole_flagship
    top = flagship[f"{prefix}_top"]
    assert worst(image[tuple(top.T)], flagship[f"{prefix}_top_value"]) < 1e-6


@pytest.mark.slow
def test_a_sample_of_the_whole_flagship_is_that_of_the_reference(flagship, whole_flagship):
    image, prefix = whole_flagship
    brightest = flagship[f"{prefix}_stats"][1]
    assert worst(image[::37, ::37], flagship[f"{prefix}_stride"], brightest) < 1e-6

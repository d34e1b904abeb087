"""``tiled-sim trace`` as its users meet it."""

import json
import re

import numpy as np
import pytest

from tiled_sim.cli.main import main
from tiled_sim.cluster.worker import compute_batch
from tiled_sim.io.trace_log import C_ROWS, read_trace_log
from tiled_sim.model.settings import BY_REFERENCE
from tiled_sim.plan.prepare import prepare
from tiled_sim.run.creation import create_run
from tiled_sim.simulation.trace import UNITS

STILL = (
    "-hkl p1.hkl -cell 70 80 90 75 85 95 -misset 10 20 30 -lambda 1 -N 5 -distance 100 "
    "-detpixels 64 -pixel 0.4 -oversample 1"
)
#: Two phi steps, two mosaic domains, two sources, four subpixels.
MANY = (
    f"{STILL} -oversample 2 -osc 1 -phisteps 2 -mosaic 0.2 -mosaic_domains 2 -dispersion 1 "
    "-dispsteps 2"
)
PIXEL = "--pixel 20 31"
FLAGSHIP = (
    "-mat A.mat -hkl scaled.hkl -nonoise -nointerpolate -oversample 1 -exposure 1 -flux 1e18 "
    "-beamsize 1.0 -spindle_axis -1 0 0 -Xbeam 217.742295 -Ybeam 213.907080 -distance 231.274660 "
    "-lambda 0.976800 -pixel 0.172 -detpixels_x 2463 -detpixels_y 2527 "
    "-odet_vector -0.000088 0.004914 -0.999988 -sdet_vector -0.005998 -0.999970 -0.004913 "
    "-fdet_vector 0.999982 -0.005998 -0.000118 -beam_vector 0.00051387949 0.0 -0.99999986 "
    "-Na 36 -Nb 47 -Nc 29 -osc 0.1 -phi 0 -phisteps 10 -detector_rotx 0 -detector_roty 0 "
    "-detector_rotz 0 -twotheta 0"
)
#: Which the C program reads and ignores.
PIX0 = "-pix0_vector_mm -216.336293 215.205512 -230.200866"
DIM, BRIGHT = (685, 1039), (1039, 685)


@pytest.fixture
def tell(capsys, in_data):
    """Run the verb in the folder of the input files; its exit code, output and complaint."""

    def run(*words):
        code = main(["trace", *" ".join(map(str, words)).split()])
        output, complaint = capsys.readouterr()
        assert "Traceback" not in output + complaint
        return code, output, complaint

    return run


@pytest.fixture
def trace(tell):
    """The document of one pixel."""

    def run(*words):
        code, output, complaint = tell("--json", *words)
        assert code == 0, complaint
        (pixel,) = json.loads(output)["pixels"]
        return pixel

    return run


@pytest.fixture
def refused(tell):
    """The complaint of a command that must fail with a code."""

    def run(code, *words):
        found, output, complaint = tell(*words)
        assert (found, output) == (code, ""), complaint
        (line,) = complaint.strip().splitlines()
        return line

    return run


@pytest.fixture(scope="module")
def finished(still, tmp_path_factory):
    """A finished run of nine tiles, but for the last."""
    path = tmp_path_factory.mktemp("traced") / "run.zarr"
    made = create_run(prepare(still(), BY_REFERENCE, tile=(32, 32)), path)
    compute_batch(str(made.path), made.run_id, "cpu", [(number, 1) for number in range(8)])
    return made


def test_every_row_is_printed_with_its_unit(tell):
    code, output, _ = tell(PIXEL, STILL)
    assert code == 0
    table = output.split("\n\n")[1].splitlines()[1:]
    rows = {line.split()[0]: line.split()[-1] for line in table}
    beside = {"crystal_share", "other_crystals_photons", "diffuse_photons", "background_photons"}
    assert rows == {name: unit for name, unit in UNITS.items() if name not in beside}


def test_the_reciprocal_cell_of_a_shot_is_turned_with_it(trace):
    # of an orthogonal cell, for C's a* of a triclinic one is longer
    values = trace(PIXEL, f"{STILL} -cell 70 80 90 90 90 90 --random-shots 2 --frame 1")["values"]
    direct = np.array([values[f"rot_{axis}_angstroms"] for axis in "abc"])
    reciprocal = np.array([values[f"rot_{axis}_star_A_inv"] for axis in "abc"])
    np.testing.assert_allclose(direct @ reciprocal.T, np.eye(3), atol=1e-12)


def test_the_unit_is_right_where_the_label_of_the_c_program_is_not(tell):
    _, output, _ = tell(PIXEL, STILL)
    assert re.search(r"^scattering_vec_A_inv .* 1/m$", output, re.MULTILINE)


def test_several_pixels_are_traced_one_after_the_other(tell):
    code, output, _ = tell("--pixel 20 31 --pixel 7 9 --pixel 20 31", STILL)
    assert code == 0
    assert re.findall(r"^pixel .*$", output, re.MULTILINE) == [
        "pixel     slow 20, fast 31 (frame 0, panel 0)",
        "pixel     slow 7, fast 9 (frame 0, panel 0)",
    ]


def test_a_toml_file_is_traced_as_the_options_are(trace, data, tmp_path, capsys):
    assert main(["config", *STILL.replace("p1.hkl", str(data / "p1.hkl")).split()]) == 0
    toml = tmp_path / "still.toml"
    toml.write_text(capsys.readouterr().out)
    assert trace(PIXEL, toml)["values"] == trace(PIXEL, STILL)["values"]


def test_the_pixel_of_an_image_is_what_its_trace_says(trace, finished, still):
    traced = trace(PIXEL, finished.path)
    stored = float(finished.image.values[0, 0, 20, 31])
    assert traced["stored"] == stored == traced["values"]["floatimage_accumulated"]


def test_a_run_is_traced_with_its_own_kernel_and_factors(tell, finished):
    code, output, _ = tell(PIXEL, finished.path)
    assert code == 0
    assert "kernel    reference, float64 precision, on cpu" in output
    assert "photons, the same to the last bit" in output


def test_a_pixel_that_is_not_computed_yet_is_traced_all_the_same(tell, trace, finished):
    assert trace("--pixel 90 90", finished.path)["stored"] is None
    assert "stored    not computed yet" in tell("--pixel 90 90", finished.path)[1]


def test_a_stored_pixel_that_is_another_is_told(tell, finished):
    tile = finished.plan.grid.holding(0, 0, 4, 4)
    part = finished.store.read_part(tile)
    store = finished.store.open(finished.path, mode="r+")
    store.write_tile(tile, (part * np.float32(2)).astype(np.float32))
    try:
        output = tell("--pixel 4 4", finished.path)[1]
        assert re.search(r"^stored .* computed now .*: relative difference -0\.5$", output, re.M)
    finally:
        store.write_tile(tile, part)


def test_every_step_is_told_once(trace):
    steps = trace("--steps", PIXEL, MANY)["steps"]
    places = {(s["subpixel"], s["source"], s["phi_tic"], s["domain"]) for s in steps}
    assert places == set(np.ndindex(4, 2, 2, 2))
    assert len(steps) == 32


def test_the_steps_add_up_to_the_sum(trace):
    traced = trace("--steps", PIXEL, MANY)
    total = sum(step["intensity"] for step in traced["steps"])
    assert total == pytest.approx(traced["values"]["I_before_scaling"], rel=1e-12)
    assert sum(step["share"] for step in traced["steps"]) == pytest.approx(1.0, rel=1e-12)


def test_a_step_is_made_of_its_factors(trace):
    for step in trace("--steps", PIXEL, MANY)["steps"]:
        assert step["intensity"] == pytest.approx((step["F_cell"] * step["F_latt"]) ** 2, rel=1e-12)
        assert step["hkl_rounded"] == [int(np.ceil(index - 0.5)) for index in step["hkl_frac"]]


@pytest.mark.parametrize(
    ("words", "met"),
    [
        ("", "in range"),
        ("-hkl zero.hkl", "zero"),
        ("-hkl around.hkl", "absent"),
        ("-hkl far.hkl", "out of range"),
        ("-dmin 30", "beyond dmin"),
        ("-interpolate", "in range, interpolated"),
        ("-interpolate -hkl zero.hkl", "zero, nearest node"),
    ],
)
def test_a_step_tells_what_its_look_up_met(trace, tmp_path, words, met):
    (node,) = {tuple(step["hkl_rounded"]) for step in trace("--steps", PIXEL, STILL)["steps"]}
    lists = {
        "zero.hkl": [(*node, 0), (*(index + 1 for index in node), 1)],
        "around.hkl": [(*(index + shift for index in node), 1) for shift in (-1, 1)],
        "far.hkl": [(40, 40, 40, 1)],
    }
    for name, rows in lists.items():
        (tmp_path / name).write_text("".join(f"{h} {k} {l} {F}\n" for h, k, l, F in rows))
    words = re.sub(r"-hkl (\w+)", rf"-hkl {tmp_path}/\1", words)
    (step,) = trace("--steps", PIXEL, STILL, words)["steps"]
    assert step["met"] == met


def test_steps_are_printed_as_a_table(tell):
    code, output, _ = tell("--steps", PIXEL, MANY)
    assert code == 0
    table = output.rstrip().split("\n\n")[-1].splitlines()
    assert table[0].split()[:5] == ["layer", "subpixel", "source", "phi_tic", "phi_deg"]
    assert len(table) == 1 + 32


TOPHAT = f"{STILL} -tophat_spots -fudge 1e-5 -osc 1 -phi 3 -phisteps 2"


def test_a_fast_kernel_is_held_against_the_chain(tell):
    code, output, _ = tell("--kernel spots", PIXEL, TOPHAT)
    assert code == 0
    assert "kernel    spots, float64 precision, on cpu" in output
    assert "chain     float64, all steps at once" in output
    (difference,) = re.findall(r"relative difference from the chain (\S+)", output)
    assert abs(float(difference)) < 2e-7


def test_a_fast_kernel_tells_what_it_makes_of_each_step(trace):
    traced = trace("--kernel spots --steps", PIXEL, TOPHAT)
    steps = traced["steps"]
    assert len(steps) == 2
    assert sum(step["intensity"] for step in steps) > 0
    for step in steps:
        assert step["kernel_intensity"] == pytest.approx(step["intensity"], rel=1e-6)
    kernel = traced["kernel"]
    assert kernel["I_pixel_final"] == pytest.approx(traced["values"]["I_pixel_final"], rel=1e-6)
    assert kernel["I_before_scaling"] == pytest.approx(
        traced["values"]["I_before_scaling"], rel=1e-6
    )


def test_the_c_program_s_lines_are_read_as_the_same_numbers(tell, trace, tmp_path):
    code, output, _ = tell("--as-c", PIXEL, STILL)
    assert code == 0
    path = tmp_path / "c.log"
    path.write_text(output)
    rows, values = read_trace_log(path, (20, 31)).rows, trace(PIXEL, STILL)["values"]
    assert tuple(rows) == C_ROWS
    assert rows == {
        name: pytest.approx(np.atleast_1d(values[name]), rel=1e-14, abs=0) for name in C_ROWS
    }


def test_a_trace_is_equal_to_its_own_lines_and_its_own_document(tell, tmp_path):
    for words in ("--as-c", "--json"):
        path = tmp_path / "other"
        path.write_text(tell(words, PIXEL, MANY)[1])
        code, output, _ = tell("--against", path, PIXEL, MANY)
        assert code == 0
        assert re.search(r"^equal: all \d+ rows that both have agree$", output, re.MULTILINE)


def test_a_trace_that_departs_leaves_with_seven(tell, tmp_path):
    path = tmp_path / "c.log"
    path.write_text(tell("--as-c", PIXEL, STILL)[1])
    code, output, _ = tell("--against", path, PIXEL, STILL, "-fluence 2e24")
    assert code == 7
    found = output.split("first departure\n")[1].splitlines()
    assert found[0] == "  fluence_photons_per_m2, of the stage 'exposure'"
    assert found[1] == "  made of   fluence, or flux, exposure and beam size"
    assert "default" in found[2]


def test_a_comparison_is_part_of_the_document(tell, tmp_path):
    path = tmp_path / "c.log"
    path.write_text(tell("--as-c", PIXEL, STILL)[1])
    code, output, _ = tell("--json --against", path, PIXEL, STILL, "-fluence 2e24")
    against = json.loads(output)["against"]
    assert (code, against["equal"]) == (7, False)
    assert against["departures"][0]["row"] == "fluence_photons_per_m2"


def test_a_looser_tolerance_makes_more_equal(tell, tmp_path):
    path = tmp_path / "c.log"
    path.write_text(tell("--as-c", PIXEL, STILL, "-fluence 1e24")[1])
    words = ("--against", path, PIXEL, STILL, "-fluence 1.000001e24")
    assert tell(*words)[0] == 7
    assert tell("--tolerance 1e-5", *words)[0] == 0


@pytest.mark.parametrize(
    ("code", "words", "complaint"),
    [
        (2, STILL, "--pixel SLOW FAST is missing"),
        (2, f"--pixel 64 3 {STILL}", "--pixel 64 3 lies outside the 64 x 64 (slow x fast) pixels"),
        (2, f"--pixel -1 3 {STILL}", "--pixel"),
        (2, f"{PIXEL} --frame 1 {STILL}", "--frame 1: there are 1, counted from 0"),
        (2, f"{PIXEL} --panel 2 {STILL}", "--panel 2: there are 1, counted from 0"),
        (2, f"{PIXEL} {STILL} -roi 0 9 0 9", "--pixel 20 31 is masked or outside the region"),
        (2, f"{PIXEL} --pixel 1 1 --against x {STILL}", "--against compares one pixel"),
        (2, f"{PIXEL} --tolerance 1e-3 {STILL}", "--tolerance goes with --against"),
        (2, f"{PIXEL} --tolerance much --against x {STILL}", "'much' is not a relative difference"),
        (2, f"{PIXEL} --as-c --json {STILL}", "--as-c prints what nanoBragg.c logs"),
        (2, f"{PIXEL} --steps {STILL} -oversample 400", "--steps tells up to 100000 steps"),
        (2, f"{PIXEL} --kernel fast {STILL}", "--kernel 'fast' must be one of"),
        (2, f"{PIXEL} --device tpu {STILL}", "--device 'tpu' must be auto"),
        (2, f"{PIXEL} --kernel spots {STILL}", "--kernel spots cannot be had"),
        (3, f"{PIXEL} --against no.log {STILL}", "cannot read the trace no.log"),
        (3, f"{PIXEL} --against p1.hkl {STILL}", "p1.hkl holds no trace"),
        (4, f"{PIXEL} no.zarr", "no.zarr"),
    ],
)
def test_what_cannot_be_traced_is_refused(refused, tell, code, words, complaint):
    if "--json" in words:
        found, output, _ = tell(words)
        assert (found, complaint in output) == (code, True)
    else:
        assert complaint in refused(code, words)


@pytest.mark.parametrize("word", ["-lambda", "--c-compat", "--fdump=x"])
def test_a_run_takes_no_experiment(refused, finished, word):
    name = word.partition("=")[0]
    assert f"is a run and has its experiment in it; leave out {name}" in refused(
        2, PIXEL, finished.path, word
    )


@pytest.fixture
def flagship(shared, tell, monkeypatch):
    """Run the verb on a pixel of the flagship; its exit code and output."""
    monkeypatch.chdir(shared / "data" / "pilatus6m")

    def run(pixel, *words):
        code, output, complaint = tell("--pixel", *pixel, *words, FLAGSHIP)
        assert not complaint
        return code, output

    return run


def log_name(which, pixel):
    return f"{which}_trace_slow{pixel[0]}_fast{pixel[1]}.log"


@pytest.mark.parametrize("pixel", [DIM, BRIGHT])
def test_the_c_program_s_flagship_is_equal_under_c_compat(flagship, pixel):
    code, output = flagship(pixel, "--c-compat --against", log_name("c", pixel), PIX0)
    assert code == 0
    assert "equal: all 85 rows that both have agree" in output


@pytest.mark.parametrize("pixel", [DIM, BRIGHT])
def test_the_c_program_s_flagship_departs_by_the_carry_over(flagship, pixel):
    code, output = flagship(pixel, "--json --against", log_name("c", pixel))
    (departure,) = json.loads(output)["against"]["departures"]
    assert code == 7
    assert departure["stage"] == "crystal orientation"
    assert departure["row"] == "rot_b_angstroms"
    assert departure["others"] == ["rot_a_angstroms", "rot_c_angstroms"]
    (reason,) = departure["reasons"]
    assert reason.startswith("phi = 0 carry-over: their a, b, c are ours of the last phi step 9")


@pytest.mark.parametrize("pixel", [DIM, BRIGHT])
def test_the_mended_c_program_s_flagship_is_equal_by_default(flagship, pixel):
    code, output = flagship(pixel, "--against", log_name("correct", pixel))
    assert code == 0
    assert "equal: all 80 rows that both have agree" in output


def test_the_c_program_s_lines_of_the_flagship_are_ours_to_twelve_digits(flagship, shared):
    name = log_name("c", DIM)
    lines = (shared / "data" / "pilatus6m" / name).read_text().splitlines()
    theirs = [line for line in lines if line.startswith(("TRACE_C: ", "TRACE_C_PHI "))]
    ours = flagship(DIM, "--c-compat --as-c")[1].splitlines()
    number = re.compile(r"-?\d[\d.]*(?:e[-+]\d+)?\b")
    assert [number.sub("#", line) for line in ours] == [number.sub("#", line) for line in theirs]
    for here, there in zip(ours, theirs, strict=True):
        pairs = zip(number.findall(here), number.findall(there), strict=True)
        assert all(float(a) == pytest.approx(float(b), rel=2e-12, abs=0) for a, b in pairs), here

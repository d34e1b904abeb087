"""Trace logs of other programs and our own: what is read, what is refused, what is written."""

import json

import pytest

from tiled_sim.errors import InputFileError
from tiled_sim.io.trace_log import C_ROWS, c_log_lines, digits, read_trace_log

PIXEL = (3, 4)
LOG = """\
nanoBragg nanocrystal diffraction simulator
TRACE_C:detector_convention=CUSTOM
TRACE_C:angles_rad=rotx:0.5 roty:0
TRACE_C:initial_fdet=0 0 1
TRACE: After wavelength correction:
TRACE_CONFIG: tracing pixel (spixel=3, fpixel=4)
TRACE_C: fdet_vec 0.25 -0 1e-3
TRACE_C: F_latt 7
TRACE_C_PHI phi_tic=0 phi_deg=0 k_frac=-0.5 F_latt=7
TRACE_C: F_cell 190.27
TRACE_C_PHI phi_tic=1 phi_deg=0.01 k_frac=-0.6 F_latt=6.5

mean= 0.00104287 rms= 0.334386 rmsd= 0.334384
"""


@pytest.fixture
def read(tmp_path):
    """Write a text and read it as a trace of a pixel."""

    def run(text, pixel=PIXEL):
        path = tmp_path / "trace.log"
        path.write_text(text)
        return read_trace_log(path, pixel)

    return run


@pytest.fixture
def refused(read, tmp_path):
    """The complaint about a text, which begins with the name of the file."""

    def run(text, pixel=PIXEL):
        with pytest.raises(InputFileError) as error:
            read(text, pixel)
        told = str(error.value)
        assert told.startswith(str(tmp_path / "trace.log"))
        return told

    return run


def test_rows_are_numbers_by_name(read):
    log = read(LOG)
    assert log.rows["fdet_vec"] == (0.25, 0.0, 0.001)
    assert log.rows["F_cell"] == (190.27,)


def test_the_program_and_the_pixel_are_known(read):
    log = read(LOG)
    assert (log.program, log.pixel) == ("nanoBragg.c", PIXEL)


def test_the_placement_of_the_detector_is_rows_too(read):
    rows = read(LOG).rows
    assert rows["initial_fdet"] == (0.0, 0.0, 1.0)
    assert rows["detector_convention"] == "CUSTOM"
    assert (rows["angles_rad.rotx"], rows["angles_rad.roty"]) == ((0.5,), (0.0,))


def test_phi_steps_are_numbers_by_name(read):
    assert read(LOG).phi_steps == [
        {"phi_tic": 0, "phi_deg": 0, "k_frac": -0.5, "F_latt": 7},
        {"phi_tic": 1, "phi_deg": 0.01, "k_frac": -0.6, "F_latt": 6.5},
    ]


def test_chatter_is_no_row(read):
    assert len(read(LOG).rows) == 7


def test_of_several_subpixels_the_last_counts(read):
    log = read(LOG + "TRACE_C: F_latt 8\nTRACE_C_PHI phi_tic=0 phi_deg=0 k_frac=-0.55 F_latt=8\n")
    assert log.rows["F_latt"] == (8.0,)
    assert [step["F_latt"] for step in log.phi_steps] == [8.0]


def test_the_torch_port_writes_other_letters(read):
    log = read(
        "TRACE_PY: I_before_scaling_pre_polar 943654.8\n"
        "TRACE_PY_PHI phi_tic=0 phi_deg=0 k_frac=-0.6 F_latt_b=1 F_latt=2 S_x=0.1 V_actual=24682\n"
        "TRACE_PY_SOURCE 0: polar 0.9\n"
    )
    assert log.program == "torch port"
    assert log.pixel is None
    assert log.rows == {"I_before_scaling_pre_polar": (943654.8,)}
    assert log.phi_steps[0]["V_actual"] == 24682


def test_a_word_for_a_number_is_told_with_its_line(refused):
    assert refused(LOG.replace("190.27", "many")).endswith("line 10: 'many' is not a number")


def test_a_phi_step_without_names_is_told_with_its_line(refused):
    assert "line 9: '7' is not of the form" in refused(LOG.replace("F_latt=7", "7"))


def test_two_programs_in_one_file_are_refused(refused):
    assert "line 14: a row of the torch port after rows of nanoBragg.c" in refused(
        LOG + "TRACE_PY: F_cell 190.27\n"
    )


def test_a_log_of_another_pixel_is_refused(refused):
    assert refused(LOG, (4, 3)).endswith("is of pixel 3 4 (slow fast), not of 4 3")


def test_a_file_without_a_trace_is_refused(refused):
    assert "holds no trace" in refused("mean= 0.00104287\n")


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(InputFileError, match=r"cannot read the trace .*no\.log: No such file"):
        read_trace_log(tmp_path / "no.log", PIXEL)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "image.bin"
    path.write_bytes(b"\xff\xfe\x00\x80" * 8)
    with pytest.raises(InputFileError, match="is no trace: it is not text"):
        read_trace_log(path, PIXEL)


VALUES = {"fdet_vec": [0.25, 0.5, 1.0], "odet_vec": [0, 0, 1], "F_latt": 7.0, "F_cell": 190.27}
STEPS = [
    {"phi_tic": 0, "hkl_frac": [1.5, -0.5, 2.5], "F_latt_abc": [1.0, 7.0, 1.0], "F_latt": 7.0},
    {"phi_tic": 1, "hkl_frac": [1.5, -0.6, 2.5], "F_latt_abc": [1.0, 6.5, 1.0], "F_latt": 6.5},
]


def document(**changes):
    steps = [{**step, "phi_deg": 0.01 * step["phi_tic"]} for step in STEPS]
    traced = [{"pixel": pixel, "values": VALUES, "phi_steps": steps} for pixel in ([9, 9], [3, 4])]
    return json.dumps({"schema": "tiled_sim trace 1", "pixels": traced, **changes})


def test_our_own_document_is_read_by_pixel(read):
    log = read(document())
    assert (log.program, log.pixel) == ("tiled_sim", PIXEL)
    assert log.rows["F_cell"] == (190.27,)
    assert log.phi_steps[1] == {
        "phi_tic": 1,
        "phi_deg": 0.01,
        "k_frac": -0.6,
        "F_latt_b": 6.5,
        "F_latt": 6.5,
    }


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (document(schema="tiled_sim sidecar 1"), "its schema is 'tiled_sim sidecar 1', not"),
        (document(pixels=[{"pixel": [3, 4]}]), "lacks or spoils 'values'"),
        (document(pixels=[{"pixel": [8, 8]}]), "is of the pixels 8 8 (slow fast), not of 3 4"),
        (document()[:-9], "is not JSON"),
    ],
)
def test_another_document_is_refused(refused, text, complaint):
    assert complaint in refused(text)


def test_a_chain_is_written_as_the_c_program_does():
    assert c_log_lines(VALUES, STEPS, (0.0, 0.01)) == [
        "TRACE_C: fdet_vec 0.25 0.5 1",
        "TRACE_C: F_latt 7",
        "TRACE_C_PHI phi_tic=0 phi_deg=0 k_frac=-0.5 F_latt_b=7 F_latt=7",
        "TRACE_C: F_cell 190.27",
        "TRACE_C_PHI phi_tic=1 phi_deg=0.01 k_frac=-0.6 F_latt_b=6.5 F_latt=6.5",
    ]


def test_a_round_crystal_has_one_lattice_factor():
    (line,) = c_log_lines({}, [{**STEPS[0], "F_latt_abc": [7.0]}], (0.0,))
    assert line == "TRACE_C_PHI phi_tic=0 phi_deg=0 k_frac=-0.5 F_latt=7"


def test_numbers_have_fifteen_digits():
    assert digits([1 / 3, 2e24]) == "0.333333333333333 2e+24"


def test_a_log_of_the_c_program_is_written_again_to_the_byte(shared):
    path = shared / "data" / "pilatus6m" / "c_trace_slow685_fast1039.log"
    log = read_trace_log(path, (685, 1039))
    assert tuple(name for name in log.rows if name in C_ROWS) == C_ROWS
    steps = [
        {
            **step,
            "phi_tic": int(step["phi_tic"]),
            "hkl_frac": [0, step["k_frac"]],
            "F_latt_abc": [0, step["F_latt_b"], 0],
        }
        for step in log.phi_steps
    ]
    lines = c_log_lines(log.rows, steps, [step["phi_deg"] for step in log.phi_steps])
    assert lines == [
        line
        for line in path.read_text().splitlines()
        if line.startswith(("TRACE_C: ", "TRACE_C_PHI "))
    ]

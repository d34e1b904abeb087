"""Two chains of a pixel: what is equal, where they first depart, and why."""

import re

import pytest

from tiled_sim.instruments.chain_comparison import SAME_ROW, STAGES, TOLERANCE, compare_chains
from tiled_sim.instruments.departures import REASONS
from tiled_sim.instruments.tracing import Tracer
from tiled_sim.io.trace_log import c_log_lines, read_trace_log
from tiled_sim.model.settings import BY_REFERENCE
from tiled_sim.simulation.trace import UNITS

PIXEL = (37, 52)
#: Of a crystal that turns from phi 0 in three steps, lit along +X, its spindle along +Z.
TURNING = ("-osc", 3, "-phisteps", 3, "-fluence", 1e24)
COMPAT = "compat"


def trace(experiment):
    return Tracer.of_experiment(experiment, [PIXEL], BY_REFERENCE, "cpu").trace(PIXEL)


@pytest.fixture(scope="session")
def ours(still):
    return trace(still(*TURNING))


@pytest.fixture
def log_of(tmp_path):
    """What the C program would log of our trace, with lines edited, and read again."""

    def make(traced, edit=lambda text: text):
        path = tmp_path / "c.log"
        lines = c_log_lines(traced.trace.values, traced.trace.phi_steps, traced.angles)
        path.write_text(edit("\n".join(lines)) + "\n")
        return read_trace_log(path, PIXEL)

    return make


def with_row(name, value):
    """An edit that replaces the numbers of a row."""

    def edit(text):
        lines = text.splitlines()
        (number,) = (i for i, line in enumerate(lines) if line.startswith(f"TRACE_C: {name} "))
        lines[number] = f"TRACE_C: {name} {value}"
        return "\n".join(lines)

    return edit


def row_of(compared, name):
    (row,) = (row for row in compared.rows if row.name == name)
    return row


def test_every_row_of_a_trace_belongs_to_one_stage():
    told = [name for stage in STAGES for name in stage.rows]
    assert len(told) == len(set(told))
    assert set(UNITS) <= set(told)


def test_a_stage_needs_none_that_comes_after_it():
    seen = set()
    for stage in STAGES:
        assert set(stage.needs) <= seen
        seen.add(stage.name)
    assert set(REASONS) <= seen


def test_a_chain_is_equal_to_its_own_log(log_of, ours):
    compared = compare_chains(log_of(ours), ours)
    assert compared.equal
    assert {row.verdict for row in compared.rows} == {"equal", "only ours"}
    assert len(compared.rows) == len(ours.trace.values) + 3 * 4


def test_a_row_only_one_chain_has_is_told_as_such(log_of, ours):
    log = log_of(ours, lambda text: text.replace("F_latt_c", "F_latt_z"))
    compared = compare_chains(log, ours)
    assert row_of(compared, "F_latt_c").verdict == "only ours"
    assert row_of(compared, "F_latt_z").verdict == "only theirs"
    assert compared.equal


@pytest.mark.parametrize(("change", "equal"), [(0.9, True), (1.1, False)])
def test_the_tolerance_is_where_equality_ends(log_of, ours, change, equal):
    F = ours.trace.values["F_cell"] * (1.0 + change * TOLERANCE)
    assert compare_chains(log_of(ours, with_row("F_cell", f"{F:.17g}")), ours).equal is equal


def test_another_tolerance_may_be_asked_for(log_of, ours):
    log = log_of(ours, with_row("F_cell", ours.trace.values["F_cell"] * 1.001))
    assert not compare_chains(log, ours, 1e-4).equal
    assert compare_chains(log, ours, 1e-2).equal


def test_a_component_near_zero_cries_no_wolf(log_of, ours):
    x, y, z = ours.trace.values["incident_vec"]
    assert compare_chains(log_of(ours, with_row("incident_vec", f"{x} 1e-12 {z}")), ours).equal
    assert y == 0.0


def test_a_number_that_is_none_departs(log_of, ours):
    compared = compare_chains(log_of(ours, with_row("polar", "nan")), ours)
    assert [departure.row for departure in compared.departures] == ["polar"]


def test_float32_is_compared_as_float32(log_of, ours):
    stored = ours.trace.values["floatimage_accumulated"]
    rounded = log_of(ours, with_row("floatimage_accumulated", f"{stored * (1 + 1e-7):.15g}"))
    other = log_of(ours, with_row("floatimage_accumulated", f"{stored * (1 + 1e-6):.15g}"))
    assert compare_chains(rounded, ours).equal
    assert not compare_chains(other, ours).equal


def test_what_follows_from_a_departure_is_no_departure_of_its_own(log_of, ours, still):
    log = log_of(trace(still(*TURNING, "-lambda", 1.02)))
    compared = compare_chains(log, ours)
    assert [departure.stage for departure in compared.departures] == ["wavelength"]
    assert row_of(compared, "I_pixel_final").verdict == "departs"


def test_what_does_not_follow_from_the_first_departure_is_told_too(log_of, ours, still):
    log = log_of(trace(still("-osc", 3, "-phisteps", 3, "-fluence", 2e24, "-lambda", 1.02)))
    stages = [departure.stage for departure in compare_chains(log, ours).departures]
    assert stages == ["wavelength", "exposure"]


def test_the_row_named_is_the_one_whose_component_departs_most(log_of, ours):
    def edit(text):
        for name in ("rot_a_angstroms", "rot_b_angstroms"):
            x, y, z = ours.trace.values[name]
            step = 1e-4 if name == "rot_a_angstroms" else 1e-3
            text = with_row(name, f"{x} {y * (1 + step)} {z}")(text)
        return text

    (departure,) = compare_chains(log_of(ours, edit), ours).departures
    assert (departure.row, departure.others) == ("rot_b_angstroms", ("rot_a_angstroms",))
    assert departure.reasons == (
        "another unit cell: their a, b, c are ours times "
        + ", ".join(f"{ratio:.9g}" for ratio in ratios(departure, log_of(ours, edit), ours)),
    )


def ratios(departure, log, ours):
    """Lengths of their axes over ours."""
    names = ["rot_a_angstroms", "rot_b_angstroms", "rot_c_angstroms"]
    lengths = [
        [sum(x * x for x in chain[name]) ** 0.5 for name in names]
        for chain in (log.rows, ours.trace.values)
    ]
    return [theirs / here for theirs, here in zip(*lengths, strict=True)]


#: What the other program did, the stage where it first departs, and the reason that is told.
CAUSES = {
    "the phi = 0 carry-over": (
        (COMPAT,),
        "crystal orientation",
        r"phi = 0 carry-over: their a, b, c are ours of the last phi step 2, 2°, to \de-\d+, and "
        "not those of phi 0; .*--c-compat replays it",
    ),
    "phi steps taken in their middle": (
        ("-phi", 0.5),
        "crystal orientation",
        r"turned by 0\.5° about \(0 0 1\), the spindle: .* the middle of our step",
    ),
    "another missetting": (
        ("-misset", 10, 21, 30),
        "unit cell",
        r"the same cell, turned by 1° about",
    ),
    "another cell": (
        ("-cell", 70, 81, 90, 75, 85, 95),
        "unit cell",
        r"another unit cell: their a\*, b\*, c\* are ours times .*0\.987",
    ),
    "another wavelength": (
        ("-lambda", 1.02),
        "wavelength",
        r"their wavelength is 1\.02 Å, ours 1 Å",
    ),
    "a beam centre elsewhere": (
        ("-Xbeam", 14.85, "-Ybeam", 14.55),
        "detector",
        r"lies \+0 pixels along fast, -1 along slow and \+0 mm along its normal",
    ),
    "half a pixel": (
        ("-Xbeam", 14.4, "-Ybeam", 14.4),
        "detector",
        r"the half pixel that MOSFLM's convention adds",
    ),
    "another distance": (
        ("-distance", 101),
        "detector",
        r"\+0 pixels along fast, \+0 along slow and \+1 mm along its normal",
    ),
    "a tilted detector": (
        ("-detector_rotx", 2),
        "detector",
        r"their detector is ours turned by 2° about \(1 0 0\)",
    ),
    "point pixels": (("-point_pixel",), "solid angle", r"theirs is 1/R², that of -point_pixel"),
    "a larger crystal": (
        ("-Nb", 8),
        "lattice factors",
        r"^their F_latt_b is that of 8 cells along b, ours of 5$",
    ),
    "an absent reflection": (
        ("-hkl", "empty.hkl"),
        "structure factor",
        r"they have no F for \(\S+ \S+ \S+\), where the other has .*probe --reflection",
    ),
    "another list": (
        ("-hkl", "empty.hkl", "-default_F", 3),
        "structure factor",
        r"another F for \(",
    ),
    "no polarization": (("-nopolar",), "polarization", r"theirs is that of -nopolar, 1"),
    "the default fluence": (
        ("-fluence", 1.25932015286227e29),
        "exposure",
        r"theirs is nanoBragg\.c's default: neither -fluence nor -flux reached it",
    ),
    "another fluence": (("-fluence", 3e24), "exposure", r"theirs is ours times 3$"),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_a_cause_is_recognised_by_its_numbers(cause, log_of, ours, still, tmp_path):
    words, stage, reason = CAUSES[cause]
    (tmp_path / "empty.hkl").write_text("30 30 30 1\n")
    words = [str(tmp_path / word) if word == "empty.hkl" else word for word in words]
    compat = COMPAT in words
    other = still(*TURNING, *(word for word in words if word != COMPAT), c_compat=compat)
    first = compare_chains(log_of(trace(other)), ours).departures[0]
    assert first.stage == stage
    assert len(first.reasons) == 1
    assert re.search(reason, first.reasons[0]), first.reasons


def test_the_carry_over_is_recognised_from_the_other_side(log_of, ours, still):
    compat = trace(still(*TURNING, c_compat=True))
    first = compare_chains(log_of(ours), compat).departures[0]
    assert first.stage == "crystal orientation"
    assert first.reasons[0].startswith("phi = 0 carry-over: ours under --c-compat are those of")


def test_a_rotation_that_is_no_carry_over_is_not_called_one(log_of, ours, still):
    first = compare_chains(log_of(trace(still(*TURNING, "-phi", 1))), ours).departures[0]
    assert first.stage == "crystal orientation"
    assert not any("carry-over" in reason for reason in first.reasons)


def test_default_F_of_ours_is_recognised(log_of, still, tmp_path, ours):
    (tmp_path / "one.hkl").write_text("30 30 30 1\n")
    here = trace(still("-hkl", tmp_path / "one.hkl", "-default_F", 3, *TURNING))
    (first,) = compare_chains(log_of(ours), here).departures
    assert first.reasons[0].startswith("ours is default_F, 3: the list in use does not give (")


@pytest.mark.parametrize(
    ("row", "factor", "stage", "reason"),
    [
        ("I_before_scaling", "polar", "sum over steps", "ours times polar: they polarize it"),
        ("I_before_scaling", "mean", "sum over steps", "ours times 1/steps: they print a mean"),
        ("omega_pixel", "straight", "solid angle", "theirs lacks the obliquity factor"),
        ("F_latt_a", "sign", "lattice factors", "F_latt_a has the other sign, which F_latt²"),
        ("r_e_sqr", "radius", "electron radius", "another value of a constant, by 1e-06"),
        ("steps", "mean", "number of steps", "theirs lacks the 3 phi steps"),
        ("steps", "twice", "number of steps", "theirs is ours times 2"),
    ],
)
def test_a_factor_is_recognised(log_of, ours, row, factor, stage, reason):
    values = ours.trace.values
    factors = {
        "polar": values["polar"],
        "mean": 1.0 / 3.0,
        "straight": 1.0 / values["obliquity_factor"],
        "sign": -1.0,
        "radius": 1.0 + 1e-6,
        "twice": 2,
    }
    log = log_of(ours, with_row(row, f"{values[row] * factors[factor]:.15g}"))
    (first,) = compare_chains(log, ours).departures
    assert (first.stage, first.row) == (stage, row)
    assert len(first.reasons) == 1
    assert reason in first.reasons[0]


def test_a_step_that_only_one_chain_has_departs(log_of, ours):
    log = log_of(ours)
    log.phi_steps.pop()
    (first,) = compare_chains(log, ours).departures
    assert (first.stage, first.reasons) == ("phi steps", ("they have 2 phi steps, we 3",))


def test_a_phi_step_departs_by_itself(log_of, ours):
    log = log_of(ours)
    log.phi_steps[1]["k_frac"] += 0.25
    (first,) = compare_chains(log, ours).departures
    assert (first.stage, first.row) == ("phi steps", "phi_tic 1 k_frac")


def scaled(names, factor, traced):
    """An edit that multiplies rows."""

    def edit(text):
        for name in names:
            row = " ".join(f"{x * factor:.15g}" for x in traced.trace.values[name])
            text = with_row(name, row)(text)
        return text

    return edit


def test_another_unit_is_recognised_even_after_a_departure(log_of, ours, still):
    axes = ["rot_a_angstroms", "rot_b_angstroms", "rot_c_angstroms"]
    other = trace(still(*TURNING, "-cell", 70, 80, 90.0001, 75, 85, 95))
    compared = compare_chains(log_of(other, scaled(axes, 1e-10, other)), ours)
    assert [departure.stage for departure in compared.departures] == [
        "unit cell",
        "crystal orientation",
    ]
    assert compared.departures[1].reasons == (
        f"another unit: their {', '.join(axes)} ours times 1e-10",
    )


def test_directions_that_are_no_unit_vectors_are_recognised(log_of, ours):
    for name, stage in (("fdet_vec", "detector"), ("incident_vec", "beam direction")):
        log = log_of(ours, scaled([name], 1 + 1e-7, ours))
        (first,) = compare_chains(log, ours).departures
        assert first.stage == stage
        assert first.reasons[-1] == (
            f"not made a unit vector: their {name} has the length 1.0000001"
        )


def test_a_cause_is_recognised_in_a_log_of_few_digits(log_of, ours, still):
    compat = trace(still(*TURNING, c_compat=True))
    log = log_of(compat, lambda text: re.sub(r"(\d\.\d{7})\d+", r"\1", text))
    (first,) = compare_chains(log, ours, 1e-4).departures
    assert first.reasons[0].startswith("phi = 0 carry-over: their a, b, c are ours")


def test_an_unknown_cause_is_not_guessed(log_of, ours):
    value = ours.trace.values["I_before_scaling"] * 1.5
    (first,) = compare_chains(log_of(ours, with_row("I_before_scaling", value)), ours).departures
    assert first.reasons == ()


def test_names_of_the_torch_port_are_those_of_ours(ours, tmp_path):
    values = ours.trace.values
    polarized = values["I_before_scaling"] * values["polar"]
    path = tmp_path / "py.log"
    path.write_text(
        f"TRACE_PY: F_cell_nearest {values['F_cell']:.15g}\n"
        f"TRACE_PY: I_before_scaling_pre_polar {values['I_before_scaling']:.15g}\n"
        f"TRACE_PY: I_before_scaling_post_polar {polarized:.15g}\n"
        "TRACE_PY: spindle_magnitude 1\n"
    )
    compared = compare_chains(read_trace_log(path, PIXEL), ours)
    assert [row.verdict for row in compared.rows[:4]] == ["equal"] * 3 + ["only theirs"]
    assert row_of(compared, "I_before_scaling_pre_polar").meaning == (
        "what nanoBragg.c calls I_before_scaling"
    )


def test_a_name_stands_for_a_row_that_there_is():
    assert set(SAME_ROW.values()) <= set(UNITS)


def test_a_comparison_is_plain_json_values(log_of, ours):
    compared = compare_chains(log_of(ours, with_row("polar", "nan")), ours).to_dict()
    assert compared["equal"] is False
    (polar,) = (row for row in compared["rows"] if row["name"] == "polar")
    assert (polar["verdict"], polar["difference"]) == ("departs", None)

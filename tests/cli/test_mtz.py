"""MTZ files and space groups as users meet them: probe, plan, config and their messages."""

import json

import gemmi
import numpy as np
import pytest

from tiled_sim.cli.main import main

CELL = (54.0, 23.0, 23.0, 90.0, 110.0, 90.0)
STILL = "-lambda 1 -N 5 -distance 60 -detpixels 64 -pixel 1 -oversample 1"
ERL = "-cell 53.91 23.1 23.1 90 110.4 90 -lambda 0.9768 -N 5 -distance 100 -detpixels 64 -pixel 1"


@pytest.fixture
def tell(capsys):
    """Run a command line in this process; its exit code, output and complaint."""

    def run(*words):
        code = main([word for part in words for word in str(part).split()])
        output, complaint = capsys.readouterr()
        assert "Traceback" not in output + complaint
        return code, output, complaint

    return run


@pytest.fixture
def c2(tmp_path, monkeypatch):
    """``c2.mtz`` in the working directory: all allowed reflections of C 2 to 1.6 Å, to h = 20."""
    monkeypatch.chdir(tmp_path)
    cell, group = gemmi.UnitCell(*CELL), gemmi.SpaceGroup("C 1 2 1")
    hkl = gemmi.make_miller_array(cell, group, 1.6, unique=True)
    hkl = hkl[np.abs(hkl[:, 0]) <= 20]
    mtz = gemmi.Mtz(with_base=True)
    mtz.spacegroup = group
    mtz.set_cell_for_all(cell)
    mtz.add_dataset("made")
    mtz.datasets[1].wavelength = 0.9795
    mtz.add_column("F", "F")
    mtz.set_data(np.column_stack([hkl, 50 + np.arange(len(hkl)) % 40]).astype(np.float32))
    mtz.write_to_file("c2.mtz")


def rows_of(output, hkl):
    """What the table of a reflection says beside the source."""
    lines = output.splitlines()
    return lines[lines.index(f"reflection {hkl}") + 2].split(maxsplit=3)[1:]


@pytest.mark.usefixtures("c2")
class TestMtz:
    def test_probe_tells_absences_from_gaps(self, tell):
        asked = "--reflection 2 0 0 --reflection 1 0 0 --reflection 21 0 0 --reflection 22 0 0"
        code, output, _ = tell("probe --mtz c2.mtz -default_F 30", STILL, asked)
        absent = "0.0 (absent by the symmetry of C 1 2 1)"
        assert rows_of(output, "2 0 0")[:2] == ["yes", "yes"]
        assert rows_of(output, "1 0 0") == ["yes", "no", absent]
        assert rows_of(output, "21 0 0") == ["no", "no", absent]
        assert rows_of(output, "22 0 0") == ["no", "no", "30.0 (default_F)"]
        assert "absent by the symmetry of C 1 2 1" in output.splitlines()[2]
        assert code == 11

    def test_an_absence_is_no_reason_for_another_exit_code(self, tell):
        asked = "--reflection 2 0 0 --reflection 1 0 0 --reflection 21 0 0"
        code, output, _ = tell("probe --json --mtz c2.mtz", STILL, asked)
        document = json.loads(output)
        assert code == document["exit_code"] == 0
        answers = [found["answers"][0] for found in document["reflections"]]
        assert [answer["forbidden"] for answer in answers] == [False, True, True]
        (source,) = document["sources"]
        assert (source["cell"], source["space_group"]) == (list(CELL), "C 1 2 1")
        assert source["wavelength"] == pytest.approx(0.9795)

    def test_plan_counts_what_the_group_allows_and_takes_the_cell(self, tell):
        code, output, _ = tell("plan --mtz c2.mtz", STILL)
        assert code == 0
        assert "that C 1 2 1 allows" in output
        assert "more are absent by the symmetry of C 1 2 1: F = 0" in output
        assert "-cell 54 23 23 90 110 90 is that of c2.mtz" in output
        assert "measured or computed at 0.9795 Å" in output
        _, text, _ = tell("plan --json --mtz c2.mtz", STILL)
        coverage = json.loads(text)["structure_factors"]["coverage"]
        assert coverage["forbidden"] == pytest.approx(coverage["reflections"], rel=0.1)
        assert coverage["fraction"] > 0.85

    @pytest.mark.parametrize("verb", ["plan", "trace --pixel 1 1", "submit --out x.zarr"])
    def test_another_cell_is_refused_with_both(self, tell, verb):
        code, output, complaint = tell(verb, "--mtz c2.mtz -cell 23 23 54 90 90 110", STILL)
        assert (code, output) == (2, "")
        (line,) = complaint.strip().splitlines()
        assert "c2.mtz is of the cell 54 23 23 90 110 90 (Å, °), the crystal has 23 23 54" in line
        assert "--ignore-file-cell" in line

    def test_another_cell_is_taken_where_that_is_said(self, tell):
        words = ("--mtz c2.mtz -cell 55 23 23 90 110 90", STILL)
        assert tell("plan", *words, "--ignore-file-cell")[0] == 0
        _, output, _ = tell("config", *words, "--ignore-file-cell")
        assert "ignore_file_cell = true" in output

    def test_probe_says_that_submit_refuses_another_cell(self, tell):
        _, output, _ = tell("probe --mtz c2.mtz -cell 55 23 23 90 110 90", STILL)
        used = output[output.index("used  ") :]
        assert "But `submit` refuses it: c2.mtz is of the cell 54 23 23 90 110 90" in used

    def test_a_space_group_beside_an_mtz_is_refused(self, tell):
        _, _, complaint = tell("plan --mtz c2.mtz --space-group C2", STILL)
        assert "c2.mtz names its own: leave it out (--space-group)" in complaint


@pytest.mark.usefixtures("in_data")
class TestList:
    def test_a_pattern_of_absences_is_a_note_and_changes_nothing(self, tell):
        _, output, _ = tell("probe -hkl 2erl.hkl -default_F 30", ERL, "--reflection 1 0 0")
        assert rows_of(output, "1 0 0") == ["yes", "no", "30.0 (default_F)"]
        assert "no reflection with h + k odd has F, as where the lattice is C-centred" in output
        _, output, _ = tell("plan --json -hkl 2erl.hkl", ERL)
        found = json.loads(output)["structure_factors"]
        assert found["coverage"]["forbidden"] == 0
        assert found["coverage"]["fraction"] < 0.51

    def test_a_space_group_tells_absences_of_a_list(self, tell):
        words = ("-hkl 2erl.hkl --space-group C2", ERL)
        _, output, _ = tell("probe -default_F 30", *words, "--reflection 1 0 0")
        absent = "0.0 (absent by the symmetry of C 1 2 1)"
        assert rows_of(output, "1 0 0") == ["yes", "no", absent]
        assert "C-centred" not in output
        _, output, _ = tell("plan --json", *words)
        found = json.loads(output)["structure_factors"]
        assert found["coverage"]["fraction"] > 0.98
        assert found["count"] == 13807  # as listed: nothing is expanded
        _, output, _ = tell("config", *words)
        assert 'space_group = "C2"' in output

    def test_a_list_that_is_only_looked_at_has_the_group_too(self, tell):
        code, output, _ = tell("probe --hkl 2erl.hkl --space-group C2 --reflection 1 0 0")
        assert code == 0
        assert rows_of(output, "1 0 0")[2] == "0.0 (absent by the symmetry of C 1 2 1)"

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            ("-hkl 2erl.hkl --space-group C9", "there is no space group 'C9'"),
            ("-default_F 5 --space-group C2", "and there is none: leave it out"),
        ],
    )
    def test_a_space_group_without_meaning_or_effect_is_refused(self, tell, words, message):
        code, _, complaint = tell("config", words, ERL)
        assert code == 2
        assert message in complaint

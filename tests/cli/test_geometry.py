"""``tiled-sim geometry``, and geometry files on the command line."""

import json

import numpy as np
import pytest

from support.corners import STORED, stored_corners
from support.crystfel import HEAD, PANEL, WHOLE
from tiled_sim.cli.main import main
from tiled_sim.io.named_detectors import detector_names

CRYSTAL = ["-cell", "70", "80", "90", "-default_F", "100", "-N", "5"]


@pytest.fixture
def tell(capsys):
    """Run a command line in this process; its exit code, output and complaint."""

    def run(*words):
        code = main([str(word) for word in words])
        output, complaint = capsys.readouterr()
        assert "Traceback" not in output + complaint
        return code, output, complaint

    return run


@pytest.fixture
def document(tell):
    """What the verb prints as JSON."""

    def run(*words):
        code, output, complaint = tell("geometry", *words, "--json")
        assert code == 0, complaint + output
        return json.loads(output)

    return run


@pytest.mark.parametrize("ending", ["geom", "expt", "nxs"])
def test_corners_are_those_of_another_calculation(document, data, ending):
    found = document(data / f"geometry/chips16.{ending}")["panels"]
    assert len(found) == 16
    for panel in found:
        name = panel["name"].split("/")[-1]
        stored = STORED["chips16"][name]
        corners = [panel[f"corner_{which}_mm"] for which in ("first", "fast", "slow")]
        np.testing.assert_allclose(corners, stored_corners("chips16", name), rtol=0, atol=1e-6)
        assert panel["pixels"] == stored["pixels_slow_fast"]
        np.testing.assert_allclose(panel["pixel_size_mm"], stored["pixel_size_mm"], rtol=1e-9)


def test_resolution_is_that_of_braggs_law(document, tmp_path):
    file = tmp_path / "a.geom"
    file.write_text(WHOLE)
    found = document(file)["resolution_A"]
    # 4 x 3 pixels of 0.1 mm from x -0.2 and y -0.1 mm, 200 mm away
    for place, radius in (("left", 0.2), ("top", 0.2), ("bottom", 0.1), ("corner", 8**0.5 / 10)):
        theta = 0.5 * np.arctan2(radius, 200.0)
        assert found[place] == pytest.approx(1.239842 / (2 * np.sin(theta)), rel=1e-9)


def test_without_a_wavelength_there_is_no_resolution(document):
    assert document("Eiger2 16M")["resolution_A"] == {}
    assert document("Eiger2 16M", "-lambda", "1")["resolution_A"]["corner"] < 2


def test_what_is_odd_is_told_and_not_refused(document, tmp_path):
    file = tmp_path / "a.geom"
    beside = PANEL.replace("p/", "q/").replace("corner_x = -2", "corner_x = 10")
    mirrored = beside.replace("q/fs = x", "q/fs = -x")
    over = PANEL.replace("p/", "r/").replace("corner_y = -1", "corner_y = 0")
    file.write_text(HEAD + PANEL + mirrored + over)
    found = document(file)
    assert found["left_handed"] == ["q"]
    assert found["overlapping"] == [["p", "r"]]


def test_gaps_are_those_between_neighbours(document, tmp_path):
    file = tmp_path / "a.geom"
    beside = PANEL.replace("p/", "q/").replace("corner_x = -2", "corner_x = 5")
    file.write_text(HEAD + PANEL + beside)
    np.testing.assert_allclose(document(file)["gaps_mm"], [0.3, 0.3], rtol=1e-9)


def test_the_detectors_by_name_are_listed(tell):
    code, output, _ = tell("geometry", "--list")
    assert code == 0
    lines = output.splitlines()
    assert len(lines) == len(detector_names())
    assert any(line.startswith("Eiger2 16M: 4362 x 4148 pixels of 75 µm") for line in lines)


def test_panels_are_drawn(tell, data, tmp_path):
    file = tmp_path / "a.png"
    words = ("geometry", data / "geometry/chips16.geom", "--out", file)
    code, output, _ = tell(*words)
    assert code == 0
    assert str(file) in output
    assert file.read_bytes().startswith(b"\x89PNG")
    code, _, complaint = tell(*words)
    assert code == 4
    assert "exists already" in complaint


LOOP = "group_a = b\ngroup_b = a\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(WHOLE[:-5], "line", id="truncated"),
        pytest.param(WHOLE.replace("res = 10000\n", ""), "res", id="no res"),
        pytest.param(WHOLE.replace("p/fs = x", "p/fs = 0x"), "line", id="a zero vector"),
        pytest.param(WHOLE.replace("p/ss = y", "p/ss = x"), "right angles", id="parallel vectors"),
        pytest.param(WHOLE + LOOP, "line", id="cyclic groups"),
        pytest.param(WHOLE.replace("res = 10000", "res = -1"), "positive", id="negative res"),
        pytest.param('{"__id__": "ExperimentList"', "a.geom", id="half a JSON"),
        pytest.param("\x00\x01\x02", "a.geom", id="no text"),
    ],
)
def test_a_bad_file_gets_one_sentence(tell, tmp_path, text, says):
    file = tmp_path / "a.geom"
    file.write_text(text)
    for words in (("geometry", file), ("config", "--geometry", file, *CRYSTAL)):
        code, output, complaint = tell(*words)
        assert code in (2, 3)
        assert output == ""
        (line,) = complaint.splitlines()
        assert says in line
        assert str(file) in line


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["geometry", "Eigr2 16M"], 2, "nearest"),
        (["geometry"], 2, "name a file or a detector"),
        (["geometry", "Eiger2 16M", "-pixel", "1"], 2, "-pixel is none of"),
        (["geometry", "none.geom"], 3, "none.geom"),
        (["config", "--detector", "Eiger2 16M", "-pixel", "0.1", *CRYSTAL], 2, "0.075 mm"),
        (["config", "--detector", "Eiger2 16M", "--c-compat", *CRYSTAL], 2, "--c-compat"),
        (["config", "--geometry", "a.geom", "experiment.toml"], 2, "write `geometry`"),
    ],
)
def test_what_cannot_be_had_is_refused(tell, words, code, says):
    found, output, complaint = tell(*words)
    assert (found, output) == (code, "")
    assert says in complaint


def test_a_detector_by_name_is_planned_with_its_gaps(tell):
    code, output, _ = tell(
        *("plan", "--detector", "Eiger2 16M", "-distance", 200, "-lambda", 1, "--json"), *CRYSTAL
    )
    assert code == 0
    assert json.loads(output)["shape"] == [1, 1, 4362, 4148]

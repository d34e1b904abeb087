"""``tiled-sim probe`` as its users meet it: tables, JSON, markdown, exit codes."""

import json

import pytest

from tiled_sim.cli.main import main
from tiled_sim.io.fdump import write_fdump
from tiled_sim.io.hkl import read_hkl

STILL = "-cell 70 80 90 -lambda 1 -N 5 -distance 100 -detpixels 64 -pixel 0.4 -oversample 1"
#: The flagship: a Pilatus 6M, tilted by its axes, in an oscillation of 0.1°; see test_goldens.
FLAGSHIP = """
    -mat A.mat -nonoise -nointerpolate -oversample 1 -exposure 1 -flux 1e18
    -beamsize 1.0 -spindle_axis -1 0 0 -Xbeam 217.742295 -Ybeam 213.907080 -distance 231.274660
    -lambda 0.976800 -pixel 0.172 -detpixels_x 2463 -detpixels_y 2527
    -odet_vector -0.000088 0.004914 -0.999988 -sdet_vector -0.005998 -0.999970 -0.004913
    -fdet_vector 0.999982 -0.005998 -0.000118 -pix0_vector_mm -216.336293 215.205512 -230.200866
    -beam_vector 0.00051387949 0.0 -0.99999986
    -Na 36 -Nb 47 -Nc 29 -osc 0.1 -phi 0 -phisteps 10 --c-compat
"""
LOST = "--reflection -7 -1 -14"


@pytest.fixture
def probe(capsys):
    """Probe with these words; exit code, output, complaint."""

    def run(*words):
        words = [word for part in words for word in str(part).split()]
        code = main(["probe", *words])
        output, complaint = capsys.readouterr()
        assert "Traceback" not in output + complaint
        return code, output, complaint

    return run


@pytest.fixture
def found(probe):
    """Probe with these words; the JSON document, whose exit code is the true one."""

    def run(*words):
        code, output, _ = probe("--json", *words)
        document = json.loads(output)
        assert document["exit_code"] == code
        return document

    return run


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to work in, with a list, the Fdump of it, and a stub."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full.hkl").write_text("-7 -1 -14 190.27\n0 0 1 3\n0 0 3 -4\n0 0 4 0\n")
    write_fdump(tmp_path / "F.bin", read_hkl(tmp_path / "full.hkl"))
    (tmp_path / "stub.hkl").write_text("1 12 3 100.0\n")
    return tmp_path


def rows_of(output, hkl):
    """The table of a reflection in the output, split into cells."""
    lines = output.splitlines()
    start = lines.index(f"reflection {hkl}") + 1
    return [line.split(maxsplit=3) for line in lines[start : lines.index("", start)]]


def answers(document):
    """(in range, given, F) by source, of the only reflection."""
    (reflection,) = document["reflections"]
    return {
        answer["source"]: (answer["in_range"], answer["given"], answer["F_cell"])
        for answer in reflection["answers"]
    }


# Tables


def test_every_source_is_a_row(here, probe):
    code, output, complaint = probe("--hkl full.hkl --fdump F.bin --hkl stub.hkl", LOST)
    assert (code, complaint) == (11, "")
    assert rows_of(output, "-7 -1 -14") == [
        ["source", "in_range?", "given?", "F_cell"],
        ["full.hkl", "yes", "yes", "190.27"],
        ["F.bin", "yes", "yes", "190.27"],
        ["stub.hkl", "no", "no", "0.0 (default_F)"],
    ]


def test_a_source_is_told_by_size_hash_ranges_and_counts(here, probe):
    _, output, _ = probe("--hkl full.hkl")
    assert "full.hkl (hkl, 42 bytes)" in output
    assert f"sha256 {read_hkl('full.hkl').provenance.sha256}" in output
    assert (
        "h -7..0, k -1..0, l -14..4; 8 x 2 x 19 nodes, 4 given, 1 of them zero, 1 negative"
        in output
    )
    assert "looks like a stub: it gives 4 reflections" in output


def test_the_document_holds_the_same(here, found):
    document = found("--hkl full.hkl --fdump F.bin", LOST)
    full, dump = document["sources"]
    assert (full["path"], full["format"], full["size"]) == ("full.hkl", "hkl", 42)
    assert (full["minimum"], full["maximum"]) == ([-7, -1, -14], [0, 0, 4])
    assert (full["shape"], full["given"], full["zero"], full["negative"]) == ([8, 2, 19], 4, 1, 1)
    assert (dump["format"], dump["given"], dump["zero"]) == ("fdump", 3, 0)
    assert answers(document) == {"full.hkl": (True, True, 190.27), "F.bin": (True, True, 190.27)}
    (pair,) = document["disagreements"]
    assert (pair["both"], pair["differing"], pair["only_first"]) == (3, 0, 1)
    assert pair["only_first_zero"] == 1


def test_float32_shows_its_rounding(here, probe, found):
    _, output, _ = probe("--hkl full.hkl --dtype float32", LOST)
    assert rows_of(output, "-7 -1 -14")[1][3] == "190.27000427246094"
    document = found("--hkl full.hkl --dtype float32", LOST)
    assert answers(document)["full.hkl"][2] == 190.27000427246094


def test_a_missing_file_is_a_row_with_the_reason(here, probe, found):
    code, output, complaint = probe("--hkl full.hkl --fdump gone.bin", LOST)
    assert (code, complaint) == (12, "")
    assert rows_of(output, "-7 -1 -14")[2] == [
        *("gone.bin", "-", "-"),
        "cannot be read: there is no such file: check the name and the folder",
    ]
    document = found("--hkl full.hkl --fdump gone.bin", LOST)
    full, gone = document["sources"]
    assert "no such file" in gone["error"]
    assert full.keys() == gone.keys()
    assert {key: gone[key] for key in ("size", "sha256", "given", "minimum")} == dict.fromkeys(
        ("size", "sha256", "given", "minimum")
    )
    assert answers(document)["gone.bin"] == (None, None, None)


def test_a_file_of_another_format_is_a_row_with_the_reason(here, probe):
    code, output, _ = probe("--mtz full.hkl", LOST)
    assert code == 12
    assert "full.hkl: it does not begin as an MTZ does" in output
    assert f"42 bytes, sha256 {read_hkl('full.hkl').provenance.sha256}" in output


def test_where_sources_disagree_is_shown(here, probe):
    (here / "other.hkl").write_text("-7 -1 -14 190.28\n0 0 1 3\n0 0 2 1\n")
    _, output, _ = probe("--hkl full.hkl --hkl other.hkl")
    assert (
        "full.hkl and other.hkl disagree at 1 of 2 nodes that both give, by more than 1e-06 of the "
        "larger F\n  the largest difference is 0.01 electrons, at -7 -1 -14\n"
    ) in output
    assert "  given by full.hkl and not by other.hkl: 2; 1 of them as 0\n" in output
    assert "  given by other.hkl and not by full.hkl: 1; 0 of them as 0\n" in output


def test_where_sources_agree_is_said(here, probe):
    _, output, _ = probe("--hkl full.hkl --hkl full.hkl --fdump F.bin")
    assert (
        "full.hkl and F.bin agree at all 3 nodes that both give, to within 1e-06 of F\n" in output
    )


def test_sources_without_a_common_node_neither_agree_nor_disagree(here, probe):
    assert "full.hkl and stub.hkl give no same node\n" in probe("--hkl full.hkl --hkl stub.hkl")[1]


def test_without_a_file_there_is_no_table(here, probe):
    _, output, _ = probe(STILL, LOST)
    assert "reflection -7 -1 -14\n  in no file\n" in output


@pytest.mark.parametrize(
    "words",
    [
        "--hkl stub.hkl --fdump F.bin --hkl full.hkl",
        "--fdump F.bin --hkl stub.hkl --hkl full.hkl",
        f"--hkl stub.hkl -hkl full.hkl --fdump F.bin {STILL}",
        f"--fdump F.bin {STILL} --hkl=full.hkl -hkl stub.hkl",
    ],
)
def test_sources_stand_in_the_order_in_which_they_were_named(here, found, words):
    named = [word.removeprefix("--hkl=") for word in words.split()]
    named = [word for word in named if word in ("stub.hkl", "full.hkl", "F.bin")]
    document = found(words, LOST)
    assert [source["path"] for source in document["sources"]] == named
    assert [answer["source"] for answer in document["reflections"][0]["answers"]] == named


def test_the_source_of_a_document_stands_before_those_named_beside_it(here, found):
    (here / "e.toml").write_text(
        "[beam]\nwavelength_A = 1\nfluence_photons_per_m2 = 1e20\n[crystal]\n"
        "cell_A = [70, 80, 90]\ncell_angles_deg = [90, 90, 90]\ncells = 5\n[detector]\n"
        "distance_mm = 100\npixels = [64, 64]\npixel_size_mm = 0.4\n"
        'beam_center_px = [32, 32]\n[structure_factors]\nhkl = "full.hkl"\n'
    )
    document = found("--hkl stub.hkl e.toml --fdump F.bin")
    paths = [source["path"].rpartition("/")[2] for source in document["sources"]]
    assert paths == ["full.hkl", "stub.hkl", "F.bin"]


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_what_a_pixel_looks_up_is_computed_on_the_device_that_is_named(here, found, device):
    document = found(f"-hkl full.hkl --device {device} --pixel 31 20", STILL)
    (pixel,) = document["pixels"]
    assert pixel["steps"] == 1


def test_a_device_that_is_none_or_not_needed_is_refused(here, probe):
    code, _, complaint = probe("-hkl full.hkl --device tpu --pixel 31 20", STILL)
    assert (code, "--device 'tpu' must be auto, cpu" in complaint) == (2, True)
    code, _, complaint = probe("--hkl full.hkl --device cpu")
    assert (code, "--device cpu goes with --pixel" in complaint) == (2, True)


# Markdown


def test_the_markdown_table_has_its_header_and_a_row_a_source(here, probe):
    code, _, _ = probe("--hkl full.hkl --hkl stub.hkl --markdown F.md", LOST)
    assert code == 11
    lines = (here / "F.md").read_text().splitlines()
    start = lines.index("| source | in_range? | given? | F_cell |")
    assert lines[start + 1 : start + 4] == [
        "| --- | --- | --- | --- |",
        "| full.hkl | yes | yes | 190.27 |",
        "| stub.hkl | no | no | 0.0 (default_F) |",
    ]


def test_a_bar_in_a_name_does_not_end_its_cell(here, probe):
    (here / "full.hkl").rename(here / "a|b.hkl")
    probe("--hkl a|b.hkl --markdown F.md", LOST)
    assert "| a\\|b.hkl | yes | yes | 190.27 |" in (here / "F.md").read_text()


def test_a_file_that_exists_is_not_overwritten(here, probe):
    (here / "F.md").write_text("mine")
    code, output, complaint = probe("--hkl full.hkl --markdown F.md")
    assert (code, output) == (4, "")
    assert "F.md: it exists already" in complaint
    assert (here / "F.md").read_text() == "mine"


def test_a_folder_that_does_not_exist_is_an_error(here, probe):
    code, output, complaint = probe("--hkl full.hkl --markdown none/F.md")
    assert (code, output) == (4, "")
    assert "none/F.md: it cannot be written" in complaint


# Which one, and how it leaves


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (f"--hkl full.hkl {LOST}", 0),
        ("--hkl full.hkl --reflection 0 0 4", 0),
        ("--hkl full.hkl --reflection 0 0 2", 10),
        ("--fdump F.bin --reflection 0 0 4", 10),
        ("--hkl full.hkl --reflection 0 0 5", 11),
        (f"--hkl full.hkl {LOST} --reflection 0 0 2 --reflection 0 0 5", 11),
        (f"--hkl full.hkl --hkl gone.hkl {LOST}", 12),
        ("--hkl full.hkl", 0),
        ("--hkl gone.hkl", 12),
        (f"-hkl full.hkl {STILL} --hkl gone.hkl {LOST}", 0),
        (f"-hkl full.hkl {STILL} --hkl stub.hkl {LOST}", 0),
        (f"-hkl stub.hkl {STILL} --hkl full.hkl {LOST}", 11),
        (f"-dump none.bin {STILL} {LOST}", 12),
        (f"-default_F 3 {STILL} {LOST}", 10),
        (f"{STILL} {LOST}", 10),
    ],
)
def test_the_exit_code_tells_what_was_found(here, probe, words, code):
    assert probe(words)[0] == code


def test_of_several_sources_one_must_be_chosen(here, probe, found):
    _, output, _ = probe("--hkl full.hkl --fdump F.bin")
    assert output.splitlines()[-1].startswith(
        "used      no source: 2 sources are named: a command that names more than one is refused"
    )
    assert found("--hkl full.hkl --fdump F.bin")["used"]["source"] is None


def test_the_source_of_a_toml_file_is_the_one_that_is_named_in_it(here, found, capsys):
    assert main(["config", "-hkl", "full.hkl", *STILL.split()]) == 0
    (here / "still.toml").write_text(capsys.readouterr().out)
    document = found("still.toml --hkl stub.hkl", LOST)
    assert document["used"]["source"]["path"] == "full.hkl"
    assert document["used"]["reason"].startswith(
        "hkl names it in [structure_factors] of still.toml. But `submit` refuses it: it gives "
    )
    assert [source["path"] for source in document["sources"]] == ["full.hkl", "stub.hkl"]


def test_a_file_that_is_named_twice_is_one_row(here, found):
    document = found(f"-hkl full.hkl {STILL} --hkl full.hkl", LOST)
    assert [source["path"] for source in document["sources"]] == ["full.hkl"]


def test_sources_beside_a_command_share_its_default_F(here, found):
    document = found(f"-hkl full.hkl -default_F 7 {STILL} --hkl stub.hkl", LOST)
    assert answers(document)["stub.hkl"] == (False, False, 7.0)


def test_the_reflections_under_a_pixel_are_looked_up(in_data, probe, found):
    words = f"-hkl p1.hkl -phi 1 -osc 40 -phisteps 4 {STILL} --pixel 10 50"
    document = found(words)
    (pixel,) = document["pixels"]
    under = [reflection["hkl"] for reflection in pixel["reflections"]]
    assert [reflection["hkl"] for reflection in document["reflections"]] == under
    assert len(under) > 1
    _, output, _ = probe(words)
    assert "pixel slow 10, fast 50 (frame 0, panel 0): 4 steps" in output
    assert "share of intensity" in output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("-hkl stub.hkl", "the pixel's sum is 0"),
        ("", "F is not known"),
        ("-default_F 3", "100 %"),
    ],
)
def test_shares_of_intensity_are_said_where_there_are_any(here, probe, words, said):
    _, output, _ = probe(words, STILL, "--pixel 10 50")
    (line,) = [line for line in output.splitlines() if "100 %" in line]
    assert line.endswith(said)


def test_where_f_is_interpolated_that_is_said(in_data, probe):
    said = "F is interpolated between nodes"
    assert said in probe(f"-hkl p1.hkl {STILL} -interpolate")[1]
    assert said not in probe(f"-hkl p1.hkl {STILL}")[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", ["nothing to probe", "--hkl FILE"]),
        (LOST, ["nothing to probe"]),
        ("--hkl a.hkl --pixel 1 2", ["--pixel", "need an experiment"]),
        ("--hkl a.hkl --reflection 1 2 x", ["--reflection", "'x' is not a whole number"]),
        ("--hkl a.hkl --dtype float16", ["--dtype", "float16"]),
        (f"-default_F 1 {STILL} --pixel 64 0", ["slow 64 does not exist", "0 to 63"]),
        ("--hlk a.hkl", ["'--hlk' is not understood", "--hkl"]),
    ],
)
def test_a_command_that_makes_no_sense_is_refused(here, probe, words, said):
    code, output, complaint = probe(words)
    assert (code, output) == (2, "")
    assert all(part in complaint for part in said), complaint


# The flagship: where did F(-7, -1, -14) = 190.27 go?


@pytest.fixture
def flagship(shared, monkeypatch):
    """Run where the flagship's files lie."""
    monkeypatch.chdir(shared / "data" / "pilatus6m")


def test_the_lost_f_is_in_the_list_and_in_its_fdump_and_not_in_the_stub(flagship, found):
    document = found("--hkl scaled.hkl --fdump Fdump.bin --hkl stub.hkl", LOST)
    assert answers(document) == {
        "scaled.hkl": (True, True, 190.27),
        "Fdump.bin": (True, True, 190.27),
        "stub.hkl": (False, False, 0.0),
    }
    assert [source["stub"] for source in document["sources"]] == [
        *(None, None),
        "it gives 1 reflection",
    ]
    same, with_stub, _ = document["disagreements"]
    assert (same["both"], same["differing"], same["only_first"]) == (64333, 0, 0)
    assert (with_stub["differing"], with_stub["largest_at"]) == (1, [1, 12, 3])
    assert document["exit_code"] == 11


@pytest.mark.parametrize(
    ("named", "used", "reason", "code"),
    [
        ("-hkl scaled.hkl", "scaled.hkl", "Fdump.bin lies in the working directory and is not", 0),
        ("-hkl stub.hkl", "stub.hkl", "But `submit` refuses it: it gives 0 of", 11),
        ("-hkl stub.hkl -dump Fdump.bin", "stub.hkl", "is written, not read", 11),
        ("-dump Fdump.bin", "Fdump.bin", "it exists, and there is no -hkl", 0),
        ("--fdump Fdump.bin", "Fdump.bin", "--fdump names it", 0),
        ("-hkl stub.hkl --fdump Fdump.bin", None, "two sources of structure factors", 11),
        ("-hkl scaled.hkl --fdump Fdump.bin", None, "two sources of structure factors", 0),
        ("", None, "no structure factors", 10),
        ("-default_F 100", None, "no file is named: F is 100 everywhere", 10),
    ],
)
def test_the_pixel_whose_f_was_lost_tells_which_source_wins(
    flagship, found, named, used, reason, code
):
    document = found(named, FLAGSHIP, "--pixel 685 1039")
    (pixel,) = document["pixels"]
    (reflection,) = pixel["reflections"]
    assert reflection["hkl"] == [-7, -1, -14]
    assert (reflection["steps"], reflection["share_of_steps"]) == (10, 1.0)
    source = document["used"]["source"]
    assert (source or {}).get("path") == used
    assert reason in document["used"]["reason"]
    assert document["exit_code"] == code

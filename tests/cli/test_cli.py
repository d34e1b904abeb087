"""The command line as its users meet it: what it prints, what it writes, how it leaves."""

import contextlib
import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import zarr

import tiled_sim as ts
from tiled_sim.cli.main import EXIT_CODES, VERBS, main
from tiled_sim.io.fdump import read_fdump
from tiled_sim.io.hkl import read_hkl
from tiled_sim.io.smv import read_smv
from tiled_sim.plan.prepare import prepare
from tiled_sim.run.creation import create_run

SCRIPT = Path(sys.executable).parent / "tiled-sim"
#: A still of 64 × 64 pixels, paths from the folder of the input files.
STILL = (
    "-hkl p1.hkl -cell 70 80 90 75 85 95 -misset 10 20 30 -lambda 1 -N 5 "
    "-distance 100 -detpixels 64 -pixel 0.4 -oversample 1"
)
SHA256 = ts.Experiment.from_nanobragg(STILL.split()).sha256
_LIGHT = ["--spectrum", "--bandwidth", "--spectrum-channels", "--allow-upstream"]
_NOISE = ["--noise", "--noise-seed", "--noise-gain", "--noise-psf", "--noise-psf-fwhm"]
_PLAN = ["--tile", "--trace-pixel", "--panel", "--require-coverage", "--precision", "--kernel"]
_READING = [
    "--c-compat",
    "--geometry",
    "--detector",
    "--experiment",
    "--fdump",
    "--mtz",
    "--clip-to-beam",
    *_LIGHT,
    *_NOISE,
]
_CLUSTER = ["--cluster", "--detach", "--device", "--no-progress"]
TWO_DASHES = {
    "submit": ["--out", *_READING, *_PLAN, *_CLUSTER],
    "resume": [*_READING, *_CLUSTER],
    "status": [],
    "watch": ["--no-progress"],
    "cancel": [],
    "verify": ["--recompute", "--device"],
    "convert": [],
    "copy": ["--no-progress"],
    "view": [
        *("--out", "--frame", "--panel", "--panel-names", "--counts"),
        *("--web", "--port", "--against", "--static"),
    ],
    "report": ["--out", "--frame"],
    "traces": ["--parquet", "--csv"],
    "export": ["--to", "--out", "--frames", "--panels", "--counts", "--image", "--no-progress"],
    "trace": [
        *("--pixel", "--frame", "--panel", "--steps", "--against", "--as-c"),
        *("--kernel", "--precision", "--device"),
    ],
    "plan": [*_READING, *_PLAN],
    "config": _READING,
    "build": [],
    "domains": ["--out", *_READING],
    "geometry": ["--list", "--experiment", "--out"],
    "sf": ["--out", "--dmin", "--anomalous", "--solvent"],
    "compare": [
        *("--shape", "--frame", "--panel", "--roi", "--mask", "--min-correlation", "--sum-ratio"),
        *("--peak-tolerance", "--max-displacement", "--picture"),
    ],
    "probe": [
        *("--hkl", "--fdump", "--mtz", "--model", "--reflection", "--pixel", "--frame", "--panel"),
        *("--c-compat", "--dtype", "--markdown"),
    ],
}


@pytest.fixture
def tell(capsys):
    """Run a command line in this process; its exit code, output and complaint."""

    def run(*words):
        words = [
            word for part in words for word in (part.split() if isinstance(part, str) else [part])
        ]
        try:
            code = main([str(word) for word in words])
        except SystemExit as leaving:  # of --help
            code = leaving.code
        output, complaint = capsys.readouterr()
        assert "Traceback" not in output + complaint
        return code, output, complaint

    return run


@pytest.fixture
def refused(tell):
    """Run a command line that must fail with a code, and say why in one line; that line."""

    def run(code, *words):
        found, output, complaint = tell(*words)
        assert (found, output) == (code, ""), complaint
        (line,) = complaint.strip().splitlines()
        assert line.startswith("tiled-sim: ")
        return line

    return run


def process(*words, script=False, **options):
    """Run a command line in a process of its own."""
    program = [SCRIPT] if script else [sys.executable, "-m", "tiled_sim"]
    return subprocess.run([*program, *words], capture_output=True, text=True, **options)


@pytest.fixture(scope="module")
def finished(data, address, tmp_path_factory):
    """A finished run of four tiles; nobody changes it."""
    path = tmp_path_factory.mktemp("finished") / "run.zarr"
    here = Path.cwd()
    os.chdir(data)
    try:
        words = f"submit --out {path} --tile 32 --cluster {address} {STILL}"
        assert main([*words.split(), "--no-progress"]) == 0
    finally:
        os.chdir(here)
    return path


@pytest.fixture
def begun(data, tmp_path):
    """A run of four tiles of which none is computed."""
    words = STILL.replace("p1.hkl", str(data / "p1.hkl"))
    prepared = prepare(ts.Experiment.from_nanobragg(words.split()), tile=(32, 32))
    return create_run(prepared, tmp_path / "begun.zarr").path


@pytest.fixture
def submit(tell, in_data, address, tmp_path):
    """Submit with these words into a new run in the temporary folder; the run."""

    def run(name, *words):
        path = tmp_path / f"{name}.zarr"
        where = f"--no-progress --cluster {address}"
        code, _, complaint = tell("submit", "--out", path, where, *words)
        assert code == 0, complaint
        return ts.open_run(path)

    return run


def bytes_of(run):
    return run.image.values.tobytes()


# Help


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["help"]])
def test_help_lists_the_verbs_and_the_exit_codes(tell, words):
    code, output, complaint = tell(*words)
    assert (code, complaint) == (0, "")
    for verb, what in VERBS.items():
        assert re.search(rf"^  {verb} +{re.escape(what)}$", output, re.M)
    assert EXIT_CODES in output


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_a_verb_lists_its_options(tell, verb):
    code, output, complaint = tell(verb, "--help")
    assert (code, complaint) == (0, "")
    assert output.startswith(f"usage: tiled-sim {verb} ")
    for option in ("--help", "--json", *TWO_DASHES[verb]):
        assert re.search(rf"^  {option}\b", output, re.M), option


def test_the_help_of_submit_lists_the_options_of_nanobragg(tell):
    _, output, _ = tell("submit", "--help")
    for option in ("-hkl", "-mat", "-cell", "-detpixels", "-phisteps", "-floatfile"):
        assert re.search(rf"^  {option}\b", output, re.M), option
    assert re.search(r"-stolout.*refused", output)


def test_help_comes_without_importing_torch():
    code = (
        "import sys; from tiled_sim.cli.main import main\n"
        "try: main(['submit', '--help'])\n"
        "except SystemExit: print('torch' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr == "False\n"


def test_the_version_is_that_of_the_package(tell):
    assert tell("--version") == (0, f"tiled_sim {ts.__version__}\n", "")


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["plam"], ["plan", "nowhere.toml"]])
def test_the_script_and_the_module_are_the_same(words):
    script, module = process(*words, script=True), process(*words)
    assert (script.returncode, script.stdout, script.stderr) == (
        module.returncode,
        module.stdout,
        module.stderr,
    )


def test_a_reader_that_leaves_early_is_no_error():
    command = subprocess.Popen(
        [sys.executable, "-m", "tiled_sim", "--help"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    command.stdout.close()
    assert command.stderr.read() == b""
    assert command.wait() == 0


# Complaints about words: exit code 2, in one line, before torch is imported


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ("sumbit", ["'sumbit' is not a verb", "did you mean submit?"]),
        ("xyzzy", ["'xyzzy' is not a verb", "submit, resume, status"]),
        ("-hkl p1.hkl", ["'-hkl' is not a verb", "tiled-sim submit --out RUN.zarr -hkl"]),
        ("submit", ["no experiment", "TOML file", "nanoBragg options"]),
        (f"submit {STILL}", ["--out RUN.zarr is missing"]),
        (f"submit --out x.zarr --til 64 {STILL}", ["'--til'", "did you mean --tile"]),
        (f"submit --out x.zarr --clutser local {STILL}", ["'--clutser'", "--cluster"]),
        ("submit --out", ["--out", "expected one argument", "tiled-sim submit --help"]),
        (f"plan {STILL} -detpixel 64", ["-detpixel", "did you mean -detpixels"]),
        (f"plan {STILL} -xyzzy", ["unknown option -xyzzy", "tiled-sim submit --help"]),
        (f"plan {STILL} stray", ["unexpected word 'stray'"]),
        (f"plan {STILL} -N", ["-N needs 1 value", "found 0"]),
        (f"plan {STILL} -N five", ["-N", "'five' is not a number"]),
        (f"plan {STILL} -N 2.5", ["-N", "'2.5' is not a whole number"]),
        (f"plan {STILL} -lambda nan", ["-lambda", "'nan' is not a finite number"]),
        (f"plan {STILL} --noise -nonoise", ["--noise", "-nonoise takes it back"]),
        (f"plan {STILL} -seed 5", ["-seed 5 has no effect", "--noise"]),
        (f"plan {STILL} --noise-seed 4 -seed 5", ["--noise-seed and -seed"]),
        (f"plan {STILL} --noise-psf gauss", ["its width", "--noise-psf-fwhm UM"]),
        (f"plan {STILL} --noise-psf-fwhm 70", ["its shape", "gauss or fiber"]),
        (f"plan {STILL} --noise-gain none", ["--noise-gain", "'none' is not a finite number"]),
        (f"plan {STILL} --noise-psf moffat", ["--noise-psf", "'gauss', 'fiber'"]),
        ("plan --noise e.toml", ["[noise] in the TOML file"]),
        (f"plan {STILL} -printout", ["-printout", "-printout_pixel FAST SLOW"]),
        (f"plan --tile abc {STILL}", ["--tile", "'abc'", "SLOWxFAST"]),
        (f"plan --tile 1x2x3 {STILL}", ["--tile", "'1x2x3'", "SLOWxFAST"]),
        (f"plan --trace-pixel 3 {STILL}", ["--trace-pixel", "2 arguments"]),
        (f"plan --require-coverage 2 {STILL}", ["--require-coverage", "'2'", "from 0 to 1"]),
        (f"plan --fdump F.bin {STILL}", ["two sources", "-hkl p1.hkl", "--fdump F.bin"]),
        ("plan --fdump a.bin -dump b.bin -cell 70 80 90", ["two sources", "a.bin", "b.bin"]),
        ("plan -cell 70 80 90 -N 5", ["no structure factors", "-hkl FILE", "--fdump FILE"]),
        ("plan -hkl p1.hkl -N 5", ["no crystal", "-cell", "-mat"]),
        (f"plan {STILL} -energy 5000", ["-energy 5000", "2.47968", "-lambda 1", "--c-compat"]),
        (f"plan {STILL} -pix0_vector_mm 0 0 0 -Xbeam 5", ["-Xbeam"]),
        ("plan --c-compat experiment.toml", ["--c-compat", "`c_compat = true`"]),
        ("plan --fdump F.bin experiment.toml", ["--fdump", "[structure_factors]"]),
        ("plan --mtz a.mtz experiment.toml", ["--mtz", "[structure_factors]"]),
        (f"plan --mtz a.mtz {STILL}", ["two sources", "-hkl p1.hkl", "--mtz a.mtz"]),
        ("plan experiment.toml -N 5", ["experiment.toml", "'-N' is one word too many"]),
        (
            "plan --diffuse-gamma 50 80 -N 5",
            ["'80' belongs to no option"],
        ),
        ("config --tile 64 experiment.toml", ["'--tile'"]),
        ("resume", ["tiled-sim resume RUN.zarr"]),
        ("status a.zarr b.zarr", ["'b.zarr'"]),
        ("verify --deep a.zarr", ["'--deep'"]),
        ("view a.zarr --frame first", ["--frame", "'first'"]),
    ],
)
def test_words_that_cannot_be_honoured_are_named(refused, in_data, words, parts):
    line = refused(2, words)
    for part in parts:
        assert part in line


@pytest.mark.parametrize(
    "words",
    [
        f"submit --out x.zarr --til 64 {STILL}",
        f"submit --out x.zarr {STILL} -detpixel 64",
        f"submit --out x.zarr {STILL} -energy 5000",
        f"submit {STILL}",
        f"plan --fdump F.bin {STILL}",
        f"plan {STILL} -xyzzy",
        "plan missing.toml",
        "config --xyzzy",
        "config missing.toml",
        "resume --xyzzy",
        "status",
        "verify a.zarr b.zarr",
        "view --xyzzy",
        "compare --xyzzy",
        "compare a.img",
        "compare a.img b.img --sum-ratio 2 1",
    ],
)
def test_a_mistyped_word_is_answered_without_importing_torch(data, words):
    code = (
        "import sys; from tiled_sim.cli.main import main\n"
        f"code = main({words.split()!r})\n"
        "print(code, sorted({'torch', 'dask', 'zarr'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=data)
    assert re.fullmatch(r"[23] \[\]\n", done.stdout), done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ("--tile 30", ["--tile", "30 pixels along slow", "multiple of 16"]),
        ("--tile 32x40", ["--tile", "40 pixels along fast", "multiple of 16"]),
        ("--tile 0", ["--tile", "0 pixels"]),
        ("--tile -16", ["--tile", "-16 pixels"]),
        ("--trace-pixel 64 0", ["--trace-pixel 64 0", "64 x 64 (slow x fast)"]),
        ("--trace-pixel 0 -1", ["--trace-pixel 0 -1", "64 x 64"]),
        ("--trace-pixel 0 0 -roi 5 60 5 60", ["--trace-pixel 0 0", "outside the region"]),
        ("--precision float32", ["--precision 'float32'", "float64"]),
        ("--kernel fast", ["--kernel 'fast'", "reference"]),
    ],
)
@pytest.mark.parametrize("verb", ["plan", "submit --out {} --cluster tcp://127.0.0.1:1"])
def test_a_plan_that_cannot_be_is_refused_and_no_run_made(
    refused, in_data, tmp_path, verb, words, parts
):
    line = refused(
        2, verb.format(tmp_path / "run.zarr"), words, STILL, "--no-progress" * (verb != "plan")
    )
    for part in parts:
        assert part in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("verb", ["submit --out {}", "resume {}"])
@pytest.mark.parametrize(
    ("words", "part"),
    [("--cluster nowhere", "--cluster 'nowhere'"), ("--device tpu", "--device 'tpu'")],
)
def test_a_place_to_compute_that_is_none_is_refused(
    refused, in_data, begun, tmp_path, verb, words, part
):
    resuming = verb.startswith("resume")
    path = begun if resuming else tmp_path / "run.zarr"
    line = refused(2, verb.format(path), words, "--no-progress", "" if resuming else STILL)
    assert part in line
    assert not (tmp_path / "run.zarr").exists()


def test_a_mistyped_cluster_is_refused_even_when_there_is_nothing_to_compute(refused, finished):
    assert "--cluster 'nowhere'" in refused(
        2, "resume", finished, "--cluster nowhere --no-progress"
    )


# Complaints about files: exit code 3, with file and line


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ("plan missing.toml", ["missing.toml", "No such file"]),
        ("plan -hkl missing.hkl -cell 70 80 90", ["missing.hkl", "no such file"]),
        ("plan -hkl p1.hkl -mat missing.mat", ["missing.mat", "no such file"]),
        ("plan --fdump missing.bin -cell 70 80 90", ["missing.bin", "no such Fdump"]),
        ("plan -hkl A.mat -cell 70 80 90", ["A.mat: line 1 (", "`h k l F`"]),
        ("plan --fdump p1.hkl -cell 70 80 90", ["p1.hkl", "Fdump"]),
        ("plan p1.hkl", ["p1.hkl", "TOML", "line 1"]),
        (f"plan {STILL} -mask p1.hkl", ["p1.hkl", "not an SMV image"]),
        (f"plan {STILL} -sourcefile missing.txt", ["missing.txt", "no such file"]),
    ],
)
def test_a_file_that_cannot_be_read_is_named(refused, in_data, words, parts):
    line = refused(3, words)
    for part in parts:
        assert part in line


def test_a_line_that_is_no_reflection_is_named_by_its_number(refused, data, tmp_path):
    lines = (data / "p1.hkl").read_text().splitlines()[:20]
    lines[7] = "1 2 three 4"
    (tmp_path / "bad.hkl").write_text("\n".join(lines))
    line = refused(3, f"plan -hkl {tmp_path}/bad.hkl -cell 70 80 90")
    assert "bad.hkl: line 8" in line
    assert "three" in line


def test_a_stub_is_refused_with_the_numbers_and_the_way_round(refused, in_data, tmp_path):
    (tmp_path / "stub.hkl").write_text("1 2 3 4\n")
    words = STILL.replace("p1.hkl", f"{tmp_path}/stub.hkl")
    line = refused(3, "submit --no-progress --out", tmp_path / "run.zarr", words)
    assert re.search(r"stub\.hkl gives \d of \d+ reflections in reach", line)
    assert "It holds 1 reflection, h 1..1, k 2..2, l 3..3" in line
    assert "--require-coverage FRACTION" in line
    assert not (tmp_path / "run.zarr").exists()


def test_progress_that_never_began_prints_nothing(tell, in_data, tmp_path):
    words = STILL.replace("p1.hkl", "missing.hkl")
    _, _, complaint = tell("submit --out", tmp_path / "run.zarr", words)
    assert complaint.startswith("tiled-sim: ")


# Complaints about runs: exit code 4


@pytest.mark.parametrize("verb", ["status", "verify", "view", "resume"])
def test_a_run_that_is_not_there_is_said_so_and_how_one_is_made(refused, tmp_path, verb):
    line = refused(4, verb, tmp_path / "run.zarr")
    assert f"{tmp_path}/run.zarr: no such run" in line
    assert "tiled-sim submit" in line


@pytest.mark.parametrize("verb", ["status", "verify", "view", "resume"])
def test_a_folder_that_is_no_run_is_said_so(refused, tmp_path, verb):
    assert "no zarr store" in refused(4, verb, tmp_path)


def test_a_run_that_exists_is_not_overwritten(refused, in_data, finished):
    before = {file: file.read_bytes() for file in finished.rglob("*") if file.is_file()}
    line = refused(4, "submit --no-progress --out", finished, STILL, "-N 7")
    assert f"{finished} exists already" in line
    assert f"`tiled-sim resume {finished}`" in line
    assert {file: file.read_bytes() for file in finished.rglob("*") if file.is_file()} == before


@pytest.mark.parametrize("option", ["-floatfile", "-intfile", "-pgmfile", "-dump"])
def test_a_file_to_be_written_that_exists_is_not_overwritten(refused, in_data, tmp_path, option):
    (tmp_path / "mine").write_text("mine")
    line = refused(4, "submit --out", tmp_path / "run.zarr", STILL, option, tmp_path / "mine")
    assert f"{option} {tmp_path}/mine exists already" in line
    assert [file.name for file in tmp_path.iterdir()] == ["mine"]
    assert (tmp_path / "mine").read_text() == "mine"


def test_a_picture_that_exists_is_not_overwritten(refused, finished, tmp_path):
    (tmp_path / "run.png").write_text("mine")
    assert "exists already" in refused(4, "view", finished, "--out", tmp_path / "run.png")
    assert (tmp_path / "run.png").read_text() == "mine"


def test_a_scheduler_that_does_not_answer_is_an_error_of_its_own(
    refused, in_data, tmp_path, closed_port, monkeypatch
):
    monkeypatch.setattr("tiled_sim.cluster.connect._SECONDS_TO_CONNECT", 1)
    where = f"--cluster tcp://127.0.0.1:{closed_port} --no-progress"
    line = refused(1, "submit --out", tmp_path / "run.zarr", where, STILL)
    assert f"no scheduler answers at tcp://127.0.0.1:{closed_port}" in line
    assert "dask scheduler" in line
    assert list(tmp_path.iterdir()) == []


# Runs that are not complete: exit code 5


def test_the_status_of_a_run_that_is_not_complete_names_tiles(tell, begun):
    code, output, _ = tell("status", begun)
    assert code == 5
    assert "(0 of 4 tiles)" in output
    assert "missing   f00000/p000/r0000c0000, f00000/p000/r0000c0001" in output


def test_the_status_of_a_run_is_told_without_importing_torch_or_dask(finished):
    code = (
        "import sys; from tiled_sim.cli import main\n"
        f"print(main(['status', {str(finished)!r}]), file=sys.stderr)\n"
        "print(sorted({'torch', 'dask', 'distributed'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.splitlines() == ["0", "[]"]


def test_the_status_of_a_finished_run_is_success(tell, finished):
    code, output, _ = tell("status", finished)
    assert code == 0
    assert "(4 of 4 tiles)" in output
    assert "missing" not in output


def test_verify_of_a_run_that_is_not_complete_fails(tell, begun):
    code, output, _ = tell("verify", begun)
    assert code == 5
    assert output.count("not computed") == 4
    assert f"`tiled-sim resume {begun}`" in output


def test_a_tile_that_fails_is_told_with_its_name_and_its_attempts(tell, begun, address):
    (begun / "0/image/c/0/0/1/0").mkdir(parents=True)
    words = f"--no-progress --cluster {address}"
    code, output, complaint = tell("resume", begun, words)
    assert (code, output) == (5, "")
    lines = complaint.strip().splitlines()
    assert [line.split(":")[0] for line in lines[2:-1]] == [
        "tile f00000/p000/r0001c0000 failed, trying again",
        "tile f00000/p000/r0001c0000 failed, trying again",
        "tile f00000/p000/r0001c0000 failed, given up",
    ]
    assert lines[-1].startswith("tiled-sim: 1 of 4 tiles failed 3 times")
    assert tell("status", begun)[0] == 5


def test_resume_completes_a_run_and_tells_the_same_as_submit(tell, begun, finished, address):
    code, output, _ = tell("resume", begun, f"--no-progress --cluster {address}")
    assert code == 0
    assert tell("status", begun)[0] == 0
    assert "sum       " in output
    assert bytes_of(ts.open_run(begun)) == bytes_of(ts.open_run(finished))


# What submit tells


@pytest.fixture(scope="module")
def told(finished):
    """What status prints of the finished run, the summary that submit prints too."""
    return process("status", finished).stdout


def test_the_summary_names_the_structure_factors_and_their_hash(data, told):
    content = (data / "p1.hkl").read_bytes()
    assert f"F         p1.hkl (hkl, {len(content)} bytes)" in told
    assert f"sha256 {hashlib.sha256(content).hexdigest()}" in told
    assert f"{len(content.splitlines())} reflections, h -14..14, k -16..16, l -18..18" in told


def test_the_summary_tells_the_coverage(finished, told):
    coverage = ts.open_run(finished).attributes["structure_factors"]["coverage"]
    assert f"covers 100 % of the {coverage['reflections']} reflections in reach" in told


def test_the_summary_tells_sum_and_peak(finished, told):
    image = ts.open_run(finished).image.values[0, 0].astype(np.float64)
    slow, fast = np.unravel_index(image.argmax(), image.shape)
    assert f"sum       {image.sum():.8g} photons" in told
    assert f"peak      {image.max():.7g} photons at slow {slow}, fast {fast}" in told


def test_the_summary_tells_what_was_decided_unasked(told):
    assert "note      convention MOSFLM, the default" in told


def test_progress_is_shown_on_standard_error_only(tell, in_data, address, tmp_path):
    where = f"--cluster {address}"
    code, output, complaint = tell("submit", where, "--out", tmp_path / "run.zarr", STILL)
    assert code == 0
    assert "1/1" in complaint
    assert "dashboard http://" in complaint
    assert "dashboard" not in output


@pytest.mark.parametrize("silence", ["--no-progress", "-noprogress", "--json"])
def test_progress_can_be_left_out(tell, in_data, address, tmp_path, silence):
    where = f"--cluster {address}"
    code, _, complaint = tell("submit", where, silence, "--out", tmp_path / "run.zarr", STILL)
    told = complaint.splitlines()
    assert code == 0
    if silence == "--json":
        assert told == []
        return
    assert told[0] == f"run       {tmp_path / 'run.zarr'}"
    assert told[1].startswith("dashboard http://")
    assert len(told) == 2


def test_a_busy_dashboard_port_takes_another_and_says_which(tell, in_data, tmp_path):
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # then another holds it, which is as good
            held = stack.enter_context(socket.socket())
            held.bind(("127.0.0.1", 8787))
            held.listen()
        code, _, complaint = tell("submit --no-progress --out", tmp_path / "run.zarr", STILL)
    assert code == 0
    (port,) = re.findall(
        r"dashboard http://127\.0\.0\.1:(\d+)/\S* \(port 8787 is taken\)", complaint
    )
    assert port != "8787"


def test_a_run_on_the_default_cluster_is_made_from_start_to_end(data, tmp_path):
    words = f"submit --out {tmp_path / 'run.zarr'} {STILL}"
    done = process(*words.split(), cwd=data)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "(1 of 1 tiles)" in done.stdout
    assert list(ts.open_run(tmp_path / "run.zarr").faults()) == []


# JSON


def one_document(output):
    """The only JSON document on standard output."""
    return json.loads(output)


def test_submit_prints_one_json_document(tell, in_data, address, tmp_path):
    where = f"--json --cluster {address}"
    code, output, complaint = tell("submit", where, "--out", tmp_path / "run.zarr", STILL)
    document = one_document(output)
    image = ts.open_run(tmp_path / "run.zarr").image.values.astype(np.float64)
    assert (code, complaint) == (0, "")
    assert document["complete"] is True
    assert document["shape"] == [1, 1, 64, 64]
    assert document["status"]["total"] == pytest.approx(image.sum(), rel=1e-12)
    assert document["structure_factors"]["path"] == "p1.hkl"


@pytest.mark.parametrize(
    ("verb", "key", "value"),
    [
        ("resume {run} --cluster {cluster} --json", "complete", True),
        ("status {run} --json", "complete", True),
        ("verify --json {run}", "faults", []),
        ("verify --json --recompute 2 {run}", "faults", []),
        ("watch --json {run}", "complete", True),
        ("cancel --json {run}", "said", "{run}: nobody is computing it"),
        ("view {run} --json --out {new}.png", "picture", "{new}.png"),
        ("compare {run} {run} --json", "passed", True),
        ("plan --json {still}", "tiles", 1),
        ("config --json {still}", "sha256", "{sha256}"),
    ],
)
def test_every_verb_prints_one_json_document(
    tell, in_data, finished, address, tmp_path, verb, key, value
):
    names = {
        "run": finished,
        "cluster": address,
        "new": tmp_path / "new",
        "still": STILL,
        "sha256": SHA256,
    }
    code, output, complaint = tell(verb.format(**names))
    assert (code, complaint) == (0, "")
    expected = value.format(**names) if isinstance(value, str) else value
    assert one_document(output)[key] == expected


def test_a_run_that_is_not_complete_is_one_document_too(tell, begun):
    code, output, _ = tell("status --json", begun)
    assert code == 5
    assert one_document(output)["status"]["done"] == 0
    assert len(one_document(output)["status"]["missing"]) == 4


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (2, "sumbit --json"),
        (2, f"submit --json {STILL}"),
        (2, f"plan --json --tile 30 {STILL}"),
        (2, f"config {STILL} -xyzzy --json"),
        (2, "resume --json"),
        (3, "plan --json missing.toml"),
        (3, "config --json -hkl p1.hkl -mat missing.mat"),
        (4, "status --json missing.zarr"),
        (4, "verify missing.zarr --json"),
        (4, "view --json missing.zarr"),
        (4, "resume --json missing.zarr"),
    ],
)
def test_an_error_is_one_json_document_too(tell, in_data, code, words):
    found, output, complaint = tell(words)
    document = one_document(output)
    assert found == document["exit_code"] == code
    assert document["error"]
    assert complaint == ""


_INTERRUPTED = """
import sys
from tiled_sim.cli import main

async def read():
    pass

def run(words):
    begun = read()
    raise KeyboardInterrupt

import tiled_sim.cli.status
tiled_sim.cli.status.run = run
sys.exit(main(["status", "run.zarr"]))
"""


def test_who_interrupts_a_read_is_told_of_nothing_else():
    done = subprocess.run([sys.executable, "-c", _INTERRUPTED], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "tiled-sim: interrupted\n")


# nanoBragg's options beside ours


def planned(tell, words):
    """Hash of the experiment that a command line means."""
    code, output, complaint = tell("plan --json", words)
    assert code == 0, complaint
    return one_document(output)["hashes"]["experiment"]


@pytest.mark.parametrize(
    "words",
    [
        "-spindle_axis -1 0 0 -phi 1 -osc 1 -phisteps 2",
        "-misset -10 -20.5 -3e1",
        "-detector_rotx -5",
        "-Xbeam -3 -Ybeam -1.5",
        "-fdet_vector 0 0 1 -sdet_vector 0 -1 0 -odet_vector 1 0 0 -beam_vector 1 0 0",
        "-polar -0.5",
    ],
)
def test_negative_numbers_are_values_and_not_options(tell, in_data, words):
    expected = ts.Experiment.from_nanobragg([*STILL.split(), *words.split()])
    assert planned(tell, f"{STILL} {words} --require-coverage 0") == expected.sha256


def split_at_options(words):
    """A command line in its options, each with its values."""
    parts = []
    for word in words.split():
        if re.match(r"-[a-zA-Z]", word):
            parts.append(word)
        else:
            parts[-1] += f" {word}"
    return parts


@pytest.mark.parametrize("place", [0, 1, 4, 9])
def test_our_options_stand_anywhere_among_those_of_nanobragg(tell, in_data, place):
    parts = split_at_options(STILL)
    assert len(parts) == 9
    words = [*parts[:place], "--tile 32x16", "--trace-pixel 3 4", *parts[place:]]
    code, output, _ = tell("plan --json", *words)
    document = one_document(output)
    assert code == 0
    assert document["tile"] == [1, 1, 32, 16]
    assert document["hashes"]["experiment"] == planned(tell, STILL)


@pytest.mark.parametrize("place", [1, 5])
def test_out_stands_anywhere_among_the_options_of_nanobragg(
    submit, finished, place, tell, tmp_path, address
):
    parts = split_at_options(STILL)
    path = tmp_path / "run.zarr"
    where = f"--no-progress --cluster {address}"
    code, _, _ = tell("submit", *parts[:place], "--out", path, *parts[place:], where)
    assert code == 0
    assert bytes_of(ts.open_run(path)) == bytes_of(ts.open_run(finished))


def test_a_path_with_a_space_is_one_word(data, tmp_path, capsys):
    spaced = shutil.copy(data / "p1.hkl", tmp_path / "two words.hkl")
    words = STILL.removeprefix("-hkl p1.hkl ").split()
    assert main(["plan", "--json", "-hkl", str(spaced), *words]) == 0
    assert json.loads(capsys.readouterr().out)["structure_factors"]["path"] == str(spaced)


def test_c_compat_is_part_of_the_experiment(tell, in_data):
    code, output, _ = tell("config --json --c-compat", STILL)
    assert code == 0
    assert one_document(output)["experiment"]["c_compat"] is True


def test_the_c_program_wins_a_contradiction_with_c_compat(tell, in_data):
    code, output, _ = tell("config --json --c-compat", STILL, "-energy 5000")
    assert code == 0
    assert one_document(output)["experiment"]["beam"]["wavelength"] == pytest.approx(2.479684)


@pytest.mark.parametrize(("choice", "cells"), [("clip", [2, 2, 2]), ("no-clip", [2, 4, 2])])
def test_a_crystal_larger_than_the_beam_needs_a_choice(tell, refused, in_data, choice, cells):
    # 14, 30 and 16 nm of cells of 7, 8 and 9 nm, in a beam of 16 nm
    sizes = "-xtal_x 0.000014 -xtal_y 0.00003 -xtal_z 0.000016 -beamsize 0.000016 -nointerpolate"
    words = f"{STILL.replace('-N 5', '')} {sizes}"
    assert "--clip-to-beam" in refused(2, "config", words)
    code, output, _ = tell("config --json", f"--{choice}-to-beam", words)
    assert code == 0
    assert one_document(output)["experiment"]["crystal"]["cells"] == cells


# Files that nanoBragg options name


def test_the_floatfile_is_the_image_of_the_run(submit, tmp_path):
    run = submit("run", STILL, "--tile 32x48", "-floatfile", tmp_path / "image.bin")
    image = np.asarray(zarr.open_group(run.path, mode="r")["0/image"])
    assert (tmp_path / "image.bin").read_bytes() == image.astype("<f4").tobytes()


def test_a_dump_beside_hkl_is_written_and_gives_the_same_image(submit, data, tmp_path, finished):
    dump = tmp_path / "F.bin"
    written = submit("written", STILL, "-dump", dump)
    np.testing.assert_array_equal(read_fdump(dump).amplitude, read_hkl(data / "p1.hkl").amplitude)
    without_hkl = STILL.removeprefix("-hkl p1.hkl ")
    read = submit("read", "-dump", dump, without_hkl)
    named = submit("named", "--fdump", dump, without_hkl)
    assert bytes_of(written) == bytes_of(read) == bytes_of(named) == bytes_of(ts.open_run(finished))


#: Every file of the expected image that can be named, and that of the counts.
NAMED = "-floatfile {0}/f.bin -intfile {0}/i.img -pgmfile {0}/p.pgm -dump {0}/F.bin"
ALL_NAMED = NAMED + " -noisefile {0}/n.img"


def test_files_are_written_where_they_are_named_and_nowhere_else(submit, data, tmp_path):
    before = sorted(data.iterdir())
    submit("run", STILL, ALL_NAMED.format(tmp_path), "-printout_pixel 30 20 -trace_pixel 5 6")
    assert sorted(data.iterdir()) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("F.bin", "f.bin", "i.img", "n.img", "p.pgm", "run.zarr")
    ]


def test_the_intfile_is_the_scaled_image_with_the_camera_in_its_header(submit, tmp_path):
    run = submit("run", STILL, "-intfile", tmp_path / "i.img", "-scale 100 -adc 3")
    written = read_smv(tmp_path / "i.img")
    image = run.image.values[0, 0].astype(np.float64)
    expected = np.floor(np.clip(image * 100 + 3, 0, 65535) + 0.5)
    np.testing.assert_allclose(written.pixels, expected, atol=1)
    assert (written.number("BEAM_CENTER_X"), written.number("DISTANCE")) == (13.0, 100.0)


def test_the_noisefile_is_the_counts_of_the_run_and_their_offset(submit, tmp_path):
    run = submit("run", STILL, "-noisefile", tmp_path / "n.img", "-seed 5 -adc 7")
    counts = run.counts.values[0, 0]
    assert counts.max() > 0
    written = read_smv(tmp_path / "n.img").pixels
    np.testing.assert_array_equal(written, np.clip(counts + 7, 0, 65535))


def test_the_summary_names_every_file_that_was_written(tell, in_data, address, tmp_path):
    where = f"--out {tmp_path}/run.zarr --no-progress --cluster {address}"
    code, output, _ = tell("submit", where, STILL, ALL_NAMED.format(tmp_path))
    assert code == 0
    told = re.findall(r"^wrote     (\S+) \((-\w+)\)$", output, re.M)
    assert {option: path.rpartition("/")[2] for path, option in told} == {
        "-floatfile": "f.bin",
        "-intfile": "i.img",
        "-pgmfile": "p.pgm",
        "-noisefile": "n.img",
        "-dump": "F.bin",
    }


def test_an_image_is_brought_back_by_its_own_header(submit, tell, in_data, tmp_path):
    submit("run", STILL, "-xds -ORGX 20 -ORGY 30 -intfile", tmp_path / "i.img")
    again = STILL.replace("-distance 100 -detpixels 64 -pixel 0.4", f"-img {tmp_path}/i.img")
    _, by_header, _ = tell("config --json -xds", again)
    _, by_options, _ = tell("config --json -xds -ORGX 20 -ORGY 30", STILL)
    assert one_document(by_header)["sha256"] == one_document(by_options)["sha256"]


def test_the_pixel_to_be_printed_is_traced_and_printed(tell, in_data, address, tmp_path):
    where = f"--out {tmp_path}/run.zarr --no-progress --cluster {address}"
    code, output, _ = tell("submit", where, STILL, "-printout_pixel 30 20 --trace-pixel 3 4")
    assert code == 0
    run = ts.open_run(tmp_path / "run.zarr")
    assert run.plan.trace_pixels == ((3, 4), (20, 30))
    value = float(run.image[0, 0, 20, 30])
    assert re.search(r"^  30   20 : stol = ", output, re.M)
    assert re.search(rf"^pixel +{re.escape(f'{value:.10g}')}$", output, re.M)


@pytest.mark.parametrize("option", ["-floatfile", "-intfile", "-pgmfile", "-dump"])
def test_a_detached_run_writes_no_file_and_says_so(refused, in_data, tmp_path, option):
    words = f"submit --out {tmp_path}/run.zarr --detach --cluster tcp://127.0.0.1:1"
    line = refused(2, words, STILL, option, tmp_path / "file")
    assert f"what {option} asks for" in line
    assert "--detach does not wait" in line
    assert list(tmp_path.iterdir()) == []


def test_two_files_of_one_name_are_refused(refused, in_data, tmp_path):
    words = f"submit --out {tmp_path}/run.zarr -intfile {tmp_path}/a -pgmfile {tmp_path}/b/../a"
    (tmp_path / "b").mkdir()
    assert "-intfile -pgmfile: two of them name the same file" in refused(2, words, STILL)


def test_a_file_of_the_run_s_name_is_refused_before_anything_is_computed(
    refused, in_data, tmp_path
):
    words = f"submit --out {tmp_path}/run -floatfile {tmp_path}/./run"
    assert "is the name of the run" in refused(2, words, STILL)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "way"),
    [
        ("--out {0}/x.h5", r"a run \S+/x\.h5 would be zarr, and the name says HDF5, .*x\.zarr$"),
        ("--out {0}/x.cbf", r"the name says CBF, .* read the run in Python, .*x\.zarr$"),
        ("--out {0}/r.zarr -noisefile {0}/x.cbf", r"-noisefile \S+ would be SMV, .*x\.img$"),
        ("--out {0}/r.zarr -floatfile {0}/x.cbf", r"-floatfile \S+ would be raw num.*x\.bin$"),
        ("--out {0}/r.zarr -intfile {0}/x.tif", r"-intfile \S+ would be SMV, .*x\.img$"),
        ("--out {0}/r.zarr -pgmfile {0}/x.png", r"-pgmfile \S+ would be PGM, .*x\.pgm$"),
        ("--out {0}/r.zarr -dump {0}/x.mtz", r"-dump \S+ would be raw numbers, .*x\.bin$"),
    ],
)
def test_a_name_that_says_another_format_is_refused_before_anything_is_computed(
    refused, in_data, tmp_path, words, way
):
    line = refused(2, "submit", words.format(tmp_path), STILL)
    assert re.search(way, line.strip()), line
    assert list(tmp_path.iterdir()) == []


def test_the_name_of_a_converted_run_is_held_to_it_too(refused, data, tmp_path):
    line = refused(2, "convert", data / "run_format1.zarr", tmp_path / "new.h5")
    assert "the name says HDF5" in line
    assert list(tmp_path.iterdir()) == []


def test_the_c_program_writes_under_any_name(tell, in_data, address, tmp_path):
    where = f"--out {tmp_path}/run.zarr --c-compat --no-progress --cluster {address}"
    code, _, complaint = tell("submit", where, STILL, f"-intfile {tmp_path}/x.cbf")
    assert code == 0, complaint
    assert read_smv(tmp_path / "x.cbf").pixels.max() == 55040


def resumable(data):
    return STILL.replace("p1.hkl", str(data / "p1.hkl"))


def test_resume_with_the_same_options_writes_the_files_that_they_name(
    tell, begun, data, address, tmp_path
):
    where = f"--no-progress --cluster {address}"
    code, _, complaint = tell("resume", begun, where, resumable(data), NAMED.format(tmp_path))
    assert code == 0, complaint
    image = np.asarray(zarr.open_group(begun, mode="r")["0/image"])
    assert (tmp_path / "f.bin").read_bytes() == image.astype("<f4").tobytes()
    assert read_smv(tmp_path / "i.img").pixels.max() == 55040
    assert (tmp_path / "p.pgm").read_bytes().startswith(b"P5\n64 64\n")
    assert read_fdump(tmp_path / "F.bin").amplitude.any()


def test_resume_does_not_overwrite_a_file(refused, begun, data, tmp_path):
    (tmp_path / "mine").write_text("mine")
    line = refused(4, "resume", begun, resumable(data), "-floatfile", tmp_path / "mine")
    assert f"-floatfile {tmp_path}/mine exists already" in line


def test_resume_cannot_print_a_pixel_that_the_run_does_not_trace(refused, begun, data):
    line = refused(2, "resume", begun, resumable(data), "-printout_pixel 30 20")
    assert "made without a trace of slow 20, fast 30" in line


def test_nothing_is_written_unasked_but_the_run(submit, data, tmp_path):
    before = sorted(data.iterdir())
    submit("run", STILL)
    assert [path.name for path in tmp_path.iterdir()] == ["run.zarr"]
    assert sorted(data.iterdir()) == before


# plan and config


def test_plan_tells_tiles_work_memory_and_coverage(tell, in_data):
    code, output, complaint = tell("plan --tile 32x16", STILL, "-oversample 2")
    assert (code, complaint) == (0, "")
    assert "image     1 x 1 x 64 x 64 (frame x panel x slow x fast)" in output
    assert re.search(
        r"^tiles     8 of 32 x 16 pixels for \d+ workers?, .*, 2 x 4 a panel$", output, re.M
    )
    assert "work      16.4 k evaluations, 4 a pixel" in output
    assert re.search(r"memory    \d+ MB a worker process", output)
    assert "F         p1.hkl" in output
    assert "covers 100 % of" in output


@pytest.mark.parametrize("verb", ["plan", "config"])
def test_plan_and_config_write_nothing(tell, data, tmp_path, monkeypatch, verb):
    monkeypatch.chdir(tmp_path)
    code, _, _ = tell(verb, STILL.replace("p1.hkl", str(data / "p1.hkl")))
    assert code == 0
    assert list(tmp_path.iterdir()) == []


def test_what_plan_foresees_is_what_submit_does(tell, in_data, finished):
    _, output, _ = tell("plan --json --tile 32", STILL)
    document = one_document(output)
    run = ts.open_run(finished)
    assert document["hashes"] == run.hashes
    assert document["tiles"] == len(run.plan)
    assert document["evaluations"] == run.status().evaluations


@pytest.mark.parametrize(
    "words",
    ["", "-phi 1 -osc 1 -phisteps 3 -mosaic 0.5 -mosaic_domains 2", "-roi 10 40 20 60 -dmin 6"],
    ids=["a still", "an oscillation", "a region"],
)
def test_the_output_of_config_is_toml_that_runs_to_the_same_image(
    submit, tell, data, tmp_path, monkeypatch, words
):
    code, output, _ = tell("config", STILL, words)
    assert code == 0
    shutil.copy(data / "p1.hkl", tmp_path)
    (tmp_path / "experiment.toml").write_text(output)
    by_options = submit("options", STILL, words)
    by_toml = submit("toml", tmp_path / "experiment.toml")
    assert by_toml.hashes == by_options.hashes
    assert bytes_of(by_toml) == bytes_of(by_options)


def test_config_tells_derived_values_with_their_units(tell, in_data):
    _, output, _ = tell("config", STILL)
    assert re.search(r"^#.*photon energy\W+12398\.42 eV$", output, re.M)
    assert re.search(r"^#.*distance along the beam\W+100 mm$", output, re.M)
    assert re.search(rf"^#.*SHA-256\W+{SHA256}$", output, re.M)


def test_config_as_json_has_every_derived_value_with_its_unit(tell, in_data):
    _, output, _ = tell("config --json", STILL)
    derived = {row["name"]: row for row in one_document(output)["derived"]}
    assert derived["photon energy"]["value"] == pytest.approx(12398.42)
    assert derived["photon energy"]["unit"] == "eV"


# view


def test_view_tells_what_of_its_frame_is_not_computed(tell, still, tmp_path):
    run = create_run(prepare(still(), tile=(32, 32)), tmp_path / "run.zarr")
    code, output, _ = tell("view", run.path, "--out", tmp_path / "a.png")
    assert code == 0
    assert f"{len(run.plan)} tiles of frame 0 are not computed" in output
    assert f"`tiled-sim resume {run.path}`" in output


def test_view_writes_a_picture_beside_and_says_where(tell, finished, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert tell("view", finished) == (0, "run.png\n", "")
    assert (tmp_path / "run.png").read_bytes().startswith(b"\x89PNG")


# Noise


def test_submit_tells_noise_and_counts(submit, tell):
    run = submit(
        "noisy",
        STILL,
        "-fluence 1e30 --noise-flicker 0.02 --noise-readout 3 --noise-gain 2 --noise-offset 40 "
        "--noise-saturation 1000 --noise-psf gauss --noise-psf-fwhm 600",
    )
    _, output, _ = tell("status", run.path)
    assert (
        "noise     Poisson (seed 1), flicker 2 %, gauss point spread of 600 µm within 5 pixels, "
        "2 ADU/photon + 40 ADU, read-out 3 ADU, saturation 1000 ADU\n"
    ) in output
    counts = run.counts.values
    overloads = (counts == 1000).sum()
    assert overloads > 0
    assert f"counts    sum {counts.sum()} ADU, largest 1000 ADU, {overloads} overloads\n" in output
    _, output, _ = tell("status --json", run.path)
    document = one_document(output)
    assert document["noise"]["readout"] == 3.0
    assert document["status"]["counted"]["total"] == counts.sum()


def test_any_noise_option_asks_for_noise(tell, in_data):
    for words in ("--noise", "--noise-seed 3", "--noise-gain 2", "-noisefile x.img"):
        _, output, _ = tell("config", STILL, words)
        assert "[noise]" in output, words
    assert "[noise]" not in tell("config", STILL)[1]


def test_config_tells_how_far_the_light_of_a_pixel_spreads(tell, in_data):
    _, output, _ = tell("config", STILL, "--noise-psf gauss --noise-psf-fwhm 2000")
    assert "radius of the point spread = 14 px" in output


def test_plan_tells_the_noise_too(tell, in_data):
    _, output, _ = tell("plan", STILL, "-noisefile x.img -seed 5")
    assert "noise     Poisson (seed 5), saturation 2147483647 ADU" in output
    assert "noise  " not in tell("plan", STILL)[1]


def test_plan_and_summary_tell_what_lies_around_the_crystal_and_what_catches_photons(
    tell, in_data, tmp_path
):
    beside = "-water 5 -stol droplet.stol -density 0.9 -detector_thick 450 -detector_abs 500"
    submit = ("submit", "--out", str(tmp_path / "run.zarr"), "--no-progress")
    for verb in (("plan",), submit):
        code, output, _ = tell(*verb, *STILL.split(), *beside.split())
        assert code == 0
        assert "sensor    450 µm in 2 layers, attenuation length 500 µm" in output
        assert "amorphous droplet.stol\n          sha256 f5204fbd" in output
        assert "5 µm along the beam, 25 µm² in it, 0.9 g/cm³" in output

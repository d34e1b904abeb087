"""Every option that takes a value, with every value that makes no sense.

The options are those of the parsers' own tables: one that is added later is tried, too.
"""

import importlib
import itertools
import json
import re
import signal
import threading
import warnings

import numpy as np
import pytest

import tiled_sim as ts
from tiled_sim.cli.main import EXIT_CODES, VERBS, main
from tiled_sim.read.nanobragg.options import OPTIONS

CODES = {int(code) for code in re.findall(r"^  (\d+)  ", EXIT_CODES, re.M)} - {1}
BAD = (
    *("inf", "-inf", "nan", "1e308", "-1e308", "1e-308", "0", "-1", "1000000000", "1e7", "9999"),
    *("2.5", "1e400", "9" * 5000, "٣", "３", "1_0", "0x10", "ten", ""),
)
#: Of what is a name and no number, each of which may cost a file.
BAD_NAMES = ("nan", "", "9" * 5000)
#: Where the other numbers of an option that takes several are these.
OTHERS = {"-cell": ["70", "80", "90", "75", "85", "95"], "-roi": ["0", "31", "0", "31"]}
#: What an option needs beside it to have an effect.
BESIDE = {
    "-exposure": "-flux 1e12",
    "-beamsize": "-flux 1e12",
    "-phistep": "-osc 1",
    "-phisteps": "-osc 1",
    "-mosaic_domains": "-mosaic 1",
    "-mosaic_seed": "-mosaic 1",
    "-dispsteps": "-dispersion 1",
    "-hdivsteps": "-hdivrange 1",
    "-vdivsteps": "-vdivrange 1",
    "-divsteps": "-divergence 1",
    "-hdivstep": "-hdivrange 1",
    "-vdivstep": "-vdivrange 1",
    "-density": "-water 10",
    "-MW": "-water 10",
    "-detector_abs": "-detector_thick 100",
    "-detector_thicksteps": "-detector_thick 100 -detector_abs 100",
    "-scale": "-intfile i.img",
    "-pgmscale": "-pgmfile p.pgm",
    "-adc": "-intfile i.img",
    "-seed": "--noise",
    "-misset_seed": "-misset random",
    "-Xclose": "-fdet_vector 0 0 1",
    "-Yclose": "-fdet_vector 0 0 1",
    "-ORGX": "-xds",
    "-ORGY": "-xds",
    "--noise-psf-fwhm": "--noise-psf gauss",
    "--noise-psf-radius": "--noise-psf gauss --noise-psf-fwhm 300",
}
_STILL = (
    "-hkl p1.hkl -default_F 1 -cell 70 80 90 75 85 95 -misset 10 20 30 -lambda 1 -N 5 "
    "-distance 100 -detpixels 32 -pixel 0.4 -oversample 1"
)
STILL = _STILL.split()
#: Longer than anything takes; a hang is an error, and not a test that never ends.
SECONDS = 30
#: Terms of a pixel's sum that are computed here.
MOST_STEPS = 1000


class TookTooLongError(BaseException):
    """Not to be caught on the way."""


@pytest.fixture
def told(tmp_path, data, monkeypatch, capsys):
    """Run a command line in an empty folder with the small list; its exit code and output.

    It fails where a user would meet a traceback, a warning of a library, or more than a sentence.
    """
    (tmp_path / "p1.hkl").write_bytes((data / "p1.hkl").read_bytes())
    monkeypatch.chdir(tmp_path)

    def out_of_time(*_):
        raise TookTooLongError

    assert threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGALRM, out_of_time)

    def run(*words):
        signal.alarm(SECONDS)
        shown = " ".join(word[:30] for word in words)
        try:
            with warnings.catch_warnings(record=True) as warned:
                warnings.simplefilter("always")
                code = main(words)
        except (Exception, SystemExit, TookTooLongError) as error:
            pytest.fail(f"{shown}: {type(error).__name__}: {error}")
        finally:
            signal.alarm(0)
        output, complaint = capsys.readouterr()
        assert code in CODES, shown
        assert "Traceback" not in output + complaint, shown
        # sockets of clusters that ended before are collected whenever Python likes
        ours = [one for one in warned if not issubclass(one.category, ResourceWarning)]
        assert not ours, f"{shown}: {ours[0].message}"
        if code in (2, 3, 4):
            if "--json" in words:
                complaint = "tiled-sim: " + json.loads(output)["error"] + "\n"
            assert complaint.startswith("tiled-sim: "), f"{shown}: {complaint}"
            assert complaint.count("\n") == 1, f"{shown}: {complaint}"
        return code, output

    yield run
    signal.signal(signal.SIGALRM, before)


def values_of(others, bad_values=BAD):
    """Every bad value in every place among those that an option takes."""
    for place, bad in itertools.product(range(len(others)), bad_values):
        yield [*others[:place], bad, *others[place + 1 :]]


def beside(option):
    return BESIDE.get(option, "").split()


@pytest.mark.parametrize("mode", [[], ["--c-compat"]], ids=["right", "as C"])
@pytest.mark.parametrize("option", [o for o in OPTIONS if o.arguments], ids=lambda o: o.name)
def test_no_value_of_an_option_of_nanobragg_breaks_a_verb(told, option, mode):
    others = OTHERS.get(option.name, ["1"] * len(option.arguments))
    for values in values_of(others, BAD_NAMES if option.arguments == ("path",) else BAD):
        words = [*STILL, *beside(option.name), option.name, *values]
        code, output = told("plan", "--json", *mode, *words)
        # what takes minutes takes them honestly
        if code == 0 and json.loads(output)["steps"] <= MOST_STEPS:
            told("trace", "--pixel", "5", "6", *mode, *words)


def actions():
    """Verb and option of every option of ours that takes a value."""
    for verb in VERBS:
        for action in importlib.import_module(f"tiled_sim.cli.{verb}").parser()._actions:
            if action.option_strings and action.nargs != 0:
                yield verb, action


SHARED = {action.option_strings[0] for verb, action in actions() if verb == "plan"}
#: What submit shares with plan is tried there, and does not start a cluster each time.
TRIED = [
    pytest.param(verb, action, id=f"{verb} {action.option_strings[0]}")
    for verb, action in actions()
    if not (verb in ("submit", "resume") and action.option_strings[0] in SHARED)
]


@pytest.fixture(scope="module")
def run(tmp_path_factory, data):
    """A run of 32 × 32 pixels."""
    path = tmp_path_factory.mktemp("run") / "r.zarr"
    words = [str(data / word) if word == "p1.hkl" else word for word in STILL]
    ts.submit(ts.Experiment.from_nanobragg(words), path, kernel="reference")
    return str(path)


NAMES = ("FILE", "RUN")


@pytest.mark.parametrize(("verb", "action"), TRIED)
def test_no_value_of_an_option_of_ours_breaks_its_verb(told, run, tmp_path, verb, action):
    np.savez(tmp_path / "a.npz", np.arange(1024.0).reshape(32, 32))
    behind = {
        "compare": ["a.npz", "a.npz"],
        "trace": ["--pixel", "5", "6", *STILL],
        "submit": ["--no-progress", *STILL],
        "probe": STILL,
        "plan": STILL,
        "config": STILL,
        "export": ["--to", "nxmx", "--out", "x.nxs", run],
    }.get(verb, [run])
    option = action.option_strings[0]
    count = action.nargs if isinstance(action.nargs, int) else 1
    names_file = action.type is None and (action.metavar or "").partition(".")[0] in NAMES
    for values in values_of(["1"] * count, BAD_NAMES if names_file else BAD):
        given = [f"{option}={values[0]}"] if count == 1 else [option, *values]
        told(verb, *beside(option), *given, *behind)


@pytest.mark.parametrize(
    ("scale", "offset", "width"), [("1e50", "-1e50", "1e50"), ("1e-308", "0", "1e-308")]
)
def test_the_largest_and_smallest_numbers_of_noise_and_images_are_computed(
    told, scale, offset, width
):
    noise = "--noise-flicker 1e-308 --noise-calibration {1} --noise-readout {0} --noise-gain {0}"
    words = (
        f"--no-progress --out r.zarr -noisefile n.img -intfile i.img -pgmfile p.pgm -scale {scale} "
        f"-pgmscale {scale} -adc {offset} --noise-offset={offset} {noise.format(scale, width)}"
    )
    assert told("submit", *words.split(), *STILL)[0] == 0

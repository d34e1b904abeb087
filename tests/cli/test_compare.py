"""``compare`` as its users meet it: every format against every other, verdicts, refusals."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from tiled_sim.cli.main import main
from tiled_sim.cluster.worker import compute_batch
from tiled_sim.export.smv import write_count_image
from tiled_sim.model.experiment import Experiment
from tiled_sim.plan.prepare import prepare
from tiled_sim.read.nanobragg.reader import Command
from tiled_sim.run.creation import create_run
from tiled_sim.run.run import Run

cbfimage = pytest.importorskip("fabio.cbfimage")
adscimage = pytest.importorskip("fabio.adscimage")

FORMATS = ("run", "float", "smv16", "smv32", "smvfloat", "cbf", "npz")
SIDE = 64


def computed(experiment, path, tiles=None):
    run = create_run(prepare(experiment, tile=(32, 32)), path)
    for index in range(len(run.plan)) if tiles is None else tiles:
        compute_batch(str(run.path), run.run_id, "cpu", [(index, 1)])
    return Run(run.path)


def smv(pixels, kind, dtype):
    header = (
        f"{{\nHEADER_BYTES=512;\nDIM=2;\nBYTE_ORDER=little_endian;\nTYPE={kind};\n"
        f"SIZE1={pixels.shape[1]};\nSIZE2={pixels.shape[0]};\n}}\f"
    )
    return header.ljust(512).encode() + pixels.astype(dtype).tobytes()


def write_all(folder, image):
    """The image in every format; whole numbers in those of integers."""
    whole = np.rint(image)
    image.astype("<f4").tofile(folder / "float.bin")
    adscimage.AdscImage(data=whole.astype(np.uint16)).write(str(folder / "smv16.img"))
    (folder / "smv32.img").write_bytes(smv(whole, "long_integer", "<i4"))
    (folder / "smvfloat.img").write_bytes(smv(image, "float", "<f4"))
    cbfimage.CbfImage(data=whole.astype(np.int32)).write(str(folder / "cbf.cbf"))
    np.savez(folder / "npz.npz", image=image, twice=image * 2)


@pytest.fixture(scope="module")
def files(still, tmp_path_factory):
    """Folder with one image in every format, bright enough that rounding does not show."""
    folder = tmp_path_factory.mktemp("files")
    experiment = still("-detpixels", SIDE, "-fluence", 3e29)
    run = computed(experiment, folder / "run.zarr")
    image = run.image.values[0, 0]
    assert 2_000 < image.max() < 65_000
    write_all(folder, image)
    return folder


def named(folder, kind):
    (path,) = folder.glob(f"{kind}.*")
    return str(path)


@pytest.fixture
def compare(capsys):
    """Run the verb; its exit code and output."""

    def run(*words):
        code = main(["compare", *map(str, words)])
        output, complaint = capsys.readouterr()
        assert complaint == "" or code in (2, 3, 4)
        return code, output + complaint

    return run


@pytest.fixture
def verdict(compare):
    """Run the verb with --json; its exit code and document."""

    def run(*words):
        code, output = compare(*words, "--json")
        return code, json.loads(output)

    return run


def shape(*kinds):
    return ["--shape", SIDE, SIDE] if "float" in kinds else []


@pytest.mark.parametrize("a", FORMATS)
@pytest.mark.parametrize("b", FORMATS)
def test_every_format_is_the_same_as_every_other(verdict, files, a, b):
    code, document = verdict(named(files, a), named(files, b), *shape(a, b))
    assert (code, document["passed"]) == (0, True), document["checks"]
    assert document["comparison"]["peaks"]["count"] >= 10
    assert (document["a"]["shape"], document["b"]["shape"]) == ([SIDE, SIDE],) * 2


@pytest.mark.parametrize("kind", FORMATS)
def test_an_image_against_itself_has_a_ratio_of_exactly_one(verdict, files, kind):
    code, document = verdict(named(files, kind), named(files, kind), *shape(kind))
    found = document["comparison"]
    assert code == 0
    assert (found["sum_ratio"], found["rmse"], found["peaks"]["worst"]) == (1.0, 0.0, 0.0)


def test_a_scaled_copy_leaves_with_six_and_says_what_failed(compare, files):
    path = named(files, "npz")
    code, output = compare(path, f"{path}:twice")
    assert code == 6
    assert output.strip().endswith("DIFFERENT: sum ratio, worst peak")
    (row,) = (line.split() for line in output.splitlines() if line.startswith("sum ratio"))
    assert row == ["sum", "ratio", "2", "0.99", "..", "1.01", "FAIL"]


def test_thresholds_can_be_moved(compare, files):
    path = named(files, "npz")
    words = ["--sum-ratio", 1.9, 2.1, "--peak-tolerance", 1.1]
    assert compare(path, f"{path}:twice", *words)[0] == 0
    assert compare(path, path, "--sum-ratio", 1.9, 2.1)[0] == 6


def test_what_passes_says_so_and_where_from(compare, files):
    code, output = compare(named(files, "run"), named(files, "npz"))
    assert code == 0
    assert output.strip().endswith("the same, by all thresholds")
    assert f"run {Run(named(files, 'run')).run_id}" in output


def test_a_mask_leaves_out_what_differs(verdict, files, tmp_path):
    with np.load(named(files, "npz")) as arrays:
        spoilt = arrays["image"].copy()
    spoilt[5:9, 5:9] = np.nan
    np.savez(tmp_path / "spoilt.npz", spoilt)
    np.savez(tmp_path / "mask.npz", np.isfinite(spoilt))
    words = [named(files, "npz"), tmp_path / "spoilt.npz"]
    code, document = verdict(*words)
    assert code == 3
    assert "image B: 16 of the 4096 pixels to compare are NaN" in document["error"]
    code, document = verdict(*words, "--mask", tmp_path / "mask.npz")
    assert code == 0
    assert document["comparison"]["masked"] == 16


def test_an_smv_mask_is_nanobraggs(verdict, files, tmp_path):
    mask = np.ones((SIDE, SIDE))
    mask[:10] = 0
    (tmp_path / "mask.img").write_bytes(smv(mask, "unsigned_short", "<u2"))
    path = named(files, "npz")
    _, document = verdict(path, path, "--mask", tmp_path / "mask.img")
    assert document["comparison"]["masked"] == 10 * SIDE


def test_a_run_brings_its_own_mask(verdict, still, files, tmp_path):
    experiment = still("-detpixels", SIDE, "-fluence", 3e29, "-roi", 0, 63, 20, 49)
    computed(experiment, tmp_path / "part.zarr")
    code, document = verdict(named(files, "run"), tmp_path / "part.zarr")
    assert code == 0
    assert document["comparison"]["pixels"] == 30 * SIDE


def test_a_region_is_inclusive_and_fast_comes_first(verdict, files):
    path = named(files, "npz")
    code, document = verdict(path, f"{path}:twice", "--roi", 10, 39, 20, 59)
    found = document["comparison"]
    assert code == 6
    assert found["pixels"] == 30 * 40
    with np.load(path) as arrays:
        image = arrays["image"]
    part = image[20:60, 10:40]
    slow, fast = np.unravel_index(part.argmax(), part.shape)
    assert found["max_a"] == part.max()
    assert found["largest_difference_at"] == [slow + 20, fast + 10]


def test_an_image_of_the_size_of_the_region_is_a_cut_of_it(verdict, files, tmp_path):
    with np.load(named(files, "npz")) as arrays:
        np.savez(tmp_path / "cut.npz", arrays["image"][20:60, 10:40])
    words = [tmp_path / "cut.npz", named(files, "run")]
    code, document = verdict(*words, "--roi", 10, 39, 20, 59)
    assert (code, document["comparison"]["rmse"]) == (0, 0.0)


def test_the_picture_is_written_and_named(compare, files, tmp_path):
    Image = pytest.importorskip("PIL.Image")
    words = [named(files, "run"), named(files, "npz"), "--picture", tmp_path / "out.png"]
    code, output = compare(*words)
    assert code == 0
    assert str(tmp_path / "out.png") in output
    with Image.open(tmp_path / "out.png") as picture:
        assert picture.format == "PNG"
    code, output = compare(*words)
    assert code == 4
    assert "out.png exists already" in output


def test_the_command_leaves_with_its_code(files):
    path = named(files, "npz")
    words = [sys.executable, "-m", "tiled_sim", "compare", path, f"{path}:twice"]
    assert subprocess.run(words, capture_output=True).returncode == 6


# Gaps


@pytest.mark.parametrize(("dtype", "gap"), [(np.uint16, 65535), (np.int32, 2**31 - 1)])
@pytest.mark.parametrize("kind", ["cbf", "h5"])
def test_gaps_are_left_out_and_counted_in_a_note(compare, tmp_path, kind, dtype, gap):
    image = np.random.default_rng(0).poisson(20, (SIDE, SIDE)).astype(dtype)
    np.savez(tmp_path / "a.npz", image=image.astype(float))
    image[:, 30:34] = gap
    if kind == "cbf":
        cbfimage.CbfImage(data=image).write(str(tmp_path / "b.cbf"))
    else:
        with pytest.importorskip("h5py").File(tmp_path / "b.h5", "w") as file:
            file["entry/data/data"] = image[None]
    code, output = compare(tmp_path / "a.npz", tmp_path / f"b.{kind}")
    assert code == 0
    assert f"note      B: 256 pixels hold {gap}, the largest {np.dtype(dtype)}" in output
    assert "256 left out" in output


def test_a_frame_of_an_hdf5_file_is_chosen(verdict, files, tmp_path):
    h5py = pytest.importorskip("h5py")
    with np.load(named(files, "npz")) as arrays, h5py.File(tmp_path / "a.h5", "w") as file:
        file["entry/data/data"] = np.stack([arrays["image"] * 0, arrays["image"]])
    words = [named(files, "npz"), tmp_path / "a.h5"]
    assert verdict(*words, "--frame", 1)[1]["comparison"]["equal"] is True
    assert verdict(*words)[0] == 6
    assert verdict(*words, "--frame", 2)[0] == 3


def test_equal_images_of_nothing_are_the_same(verdict, tmp_path):
    np.savez(tmp_path / "zero.npz", np.zeros((8, 8)))
    code, document = verdict(tmp_path / "zero.npz", tmp_path / "zero.npz")
    assert (code, document["passed"]) == (0, True)
    assert {check["value"] for check in document["checks"]} == {1.0, 0.0}


def test_a_mask_the_other_way_round_is_a_note(compare, files, tmp_path):
    mask = np.zeros((SIDE, SIDE), bool)
    mask[:20] = True
    np.savez(tmp_path / "m.npz", mask=mask)
    _, output = compare(named(files, "run"), named(files, "npz"), "--mask", tmp_path / "m.npz")
    assert "note      the mask" in output
    assert "more than half" in output


# Counts


@pytest.fixture(scope="module")
def noisy(still, tmp_path_factory):
    """A run with counts, and its -noisefile."""
    folder = tmp_path_factory.mktemp("noisy")
    words = ["-detpixels", SIDE, "-fluence", 3e29, "-noisefile", "n.img", "-seed", 3]
    run = computed(still(*words), folder / "run.zarr")
    command = Command.of([*map(str, words), "-cell", "70", "-pixel", "0.3"])
    write_count_image(folder / "n.img", run.store, command.camera, 40.0)
    return folder


def test_the_counts_of_a_run_are_those_of_its_noise_file_less_adc(verdict, noisy):
    words = [noisy / "run.zarr", noisy / "n.img", "--counts", "--offset", 40]
    code, document = verdict(*words)
    assert (code, document["comparison"]["equal"], document["notes"]) == (0, True, [])
    assert verdict(*words[:3])[1]["comparison"]["equal"] is False


def test_the_offset_may_be_said_of_each(verdict, noisy):
    words = [noisy / "n.img", noisy / "run.zarr", "--counts", "--offset", "40,0"]
    assert verdict(*words)[1]["comparison"]["equal"] is True


def test_counts_against_expected_photons_are_a_note_that_says_how_to_do_it(compare, noisy):
    _, output = compare(noisy / "run.zarr", noisy / "n.img")
    assert "note      B is an SMV image of whole numbers, and the other holds expected" in output
    assert "is compared with those of a run by --counts" in output
    assert "--offset 40 takes it off" in output


def test_counts_without_an_offset_are_a_note(compare, noisy):
    _, output = compare(noisy / "run.zarr", noisy / "n.img", "--counts")
    assert "holds -adc, 40 if not said, more" in output
    assert "expected photons" not in output
    assert f"counts of run {Run(noisy / 'run.zarr').run_id}" in output


# Refused


@pytest.mark.parametrize(
    ("code", "words", "part"),
    [
        (2, "{npz}", "B"),
        (2, "{npz} {npz} --roi 0 64 0 9", "is not inside"),
        (2, "{npz} {npz} --roi 9 8 0 9", "holds no pixel"),
        (2, "{npz} {npz} --roi 0 64 0", "--roi"),
        (2, "{npz} {npz} --frame 0", "--frame chooses in a run, HDF5 or npy file"),
        (3, "{npz} nowhere.zarr --frame 0", "nowhere.zarr: No such file"),
        (2, "{npz} {npz} --shape 64 64", "--shape is that of a raw float32 image"),
        (2, "{npz} {float}", "give --shape SLOW FAST"),
        (2, "{npz} {cbf}:image", "only npz and HDF5 files have keys"),
        (2, "{run} {run} --frame 1", "--frame 1: "),
        (2, "{run} {run} --panel 7", "--panel 7: there are 1, counted from 0"),
        (2, "{npz} {npz} --sum-ratio 2 1", "--sum-ratio 2 1"),
        (2, "{npz} {npz} --sum-ratio nan 1", "'nan' is not a positive number"),
        (2, "{npz} {npz} --peak-tolerance 0", "'0' is not a positive number"),
        (2, "{npz} {npz} --min-correlation 2", "'2' is not a fraction"),
        (2, "{npz} {npz} --pictur a.png", "did you mean --picture"),
        (3, "{npz} {float} --shape 64 63", "63 (slow x fast) float32 pixels are 16128 bytes"),
        (3, "{npz} {npz}:other", "no array 'other'; it holds image, twice"),
        (3, "{npz} nowhere.img", "nowhere.img: No such file"),
        (3, "{npz} {npz} --mask {float}", "not an SMV image"),
        (2, "{npz} {npz} --counts", "--counts are those of a run, and neither"),
        (2, "{run} {npz} --counts", "has no counts, it was made without noise"),
        (2, "{run} {npz} --offset 40", "give one for each, --offset 0,40"),
        (2, "{run} {npz} --offset 1,2,3", "'1,2,3' is not a number, nor two"),
        (2, "{run} {npz} --offset nan", "'nan' is not a number, nor two"),
        (4, "{npz} {folder}", "is no zarr store"),
    ],
)
def test_what_cannot_be_compared_is_named(compare, files, code, words, part):
    names = {kind: named(files, kind) for kind in ("npz", "float", "cbf", "run")}
    found, output = compare(*words.format(**names, folder=files).split())
    assert found == code
    assert part in output
    assert output.startswith("tiled-sim: ")


def test_shapes_that_differ_are_told_with_their_numbers(compare, files, tmp_path):
    np.savez(tmp_path / "small.npz", np.ones((3, 4)))
    code, output = compare(named(files, "npz"), tmp_path / "small.npz")
    assert code == 2
    assert "64 x 64" in output
    assert "small.npz" in output
    assert "3 x 4" in output


def test_a_mask_that_leaves_nothing_is_refused(compare, files, tmp_path):
    np.savez(tmp_path / "mask.npz", np.zeros((SIDE, SIDE), bool))
    path = named(files, "npz")
    code, output = compare(path, path, "--mask", tmp_path / "mask.npz")
    assert code == 2
    assert "none of the 4096 pixels is live" in output


def test_a_run_that_is_not_complete_is_refused_with_the_number_of_tiles(compare, still, tmp_path):
    computed(still("-detpixels", SIDE), tmp_path / "half.zarr", tiles=[0])
    code, output = compare(tmp_path / "half.zarr", tmp_path / "half.zarr")
    assert code == 4
    assert "3 of the 4 tiles of frame 0, panel 0 are not computed" in output


def test_a_damaged_run_is_refused(compare, files, tmp_path):
    copy = shutil.copytree(named(files, "run"), tmp_path / "copy.zarr")
    (copy / "0/image/c/0/0/1/1").write_bytes(b"damage")
    code, output = compare(copy, copy)
    assert code == 4
    assert "1 of the 4 tiles of frame 0, panel 0 are not computed, or damaged" in output


# The flagship

FLAGSHIP = """
    -mat A.mat -hkl scaled.hkl -nonoise -nointerpolate -oversample 1 -exposure 1 -flux 1e18
    -beamsize 1.0 -spindle_axis -1 0 0 -Xbeam 217.742295 -Ybeam 213.907080 -distance 231.274660
    -lambda 0.976800 -pixel 0.172 -detpixels_x 2463 -detpixels_y 2527
    -odet_vector -0.000088 0.004914 -0.999988 -sdet_vector -0.005998 -0.999970 -0.004913
    -fdet_vector 0.999982 -0.005998 -0.000118 -beam_vector 0.00051387949 0.0 -0.99999986
    -pix0_vector_mm -216.336293 215.205512 -230.200866
    -Na 36 -Nb 47 -Nc 29 -osc 0.1 -phi 0 -phisteps 10
    -detector_rotx 0 -detector_roty 0 -detector_rotz 0 -twotheta 0 -roi 621 748 975 1102
"""
PEAK = ["--roi", 621, 748, 975, 1102]


@pytest.fixture(scope="module")
def flagship(shared, tmp_path_factory):
    """The run of the bright crop, with c_compat."""
    path = tmp_path_factory.mktemp("flagship") / "run.zarr"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(shared / "data" / "pilatus6m")
        experiment = Experiment.from_nanobragg(FLAGSHIP.split(), c_compat=True)
        run = create_run(prepare(experiment, tile=(128, 2464)), path)
        for index in range(len(run.plan)):
            compute_batch(str(run.path), run.run_id, "cpu", [(index, 1)])
    return path


def test_the_flagship_passes_against_the_c_program(verdict, shared, flagship):
    reference = f"{shared / 'golden' / 'pilatus6m.npz'}:c_crop_peak"
    code, document = verdict(reference, flagship, *PEAK)
    assert code == 0
    assert document["comparison"]["sum_ratio"] == pytest.approx(1.0, abs=1e-7)
    assert document["comparison"]["peaks"]["worst"] < 1e-6


def test_the_flagship_fails_against_the_program_without_its_fault(verdict, shared, flagship):
    reference = f"{shared / 'golden' / 'pilatus6m.npz'}:correct_crop_peak"
    assert verdict(reference, flagship, *PEAK)[0] == 6


def test_a_scaled_flagship_fails_though_it_correlates(verdict, shared, flagship, tmp_path):
    with np.load(shared / "golden" / "pilatus6m.npz") as arrays:
        np.savez(tmp_path / "scaled.npz", arrays["c_crop_peak"].astype(float) * 126_000)
    code, document = verdict(flagship, tmp_path / "scaled.npz", *PEAK)
    assert code == 6
    assert document["comparison"]["correlation"] == pytest.approx(1.0, abs=1e-9)
    assert document["comparison"]["sum_ratio"] == pytest.approx(126_000, rel=1e-6)

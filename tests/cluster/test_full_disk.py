"""Disks that fill up and limits on files, at every stage: one sentence, and nothing is lost."""

import resource
import shutil
import subprocess

import pytest

from support.processes import PATIENCE, complaints, frames_of_ours, process, scheduler, worker
from support.runs import leftovers
from tiled_sim.cli.main import main
from tiled_sim.run.run import Run

#: 81 tiles that take no time, and a level of smaller images.
WORDS = (
    "-default_F 100 -cell 70 80 90 75 85 95 -misset 10 20 30 -lambda 1 -N 5 -distance 100 "
    "-detpixels 576 -pixel 0.05 -oversample 1"
)
TILE = 64
TILES = 81
CLUSTERS = ("local", "local:2")
_PAGE = 4096


def submit(path, cluster, *words):
    options = f"--no-progress --tile {TILE} --kernel reference --cluster {cluster} --out {path}"
    return ("tiled_sim", "submit", *options.split(), *WORDS.split(), *words)


def pages(*files):
    """What files take on a disk in memory [bytes]."""
    return sum(-(-file.stat().st_size // _PAGE) * _PAGE for file in files if file.is_file())


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The run on a disk with room for it."""
    path = tmp_path_factory.mktemp("room") / "run.zarr"
    assert main([str(word) for word in submit(path, "local")[1:]]) == 0
    return path


@pytest.fixture
def disk(tmp_path):
    """``disk(size)``: a folder with so many bytes of room; again: with more."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = []

    def room(size):
        again = "remount," if mounted else ""
        words = f"mount -t tmpfs -o {again}size={size} tmpfs {folder}"
        done = subprocess.run(words.split(), capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"no disk of a few bytes can be mounted here: {done.stderr}")
        mounted.append(size)
        return folder

    yield room
    if mounted:
        subprocess.run(["umount", folder], check=True)


def sentence(*words, **options):
    """The one sentence that a command leaves with; exit code 4, and nothing else is said."""
    with process(*words, heard=True, **options) as command:
        output, complaint = command.communicate(timeout=PATIENCE)
    assert output == ""
    (line,) = complaints(complaint)
    assert line.startswith("tiled-sim: ")
    assert command.returncode == 4
    return line


# A full disk


def test_a_disk_too_small_for_an_empty_run_is_left_as_it_was(disk):
    folder = disk(48 * 1024)
    line = sentence(*submit(folder / "run.zarr", "local"))
    assert "run.zarr cannot be made (No space left on device" in line
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_a_disk_that_is_full_of_tiles_is_told_once_and_the_run_goes_on_with_room(
    disk, whole, cluster
):
    tiles = pages(*whole.glob("0/image/c/**/*"), *whole.glob("traces/**/*"))
    everything = pages(*whole.rglob("*"))
    folder = disk(everything - tiles * 2 // 3)
    path = folder / "run.zarr"
    line = sentence(*submit(path, cluster))
    assert "cannot be written (No space left on device" in line
    assert f"`tiled-sim resume {path}` goes on" in line
    done = Run(path).status().done
    assert 0 < done < TILES
    disk(2 * everything)
    assert main(["resume", str(path), "--no-progress"]) == 0
    assert list(Run(path).faults()) == []
    assert leftovers(path) == []
    assert Run(path).image.values.tobytes() == Run(whole).image.values.tobytes()


def test_the_logs_of_workers_have_no_traceback_of_a_full_disk(disk, whole, tmp_path):
    tiles = pages(*whole.glob("0/image/c/**/*"), *whole.glob("traces/**/*"))
    folder = disk(pages(*whole.rglob("*")) - tiles * 2 // 3)
    with (
        scheduler(tmp_path) as made,
        worker(made.address, "--no-nanny", heard=True) as started,
    ):
        sentence(*submit(folder / "run.zarr", made.address))
        started.terminate()
        _, log = started.communicate(timeout=PATIENCE)
    assert frames_of_ours(log) == []


def test_a_disk_without_room_for_the_smaller_images_is_told_and_they_are_made_later(disk, whole):
    levels = pages(*whole.glob("1/**/*"))
    everything = pages(*whole.rglob("*"))
    folder = disk(everything - levels // 2)
    path = folder / "run.zarr"
    line = sentence(*submit(path, "local"))
    assert "all tiles" in line
    assert "smaller images cannot be written (No space left on device" in line
    disk(2 * everything)
    assert main(["resume", str(path), "--no-progress"]) == 0
    assert main(["verify", str(path)]) == 0


def test_files_that_are_asked_for_besides_are_told_where_their_disk_is_full(disk, tmp_path):
    folder = disk(64 * 1024)
    line = sentence(
        *submit(tmp_path / "run.zarr", "local", "-floatfile", folder / "image.bin"),
    )
    assert "image.bin" in line
    assert "No space left on device" in line
    assert list(folder.iterdir()) == []


def test_a_picture_is_told_where_its_disk_is_full(disk, whole):
    folder = disk(8 * 1024)
    line = sentence("tiled_sim", "view", whole, "--out", folder / "run.png")
    assert "cannot write the picture" in line
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("words", [(), ("--json",)], ids=["text", "json"])
def test_what_cannot_be_printed_is_told_where_it_can_be(disk, whole, words):
    folder = disk(_PAGE)
    (folder / "fill").write_bytes(b"x" * _PAGE)
    with (folder / "output").open("w") as output:
        command = process(
            "tiled_sim", "status", whole, *words, stdout=output, stderr=subprocess.PIPE
        )
        with command as started:
            _, complaint = started.communicate(timeout=PATIENCE)
    assert started.returncode == 4
    assert complaint == b"tiled-sim: cannot go on: No space left on device\n"


# Limits on files


def limited(kind, soft, hard=None):
    """Options of a process that may not have larger files, or more of them."""
    hard = soft if hard is None else hard
    return {"preexec_fn": lambda: resource.setrlimit(kind, (soft, hard))}


@pytest.mark.parametrize("size", [1000, 20_000])
def test_a_limit_on_files_that_metadata_exceed_leaves_nothing_behind(tmp_path, size):
    path = tmp_path / "run.zarr"
    line = sentence(*submit(path, "local"), **limited(resource.RLIMIT_FSIZE, size))
    assert "run.zarr cannot be made (File too large" in line
    assert not path.exists()


@pytest.mark.parametrize(
    ("size", "cluster"),
    [
        (200, "local"),  # the description of the driver
        (4000, "local"),  # a sidecar, or a shard
        (12_000, "local:2"),  # a shard
    ],
)
def test_a_limit_on_files_is_told_once_whatever_it_is_that_exceeds_it(
    whole, tmp_path, size, cluster
):
    path = shutil.copytree(whole, tmp_path / "run.zarr")
    for sidecar in path.glob("traces/f*/p*/r000[0-3]*.json"):
        sidecar.unlink()
    words = ("tiled_sim", "resume", path, "--no-progress", "--cluster", cluster)
    line = sentence(*words, **limited(resource.RLIMIT_FSIZE, size))
    assert "run.zarr cannot be written (File too large)" in line
    assert main(["resume", str(path), "--no-progress"]) == 0
    assert Run(path).image.values.tobytes() == Run(whole).image.values.tobytes()


@pytest.mark.parametrize(("count", "cluster"), [(8, "local"), (40, "local"), (70, "local:2")])
def test_too_few_open_files_are_told_before_anything_is_made(tmp_path, count, cluster):
    path = tmp_path / "run.zarr"
    line = sentence(*submit(path, cluster), **limited(resource.RLIMIT_NOFILE, count))
    assert f"no more than {count} files open" in line
    assert "ulimit -n" in line
    assert not path.exists()


def test_a_soft_limit_on_open_files_is_raised_as_far_as_is_needed(tmp_path, whole):
    path = tmp_path / "run.zarr"
    options = limited(resource.RLIMIT_NOFILE, 16, 4096)
    with process(*submit(path, "local:2"), heard=True, **options) as command:
        _, complaint = command.communicate(timeout=PATIENCE)
    assert (command.returncode, complaints(complaint)) == (0, [])
    assert Run(path).image.values.tobytes() == Run(whole).image.values.tobytes()


def test_a_verb_that_reads_tells_of_too_few_open_files_too(whole):
    line = sentence("tiled_sim", "status", whole, **limited(resource.RLIMIT_NOFILE, 8))
    assert "no more than 8 files open" in line

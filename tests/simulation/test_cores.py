"""Images on the cores of this process: shared out, begun ahead, given up."""

import dataclasses
import os
import signal
import threading

import pytest
import torch

import tiled_sim as ts
from tiled_sim.errors import ExperimentError, UsageError
from tiled_sim.read import inputs
from tiled_sim.simulation.simulator import Simulator

#: Several tiles, each worth a thread.
LARGE = ("-detpixels_s", 272, "-detpixels_f", 256, "-mosaic", 1, "-mosaic_domains", 30)
CORES = 3


@pytest.fixture
def large(still):
    return still(*LARGE)


@pytest.fixture
def scan(still):
    """Small images that differ, and end in another order than they begin."""
    return [still("-lambda", 1 + number / 10, "-oversample", 4 - number) for number in range(4)]


@pytest.fixture
def workers(monkeypatch):
    """Names of the threads that have computed a tile."""
    names = []
    simulate_tile = Simulator.simulate_tile

    def spy(self, *arguments):
        names.append(threading.current_thread().name)
        return simulate_tile(self, *arguments)

    monkeypatch.setattr(Simulator, "simulate_tile", spy)
    return names


def ours():
    """Threads of ours that live."""
    return [thread for thread in threading.enumerate() if thread.name.startswith("tiled_sim")]


def same(images, others):
    return [image.values.tobytes() for image in images] == [
        other.values.tobytes() for other in others
    ]


# One image


@pytest.mark.parametrize(
    ("kernel", "options"),
    [("reference", ()), ("compiled", ()), ("spots", ("-gauss_xtal", "-N", 30)), ("auto", ())],
)
def test_an_image_has_the_same_bytes_on_any_number_of_cores(still, workers, kernel, options):
    experiment = still(*LARGE, *options)
    images = [ts.simulate(experiment, kernel=kernel, cores=cores) for cores in (1, CORES)]
    assert same(images[:1], images[1:])


def test_threads_share_out_a_large_image_and_are_gone_then(large, workers):
    ts.simulate(large, kernel="reference", cores=CORES)
    assert len(set(workers)) > 1
    assert not ours()


def test_on_one_core_everything_is_done_in_the_thread_that_asks(large, workers):
    ts.simulate(large, kernel="reference", cores=1)
    assert set(workers) == {threading.current_thread().name}


def test_a_small_image_is_computed_in_the_thread_that_asks(still, workers):
    ts.simulate(still(), cores=CORES)
    assert workers == [threading.current_thread().name]


def test_traces_of_a_shared_image_are_in_the_order_of_one_core(large):
    pixels = ((3, 40), (200, 7), (100, 200))
    alone, shared = (
        ts.simulate(large, kernel="reference", trace_pixels=pixels, cores=cores)
        for cores in (1, CORES)
    )
    assert {tuple(trace["pixel"]) for trace in shared.attrs["traces"]} == set(pixels)
    assert len(alone.attrs["traces"]) == len(shared.attrs["traces"])


def test_an_error_is_the_same_from_threads(large):
    beam = dataclasses.replace(large.beam, fluence=1e75)
    glaring = dataclasses.replace(large, beam=beam)
    told = []
    for cores in (1, CORES):
        with pytest.raises(ExperimentError, match="brighter than float32 holds") as raised:
            ts.simulate(glaring, kernel="reference", cores=cores)
        told.append(str(raised.value))
    assert told[0] == told[1]
    assert not ours()


@pytest.mark.parametrize("cores", [0, -1, 1.5, "2", True])
def test_what_is_no_number_of_cores_is_refused(large, cores):
    with pytest.raises(UsageError, match=f"cores={cores!r} must be a whole number of 1 or more"):
        ts.simulate(large, cores=cores)


def test_an_interrupted_image_leaves_no_thread_and_does_not_end_its_tiles(still, monkeypatch):
    long = still("-detpixels", 512, "-mosaic", 1, "-mosaic_domains", 20_000)  # 5 minutes
    simulate_tile = Simulator.simulate_tile
    begun, ended = [], []

    def interrupting(self, tile, *arguments):
        begun.append(tile)
        if len(begun) == 1:
            os.kill(os.getpid(), signal.SIGINT)
        simulate_tile(self, tile, *arguments)
        ended.append(tile)

    monkeypatch.setattr(Simulator, "simulate_tile", interrupting)
    with pytest.raises(KeyboardInterrupt):
        ts.simulate(long, kernel="reference", cores=CORES)
    assert not ours()
    assert 1 <= len(begun) <= CORES
    assert not ended


# A scan


@pytest.mark.parametrize("cores", [1, CORES])
def test_a_scan_gives_the_image_of_each_experiment_in_order(scan, cores):
    images = list(ts.simulate_many(scan, cores=cores))
    assert same(images, map(ts.simulate, scan))
    assert not ours()


def test_threads_compute_small_images_of_a_scan_beside_each_other(scan, workers):
    list(ts.simulate_many(scan, cores=CORES))
    assert threading.current_thread().name not in workers


def test_a_generator_is_asked_a_few_images_ahead(still):
    asked = []

    def endless():
        while True:
            asked.append(None)
            yield still()

    images = ts.simulate_many(endless(), cores=2)
    for _ in range(3):
        next(images)
    images.close()
    assert 3 <= len(asked) <= 3 + 4
    assert not ours()


def test_an_error_is_raised_when_the_turn_of_its_experiment_comes(scan, tmp_path, still):
    missing = still("-hkl", tmp_path / "gone.hkl")
    images = ts.simulate_many([scan[0], scan[1], missing, scan[2]], cores=CORES)
    assert same([next(images), next(images)], map(ts.simulate, scan[:2]))
    with pytest.raises(ts.TiledSimError, match=r"gone\.hkl"):
        next(images)
    assert not ours()


def test_an_error_of_the_generator_is_raised_as_it_is(scan):
    def broken():
        yield scan[0]
        raise LookupError("of the caller")

    images = ts.simulate_many(broken(), cores=CORES)
    next(images)
    with pytest.raises(LookupError, match="of the caller"):
        next(images)


def test_no_experiments_are_no_images():
    assert list(ts.simulate_many([])) == []


def test_options_of_a_scan_are_refused_before_an_image_is_asked_for(scan):
    with pytest.raises(UsageError, match="device="):
        ts.simulate_many(scan, device="tpu")


@pytest.mark.parametrize("given", ["one", 3])
def test_what_is_no_list_of_experiments_is_refused(still, given):
    experiments = still() if given == "one" else given
    with pytest.raises(UsageError, match="give a list of them, or a generator"):
        ts.simulate_many(experiments)


def test_torch_has_its_threads_while_an_image_of_a_scan_is_looked_at(scan):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        for _ in ts.simulate_many(scan, cores=CORES):
            assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.fixture
def readings(monkeypatch):
    """Paths of the lists that have been read."""
    paths = []
    read_hkl = inputs.read_hkl

    def spy(path):
        paths.append(path)
        return read_hkl(path)

    monkeypatch.setattr(inputs, "read_hkl", spy)
    return paths


@pytest.fixture
def copied(still, data, tmp_path):
    """Reads an experiment with F in a file of its own, at ``copied.path``."""

    def make(*options):
        return still("-hkl", make.path, *options)

    make.path = tmp_path / "f.hkl"
    make.path.write_bytes((data / "p1.hkl").read_bytes())
    return make


@pytest.mark.parametrize("cores", [1, CORES])
def test_a_list_that_experiments_share_is_read_once(copied, readings, cores):
    list(ts.simulate_many((copied("-lambda", 1 + n / 10) for n in range(4)), cores=cores))
    assert len(readings) == 1


def test_a_list_that_has_changed_is_read_again(copied, readings):
    images = ts.simulate_many([copied()] * 2, cores=1)
    first = next(images)
    copied.path.write_text("".join(f"{line} 1\n" for line in ("0 0 1", "0 1 0", "1 0 0")))
    assert not same([first], [next(images)])
    assert len(readings) == 2


def test_a_loop_reads_a_small_list_once(copied, readings):
    for n in range(3):
        ts.simulate(copied("-lambda", 1 + n / 10))
    assert len(readings) == 1


def test_a_list_that_has_changed_is_read_again_by_a_loop(copied, readings):
    before = ts.simulate(copied())
    copied.path.write_text("".join(f"{line} 1\n" for line in ("0 0 1", "0 1 0", "1 0 0")))
    assert not same([before], [ts.simulate(copied())])
    assert len(readings) == 2


def test_a_large_list_is_not_kept_for_those_who_come_later(copied, readings, monkeypatch):
    monkeypatch.setattr(inputs, "_MOST_KEPT", 1000)
    for _ in range(2):
        ts.simulate(copied())
    assert len(readings) == 2

"""Fixtures that all tests share: where inputs lie, and how an experiment becomes an image."""

import dataclasses
import os
import signal
import socket
import uuid
from pathlib import Path

import numpy as np
import pytest
import torch

from tiled_sim.model.experiment import Experiment
from tiled_sim.model.grid import Tile
from tiled_sim.model.inputs import Inputs
from tiled_sim.model.settings import BY_REFERENCE
from tiled_sim.model.structure_factors import StructureFactors
from tiled_sim.plan.plan import Plan
from tiled_sim.plan.planning import make_plan
from tiled_sim.read.inputs import load_amorphous, load_inputs, load_mask
from tiled_sim.simulation.simulator import Simulator, TileResult

pytest.register_assert_rewrite("support")

TESTS = Path(__file__).parent
SHARED = Path(os.environ.get("TILED_SIM_SHARED") or TESTS.parents[1] / "shared")
_STILL = (
    "-cell 70 80 90 75 85 95 -misset 10 20 30 -lambda 1 -N 5 "
    "-distance 100 -detpixels 96 -pixel 0.3 -oversample 1"
)


@pytest.fixture(scope="session", autouse=True)
def _interruptible():
    """What a shell starts in the background ignores Ctrl-C, and so would all that tests start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """Tests run beside each other; the sums do not depend on the number of threads."""
    torch.set_num_threads(1)


def pytest_collection_modifyitems(items):
    for item in items:
        # beside each other, but for clusters: each has processes of its own
        group = "cluster" if TESTS / "cluster" in item.path.parents else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))
    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="torch sees no CUDA device here"))


@pytest.fixture(scope="session")
def data():
    """Folder of the small input files."""
    return TESTS / "data"


@pytest.fixture(scope="session")
def golden():
    """Folder of the reference images."""
    return TESTS / "golden"


@pytest.fixture(scope="session")
def shared():
    """Folder of what is not ours to publish; tests that need it skip without it."""
    if not (SHARED / "golden" / "pilatus6m.npz").is_file():
        pytest.skip(f"needs the shared references, which are not at {SHARED} (TILED_SIM_SHARED)")
    return SHARED


@pytest.fixture
def in_data(data, monkeypatch):
    """Run in the folder of the small input files, as the reference commands did."""
    monkeypatch.chdir(data)


@dataclasses.dataclass(frozen=True)
class Simulated:
    """An experiment computed in this process.

    Parameters
    ----------
    image : float32 (frame, panel, slow, fast) [photons]; 0 in tiles that were left out
    tiles : those computed
    results : of the tiles, in their order
    counts : int32 (frame, panel, slow, fast) [ADU], with noise; 0 in tiles that were left out
    """

    image: np.ndarray
    tiles: list[Tile]
    results: list[TileResult]
    counts: np.ndarray

    @property
    def panel(self):
        """Image of the only panel in the only frame."""
        ((image,),) = self.image
        return image


def planned(experiment: Experiment, *, tile=(512, 512), **settings: object) -> Plan:
    """A plan of an experiment, for the reference kernel unless ``settings`` say another."""
    chosen = dataclasses.replace(BY_REFERENCE, **settings)
    return make_plan(experiment, load_inputs(experiment), chosen, tile=tile)


def _simulate(
    experiment: Experiment,
    *,
    tile: tuple[int, int] = (512, 512),
    trace_pixels: tuple[tuple[int, int], ...] = (),
    holding=None,
    factors: StructureFactors | None = None,
    **settings: object,
) -> Simulated:
    # whoever brings F may name a file that is not there
    brought = Inputs(load_mask(experiment), factors, load_amorphous(experiment))
    inputs = load_inputs(experiment) if factors is None else brought
    chosen = dataclasses.replace(BY_REFERENCE, **settings)
    plan = make_plan(experiment, inputs, chosen, tile=tile, trace_pixels=trace_pixels)
    simulator = Simulator(experiment, inputs, plan, torch.device("cpu"))
    image = np.zeros(experiment.shape, np.float32)
    counts = np.zeros(experiment.shape, np.int32)
    tiles, results = [], []
    for part in plan:
        if holding is not None and not any(holds(part, *pixel) for pixel in holding):
            continue
        result = simulator.simulate_tile(part)
        image[part.region] = result.image
        if experiment.noise is not None:
            counts[part.region] = simulator.simulate_counts(part, result.image)
        tiles.append(part)
        results.append(result)
    return Simulated(image, tiles, results, counts)


def holds(tile: Tile, slow: int, fast: int) -> bool:
    """Whether a pixel of a panel lies in a tile."""
    return slow in range(*tile.slow) and fast in range(*tile.fast)


@pytest.fixture(scope="session")
def simulate():
    """Compute an experiment through plan and simulator, in this process.

    ``simulate(experiment, tile=…, trace_pixels=…, holding=…, factors=…, kernel=…)``: with
    ``holding``, a list of (slow, fast) pixels, only the tiles that hold one of them are computed.
    """
    return _simulate


@pytest.fixture(scope="session")
def address(tmp_path_factory):
    """Of a scheduler with two workers, as a user starts them; killed workers come back."""
    from support.processes import scheduler_with_two_workers

    with scheduler_with_two_workers(tmp_path_factory.mktemp("cluster")) as made:
        yield made.address


@pytest.fixture(scope="session")
def still(data):
    """Make a small still of a triclinic crystal: ``still("-dmin", 6)`` adds or replaces options."""

    def make(*options: object, c_compat: bool = False) -> Experiment:
        given = [str(option) for option in options]
        return Experiment.from_nanobragg(
            ["-hkl", str(data / "p1.hkl"), *_STILL.split(), *given], c_compat=c_compat
        )

    return make


@pytest.fixture
def closed_port():
    """A port of this machine where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def object_server():
    """Environment of whoever uses a real S3 server on loopback."""
    from support.object_server import object_server  # takes a second to import

    with object_server() as environment:
        yield environment


@pytest.fixture
def bucket(object_server, monkeypatch):
    """URL of a folder of its own in a bucket, with the environment that opens it."""
    for name, value in object_server.items():
        monkeypatch.setenv(name, value)
    return f"s3://runs/{uuid.uuid4().hex}"

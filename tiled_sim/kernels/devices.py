"""Torch devices by their names, and torch's threads."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from tiled_sim.errors import UsageError
from tiled_sim.model.settings import DEVICES, SPOTS, Settings

#: Tiles at a time: while one is computed, others are copied back, checked and written.
TILES_ON_A_GPU = 4


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Torch on one thread, and after that on as many as before.

    The parallel unit is the tile; on a busy machine torch's own threads wait for each other and
    were seen to be ten times slower.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def device_named(name: str) -> torch.device:
    """The torch device of a name, whether it is there or not.

    Raises
    ------
    UsageError
        for other names than ``cpu``, ``cuda`` and ``cuda:N``
    """
    try:
        device = torch.device(name) if isinstance(name, str) else None
    except RuntimeError:
        device = None
    if device is None or (device.type != "cuda" and device != torch.device("cpu")):
        raise UsageError(f"--device {name!r} must be auto, cpu, cuda or cuda:N")
    return device


def resolve_device(name: str) -> torch.device:
    """The torch device that ``auto``, ``cpu``, ``cuda`` or ``cuda:N`` stands for here.

    Raises
    ------
    UsageError
        for another name, or a CUDA device that is not there
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = device_named(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UsageError(
            f"--device {name}: torch sees {torch.cuda.device_count()} CUDA devices here"
        )
    return device


def device_of(settings: Settings, device: str) -> str:
    """Name of the device on which a kernel runs where ``device`` was asked for.

    Parameters
    ----------
    settings : with the kernel that was chosen
    device : ``auto`` or the name of a torch device
    """
    (first, *others) = DEVICES[settings.kernel]
    if device != "auto" or (others and not _lacks_triton(settings)):
        return device
    return first


def _lacks_triton(settings: Settings) -> bool:
    """Whether a kernel that was chosen for a CPU cannot run on the GPU that is here."""
    if settings.kernel != SPOTS or not torch.cuda.is_available():
        return False
    from tiled_sim.kernels import triton

    return bool(triton.obstacle())


@contextmanager
def stream_of_its_own(device: torch.device) -> Iterator[None]:
    """A CUDA stream for one tile, so that others compute while this one is copied and written."""
    if device.type != "cuda":
        yield
        return
    with torch.cuda.device(device), torch.cuda.stream(torch.cuda.Stream(device)):
        yield

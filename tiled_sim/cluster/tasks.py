"""The tasks as a scheduler sees them: it unpickles what it hands out, and need not load torch."""

from typing import Any


def compute_batch(
    path: str, run_id: str, device: str, tiles: list[tuple[int, int]], factor: int
) -> list[dict[str, Any]]:
    """As `tiled_sim.cluster.worker.compute_batch`."""
    from tiled_sim.cluster import worker

    return worker.compute_batch(path, run_id, device, tiles, factor)


def drive_here(path: str, run_id: str, device: str) -> None:
    """As `tiled_sim.cluster.detached.drive_here`."""
    from tiled_sim.cluster import detached

    detached.drive_here(path, run_id, device)

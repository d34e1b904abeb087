"""The command line: one module a verb; parsing and printing, nothing else."""

from tiled_sim.cli.main import main

__all__ = ["main"]

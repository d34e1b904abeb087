"""The C program, to be timed beside."""

import subprocess
from pathlib import Path

from cases import DATA


def run_c(program: Path, options: list[str], folder: str, environment: dict[str, str]) -> None:
    """Run the C program in a folder, which gets the lists of F and its ``image.bin``."""
    for name in ("p1.hkl", "2erl.hkl"):
        (Path(folder) / name).symlink_to(DATA / name)
    subprocess.run(
        [program, *options, "-nonoise", "-nopgm", "-floatfile", "image.bin"],
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
    )

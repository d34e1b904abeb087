"""What a build does when it is asked: one JSON object a line in, one a line out.

It runs in the environment of either build, so that of tiled_sim it knows only what is the same in
all of them: `Experiment.from_nanobragg`, `Experiment.from_toml` and `simulate`.

    python inside.py [CORE]
"""

import hashlib
import json
import os
import platform
import resource
import sys

if len(sys.argv) > 1 and hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {int(sys.argv[1])})  # before there are threads

import numpy as np
import torch

import tiled_sim


def processor_seconds() -> float:
    """Of this process, and of those that it has waited for [s]."""
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


def simulated(folder: str, words: list[str], kernel: str, at_least: float = 0.0) -> dict:
    """Simulate nanoBragg options or a TOML file: how long it took, and what it made.

    Parameters
    ----------
    folder : to work in
    words : the options, or the path
    kernel : and its precision
    at_least : do it again until so much time is spent [s]
    """
    os.chdir(folder)
    if words[0].startswith("-"):
        experiment = tiled_sim.Experiment.from_nanobragg(words)
    else:
        experiment = tiled_sim.Experiment.from_toml(words[0])
    name, precision = kernel.split()
    seconds: list[float] = []
    while not seconds or sum(seconds) < at_least:
        began = processor_seconds()
        image = tiled_sim.simulate(experiment, kernel=name, precision=precision)
        seconds.append(processor_seconds() - began)
    pixels = np.ascontiguousarray(image, dtype="<f4")
    return {
        "seconds": seconds,
        "shape": pixels.shape,
        "sha256": hashlib.sha256(pixels).hexdigest(),
        "brightest": float(pixels.max()),
    }


def main() -> None:
    """Answer until nothing more is asked."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no answer
    torch.set_num_threads(1)
    answer = {
        "tiled_sim": tiled_sim.__file__,
        "Python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }
    print(json.dumps(answer), file=answers, flush=True)
    for line in sys.stdin:
        try:
            answer = simulated(**json.loads(line))
        except Exception as error:  # whatever a build may raise is its answer
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()

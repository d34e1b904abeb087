"""How often a command looks for garbage."""

import gc
import json
import subprocess
import sys

from tiled_sim.cli.main import main

_PROGRAM = """
import gc, json, sys
from tiled_sim.cli.main import main

def after(objects):
    kept = [[] for _ in range(objects)]
    return gc.get_threshold()

sys.argv = ["tiled-sim", "--version"]
told = {"before": gc.get_threshold()}
main()
told["of a command"] = gc.get_threshold()
told["later"] = after(100_000)
import json.tool
told["after another import"] = after(100_000)
print(json.dumps(told))
"""


def test_a_command_looks_for_garbage_rarely_until_it_has_imported_all():
    process = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True
    )
    told = json.loads(process.stdout.splitlines()[-1])
    assert told["of a command"][0] > 10 * told["before"][0]
    assert told["later"] == told["after another import"] == told["before"]


def test_a_program_that_calls_a_command_keeps_its_collector():
    before = gc.get_threshold(), len(gc.callbacks)
    assert main(["--version"]) == 0
    assert (gc.get_threshold(), len(gc.callbacks)) == before

"""The browser that pages are tried in, and the rules that they are held to."""

import importlib.util
import os
import shutil
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium")


def axe():
    """The text of axe.min.js, of the path in AXE or of a package that has it; skips without."""
    package = importlib.util.find_spec("axe_core_python")
    path = os.environ.get("AXE") or (package and Path(package.origin).parent / "axe.min.js")
    if not path or not Path(path).is_file():
        pytest.skip("needs axe.min.js: pip install axe-core-python, or its path in AXE")
    return Path(path).read_text()


def faults_by_axe(tab):
    """Rules that a tab of playwright breaks seriously, and where."""
    tab.evaluate(axe())
    found = tab.evaluate("axe.run()")["violations"]
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    return [(one["id"], [node["html"] for node in one["nodes"]]) for one in serious]

"""Imports go one way: read from the source, not from what happens to be loaded."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "tiled_sim"

#: From the ground up; a part may import from its own layer and from those before it.
LAYERS = (
    ("errors", "versions"),
    ("physics",),
    ("amorphous", "structure_factors"),
    ("io",),
    ("experiment",),
    ("inputs",),
    ("kernels",),
    ("tiles", "trace"),
    ("counting",),
    ("simulation",),
    ("coverage", "images", "run", "pictures", "verification"),
    ("instruments",),
    ("cluster",),
    ("cli",),
    ("__init__", "__main__"),
)
HEIGHT = {part: height for height, layer in enumerate(LAYERS) for part in layer}
DASK = {"dask", "distributed", "bokeh"}


def name_of(path):
    parts = ("tiled_sim", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 2 else parts)


SOURCES = {name_of(path): ast.parse(path.read_text()) for path in sorted(PACKAGE.rglob("*.py"))}


def imported_by(tree):
    """Modules that a module names in its import statements, wherever they stand in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name the whole way, tiled_sim.…"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in SOURCES else node.module


IMPORTS = {name: sorted(set(imported_by(tree))) for name, tree in SOURCES.items()}
OURS = [
    (name, other)
    for name, imports in IMPORTS.items()
    for other in imports
    if other.split(".")[0] == "tiled_sim"
]


def part_of(module):
    """The part of the package that a module belongs to: a folder, or a file beside them."""
    names = module.split(".")
    return names[1] if len(names) > 1 else "__init__"


def top_of(module):
    return module.split(".")[0]


def reached_from(module):
    """Everything that a module imports, itself or through others of ours."""
    reached, ahead = set(), [module]
    while ahead:
        for other in IMPORTS.get(ahead.pop(), ()):
            if other not in reached:
                reached.add(other)
                ahead.append(other)
    return reached


def modules_of(part):
    return {name for name in SOURCES if part_of(name) == part}


def test_the_source_was_found():
    assert {"tiled_sim.physics.geometry", "tiled_sim.io.hkl", "tiled_sim.tiles"} <= set(SOURCES)
    assert ("tiled_sim.io.matrix", "tiled_sim.physics.vectors") in OURS
    assert "torch" in IMPORTS["tiled_sim.physics.geometry"]


@pytest.mark.parametrize("module", SOURCES)
def test_every_module_has_a_layer(module):
    assert part_of(module) in HEIGHT


@pytest.mark.parametrize("part", HEIGHT)
def test_every_part_of_a_layer_exists(part):
    assert (PACKAGE / part).is_dir() or (PACKAGE / f"{part}.py").is_file()


@pytest.mark.parametrize(("module", "imported"), OURS)
def test_imports_go_down(module, imported):
    assert HEIGHT[part_of(imported)] <= HEIGHT[part_of(module)]


@pytest.mark.parametrize("module", sorted(modules_of("io")))
@pytest.mark.parametrize("library", ["torch", *sorted(DASK)])
def test_io_reaches_neither_torch_nor_dask(module, library):
    assert library not in {top_of(other) for other in reached_from(module)}


@pytest.mark.parametrize("module", sorted(modules_of("physics")))
def test_physics_knows_tensors_and_nothing_else(module):
    libraries = {top_of(other) for other in reached_from(module)} - {"tiled_sim"}
    assert libraries <= {"collections", "math", "typing", "numpy", "torch"}


@pytest.mark.parametrize("module", sorted(SOURCES.keys() - modules_of("cluster")))
def test_only_the_cluster_knows_dask(module):
    assert not DASK & {top_of(other) for other in IMPORTS[module]}


@pytest.mark.parametrize("module", sorted(SOURCES.keys() - modules_of("cli")))
def test_only_the_command_line_prints(module):
    calls = [node.func for node in ast.walk(SOURCES[module]) if isinstance(node, ast.Call)]
    assert "print" not in {call.id for call in calls if isinstance(call, ast.Name)}


@pytest.mark.parametrize("module", SOURCES)
def test_no_module_imports_everything_of_another(module):
    starred = [
        node
        for node in ast.walk(SOURCES[module])
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
    ]
    assert not starred

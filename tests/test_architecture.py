"""Imports go one way: read from the source, not from what happens to be loaded."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "tiled_sim"

#: From the ground up; a part may import from its own layer and from those before it.
LAYERS = (
    ("errors", "versions", "wording"),
    ("physics",),
    ("model",),
    ("io",),
    ("read",),
    ("store",),
    ("kernels",),
    ("plan",),
    ("simulation",),
    ("run",),
    ("export", "instruments"),
    ("report", "viewer"),
    ("cluster",),
    ("cli",),
    ("__init__", "__main__"),
)
HEIGHT = {part: height for height, layer in enumerate(LAYERS) for part in layer}
#: `Experiment.from_toml` and `from_nanobragg` import their reader when they are called, and what a
#: notebook shows of experiments and runs, and draws of runs, is imported when it is asked for.
EXCEPTIONS = {
    ("tiled_sim.model.experiment", "tiled_sim.read.nanobragg.reader"),
    ("tiled_sim.model.experiment", "tiled_sim.read.nanobragg.stated"),
    ("tiled_sim.model.experiment", "tiled_sim.read.toml.reader"),
    ("tiled_sim.model.experiment", "tiled_sim.report.notebook"),
    ("tiled_sim.run.run", "tiled_sim.export.spots"),
    ("tiled_sim.run.run", "tiled_sim.instruments.pictures"),
    ("tiled_sim.run.run", "tiled_sim.report.notebook"),
}
DASK = {"dask", "distributed", "bokeh"}
LONGEST_MODULE = 500
MOST_PARAMETERS = 8


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


def only_for_types(tree):
    """Modules that are imported under ``if TYPE_CHECKING`` alone, which no run meets."""
    guarded = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
    ]
    return {module for node in guarded for module in imported_by(node)}


IMPORTS = {
    name: {other for other in imported_by(tree) if (name, other) not in EXCEPTIONS}
    for name, tree in SOURCES.items()
}


def part_of(module):
    """The part of the package that a module belongs to: a folder, or a file beside them."""
    names = module.split(".")
    return names[1] if len(names) > 1 else "__init__"


def ours(modules):
    return {module for module in modules if module.split(".")[0] == "tiled_sim"}


def libraries_reached_from(module):
    """Tops of everything that a module imports, itself or through others of ours."""
    reached, ahead = set(), [module]
    while ahead:
        for other in IMPORTS.get(ahead.pop(), ()):
            if other not in reached:
                reached.add(other)
                ahead.append(other)
    return {other.split(".")[0] for other in reached}


def modules_of(part):
    return [name for name in SOURCES if part_of(name) == part]


def functions_of(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def test_the_source_was_found():
    assert {"tiled_sim.physics.geometry", "tiled_sim.io.hkl", "tiled_sim.plan.plan"} <= set(SOURCES)
    assert "tiled_sim.physics.vectors" in IMPORTS["tiled_sim.io.matrix"]
    assert "torch" in IMPORTS["tiled_sim.physics.geometry"]


def test_every_part_stands_in_one_layer():
    assert {part_of(name) for name in SOURCES} == set(HEIGHT)


def test_imports_go_down():
    upward = [
        (name, other)
        for name, imports in IMPORTS.items()
        for other in ours(imports)
        if HEIGHT[part_of(other)] > HEIGHT[part_of(name)]
    ]
    assert upward == []


def test_no_modules_import_each_other_in_a_circle():
    graph = {
        name: (ours(IMPORTS[name]) & set(SOURCES)) - only_for_types(tree)
        for name, tree in SOURCES.items()
    }
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise AssertionError(" → ".join(error.args[1])) from None


def test_the_model_and_the_formats_reach_neither_torch_nor_dask():
    for part in ("model", "io"):
        for module in modules_of(part):
            assert not {"torch", *DASK} & libraries_reached_from(module), module


def test_physics_knows_tensors_and_nothing_else():
    of_python = {"collections", "functools", "math", "statistics", "typing"}
    allowed = of_python | {"tiled_sim", "numpy", "torch"}
    for module in modules_of("physics"):
        assert libraries_reached_from(module) <= allowed, module


def test_only_the_cluster_knows_dask():
    for module in SOURCES:
        tops = {other.split(".")[0] for other in IMPORTS[module]}
        assert part_of(module) == "cluster" or not DASK & tops, module


def test_only_the_command_line_prints():
    for module, tree in SOURCES.items():
        calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
        names = {call.id for call in calls if isinstance(call, ast.Name)}
        assert part_of(module) == "cli" or "print" not in names, module


def test_no_module_imports_everything_of_another():
    for module, tree in SOURCES.items():
        for node in ast.walk(tree):
            starred = isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
            assert not starred, module


def test_no_module_is_longer_than_500_lines():
    for path in PACKAGE.rglob("*.py"):
        assert len(path.read_text().splitlines()) <= LONGEST_MODULE, path


def test_outside_the_kernels_no_function_has_more_than_eight_parameters():
    for module, tree in SOURCES.items():
        for function in functions_of(tree):
            if part_of(module) == "kernels" or (module, function.name) == (
                "tiled_sim.cluster.submit",
                "submit",
            ):
                continue
            parameters = function.args.posonlyargs + function.args.args + function.args.kwonlyargs
            names = [one.arg for one in parameters if one.arg not in ("self", "cls")]
            assert len(names) <= MOST_PARAMETERS, f"{module}.{function.name}"

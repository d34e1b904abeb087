"""Which kernel computes a run: what is asked for, what can be had, what finishes first."""

import dataclasses

import pytest

from tiled_sim.errors import KernelError, UsageError
from tiled_sim.kernels import compiled, packages, subpixels
from tiled_sim.kernels.bragg import loops
from tiled_sim.model.crystal import SHAPES
from tiled_sim.model.diffuse import Diffuse
from tiled_sim.model.grid import TileGrid
from tiled_sim.model.settings import BY_REFERENCE, PRECISIONS, Settings
from tiled_sim.plan import choice
from tiled_sim.plan.choice import choose_kernel
from tiled_sim.plan.prepare import prepare
from tiled_sim.simulation.images import simulate

#: 1440 steps a pixel.
MANY_STEPS = ("-mosaic", 1, "-mosaic_domains", 144, "-phisteps", 10, "-osc", 1)
STRAIGHT = ("-cell", 70, 80, 90, 90, 90, 90)
ENDLESS, ENDING = ("-square_xtal", "-round_xtal"), ("-gauss_xtal", "-tophat_spots")


@pytest.fixture
def small(still):
    """9216 evaluations: a millisecond."""
    return still()


@pytest.fixture
def large(still):
    """5.8e9 evaluations: minutes by the reference kernel."""
    return still(*MANY_STEPS, "-detpixels", 2000)


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def full_cache(monkeypatch):
    """Every graph is built."""
    monkeypatch.setattr(choice, "is_built", lambda graph: True)


@pytest.fixture
def with_triton(monkeypatch):
    monkeypatch.setattr("tiled_sim.kernels.triton.obstacle", lambda: "")


@pytest.fixture
def without_triton(monkeypatch):
    monkeypatch.setattr("tiled_sim.kernels.triton.obstacle", lambda: "triton is missing")


@pytest.fixture
def no_compiler(tmp_path, monkeypatch):
    """A PATH on which there is nothing to build with, and nothing built."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("CXX", raising=False)


@pytest.fixture
def no_building(monkeypatch):
    """Whoever compiles, or loads what is compiled, fails."""

    def refuse(graph):
        raise AssertionError(f"{graph} is compiled")

    monkeypatch.setattr(packages, "build", refuse)
    monkeypatch.setattr(compiled, "load", refuse)
    monkeypatch.setattr(loops, "load", refuse)
    monkeypatch.setattr(subpixels, "load", refuse)


def chosen(
    experiment, *, precision="float64", kernel="auto", device="cpu", cores=1, negligible=1e-9
):
    asked = Settings(kernel, precision, negligible)
    return choose_kernel(experiment, asked, device=device, cores=cores)


# By predicted cost


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_small_job_takes_the_reference_kernel(small, empty_cache, precision):
    assert chosen(small, precision=precision).kernel == "reference"


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_large_job_takes_the_compiled_kernel_though_it_must_be_built(
    large, empty_cache, precision
):
    assert chosen(large, precision=precision).kernel == "compiled"


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_small_job_is_computed_without_a_compilation(small, empty_cache, no_building, precision):
    assert simulate(small, precision=precision).max() > 0


def test_diffuse_scattering_is_predicted_by_its_nodes(still):
    def seconds(diffuse):
        crystal = dataclasses.replace(still().crystal, diffuse=diffuse)
        soft = dataclasses.replace(still(), crystal=crystal)
        return choice.predicted_seconds(BY_REFERENCE, soft, cores=1)

    none, one, many = (
        seconds(None if reach is None else Diffuse((50.0,) * 3, (0.3,) * 3, reach))
        for reach in (None, 0, 2)
    )
    assert none < one < none + 0.2 * (many - none)


def test_a_small_job_is_planned_without_a_compilation(small, empty_cache, no_building):
    assert prepare(small).plan.settings.kernel == "reference"


def test_a_small_job_does_not_even_load_what_is_built(small, full_cache, no_building):
    assert simulate(small).max() > 0


@pytest.mark.parametrize("shape", ENDLESS)
def test_choosing_compiles_nothing(still, empty_cache, no_building, shape):
    assert chosen(still(*MANY_STEPS, "-detpixels", 2000, shape)).kernel == "compiled"


@pytest.mark.parametrize("shape", ENDING)
def test_choosing_for_a_small_job_compiles_nothing(still, empty_cache, no_building, shape):
    assert chosen(still(shape)).kernel == "reference"


@pytest.mark.parametrize("shape", ENDING)
def test_spots_are_followed_though_their_loops_must_be_built(still, empty_cache, shape):
    assert chosen(still(*MANY_STEPS, "-detpixels", 2000, "-N", 30, shape)).kernel == "spots"


def test_a_job_for_which_a_compilation_is_too_dear_is_worth_one_that_is_made(still, full_cache):
    job = still("-detpixels", 2000, "-phisteps", 10, "-osc", 1)  # 4e7 evaluations
    assert chosen(job).kernel == "compiled"


def test_the_same_job_does_not_wait_for_a_compilation(still, empty_cache):
    job = still("-detpixels", 2000, "-phisteps", 10, "-osc", 1)
    assert chosen(job).kernel == "reference"


def test_more_cores_make_a_compilation_dearer(still, empty_cache):
    job = still(*MANY_STEPS, "-detpixels", 1200)
    assert [chosen(job, cores=cores).kernel for cores in (1, 100)] == ["compiled", "reference"]


def test_every_frame_counts(still, empty_cache):
    one = still(*MANY_STEPS)
    many = dataclasses.replace(one, exposures=dataclasses.replace(one.exposures, count=1000))
    assert [chosen(job).kernel for job in (one, many)] == ["reference", "compiled"]


def test_every_shape_has_its_costs(still):
    for shape in SHAPES:
        crystal = dataclasses.replace(still().crystal, shape=shape)
        job = dataclasses.replace(still(), crystal=crystal)
        for kernel, precision in ("reference", "float64"), ("compiled", "float64"):
            asked = Settings(kernel, precision)
            for oversample in 1, 2:
                sampling = dataclasses.replace(job.sampling, oversample=oversample)
                of_job = dataclasses.replace(job, sampling=sampling)
                assert choice.predicted_seconds(asked, of_job, cores=1) > 0.0


def test_tiles_outside_the_regions_of_interest_cost_nothing(still):
    whole = still("-detpixels", 64)
    part = still("-detpixels", 64, "-roi", 20, 40, 0, 10)
    grid = TileGrid.cut((1, 1, 64, 64), (1, 1, 16, 16))
    seconds = [choice.seconds_of_tiles(Settings("compiled"), job, grid) for job in (whole, part)]
    assert seconds[1] / seconds[0] == pytest.approx(2 / 16)


@pytest.fixture
def round_costs(monkeypatch):
    """Costs that make the predictions easy to work out."""
    monkeypatch.setattr(choice, "_REFERENCE_EVALUATION", {"square": 100e-9})
    monkeypatch.setattr(choice, "_REFERENCE_SUBPIXEL", 0.0)
    monkeypatch.setattr(choice, "_REFERENCE_PIXEL", 0.0)
    monkeypatch.setattr(choice, "_COMPILED_PIXEL", 0.0)
    compiled = {"float64": {"square": 5e-9}, "mixed": {"square": 2e-9}}
    monkeypatch.setattr(choice, "_COMPILED_EVALUATION", compiled)
    monkeypatch.setattr(choice, "_COMPILED_SUBPIXEL", 50e-9)
    monkeypatch.setattr(choice, "_LOADING", 1.0)
    monkeypatch.setattr(choice, "_BUILDING", {False: 10.0})
    monkeypatch.setattr(choice, "_TOGETHER_EVALUATION", {"square": 5e-9})
    monkeypatch.setattr(choice, "_TOGETHER_SUBPIXEL", 5e-9)
    monkeypatch.setattr(choice, "_TOGETHER_PIXEL", 10e-9)
    monkeypatch.setattr(choice, "_BUILDING_LIBRARY", 3.0)


def test_the_reason_for_the_reference_kernel_tells_the_seconds(still, empty_cache, round_costs):
    # 4e6 pixels of 4 subpixels: 1.6 s; else 0.88 s beside loading and two compilations
    job = still("-detpixels", 2000, "-oversample", 2, "-dmin", 4)
    assert chosen(job).reason == "predicted 1.6 s, compiled 22 s"


def test_subpixels_wait_for_a_loop_that_is_soon_compiled(
    still, empty_cache, round_costs, monkeypatch
):
    monkeypatch.setattr(subpixels, "has_wide_vectors", lambda: True)
    # 4e6 pixels of 16 subpixels: 0.7 s beside 3 s of a compilation
    job = still("-detpixels", 2000, "-oversample", 4)
    assert chosen(job).reason == "predicted 3.7 s, reference 6.4 s"


def test_the_reason_for_the_compiled_kernel_tells_the_seconds(still, full_cache, round_costs):
    # 4e6 pixels of 100 steps, on two cores
    job = still("-detpixels", 2000, "-mosaic", 1, "-mosaic_domains", 100)
    assert chosen(job, cores=2).reason == "predicted 2.1 s, reference 20 s"
    assert chosen(job, cores=2, precision="mixed").reason == "predicted 1.5 s, reference 20 s"


def test_the_plan_holds_the_choice_and_its_reason(small, empty_cache):
    settings = prepare(small, Settings(precision="mixed")).plan.settings
    assert (settings.kernel, settings.precision) == ("reference", "float64")
    assert settings.reason.startswith("predicted ")


# As asked


@pytest.mark.parametrize("kernel", ["reference", "compiled"])
def test_a_kernel_that_is_asked_for_is_taken_at_any_cost(small, large, empty_cache, kernel):
    choices = [chosen(job, kernel=kernel) for job in (small, large)]
    assert {(each.kernel, each.reason) for each in choices} == {(kernel, "as asked")}


@pytest.mark.parametrize("cached", ["empty_cache", "full_cache"])
@pytest.mark.parametrize("kernel", ["auto", "reference", "compiled"])
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("job", ["small", "large"])
def test_the_precision_is_never_less_than_what_is_asked_for(
    request, cached, kernel, precision, job
):
    request.getfixturevalue(cached)
    taken = chosen(request.getfixturevalue(job), kernel=kernel, precision=precision)
    assert PRECISIONS.index(taken.precision) <= PRECISIONS.index(precision)


def test_the_precisions_are_named_from_the_finest():
    assert PRECISIONS == ("float64", "mixed")


def test_the_reference_kernel_is_float64_whatever_is_asked_for(small):
    assert chosen(small, kernel="reference", precision="mixed").precision == "float64"


def test_the_compiled_kernel_has_the_precision_that_is_asked_for(large, full_cache):
    assert [chosen(large, precision=each).precision for each in PRECISIONS] == list(PRECISIONS)


# Obstacles


def interpolating(still):
    return still(*MANY_STEPS, "-detpixels", 2000, "-interpolate")


def test_a_large_interpolated_job_takes_the_compiled_kernel(still, full_cache):
    assert chosen(interpolating(still)).kernel == "compiled"


@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
def test_a_gpu_takes_the_kernel_that_is_made_for_it(large, with_triton, device):
    taken = chosen(large, device=device, precision="mixed")
    assert (taken.kernel, taken.precision) == ("triton", "mixed")
    assert taken.reason == "made for this device"


@pytest.fixture
def of_few_spots(still):
    """Gaussian spots of so large a crystal that few evaluations count."""
    return still("-gauss_xtal", "-N", 30, *MANY_STEPS, "-detpixels", 2000, "-distance", 500)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_gpu_follows_spots_where_few_evaluations_count(
    of_few_spots, with_triton, no_building, precision
):
    taken = chosen(of_few_spots, device="cuda", precision=precision)
    assert (taken.kernel, taken.precision, taken.negligible) == ("spots", precision, 1e-9)
    assert "not measured" in taken.reason


def test_a_gpu_evaluates_every_pixel_where_spots_overlap(still, with_triton):
    overlapping = still("-gauss_xtal", "-N", 2, *MANY_STEPS, "-detpixels", 2000)
    assert chosen(overlapping, device="cuda").kernel == "triton"


def test_spots_may_be_asked_for_on_a_gpu_and_need_no_loops_in_cpp(
    of_few_spots, with_triton, no_building
):
    taken = chosen(of_few_spots, kernel="spots", device="cuda", precision="mixed")
    assert (taken.kernel, taken.precision) == ("spots", "mixed")
    build = choice.build_kernel
    assert build(taken, of_few_spots, asked="spots", device="cuda", compiling=int) == taken


@pytest.mark.parametrize("precision", PRECISIONS)
def test_on_a_cpu_spots_of_several_pixels_have_the_precision_that_is_asked_for(still, precision):
    of_several_pixels = still(*STRAIGHT, "-gauss_xtal", "-N", 10, *MANY_STEPS, "-distance", 500)
    assert chosen(of_several_pixels, kernel="spots", precision=precision).precision == precision


def test_on_a_cpu_spots_smaller_than_a_pixel_are_float64_whatever_is_asked_for(still):
    small = still(*STRAIGHT, "-gauss_xtal", "-N", 60, *MANY_STEPS, "-distance", 100)
    assert chosen(small, kernel="spots", precision="mixed").precision == "float64"


def test_spots_on_a_gpu_without_triton_are_refused(of_few_spots, without_triton):
    with pytest.raises(UsageError, match="kernel='spots' cannot be had: triton is missing"):
        chosen(of_few_spots, kernel="spots", device="cuda")


def test_a_gpu_without_triton_takes_the_reference_kernel_and_says_why(large, without_triton):
    taken = chosen(large, device="cuda")
    assert (taken.kernel, taken.reason) == ("reference", "no triton kernel: triton is missing")


def test_the_triton_kernel_without_triton_is_refused(large, without_triton):
    with pytest.raises(UsageError, match="kernel='triton' cannot be had: triton is missing"):
        chosen(large, kernel="triton", device="cuda")


def test_the_triton_kernel_on_a_cpu_is_refused(large):
    with pytest.raises(UsageError, match="kernel='triton' cannot be had: it runs on CUDA"):
        chosen(large, kernel="triton")


def test_the_compiled_kernel_on_a_gpu_is_refused(large, full_cache):
    with pytest.raises(UsageError, match="kernel='compiled' cannot be had: it runs on CPU"):
        chosen(large, kernel="compiled", device="cuda")


def test_a_machine_without_a_compiler_takes_the_reference_kernel_and_says_why(large, no_compiler):
    taken = chosen(large)
    assert taken.kernel == "reference"
    assert "no compiled kernel: no C++ compiler is installed" in taken.reason


def test_the_compiled_kernel_without_a_compiler_is_refused(large, no_compiler):
    with pytest.raises(
        UsageError, match=r"'compiled' cannot be had: no C\+\+ compiler is installed"
    ):
        chosen(large, kernel="compiled")


def test_a_graph_that_is_built_needs_no_compiler(large, no_compiler, full_cache):
    assert chosen(large).kernel == "compiled"


def test_a_cache_that_cannot_be_made_takes_the_reference_kernel_and_says_why(
    large, tmp_path, monkeypatch
):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    taken = chosen(large)
    assert taken.kernel == "reference"
    assert "the cache folder" in taken.reason


def test_an_obstacle_does_not_hinder_the_reference_kernel(still, no_compiler):
    taken = chosen(interpolating(still), kernel="reference", device="cuda")
    assert (taken.kernel, taken.reason) == ("reference", "as asked")


# Spots instead of pixels


@pytest.fixture
def narrow(still):
    """Spots of a hundredth of a cell, and 1440 steps."""
    return still(*MANY_STEPS, "-detpixels", 512, "-N", 30, "-gauss_xtal")


@pytest.fixture
def wide(still):
    """Spots that overlap."""
    return still(*MANY_STEPS, "-detpixels", 512, "-N", 2, "-gauss_xtal")


def test_narrow_spots_are_followed(narrow, full_cache):
    taken = chosen(narrow)
    assert (taken.kernel, taken.precision, taken.negligible) == ("spots", "float64", 1e-9)


def test_wide_spots_are_not_followed(wide, full_cache):
    taken = chosen(wide)
    assert (taken.kernel, taken.negligible) == ("compiled", 0.0)


def test_following_spots_can_be_turned_off(narrow, full_cache):
    taken = chosen(narrow, negligible=0.0)
    assert (taken.kernel, taken.negligible) == ("compiled", 0.0)


def test_flat_topped_spots_end_by_themselves(still, full_cache):
    flat = still(*MANY_STEPS, "-detpixels", 512, "-N", 30, "-tophat_spots")
    taken = chosen(flat, negligible=0.0)
    assert (taken.kernel, taken.negligible) == ("spots", 0.0)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("-square_xtal",), "shape square have no end"),
        (("-gauss_xtal", "-dmin", 3), "dmin"),
        (("-gauss_xtal", "-interpolate"), "interpolate"),
    ],
)
def test_spots_that_cannot_be_followed_are_refused_with_the_reason(still, options, why):
    with pytest.raises(UsageError, match=f"kernel='spots' cannot be had: .*{why}"):
        chosen(still(*options), kernel="spots")


def test_following_spots_without_leaving_anything_out_is_refused(narrow):
    with pytest.raises(UsageError, match="negligible=0 keeps every evaluation"):
        chosen(narrow, kernel="spots", negligible=0.0)


@pytest.mark.parametrize("share", [-0.1, 1.0, 2.0, float("nan")])
def test_a_share_that_is_none_is_refused(small, share):
    with pytest.raises(UsageError, match=r"negligible=.* from 0"):
        chosen(small, negligible=share)


# Building what was chosen


@pytest.fixture
def broken_compiler(empty_cache, monkeypatch):
    def fail(graph, path):
        raise RuntimeError("cc1plus: killed\nby signal 9")

    monkeypatch.setattr(packages, "_compile", fail)


def built(job, asked):
    said = []
    taken = choice.build_kernel(
        chosen(job, kernel=asked), job, asked=asked, compiling=lambda: said.append("compiling")
    )
    return taken, said


def test_a_compilation_that_fails_leaves_the_reference_kernel_and_says_why(
    large, broken_compiler, caplog
):
    taken, said = built(large, "auto")
    assert (taken.kernel, taken.precision, said) == ("reference", "float64", ["compiling"])
    assert "cc1plus: killed)" in taken.reason
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_compilation_that_fails_is_an_error_if_that_kernel_was_asked_for(large, broken_compiler):
    with pytest.raises(KernelError, match=r"cc1plus: killed\); kernel='reference' needs no"):
        built(large, "compiled")


def test_a_run_whose_kernel_cannot_be_compiled_is_computed_all_the_same(still, broken_compiler):
    job = still("-detpixels", 160, "-mosaic", 1, "-mosaic_domains", 10)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choice, "_REFERENCE_EVALUATION", {"square": 1.0})
        assert chosen(job).kernel == "compiled"
        assert simulate(job).max() > 0


# Unknown names


@pytest.mark.parametrize("kernel", ["cuda", "fast", "", "Compiled"])
def test_an_unknown_kernel_is_refused_and_told_what_there_is(small, kernel):
    message = f"kernel={kernel!r} must be one of auto, reference, compiled"
    with pytest.raises(UsageError, match=message):
        chosen(small, kernel=kernel)


@pytest.mark.parametrize("precision", ["float32", "double", "", "FLOAT64"])
def test_an_unknown_precision_is_refused_and_told_what_there_is(small, precision):
    message = f"precision={precision!r} must be one of float64, mixed"
    with pytest.raises(UsageError, match=message):
        chosen(small, precision=precision)


def test_layers_and_a_background_take_their_time(still):
    chosen = choose_kernel(still(), Settings("reference"), device="cpu", cores=1)

    def seconds(*options):
        return choice.predicted_seconds(chosen, still(*options), cores=1)

    thick = seconds("-detector_thick", 450, "-detector_thicksteps", 5)
    assert thick == pytest.approx(5 * seconds())
    assert seconds("-water", 5) == pytest.approx(seconds() + 96 * 96 * 60e-9)


def test_a_region_of_interest_takes_the_time_of_its_pixels_alone(still):
    chosen = choose_kernel(still(), Settings("reference"), device="cpu", cores=1)
    whole = choice.predicted_seconds(chosen, still(), cores=1)
    quarter = still("-roi", 0, 47, 48, 95)
    assert choice.predicted_seconds(chosen, quarter, cores=1) == pytest.approx(whole / 4)

"""The reference kernel against the equations, written out once more in plain Python."""

import collections
import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch

from tiled_sim.kernels.blocks import Pixels
from tiled_sim.kernels.first import first_evaluation
from tiled_sim.kernels.reference import ReferenceKernel
from tiled_sim.kernels.scene import Scene, carried_over
from tiled_sim.model.first_evaluation import FirstEvaluation
from tiled_sim.model.structure_factors import Provenance, StructureFactors
from tiled_sim.physics.mosaic import mosaic_rotations
from tiled_sim.physics.structure_factor import StructureFactorTable
from tiled_sim.read.nanobragg.reader import read_options

CPU = torch.device("cpu")
DEFAULT_F = 11.0
LOW, SHAPE = (-9, -8, -10), (16, 15, 18)
R_E_SQR = 7.94079248018965e-30


def grid():
    """Amplitudes of a small grid, some nodes absent and some zero."""
    generator = np.random.default_rng(20260101)
    amplitude = generator.uniform(5.0, 500.0, SHAPE)
    given = generator.random(SHAPE) > 0.25
    amplitude[generator.random(SHAPE) > 0.85] = 0.0
    return StructureFactors(
        np.where(given, amplitude, 0.0),
        given,
        LOW,
        Provenance("grid.hkl", "hkl", 1, "0" * 64, int(given.sum())),
    )


FACTORS = grid()
#: A crystal off every axis, in front of a detector whose corner looks beyond the grid.
CRYSTAL = (
    "-hkl grid.hkl -default_F 11 -cell 31 37 43 80 95 103 -misset 20 -35 50 -Na 3 -Nb 4 -Nc 5 "
    "-lambda 1.3 -fluence 1e24 -detpixels_x 7 -detpixels_y 5 -pixel 8 -distance 70 -Xbeam 13 "
    "-Ybeam 22 -nointerpolate -oversample 1 "
)
MANY_SOURCES = "-hdivrange 60 -hdivsteps 2 -vdivrange 90 -vdivsteps 2 -dispersion 8 -dispsteps 2 "


def read(line="", c_compat=False):
    return read_options((CRYSTAL + line).split(), c_compat=c_compat)


def with_weights(experiment, *weights):
    spectrum = dataclasses.replace(experiment.beam.spectrum, weight=np.array(weights))
    return dataclasses.replace(
        experiment, beam=dataclasses.replace(experiment.beam, spectrum=spectrum)
    )


def scalar(u, v):
    return u[0] * v[0] + u[1] * v[1] + u[2] * v[2]


def cross(u, v):
    return [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]]


def unit(v):
    return [x / math.sqrt(scalar(v, v)) for x in v]


def rotated(v, axis, angle):
    along, across = scalar(axis, v) * (1 - math.cos(angle)), cross(axis, v)
    return [
        x * math.cos(angle) + y * math.sin(angle) + z * along
        for x, y, z in zip(v, across, axis, strict=True)
    ]


class ByHand:
    """The sum over steps, term by term, in the order of the C program's loops.

    ``looked_up`` counts what every look-up of F met.
    """

    def __init__(self, experiment, frame=0):
        self.e = experiment
        self.frame = frame
        self.looked_up = collections.Counter()
        crystal = experiment.crystal
        self.unturned = self.turned = (crystal.a, crystal.b, crystal.c)
        self.domains = mosaic_rotations(
            crystal.domains.spread, crystal.domains.count, crystal.domains.seed
        ).tolist()
        mean = sum(source.weight for source in experiment.beam.spectrum) / len(
            experiment.beam.spectrum
        )
        self.weights = [
            1.0 if experiment.c_compat else source.weight / mean
            for source in experiment.beam.spectrum
        ]

    def photons(self, slow, fast):
        e = self.e
        panel = e.detector.panels[0]
        n = e.sampling.oversample
        total, polar, omega = [], {}, None
        for sub_slow, sub_fast in itertools.product(range(n), repeat=2):
            along_slow = panel.pixel_size[0] * (slow + (sub_slow + 0.5) / n)
            along_fast = panel.pixel_size[1] * (fast + (sub_fast + 0.5) / n)
            position = [
                o + along_slow * s + along_fast * f
                for o, s, f in zip(panel.origin, panel.slow_axis, panel.fast_axis, strict=True)
            ]
            R = math.sqrt(scalar(position, position))
            d = [x / R for x in position]
            if omega is None:
                close = scalar(panel.origin, panel.normal)
                omega = (
                    1 / R**2
                    if e.detector.point_pixel
                    else math.prod(panel.pixel_size) * close / R**3
                )
            for number, source in enumerate(e.beam.spectrum):
                q = [(x - i) / source.wavelength for x, i in zip(d, source.incident, strict=True)]
                if e.sampling.dmin * math.sqrt(scalar(q, q)) > 1.0:
                    continue
                own = 0 if e.c_compat else number
                polar.setdefault(own, self.polarization(d, source.incident))
                total.append(self.weights[number] * polar[own] * self.swept(q))
        return R_E_SQR * e.beam.fluence * math.fsum(total) * (omega or 0.0) / e.steps

    def swept(self, q):
        """Sum over phi and mosaic domains."""
        terms = []
        for phi in self.e.exposures[self.frame].angles:
            if phi != 0.0 or not self.e.c_compat:
                self.turned = [rotated(v, self.e.exposures.spindle, phi) for v in self.unturned]
            for domain in self.domains:
                hkl = [scalar([scalar(row, v) for row in domain], q) for v in self.turned]
                terms.append((self.F_cell(hkl) * self.F_latt(hkl)) ** 2)
        return math.fsum(terms)

    def F_latt(self, hkl):
        crystal = self.e.crystal
        cells, volume = crystal.cells, math.prod(crystal.cells)
        delta = [x - math.ceil(x - 0.5) for x in hkl]
        if crystal.shape == "square":
            return math.prod(
                math.sin(math.pi * N * x) / math.sin(math.pi * x)
                for N, x in zip(cells, hkl, strict=True)
            )
        if crystal.shape == "round":
            radius = math.sqrt(sum((N * x) ** 2 for N, x in zip(cells, delta, strict=True)))
            x = math.pi * radius * math.sqrt(crystal.fudge)
            return volume * 0.723601254558268 * 3 * (math.sin(x) / x - math.cos(x)) / x**2
        stars = zip(crystal.a_star, crystal.b_star, crystal.c_star, strict=True)
        radius_sqr = volume**2 * crystal.fudge * sum(scalar(delta, star) ** 2 for star in stars)
        if crystal.shape in ("gauss_hkl", "tophat_hkl"):
            fringes = (N * x for N, x in zip(cells, delta, strict=True))
            radius_sqr = crystal.fudge * sum(x**2 for x in fringes)
        if crystal.shape in ("gauss_star", "gauss_hkl"):
            return volume * math.exp(-radius_sqr / 0.63)
        return volume if radius_sqr < 0.3969 else 0.0

    def F_cell(self, hkl):
        node = [math.ceil(x - 0.5) for x in hkl]
        high = [low + n - 1 for low, n in zip(LOW, SHAPE, strict=True)]
        if not all(low <= x <= top for low, x, top in zip(LOW, node, high, strict=True)):
            self.looked_up["out_of_range"] += 1
        elif not FACTORS.given[self.place(node)]:
            self.looked_up["absent"] += 1
        else:
            amplitude = FACTORS.amplitude[self.place(node)]
            self.looked_up["zero" if amplitude == 0.0 else "in_range"] += 1
        if self.e.sampling.interpolate:
            inside = all(
                low + 2 <= x <= top - 2 for low, x, top in zip(LOW, hkl, high, strict=True)
            )
            if inside:
                return self.interpolated(hkl)
            self.looked_up["interpolation_refused"] += 1
        return self.at_node(node)

    def at_node(self, node):
        place = self.place(node)
        inside = all(0 <= x < n for x, n in zip(place, SHAPE, strict=True))
        if inside and FACTORS.given[place]:
            return FACTORS.amplitude[place]
        return self.e.structure_factors.default_F

    def interpolated(self, hkl):
        """Lagrange polynomial through four nodes along each axis."""
        first = [math.floor(x) - 1 for x in hkl]
        total = 0.0
        for steps in itertools.product(range(4), repeat=3):
            weight = 1.0
            for x, low, step in zip(hkl, first, steps, strict=True):
                others = [low + other for other in range(4) if other != step]
                weight *= math.prod((x - o) / (low + step - o) for o in others)
            total += weight * self.at_node(
                [low + step for low, step in zip(first, steps, strict=True)]
            )
        return total

    @staticmethod
    def place(node):
        return tuple(x - low for x, low in zip(node, LOW, strict=True))

    def polarization(self, d, incident):
        """Each of two polarizations scatters by its angle to the diffracted beam."""
        K = self.e.beam.polarization
        if K is None:
            return 1.0
        B = unit(cross(self.e.beam.polarization_axis, incident))
        E = cross(incident, B)
        return (1 + K) / 2 * (1 - scalar(d, E) ** 2) + (1 - K) / 2 * (1 - scalar(d, B) ** 2)


def kernel_of(experiment, frame=0, first=None):
    F = experiment.structure_factors.default_F
    table = StructureFactorTable(FACTORS.filled(F), FACTORS.given, FACTORS.minimum, F, CPU)
    return ReferenceKernel(Scene.of(experiment, frame, (first,)), table, F)


def pixels_of(places, live=None):
    slow, fast = torch.tensor(list(places), dtype=torch.float64).T
    return Pixels(slow, fast, torch.ones_like(slow, dtype=torch.bool) if live is None else live)


def all_pixels(experiment):
    slow, fast = experiment.detector.pixels
    return list(itertools.product(range(slow), range(fast)))


def summed(experiment, frame=0):
    """Photons of every pixel, and what the look-ups met."""
    photons, lookups = kernel_of(experiment, frame).photons(pixels_of(all_pixels(experiment)))
    return photons.tolist(), lookups


def summed_by_hand(experiment, frame=0):
    by_hand = ByHand(experiment, frame)
    return [by_hand.photons(*place) for place in all_pixels(experiment)], by_hand.looked_up


def close(values):
    """The same but for the rounding of sines of large arguments."""
    return pytest.approx(values, rel=1e-9, abs=1e-12 * max(values))


# Every term of the sum

VARIANTS = {
    "nearest node": "",
    "subpixels": "-oversample 3",
    "polarized": "-polar 0.8",
    "not polarized": "-nopolar",
    "point pixel": "-point_pixel",
    "phi": "-phi 10 -osc 8 -phisteps 3",
    "phi about another axis": "-spindle_axis 1 2 3 -phi 10 -osc 8 -phisteps 3",
    "mosaic": "-mosaic 4 -mosaic_domains 4 -mosaic_seed 5",
    "mosaic and phi": "-mosaic 4 -mosaic_domains 3 -phi 20 -osc 9 -phisteps 2",
    "sources": MANY_SOURCES + "-polar 0.8",
    "dmin": "-dmin 6",
    "dmin, subpixels and sources": MANY_SOURCES + "-dmin 6 -oversample 2 -polar 0.8",
    "round": "-round_xtal -fudge 1.3",
    "gauss": "-gauss_xtal -fudge 0.01",
    "tophat": "-tophat_spots -fudge 0.002",
    "interpolated": "-interpolate",
    "tilted": "-detector_rotx 20 -detector_roty -15 -detector_rotz 30",
    "all": MANY_SOURCES + "-oversample 2 -phi 3 -osc 5 -phisteps 2 -mosaic 3 -mosaic_domains 2 "
    "-interpolate -dmin 4.5 -polar -0.4",
}


#: What no option of nanoBragg says.
CHANGED = {
    "gauss by h, k, l": {"crystal.shape": "gauss_hkl", "crystal.fudge": 0.3},
    "tophat by h, k, l": {"crystal.shape": "tophat_hkl", "crystal.fudge": 0.1},
}


@pytest.fixture(params=[*VARIANTS, *CHANGED], scope="module")
def variant(request):
    """An experiment, its sum here, and its sum by hand."""
    experiment = read(VARIANTS.get(request.param, ""))
    experiment = experiment.with_(CHANGED.get(request.param, {}))
    return experiment, summed(experiment), summed_by_hand(experiment)


def test_every_pixel_is_the_sum_of_its_steps(variant):
    _, (photons, _), (expected, _) = variant
    assert max(expected) > 0
    assert photons == close(expected)


@pytest.mark.parametrize(
    "kind", ["in_range", "zero", "absent", "out_of_range", "interpolation_refused"]
)
def test_every_look_up_is_counted_once(variant, kind):
    _, (_, lookups), (_, expected) = variant
    assert getattr(lookups, kind) == expected[kind]


def test_pixels_may_be_longer_one_way_than_the_other():
    square = read("-oversample 2")
    (panel,) = square.detector.panels
    longer = dataclasses.replace(panel, pixel_size=(6e-3, 8e-3))
    detector = dataclasses.replace(square.detector, panels=(longer,))
    experiment = dataclasses.replace(square, detector=detector)
    assert summed(experiment)[0] == close(summed_by_hand(experiment)[0])


def test_the_grid_makes_every_kind_of_look_up():
    _, looked_up = summed_by_hand(read("-interpolate"))
    assert min(looked_up[kind] for kind in ("in_range", "zero", "absent", "out_of_range")) > 0
    assert 0 < looked_up["interpolation_refused"] < 35


def test_a_second_frame_begins_where_its_oscillation_does():
    experiment = read("-phi 10 -osc 8 -phisteps 3")
    exposures = dataclasses.replace(experiment.exposures, count=3)
    experiment = dataclasses.replace(experiment, exposures=exposures)
    photons, _ = summed(experiment, frame=2)
    assert photons == close(summed_by_hand(experiment, frame=2)[0])
    assert photons != close(summed(experiment)[0])


def test_without_a_file_every_look_up_is_out_of_range():
    experiment = read()
    kernel = ReferenceKernel(Scene.of(experiment, 0), None, DEFAULT_F)
    _, lookups = kernel.photons(pixels_of(all_pixels(experiment)))
    assert (lookups.out_of_range, lookups.total) == (35, 35)


def test_without_a_file_f_is_default_f_everywhere():
    experiment = read()
    photons = [
        ReferenceKernel(Scene.of(experiment, 0), None, F).photons(pixels_of([(2, 3)]))[0].item()
        for F in (DEFAULT_F, 2 * DEFAULT_F)
    ]
    assert photons[1] == pytest.approx(4 * photons[0])


def test_pixels_that_are_not_live_are_not_counted():
    experiment = read(MANY_SOURCES + "-oversample 2 -interpolate")
    places = all_pixels(experiment)
    live = torch.tensor([(slow + fast) % 3 != 0 for slow, fast in places])
    _, lookups = kernel_of(experiment).photons(pixels_of(places, live))
    by_hand = ByHand(experiment)
    for place, wanted in zip(places, live.tolist(), strict=True):
        if wanted:
            by_hand.photons(*place)
    assert dataclasses.asdict(lookups) == {
        kind: by_hand.looked_up[kind] for kind in dataclasses.asdict(lookups)
    }


def test_look_ups_of_parts_add_up():
    experiment = read("-interpolate")
    places = all_pixels(experiment)
    _, whole = kernel_of(experiment).photons(pixels_of(places))
    _, parts = kernel_of(experiment).photons(pixels_of(places[:20]))
    parts.add(kernel_of(experiment).photons(pixels_of(places[20:]))[1])
    assert parts == whole


# Resolution


def test_a_pixel_beyond_dmin_is_exactly_zero():
    with_limit, without = summed(read("-dmin 6"))[0], summed(read())[0]
    assert without.count(0.0) < with_limit.count(0.0) < len(with_limit)


def test_dmin_changes_no_pixel_within_it():
    with_limit, without = summed(read("-dmin 6"))[0], summed(read())[0]
    assert all(a in (0.0, b) for a, b in zip(with_limit, without, strict=True))


def test_steps_beyond_dmin_still_count_as_steps():
    # one of four subpixels within dmin: a quarter of its intensity is left, or none
    experiment = read("-dmin 6 -oversample 2")
    assert experiment.steps == 4
    assert summed(experiment)[0] == close(summed_by_hand(experiment)[0])


# Sources


def test_only_the_ratios_of_weights_count():
    experiment = read(MANY_SOURCES)
    weights = [1.0, 2.0, 0.5, 3.0, 0.0, 1.0, 4.0, 0.25]
    one, other = (
        summed(with_weights(experiment, *(scale * weight for weight in weights)))[0]
        for scale in (1.0, 1e-3)
    )
    assert one == pytest.approx(other, rel=1e-13)
    assert one != close(summed(experiment)[0])


def test_weights_count_in_the_sum():
    experiment = with_weights(read(MANY_SOURCES), 1.0, 2.0, 0.5, 3.0, 0.0, 1.0, 4.0, 0.25)
    assert summed(experiment)[0] == close(summed_by_hand(experiment)[0])


def test_a_source_of_weight_zero_is_as_if_it_were_not_there():
    two = read("-dispersion 8")
    first = two.beam.spectrum[:1]
    beam = dataclasses.replace(two.beam, spectrum=first, wavelength=first[0].wavelength)
    alone = dataclasses.replace(two, beam=beam)
    assert summed(with_weights(two, 3.0, 0.0))[0] == close(summed(alone)[0])


# As in C


def test_c_takes_the_polarization_of_the_first_source_for_all():
    experiment = read(MANY_SOURCES + "-polar 0.8", c_compat=True)
    photons, _ = summed(experiment)
    assert photons == close(summed_by_hand(experiment)[0])
    assert photons != close(summed(read(MANY_SOURCES + "-polar 0.8"))[0])


def test_c_takes_the_polarization_of_the_first_source_within_dmin():
    experiment = read(MANY_SOURCES + "-polar 0.8 -dmin 6 -oversample 2", c_compat=True)
    assert summed(experiment)[0] == close(summed_by_hand(experiment)[0])


def test_c_ignores_weights():
    experiment = read(MANY_SOURCES, c_compat=True)
    weighted = with_weights(experiment, 1.0, 2.0, 0.5, 3.0, 0.0, 1.0, 4.0, 0.25)
    assert summed(weighted)[0] == summed(experiment)[0]


@pytest.mark.parametrize(
    ("angles", "acting", "at_first"),
    [
        # nothing is 0: nothing is carried
        ((1.0, 2.0), (1.0, 2.0), (1.0, 2.0)),
        # a step in the middle keeps the one before
        ((-1.0, 0.0, 1.0), (-1.0, -1.0, 1.0), (-1.0, -1.0, 1.0)),
        # the first step keeps the last of the sweep before; at the very first there is none
        ((0.0, 1.0, 2.0), (2.0, 1.0, 2.0), (0.0, 1.0, 2.0)),
        ((0.0, 0.0, 2.0), (2.0, 2.0, 2.0), (0.0, 0.0, 2.0)),
        # a still is never turned
        ((0.0,), (0.0,), (0.0,)),
        ((-0.0, 1.0), (1.0, 1.0), (0.0, 1.0)),
    ],
)
def test_a_phi_step_of_zero_keeps_the_rotation_before_it(angles, acting, at_first):
    assert carried_over(angles) == (acting, at_first)


CARRIED = {
    "from the first pixel": "-phi 0 -osc 9 -phisteps 3",
    "in the middle of a sweep": "-phi -3 -osc 9 -phisteps 3",
    "with mosaic domains": "-phi 0 -osc 9 -phisteps 3 -mosaic 4 -mosaic_domains 2",
    "subpixels and sources": MANY_SOURCES + "-phi 0 -osc 9 -phisteps 2 -oversample 2 -polar 0.8",
    "from the first pixel of a region": "-phi 0 -osc 9 -phisteps 3 -roi 2 5 1 3",
    "from the first pixel within dmin": "-phi 0 -osc 9 -phisteps 3 -dmin 6 -oversample 2",
    "from the first source within dmin": MANY_SOURCES
    + "-phi 0 -osc 9 -phisteps 3 -dmin 4.5 -oversample 3",
    "a still": "-phi 0",
}


@pytest.mark.parametrize("line", CARRIED.values(), ids=CARRIED)
def test_c_carries_the_rotation_from_step_to_step_and_pixel_to_pixel(simulate, line):
    experiment = read(line, c_compat=True)
    by_hand = ByHand(experiment)
    region = experiment.detector.panels[0].region
    rows, columns = (5, 7)
    expected = np.zeros((rows, columns))
    for slow, fast in all_pixels(experiment):
        if region is None or (
            region.slow_start <= slow < region.slow_stop
            and region.fast_start <= fast < region.fast_stop
        ):
            expected[slow, fast] = by_hand.photons(slow, fast)
    image = simulate(experiment, factors=FACTORS).panel
    assert image == pytest.approx(expected, rel=2e-7, abs=1e-9 * expected.max())


def test_without_c_compat_every_step_is_turned(simulate):
    experiment = read(CARRIED["from the first pixel"])
    assert summed(experiment)[0] == close(summed_by_hand(experiment)[0])


# The first evaluation of C


def first_of(line, mask=None):
    experiment = read(line, c_compat=True)
    mask = np.zeros((5, 7), np.uint8) if mask is None else mask
    return experiment, first_evaluation(Scene.of(experiment, 0), mask, CPU)


def dead(*slices):
    mask = np.zeros((5, 7), np.uint8)
    for part in slices:
        mask[part] = 1
    return mask


def test_the_first_evaluation_is_that_of_the_first_pixel():
    assert first_of("")[1] == FirstEvaluation(0, 0, 0, 0)


@pytest.mark.parametrize(
    ("mask", "pixel"),
    [
        (dead(np.s_[:2]), (2, 0)),
        (dead(np.s_[0, :3]), (0, 3)),
        (dead(np.s_[0], np.s_[1, :6]), (1, 6)),
    ],
)
def test_the_first_evaluation_is_that_of_the_first_live_pixel(mask, pixel):
    first = first_of("", mask)[1]
    assert (first.slow, first.fast) == pixel


def test_there_is_no_first_evaluation_without_a_live_pixel():
    assert first_of("", np.ones((5, 7), np.uint8))[1] is None


def test_there_is_no_first_evaluation_where_dmin_lets_nothing_through():
    assert first_of("-dmin 1000")[1] is None


@pytest.mark.parametrize("mask", [dead(), dead(np.s_[0]), dead(np.s_[1, 2:], np.s_[0])])
@pytest.mark.parametrize("dmin", [3.5, 5, 6, 8])
def test_the_first_evaluation_is_the_first_that_dmin_lets_through(dmin, mask):
    experiment, first = first_of(MANY_SOURCES + f"-dmin {dmin} -oversample 3", mask)

    def reaches(slow, fast):
        """(subpixel, source) of the pixel's first evaluation, or None."""
        by_hand = SeenFirst(experiment)
        by_hand.photons(slow, fast)
        return by_hand.seen

    for slow, fast in all_pixels(experiment):
        if mask[slow, fast] == 0 and (seen := reaches(slow, fast)) is not None:
            assert first == FirstEvaluation(slow, fast, *seen)
            return
    assert first is None


class SeenFirst(ByHand):
    """Keeps the first (subpixel, source) that anything is summed for."""

    seen = None

    def swept(self, q):
        if self.seen is None:
            self.seen = self.place_of(q)
        return 0.0

    def place_of(self, q):
        """Which subpixel and source a scattering vector belongs to."""
        panel, n = self.e.detector.panels[0], self.e.sampling.oversample
        slow, fast = self.pixel
        for subpixel, (number, source) in itertools.product(
            range(n**2), enumerate(self.e.beam.spectrum)
        ):
            sub_slow, sub_fast = divmod(subpixel, n)
            position = [
                o
                + panel.pixel_size[0] * (slow + (sub_slow + 0.5) / n) * s
                + panel.pixel_size[1] * (fast + (sub_fast + 0.5) / n) * f
                for o, s, f in zip(panel.origin, panel.slow_axis, panel.fast_axis, strict=True)
            ]
            d = unit(position)
            if q == pytest.approx(
                [(x - i) / source.wavelength for x, i in zip(d, source.incident, strict=True)],
                rel=1e-12,
                abs=1e-14,
            ):
                return subpixel, number
        raise AssertionError(q)

    def photons(self, slow, fast):
        self.pixel = slow, fast
        return super().photons(slow, fast)


# The same bits everywhere

BUSY = (
    "-hkl p1.hkl -cell 70 80 90 75 85 95 -misset 10 20 30 -Na 4 -Nb 5 -Nc 6 -lambda 1 "
    "-detpixels_x 130 -detpixels_y 70 -pixel 0.3 -distance 60 -oversample 1 -polar 0.7 -phi 0 "
    "-osc 1 -phisteps 2 -dispersion 1 -dispsteps 2 -mosaic 0.3 -mosaic_domains 2 -dmin 2 "
)
SHAPES = ["-square_xtal", "-round_xtal", "-gauss_xtal", "-interpolate"]


@pytest.mark.parametrize("c_compat", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_pixel_has_the_same_bits_in_whatever_tile_it_is(in_data, simulate, shape, c_compat):
    experiment = read_options((BUSY + shape).split(), c_compat=c_compat)
    whole, *tiled = (
        simulate(experiment, tile=tile).panel.tobytes() for tile in ((512, 512), (16, 16), (48, 80))
    )
    assert tiled == [whole, whole]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_pixel_has_the_same_bits_in_whatever_chunk_its_block_is(shape):
    experiment = read(f"{shape} {MANY_SOURCES} -phi 3 -osc 2 -phisteps 2")
    kernel = kernel_of(experiment)
    blocks = [
        [(16 * block + slow, fast) for slow in range(16) for fast in range(16)]
        for block in range(3)
    ]
    together = kernel.photons(pixels_of(itertools.chain(*blocks)))[0]
    alone = torch.cat([kernel.photons(pixels_of(block))[0] for block in blocks])
    assert together.numpy().tobytes() == alone.numpy().tobytes()


@pytest.mark.parametrize("c_compat", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_traced_pixel_has_the_bits_of_the_image(in_data, simulate, shape, c_compat):
    experiment = read_options((BUSY + shape).split(), c_compat=c_compat)
    traced = ((0, 0), (69, 129), (33, 47), (48, 80), (5, 100))
    computed = simulate(experiment, tile=(48, 80), trace_pixels=traced)
    values = {
        trace.pixel: np.float32(trace.values["I_pixel_final"])
        for result in computed.results
        for trace in result.traces
        if trace.reason == "requested"
    }
    assert values == {pixel: computed.panel[pixel] for pixel in traced}

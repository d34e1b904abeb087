"""The assembled detector: which pixel is seen where, looking downstream."""

import dataclasses
import math

import numpy as np
import pytest

from tiled_sim.model.assembly import Assembly, BeamFrame
from tiled_sim.model.detector import Detector, Panel
from tiled_sim.model.experiment import Experiment
from tiled_sim.physics.vectors import about_axis, as_tuple

Z = (0.0, 0.0, 1.0)


def panel(origin_mm, *, pixels=(4, 6), size=(1e-3, 1e-3), turn=None, name="0"):
    """A panel whose fast goes right and slow down, looking downstream along z, unless turned."""
    turn = np.eye(3) if turn is None else turn
    return Panel(
        origin=as_tuple(np.array(origin_mm) / 1e3),
        fast_axis=as_tuple(turn @ (-1.0, 0.0, 0.0)),
        slow_axis=as_tuple(turn @ (0.0, -1.0, 0.0)),
        normal=as_tuple(turn @ (0.0, 0.0, 1.0)),
        pixels=pixels,
        pixel_size=size,
        name=name,
    )


def seen(*panels, up=None):
    """(panel, slow, fast) in every cell, -1 in gaps: int (row, column, 3)."""
    assembly = Assembly.of(Detector(panels, up=up), Z)
    grid = np.full((*assembly.shape, 3), -1)
    for part in assembly.seen(*map(range, assembly.shape)):
        grid[part.row, part.column] = np.stack(
            [np.full_like(part.slow, part.panel), part.slow, part.fast], axis=1
        )
    return grid, assembly


# The frame


def axes_of(*options):
    experiment = Experiment.from_nanobragg(
        ["-default_F", "1", "-cell", *map(str, (70, 80, 90, 90, 90, 90)), "-N", "2", *options]
    )
    frame = BeamFrame.of(experiment.detector, experiment.beam.direction)
    return frame.x, frame.y, frame.z


@pytest.mark.parametrize(
    ("convention", "x", "y", "z"),
    [
        ("-mosflm", (0, 0, -1), (0, 1, 0), (1, 0, 0)),
        ("-denzo", (0, 0, -1), (0, 1, 0), (1, 0, 0)),
        ("-adxv", (1, 0, 0), (0, 1, 0), (0, 0, 1)),
        ("-xds", (-1, 0, 0), (0, -1, 0), (0, 0, 1)),
        ("-dials", (-1, 0, 0), (0, -1, 0), (0, 0, 1)),
    ],
)
def test_up_is_minus_the_slow_axis_of_the_convention(convention, x, y, z):
    assert axes_of(convention) == (x, y, z)


def test_up_stays_where_it_is_when_the_detector_is_turned():
    assert axes_of("-xds", "-detector_rotz", "20", "-twotheta", "10") == axes_of("-xds")


@pytest.mark.parametrize(
    ("beam", "up", "y"),
    [
        ((0, 0, 1), None, (0, 1, 0)),
        ((1, 0, 0), None, (0, 1, 0)),
        ((0, 1, 0), None, (0, 0, 1)),
        ((0, 0, 1), (1.0, 0.0, 0.0), (1, 0, 0)),
        ((0, 0, 1), (0.6, 0.0, 0.8), (1, 0, 0)),
        ((0, 0, 1), (0.0, 0.0, -1.0), (0, 1, 0)),
    ],
)
def test_the_frame_is_right_handed_with_z_along_the_beam_and_y_up(beam, up, y):
    frame = BeamFrame.of(Detector((panel((0, 0, 100)),), up=up), beam)
    assert (frame.y, frame.z) == (y, beam)
    np.testing.assert_allclose(np.cross(frame.x, frame.y), frame.z, atol=1e-15)


# Where pixels are seen


def test_a_flat_detector_is_seen_pixel_for_pixel_with_its_gap():
    grid, assembly = seen(panel((6, 2, 100)), panel((-2, 2, 100)))
    assert assembly.shape == (4, 14)
    slow, fast = np.mgrid[:4, :6]
    for number, start in ((0, 0), (1, 8)):
        part = grid[:, start : start + 6]
        np.testing.assert_array_equal(part, np.stack([np.full_like(slow, number), slow, fast], -1))
    assert (grid[:, 6:8] == -1).all()


def test_rows_go_down_and_columns_right_looking_downstream():
    _, assembly = seen(panel((6, 2, 100)))
    np.testing.assert_allclose(assembly.y, [1.5e-3, 0.5e-3, -0.5e-3, -1.5e-3])
    np.testing.assert_allclose(assembly.x, 1e-3 * np.arange(5.5, 0, -1))


def test_with_another_up_the_same_detector_is_seen_turned():
    upright, _ = seen(panel((6, 2, 100)))
    upside_down, _ = seen(panel((6, 2, 100)), up=(0.0, -1.0, 0.0))
    np.testing.assert_array_equal(upside_down, upright[::-1, ::-1])


@pytest.mark.parametrize("angle", [0.003, 10.0, 45.0, 90.0, 137.0, 180.0])
@pytest.mark.parametrize("tilt", [0.0, 25.0])
def test_a_cell_shows_the_pixel_that_its_centre_lies_on(angle, tilt):
    turn = about_axis(Z, math.radians(angle)) @ about_axis((1, 0, 0), math.radians(tilt))
    one = panel((3, 2, 100), pixels=(9, 7), size=(0.8e-3, 1.3e-3), turn=turn)
    grid, assembly = seen(one, panel((30, 30, 100), size=(0.5e-3, 0.5e-3)))
    found = np.argwhere(grid[..., 0] == 0)
    for row, column in found:
        centre = np.array([assembly.x[column], assembly.y[row]])
        _, slow, fast = grid[row, column]
        corners = [
            np.array(one.origin)[:2]
            + s * one.pixel_size[0] * np.array(one.slow_axis)[:2]
            + f * one.pixel_size[1] * np.array(one.fast_axis)[:2]
            for s, f in ((slow, fast), (slow, fast + 1), (slow + 1, fast + 1), (slow + 1, fast))
        ]
        sides = [
            (b - a)[0] * (centre - a)[1] - (b - a)[1] * (centre - a)[0]
            for a, b in zip(corners, np.roll(corners, -1, 0), strict=True)
        ]
        assert min(sides) > -1e-9 or max(sides) < 1e-9
    area = np.prod(one.pixels) * np.prod(one.pixel_size) * math.cos(math.radians(tilt))
    assert len(found) == pytest.approx(area / 0.5e-3**2, rel=0.05)


def test_a_pixel_larger_than_a_cell_is_seen_in_several():
    grid, _ = seen(
        panel((6, 2, 100), pixels=(2, 3), size=(2e-3, 2e-3)), panel((-2, 2, 100), pixels=(4, 1))
    )
    assert grid[:4, :6, 1].tolist() == [[0] * 6, [0] * 6, [1] * 6, [1] * 6]
    assert grid[0, :6, 2].tolist() == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize("nearer", [0, 1])
def test_the_panel_nearer_to_the_source_hides_the_other(nearer):
    panels = [panel((6, 2, 100)), panel((4, 2, 100))]
    x, y, z = panels[nearer].origin
    panels[nearer] = dataclasses.replace(panels[nearer], origin=(x, y, z - 0.02))
    grid, _ = seen(*panels)
    assert (grid[:, 2:6, 0] == nearer).all()


def test_of_panels_at_one_distance_the_first_is_seen():
    grid, _ = seen(panel((6, 2, 100)), panel((4, 2, 100)))
    assert (grid[:, :6, 0] == 0).all()
    assert (grid[:, 6:, 0] == 1).all()


def test_a_panel_edge_on_is_not_seen():
    edge_on = panel((6, 2, 100), turn=about_axis((0, 1, 0), math.radians(90)))
    grid, _ = seen(panel((-2, 2, 100)), edge_on)
    assert set(np.unique(grid[..., 0])) <= {-1, 0}


def test_a_part_of_the_grid_shows_what_the_whole_does():
    panels = panel((6, 2, 100), turn=about_axis(Z, 0.4)), panel((-3, 2, 90))
    grid, assembly = seen(*panels)
    for part in assembly.seen(range(2, 5), range(3, 9)):
        assert ((part.row >= 2) & (part.row < 5) & (part.column >= 3) & (part.column < 9)).all()
    again = np.full_like(grid[2:5, 3:9], -1)
    for part in assembly.seen(range(2, 5), range(3, 9)):
        again[part.row - 2, part.column - 3] = np.stack(
            [np.full_like(part.slow, part.panel), part.slow, part.fast], axis=1
        )
    np.testing.assert_array_equal(again, grid[2:5, 3:9])

"""Blocks of pixels, and what is worked on together."""

import pytest

from tiled_sim.kernels.blocks import Seen, frames_at_a_time


@pytest.mark.parametrize("kernel", ["compiled", "spots"])
@pytest.mark.parametrize(("steps", "frames"), [(1, 16), (64, 16), (100, 10), (5000, 1)])
def test_fewer_frames_of_many_steps_are_taken_together(steps, frames, kernel):
    assert frames_at_a_time(kernel, steps) == frames


@pytest.mark.parametrize("kernel", ["reference", "triton"])
def test_other_kernels_take_frames_one_by_one(kernel):
    assert frames_at_a_time(kernel, 1) == 1


def test_what_is_seen_is_made_anew_for_another_key_alone():
    made, seen = [], Seen()
    for key in ("light", "light", "other light", "light"):
        value = seen.of(key, lambda key=key: made.append(key) or key.upper())
        assert value == key.upper()
    assert made == ["light", "other light", "light"]

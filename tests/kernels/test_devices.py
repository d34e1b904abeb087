"""Where a kernel runs that was chosen elsewhere."""

import pytest

from tiled_sim.kernels.devices import device_of
from tiled_sim.model.settings import Settings


@pytest.fixture
def with_gpu(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)


@pytest.mark.parametrize(("obstacle", "device"), [("", "auto"), ("triton is missing", "cpu")])
def test_spots_take_any_device_but_a_gpu_without_triton(monkeypatch, with_gpu, obstacle, device):
    monkeypatch.setattr("tiled_sim.kernels.triton.obstacle", lambda: obstacle)
    assert device_of(Settings("spots"), "auto") == device


@pytest.mark.parametrize(("kernel", "device"), [("compiled", "cpu"), ("reference", "auto")])
def test_others_take_the_only_one_they_run_on_or_any(with_gpu, kernel, device):
    assert device_of(Settings(kernel), "auto") == device


def test_a_device_that_is_named_is_taken(with_gpu):
    assert device_of(Settings("spots"), "cuda:1") == "cuda:1"

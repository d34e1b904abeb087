"""Raw float images: the length must be that of the shape."""

import numpy as np
import pytest

from tiled_sim.errors import InputFileError
from tiled_sim.io.float_image import read_float_image

PIXELS = np.arange(6, dtype="<f4").reshape(2, 3) / 7


def test_slow_comes_first_and_fast_runs(tmp_path):
    (tmp_path / "image.bin").write_bytes(PIXELS.tobytes())
    np.testing.assert_array_equal(read_float_image(tmp_path / "image.bin", (2, 3)), PIXELS)


@pytest.mark.parametrize("shape", [(2, 2), (3, 3), (0, 3)])
def test_another_length_is_refused_with_both_numbers(tmp_path, shape):
    (tmp_path / "image.bin").write_bytes(PIXELS.tobytes())
    needed = 4 * shape[0] * shape[1]
    with pytest.raises(InputFileError, match=rf"are {needed} bytes, it has 24, which is 6 pixels"):
        read_float_image(tmp_path / "image.bin", shape)


def test_a_file_that_does_not_exist_is_refused_by_its_name(tmp_path):
    with pytest.raises(InputFileError, match=r"nowhere\.bin: No such"):
        read_float_image(tmp_path / "nowhere.bin", (2, 3))

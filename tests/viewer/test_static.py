"""A folder of files holds what the server tells."""

import itertools
import json

import numpy as np
import pytest

from tiled_sim.errors import StoreError
from tiled_sim.viewer.description import Frames
from tiled_sim.viewer.encoding import encode
from tiled_sim.viewer.mosaic import Mosaic
from tiled_sim.viewer.static import write_static


@pytest.fixture(scope="module")
def folder(panels, tmp_path_factory):
    out = tmp_path_factory.mktemp("static") / "out"
    write_static(panels, out, {"frame": 0, "quantity": "image"}, lambda frames: None)
    return out


def packed(folder, name, ending):
    ends = np.fromfile(folder / "data/0" / f"{name}.index", "<f8").astype(int)
    content = (folder / "data/0" / f"{name}.{ending}").read_bytes()
    assert ends[-1] == len(content)
    return [content[first:end] for first, end in itertools.pairwise(ends)]


@pytest.mark.parametrize("quantity", ["image", "counts"])
def test_tiles_are_those_of_the_mosaic_in_order(folder, panels, quantity):
    mosaic = Mosaic(panels)
    expected = [
        encode(mosaic.tile(place)) for frame in (0, 1) for place in mosaic.places(quantity, frame)
    ]
    assert packed(folder, quantity, "tiles") == expected


def test_frames_are_lines_of_one_length(folder, panels):
    content = (folder / "data/0/frames.jsonl").read_bytes()
    size = json.loads((folder / "data/0/run.json").read_text())["packed"]["frame_bytes"]
    assert len(content) == 2 * size
    assert json.loads(content[size:]) == json.loads(
        json.dumps(Frames(panels.experiment).describe(1))
    )


def test_sidecars_are_there_by_the_number_of_their_tile(folder, panels):
    found = [json.loads(part) for part in packed(folder, "sidecars", "jsonl")]
    assert found == list(panels.sidecars)


def test_few_files_hold_a_run(folder):
    assert sum(path.is_file() for path in (folder / "data").rglob("*")) == 9


def test_a_folder_that_is_there_is_not_touched(panels, tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(StoreError, match="exists already"):
        write_static(panels, tmp_path / "out", {}, lambda frames: None)
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]


def test_what_cannot_be_finished_leaves_nothing(panels, tmp_path):
    def fail(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_static(panels, tmp_path / "out", {}, fail)
    assert list(tmp_path.iterdir()) == []

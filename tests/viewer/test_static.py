"""A folder of files holds what the server tells."""

import itertools
import json
import zlib

import numpy as np
import pytest

from tiled_sim.errors import StoreError
from tiled_sim.viewer.description import Frames
from tiled_sim.viewer.encoding import encode
from tiled_sim.viewer.mosaic import Mosaic, Place
from tiled_sim.viewer.spots import Spots
from tiled_sim.viewer.static import write_static


@pytest.fixture(scope="module")
def folder(panels, tmp_path_factory):
    out = tmp_path_factory.mktemp("static") / "out"
    write_static([panels], out, {"frame": 0, "quantity": "image"}, lambda frames: None)
    return out


def packed(folder, name, ending, run=0):
    data = folder / f"data/{run}"
    ends = np.fromfile(data / f"{name}.index", "<f8").astype(int)
    content = (data / f"{name}.{ending}").read_bytes()
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


def test_spots_are_those_of_the_server_and_their_photons(folder, panels):
    found = [json.loads(zlib.decompress(part)) for part in packed(folder, "spots", "columns")]
    spots = Spots(panels, Mosaic(panels).pixels)
    assert found == [
        {**spots.of_frame(frame), "photons": spots.photons(frame, range(5))} for frame in (0, 1)
    ]


def test_a_second_run_lies_beside_the_first(wide, stronger, tmp_path):
    settings = {"frame": 0, "quantity": "image"}
    told = []
    write_static([wide, stronger], tmp_path / "out", settings, told.append)
    assert told == [1, 1]
    place = Place("image", 0, 0, 0, 0)
    for number, run in enumerate((wide, stronger)):
        first = packed(tmp_path / "out", "image", "tiles", number)[0]
        assert first == encode(Mosaic(run).tile(place))


def test_few_files_hold_a_run(folder):
    assert sum(path.is_file() for path in (folder / "data").rglob("*")) == 11


def test_a_folder_that_is_there_is_not_touched(panels, tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(StoreError, match="exists already"):
        write_static([panels], tmp_path / "out", {}, lambda frames: None)
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]


def test_what_cannot_be_finished_leaves_nothing(panels, tmp_path):
    def fail(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_static([panels], tmp_path / "out", {}, fail)
    assert list(tmp_path.iterdir()) == []

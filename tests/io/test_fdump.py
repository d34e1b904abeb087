r"""``Fdump.bin``: read, written as the C program writes it, and refused where it is damaged."""

import gzip
import hashlib
import math
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiled_sim.errors import InputFileError, StoreError, UsageError
from tiled_sim.io.fdump import read_fdump, write_fdump
from tiled_sim.io.hkl import read_hkl
from tiled_sim.model.structure_factors import Provenance, StructureFactors

DATA = Path(__file__).parents[1] / "data"
SHARED = Path(os.environ.get("TILED_SIM_SHARED", Path(__file__).parents[2].parent / "shared"))
PILATUS = SHARED / "data" / "pilatus6m"

needs_pilatus = pytest.mark.skipif(
    not PILATUS.is_dir(),
    reason="the Pilatus 6M data are not beside the project; TILED_SIM_SHARED can say where",
)

# Inputs are bounded instead of timed: a busy machine must not fail a test.
PROPERTY = settings(deadline=None, max_examples=60)


def encode(minimum, values, pad=0.0):
    """Fdump of a grid, spelt out apart from the package's own writer."""
    values = np.asarray(values, dtype="<f8")
    padded = np.full([n + 1 for n in values.shape], pad, dtype="<f8")
    padded[:-1, :-1, :-1] = values
    ends = [(low, low + n - 1) for low, n in zip(minimum, values.shape, strict=True)]
    header = "{} {} {} {} {} {}\n\f".format(*(index for pair in ends for index in pair))
    return header.encode() + padded.tobytes()


def structure_factors(minimum, values, given_nodes=None):
    values = np.asarray(values, dtype=np.float64)
    return StructureFactors(
        amplitude=values,
        given=np.ones(values.shape, bool) if given_nodes is None else np.asarray(given_nodes),
        minimum=minimum,
        provenance=Provenance(path="", format="hkl", size=0, sha256="", count=values.size),
    )


SMALL = np.arange(1.0, 13.0).reshape(2, 2, 3)
MINIMUM = (-1, 5, -3)


@pytest.fixture
def read(tmp_path):
    """Read an Fdump written out as bytes."""

    def read_content(content):
        path = tmp_path / "Fdump.bin"
        path.write_bytes(content)
        return read_fdump(path)

    return read_content


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """One file that the examples of a property overwrite."""
    return tmp_path_factory.mktemp("fdump") / "Fdump.bin"


# Reading


def test_the_values_are_read_in_the_order_h_k_l(read):
    np.testing.assert_array_equal(read(encode(MINIMUM, SMALL)).amplitude, SMALL)


def test_the_ranges_are_those_of_the_header(read):
    grid = read(encode(MINIMUM, SMALL))
    assert (grid.minimum, grid.maximum) == (MINIMUM, (0, 6, -1))


def test_the_stub_of_one_reflection_is_read(read):
    grid = read(b"1 1 12 12 3 3\n\f" + np.array([100.0] + [0.0] * 7).tobytes())
    assert (grid.minimum, grid.amplitude.tolist()) == ((1, 12, 3), [[[100.0]]])


def test_the_pad_is_dropped(read):
    assert read(encode(MINIMUM, SMALL)).amplitude.shape == SMALL.shape


def test_a_pad_that_is_not_zero_is_noted(read):
    notes = " ".join(read(encode(MINIMUM, SMALL, pad=7.0)).provenance.notes)
    assert "24 values that are not zero were dropped" in notes


def test_nodes_that_are_not_zero_are_given(read):
    assert read(encode(MINIMUM, SMALL)).given.all()


def test_zero_nodes_are_not_given_and_this_is_noted(read):
    grid = read(encode(MINIMUM, np.where(SMALL == 5, 0, SMALL)))
    assert (grid.given == (SMALL != 5)).all()
    assert "cannot tell an absent node from a zero" in " ".join(grid.provenance.notes)


def test_zero_nodes_stay_zero_whatever_default_f_is(read):
    grid = read(encode(MINIMUM, np.where(SMALL == 5, 0, SMALL)))
    assert grid.filled(100.0)[SMALL == 5] == 0


def test_given_and_negative_nodes_are_counted(read):
    provenance = read(encode((0, 0, 0), [[[-1.0, 0.0, 2.0, -3.0]]])).provenance
    assert (provenance.count, provenance.negative) == (3, 2)


def test_the_provenance_hashes_the_bytes_on_disk(tmp_path):
    packed = gzip.compress(encode(MINIMUM, SMALL))
    (tmp_path / "Fdump.bin.gz").write_bytes(packed)
    provenance = read_fdump(tmp_path / "Fdump.bin.gz").provenance
    assert (provenance.format, provenance.size, provenance.sha256) == (
        "fdump",
        len(packed),
        hashlib.sha256(packed).hexdigest(),
    )


def test_a_gzipped_fdump_is_read(read):
    grid = read(gzip.compress(encode(MINIMUM, SMALL)))
    np.testing.assert_array_equal(grid.amplitude, SMALL)


@pytest.mark.parametrize("blank", [0x20, 0x09, 0x0A, 0x0B, 0x0C, 0x0D])
def test_a_first_value_that_begins_with_a_blank_byte_is_read_whole(read, blank):
    # The C program's reader eats such a byte and shifts the whole grid.
    value = np.frombuffer(bytes([blank]) + np.array([100.5]).tobytes()[1:], "<f8")
    grid = read(encode((0, 0, 0), [[value]]))
    assert grid.amplitude.tobytes() == value.tobytes()


def test_a_first_value_with_the_low_byte_0x20_survives_a_round_trip(tmp_path):
    value = 100.50000000000045
    assert np.array(value, "<f8").tobytes()[0] == 0x20
    write_fdump(tmp_path / "Fdump.bin", structure_factors((0, 0, 0), [[[value, 2.0]]]))
    assert read_fdump(tmp_path / "Fdump.bin").amplitude.tolist() == [[[value, 2.0]]]


@needs_pilatus
def test_the_c_programs_fdump_holds_what_its_list_holds():
    grid, listed = read_fdump(PILATUS / "Fdump.bin"), read_hkl(PILATUS / "scaled.hkl")
    assert (grid.minimum, grid.maximum) == ((-24, -28, -31), (24, 28, 30))
    np.testing.assert_array_equal(grid.amplitude, listed.amplitude)


# Refusals


def refusal(read, content):
    with pytest.raises(InputFileError) as caught:
        read(content)
    return str(caught.value)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputFileError, match=r"Fdump\.bin: there is no such file"):
        read_fdump(tmp_path / "Fdump.bin")


def test_an_empty_file_is_refused(read):
    assert "the file is empty" in refusal(read, b"")


def test_text_is_refused_with_the_option_that_reads_it(read):
    assert "-hkl" in refusal(read, (DATA / "2erl.hkl").read_bytes())


@pytest.mark.parametrize(
    "header",
    [
        b"\n\f",
        b"0 0 0 0 0\n\f",
        b"0 0 0 0 0 0 0\n\f",
        b"0 0 0 0 0 0.5\n\f",
        b"0 0 0 0 0 1_0\n\f",
        b"0 0 0 0 0 x\n\f",
        b"0 0 0 0 0 0\n",
        b"0 0 0 0 0 0\f",
        b" " * 250 + b"0 0 0 0 0 0\n\f",
    ],
)
def test_a_header_that_is_not_an_fdumps_is_refused(read, header):
    assert "does not begin with the six ranges" in refusal(read, header + bytes(64))


def test_a_range_that_ends_before_it_begins_is_refused(read):
    assert "header says k from 3 down to 2" in refusal(read, b"0 1 3 2 0 0\n\f" + bytes(64))


@pytest.mark.parametrize("range_", [b"-32768 0", b"0 32768", b"9" * 30 + b" " + b"9" * 30])
def test_an_index_beyond_16_bits_is_refused(read, range_):
    assert "beyond ±32767" in refusal(read, b"0 0 0 0 " + range_ + b"\n\f" + bytes(64))


def test_a_grid_that_is_too_large_is_refused(read):
    message = refusal(read, b"-400 400 -400 400 -400 400\n\f" + bytes(64))
    assert "needs 513922401 nodes, more than the 134217728" in message


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzipped"])
def test_a_header_promises_nothing_that_is_allocated(read, pack):
    # 134 million nodes are allowed, and a GiB is announced; the file is a few bytes.
    content = pack(b"-255 255 -255 255 -255 255\n\f" + bytes(64))
    tracemalloc.start()
    try:
        message = refusal(read, content)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "cut short" in message
    assert peak < 2**23


def test_a_truncated_fdump_is_refused_with_both_lengths(read):
    content = encode(MINIMUM, SMALL)
    message = refusal(read, content[:-1])
    assert f"{len(content) - 1} bytes where its header announces {len(content)}" in message


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzipped"])
def test_trailing_bytes_are_refused(read, pack):
    content = encode(MINIMUM, SMALL)
    assert f"bytes follow the {len(content)}" in refusal(read, pack(content + b"\0"))


def test_a_truncated_gzip_file_is_refused(read):
    packed = gzip.compress(encode(MINIMUM, SMALL))
    assert "cut short: copy it again" in refusal(read, packed[:-4])


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_refused_with_its_indices(read, value):
    message = refusal(read, encode(MINIMUM, np.where(SMALL >= 9, value, SMALL)))
    assert f"F(0, 5, -1) = {value}" in message


def test_byte_swapped_values_are_refused(read):
    swapped = SMALL.byteswap()
    assert "big-endian machine" in refusal(read, encode(MINIMUM, swapped))


# Writing


@needs_pilatus
def test_the_c_programs_fdump_is_written_to_the_byte_from_its_list(tmp_path):
    write_fdump(tmp_path / "Fdump.bin", read_hkl(PILATUS / "scaled.hkl"))
    assert (tmp_path / "Fdump.bin").read_bytes() == (PILATUS / "Fdump.bin").read_bytes()


@needs_pilatus
def test_the_c_programs_fdump_is_written_to_the_byte_from_itself(tmp_path):
    write_fdump(tmp_path / "Fdump.bin", read_fdump(PILATUS / "Fdump.bin"))
    assert (tmp_path / "Fdump.bin").read_bytes() == (PILATUS / "Fdump.bin").read_bytes()


def test_absent_nodes_are_written_as_default_f(tmp_path):
    grid = structure_factors((0, 0, 0), [[[1.0, 0.0, 0.0]]], [[[True, True, False]]])
    write_fdump(tmp_path / "Fdump.bin", grid, default_F=50.0)
    expected = encode((0, 0, 0), [[[1.0, 0.0, 50.0]]])
    assert (tmp_path / "Fdump.bin").read_bytes() == expected


def test_an_existing_file_is_not_overwritten(tmp_path):
    path = tmp_path / "Fdump.bin"
    path.write_text("precious")
    with pytest.raises(StoreError, match="exists already"):
        write_fdump(path, structure_factors((0, 0, 0), SMALL))
    assert path.read_text() == "precious"


def test_a_file_that_appears_meanwhile_is_not_overwritten(tmp_path, monkeypatch):
    path = tmp_path / "Fdump.bin"
    path.write_text("precious")
    monkeypatch.setattr(Path, "exists", lambda path: False)
    with pytest.raises(StoreError, match="exists already"):
        write_fdump(path, structure_factors((0, 0, 0), SMALL))
    assert path.read_text() == "precious"


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(StoreError, match="cannot be written"):
        write_fdump(tmp_path / "none" / "Fdump.bin", structure_factors((0, 0, 0), SMALL))


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_default_f_that_is_not_finite_is_refused(tmp_path, value):
    with pytest.raises(UsageError, match="finite"):
        write_fdump(tmp_path / "Fdump.bin", structure_factors((0, 0, 0), SMALL), value)


def test_a_failure_leaves_no_file_behind(tmp_path, monkeypatch):
    def disk_full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", disk_full)
    with pytest.raises(StoreError, match="No space left"):
        write_fdump(tmp_path / "Fdump.bin", structure_factors((0, 0, 0), SMALL))
    assert list(tmp_path.iterdir()) == []


def test_a_success_leaves_only_the_file(tmp_path):
    write_fdump(tmp_path / "Fdump.bin", structure_factors((0, 0, 0), SMALL))
    assert [path.name for path in tmp_path.iterdir()] == ["Fdump.bin"]


def test_a_file_system_without_links_is_written_too(tmp_path, monkeypatch):
    def no_links(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", no_links)
    write_fdump(tmp_path / "Fdump.bin", structure_factors(MINIMUM, SMALL))
    assert (tmp_path / "Fdump.bin").read_bytes() == encode(MINIMUM, SMALL)


# Properties

index = st.integers(-1000, 1000)
# Multiples of 2**-10, all of sensible size: absurd values could be taken for byte-swapped ones.
value = st.integers(-(10**9), 10**9).map(lambda n: n / 1024)


@st.composite
def grids(draw):
    shape = draw(st.tuples(*[st.integers(1, 4)] * 3))
    size = math.prod(shape)
    values = draw(st.lists(value, min_size=size, max_size=size))
    named = draw(st.lists(st.booleans(), min_size=size, max_size=size))
    given_nodes = np.array(named).reshape(shape)
    amplitude = np.where(given_nodes, np.array(values).reshape(shape), 0.0)
    return structure_factors(draw(st.tuples(index, index, index)), amplitude, given_nodes)


@given(grid=grids(), default_F=value)
@PROPERTY
def test_a_random_grid_survives_a_round_trip(scratch, grid, default_F):
    scratch.unlink(missing_ok=True)
    write_fdump(scratch, grid, default_F)
    again = read_fdump(scratch)
    assert again.minimum == grid.minimum
    np.testing.assert_array_equal(again.amplitude, grid.filled(default_F))


@given(grid=grids())
@PROPERTY
def test_a_random_grid_is_written_to_the_byte(scratch, grid):
    scratch.unlink(missing_ok=True)
    write_fdump(scratch, grid)
    assert scratch.read_bytes() == encode(grid.minimum, grid.amplitude)


def reads_or_refuses(path, content):
    """Anything but a grid no larger than its file or an InputFileError fails the test."""
    path.write_bytes(content)
    try:
        grid = read_fdump(path)
    except InputFileError:
        return
    assert isinstance(grid, StructureFactors)
    assert np.isfinite(grid.amplitude).all()
    if not content.startswith(b"\x1f\x8b"):
        assert grid.amplitude.nbytes < len(content)


real = encode(MINIMUM, SMALL)
word = st.one_of(st.integers(-40000, 40000), st.integers(), st.floats(), st.text(max_size=3))


@given(length=st.integers(0, len(real)), packed=st.booleans())
@PROPERTY
def test_a_truncated_fdump_is_read_or_refused(scratch, length, packed):
    reads_or_refuses(scratch, (gzip.compress(real) if packed else real)[:length])


@given(
    content=st.binary(max_size=500),
    head=st.sampled_from([b"", b"\x1f\x8b\x08", b"0 0 0 0 0 0\n\f"]),
)
@PROPERTY
def test_binary_noise_is_read_or_refused(scratch, content, head):
    reads_or_refuses(scratch, head + content)


@given(start=st.integers(0, len(real)), inserted=st.binary(max_size=16), shift=st.booleans())
@PROPERTY
def test_a_mutated_fdump_is_read_or_refused(scratch, start, inserted, shift):
    after = start if shift else start + len(inserted)
    reads_or_refuses(scratch, real[:start] + inserted + real[after:])


@given(values=st.binary(min_size=64, max_size=64))
@PROPERTY
def test_random_values_are_read_or_refused(scratch, values):
    reads_or_refuses(scratch, b"0 0 0 0 0 0\n\f" + values)


@given(words=st.lists(word, min_size=5, max_size=7), body=st.integers(0, 200))
@settings(deadline=None, max_examples=200)
def test_an_odd_header_is_read_or_refused(scratch, words, body):
    header = " ".join(map(str, words)).encode(errors="surrogatepass")
    reads_or_refuses(scratch, header + b"\n\f" + bytes(body))


@given(low=st.tuples(index, index, index), span=st.tuples(*[st.integers(0, 40000)] * 3))
@PROPERTY
def test_a_huge_range_is_read_or_refused(scratch, low, span):
    ends = (end for a, n in zip(low, span, strict=True) for end in (a, a + n))
    reads_or_refuses(scratch, " ".join(map(str, ends)).encode() + b"\n\f" + bytes(64))

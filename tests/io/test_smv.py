"""SMV images: header, pixels, and what is refused."""

import contextlib
import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tiled_sim.errors import InputFileError
from tiled_sim.io.smv import read_smv, read_smv_header, read_smv_of_any_type

PROPERTY = settings(deadline=None, max_examples=40)
PIXELS = np.arange(12, dtype=np.uint16).reshape(3, 4) + 300


def smv(pixels=PIXELS, order="<", header_bytes=512, **header):
    """Bytes of an image; a header value of None leaves its key out."""
    keys = {
        "HEADER_BYTES": header_bytes,
        "DIM": 2,
        "BYTE_ORDER": {"<": "little_endian", ">": "big_endian"}[order],
        "TYPE": "unsigned_short",
        "SIZE1": pixels.shape[1],
        "SIZE2": pixels.shape[0],
        **header,
    }
    lines = "".join(f"{key}={value};\n" for key, value in keys.items() if value is not None)
    return ("{\n" + lines + "}\f").ljust(header_bytes).encode() + pixels.astype(
        f"{order}u2"
    ).tobytes()


@pytest.fixture
def read(tmp_path):
    def read_bytes(content):
        path = tmp_path / "mask.img"
        path.write_bytes(content)
        return read_smv(path)

    return read_bytes


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """One file that the examples of a property overwrite."""
    return tmp_path_factory.mktemp("smv") / "mask.img"


def test_size1_is_fast_and_size2_slow(read):
    assert read(smv()).pixels.tolist() == PIXELS.tolist()


def test_big_endian_pixels_are_swapped(read):
    assert read(smv(order=">")).pixels.tolist() == PIXELS.tolist()


def test_pixels_come_in_the_machine_s_own_order(read):
    assert read(smv(order=">")).pixels.dtype == np.uint16


def test_an_image_without_type_and_order_is_little_endian_16_bit(read):
    assert read(smv(TYPE=None, BYTE_ORDER=None)).pixels.tolist() == PIXELS.tolist()


def test_pixels_begin_where_the_header_says(read):
    assert read(smv(header_bytes=1024)).pixels.tolist() == PIXELS.tolist()


def test_bytes_after_the_pixels_are_left_alone(read):
    assert read(smv() + b"more").pixels.tolist() == PIXELS.tolist()


@PROPERTY
@given(
    pixels=arrays(np.uint16, st.tuples(st.integers(1, 6), st.integers(1, 6))),
    order=st.sampled_from("<>"),
)
def test_what_was_written_is_read(scratch, pixels, order):
    scratch.write_bytes(smv(pixels, order))
    assert np.array_equal(read_smv(scratch).pixels, pixels)


def test_a_header_value_is_a_number(read):
    assert read(smv(DISTANCE=100.25)).number("DISTANCE") == 100.25


def test_a_header_key_that_is_absent_is_none(read):
    assert read(smv()).number("DISTANCE") is None


def test_keys_are_matched_whole(read):
    # the C program finds DISTANCE in CLOSE_DISTANCE
    assert read(smv(CLOSE_DISTANCE=90)).number("DISTANCE") is None


def test_a_longer_key_after_does_not_hide_a_shorter_one(read):
    assert read(smv(DISTANCE=100, CLOSE_DISTANCE=90)).number("DISTANCE") == 100.0


def test_the_last_of_a_repeated_key_counts(read):
    content = smv().replace(b"DIM=2;\n", b"PHI=1;\nPHI=2;\n", 1)
    moved = content[: content.index(b"\f") + 1].ljust(512) + PIXELS.tobytes()
    assert read(moved).number("PHI") == 2.0


def test_a_line_without_a_semicolon_ends_all_the_same(read):
    # the C program writes DIALS_ORIGIN so
    keys = b"DIALS_ORIGIN=1,2,3\nPHI=2;\n"
    content = smv().replace(b"DIM=2;\n", keys, 1)
    moved = content[: content.index(b"\f") + 1].ljust(512) + PIXELS.tobytes()
    assert read(moved).number("PHI") == 2.0


def test_blanks_around_a_value_do_not_count(read):
    assert read(smv(PIXEL_SIZE="  0.2 ")).number("PIXEL_SIZE") == 0.2


def test_the_hash_is_that_of_the_bytes(read):
    assert read(smv()).sha256 == hashlib.sha256(smv()).hexdigest()


def test_the_path_is_kept_as_given(tmp_path, monkeypatch):
    (tmp_path / "mask.img").write_bytes(smv())
    monkeypatch.chdir(tmp_path)
    assert read_smv("mask.img").path == "mask.img"


def test_the_mask_of_the_reference_runs_has_dead_pixels(data):
    image = read_smv(data / "mask.img")
    assert image.pixels.shape == (128, 128)
    assert 0 < (image.pixels == 0).sum() < image.pixels.size


# Where the header ends


@pytest.mark.parametrize(
    "line",
    [
        "SAMPLE_HOLDER_NAMES={ Z X Y };\n",
        "SAMPLE_HOLDER_NAMES={ Z X Y }\n",
        "COMMENT={beam stop in};\n",
        "COMMENT=} a brace\n",
    ],
)
def test_a_brace_in_a_value_does_not_end_the_header(read, line):
    header = smv(DISTANCE=250)[:512].replace(b"DIM=2;\n", line.encode(), 1)
    image = read(header.rstrip(b" ").ljust(512) + PIXELS.tobytes())
    assert image.number("DISTANCE") == 250
    assert image.pixels.tolist() == PIXELS.tolist()


@pytest.mark.parametrize("end", [b"}\f", b"}\n\f\n", b"}\r\n\f", b"}\n", b"}\0\0", b"}", b""])
def test_every_way_to_end_a_header_is_read(read, end):
    header = smv(DISTANCE=250)[:512].replace(b"}\f", end).rstrip(b" ")
    for padding in (b" ", b"\0"):
        image = read(header.ljust(512, padding) + PIXELS.tobytes())
        assert image.number("DISTANCE") == 250
        assert image.pixels.tolist() == PIXELS.tolist()


def test_pixels_that_look_like_the_end_of_a_header_are_pixels(read):
    pixels = PIXELS.copy()
    pixels[:] = int.from_bytes(b"}\f", "little")
    header = smv(pixels)[:512].replace(b"}\f", b"}\n")
    assert (
        read(header.rstrip(b" ").ljust(512) + pixels.tobytes()).pixels.tolist() == pixels.tolist()
    )


@pytest.mark.parametrize(("old", "new"), [(b"=", b" = "), (b"\n", b"\r\n"), (b"SIZE", b"size")])
def test_spaces_line_ends_and_capitals_of_a_header_do_not_matter(read, old, new):
    header = smv(DISTANCE=250)[:512].replace(old, new).rstrip(b" ")
    image = read(header.ljust(512) + PIXELS.tobytes())
    assert image.number("DISTANCE") == 250
    assert image.pixels.tolist() == PIXELS.tolist()


# Any type


def thirty_two_bits(**header):
    """Bytes of an image of 32-bit pixels."""
    return smv(**header)[:512] + PIXELS.astype("<u4").tobytes()


@pytest.mark.parametrize(
    "kind", ["unsigned long int", "unsigned_long", "Unsigned Long Int", "long"]
)
def test_the_type_of_pixels_is_read_in_the_words_of_d_trek(read, kind):
    image = read(thirty_two_bits(TYPE=None, Data_type=kind))
    assert image.pixels.dtype.itemsize == 4
    assert image.pixels.tolist() == PIXELS.tolist()


def test_pixels_of_32_bits_are_read_as_a_mask_is(read):
    assert read(thirty_two_bits(TYPE="unsigned_long")).pixels.tolist() == PIXELS.tolist()


@pytest.mark.parametrize("scheme", ["None", "", "none", "RAW"])
def test_a_compression_that_is_none_is_none(read, scheme):
    assert read(smv(COMPRESSION=scheme)).pixels.tolist() == PIXELS.tolist()


@pytest.mark.parametrize(
    ("spelling", "order"),
    [
        *((text, ">") for text in ("BIG_ENDIAN", "Big-Endian", "big endian", "MSBFIRST", "BIG")),
        *((text, "<") for text in ("LITTLE_ENDIAN", "littleendian", "LSBfirst", "little")),
    ],
)
def test_the_order_of_bytes_is_read_in_any_spelling(read, spelling, order):
    assert read(smv(order=order, BYTE_ORDER=spelling)).pixels.tolist() == PIXELS.tolist()


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [
        ("unsigned_short", "u2"),
        ("signed_short", "i2"),
        ("short_integer", "i2"),
        ("unsigned_long", "u4"),
        ("signed_long", "i4"),
        ("long_integer", "i4"),
        ("float", "f4"),
    ],
)
@pytest.mark.parametrize("order", "<>")
def test_every_type_is_read_in_either_order(tmp_path, kind, dtype, order):
    pixels = (PIXELS - 300).astype(dtype) + np.dtype(dtype).type(100)
    if dtype[0] != "u":
        pixels[0] = -pixels[0]
    content = smv(pixels[:0].reshape(0, 4), order, TYPE=kind, SIZE2=3)
    (tmp_path / "image.img").write_bytes(content + pixels.astype(order + dtype).tobytes())
    found = read_smv_of_any_type(tmp_path / "image.img")
    assert found.pixels.dtype == dtype
    assert found.pixels.tolist() == pixels.tolist()


def test_pixels_begin_after_a_header_that_is_longer_than_it_says(tmp_path):
    # the C program says 512 whatever it writes
    long = smv(header_bytes=600).replace(b"HEADER_BYTES=600", b"HEADER_BYTES=512")
    header = long[: long.index(b"}")].ljust(560) + b"}\f"
    (tmp_path / "image.img").write_bytes(header + PIXELS.tobytes())
    assert read_smv_of_any_type(tmp_path / "image.img").pixels.tolist() == PIXELS.tolist()


# Refused


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "not an SMV image"),
        (b"P5 3 4 255\n", "not an SMV image"),
        (b"{ no keys }".ljust(512), "not an SMV image"),
        (smv(SIZE1=None), "needs a positive whole number as SIZE1"),
        (smv(SIZE2="many"), "needs a positive whole number as SIZE2"),
        (smv(SIZE2=0), "needs a positive whole number as SIZE2"),
        (smv(SIZE1=-4), "needs a positive whole number as SIZE1"),
        (smv(TYPE="float"), "TYPE=float is not unsigned_short"),
        (smv()[:-1], r"3 x 4 \(slow x fast\) pixels need 536 bytes, it has 535"),
        (smv(SIZE2=4), r"4 x 4 \(slow x fast\) pixels need 544 bytes, it has 536"),
        (smv(SIZE2=2), r"2 x 4 \(slow x fast\) pixels need 528 bytes, it has 536"),
        (thirty_two_bits(), "unsigned_short is 2 bytes a pixel, the file has 4"),
        (thirty_two_bits(TYPE=None), "without a TYPE they are of 16 bits; write TYPE=unsigned_l"),
        (smv(TYPE=None, Data_type="Compressed"), "line 7: Data_type=Compressed is not unsigned_"),
        (smv(Data_type="long int"), "Data_type=long int contradicts TYPE=unsigned_short"),
        (smv(COMPRESSION="RLE"), "line 8: COMPRESSION=RLE: compressed pixels are not read"),
        (smv(BYTE_ORDER="middle_endian"), "line 4: BYTE_ORDER=middle_endian is not known"),
        (smv(BYTE_ORDER=""), "line 4: BYTE_ORDER= is not known"),
        (smv(DIM=3), "line 3: DIM=3: images of two dimensions"),
        (smv(SIZE1="4_0"), "line 6: SIZE1=4_0: the SMV header needs a positive whole number"),
        (smv().replace(b"BYTES=512", b"BYTES=999999999999"), "HEADER_BYTES=999999999999 is more t"),
        (smv().replace(b"BYTES=512", b"BYTES=-5"), "a positive whole number as HEADER_BYTES"),
    ],
)
def test_what_is_not_a_whole_image_is_refused_by_its_name(read, content, fault):
    with pytest.raises(InputFileError, match=rf"mask\.img.*{fault}"):
        read(content)


def test_a_header_value_that_is_not_a_number_is_refused_by_its_key(read):
    image = read(smv(DISTANCE="far"))
    with pytest.raises(InputFileError, match=r"mask\.img, header line 8: DISTANCE=far is not a n"):
        image.number("DISTANCE")


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("", "has no value"),
        ("nan", "is not a number"),
        ("inf", "is not a number"),
        ("1e999", "is not a number"),
        ("100.0 mm", "is not a number: write it bare, without a unit"),
        ("1_00", "is not a number"),
        ("١٠٠".encode().decode("latin-1"), "is not a number"),
    ],
)
def test_a_header_value_that_is_garbled_is_refused_with_its_line(read, value, fault):
    content = smv(DISTANCE="X")[:512].replace(b"=X", f"={value}".encode("latin-1")).rstrip(b" ")
    image = read(content.ljust(512) + PIXELS.tobytes())
    with pytest.raises(InputFileError, match=rf"mask\.img, header line 8: DISTANCE=.* ?{fault}"):
        image.number("DISTANCE")


def test_a_file_that_does_not_exist_is_refused_by_its_name(tmp_path):
    with pytest.raises(InputFileError, match=r"cannot read the image .*nowhere\.img: No such"):
        read_smv(tmp_path / "nowhere.img")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(InputFileError, match="cannot read the image"):
        read_smv(tmp_path)


@PROPERTY
@given(cut=st.integers(0, 535))
def test_an_image_cut_short_anywhere_is_refused(scratch, cut):
    scratch.write_bytes(smv()[:cut])
    with pytest.raises(InputFileError):
        read_smv(scratch)


@PROPERTY
@given(content=st.binary(max_size=700))
def test_bytes_of_any_kind_end_in_an_image_or_a_message(scratch, content):
    scratch.write_bytes(b"{\nHEADER_BYTES=" + content)
    with contextlib.suppress(InputFileError):
        assert read_smv(scratch).pixels.size > 0


# The header alone


def test_a_header_is_read_without_its_pixels_whatever_their_type(tmp_path):
    (tmp_path / "i.img").write_bytes(smv(TYPE="float", DISTANCE=120)[:512])
    header = read_smv_header(tmp_path / "i.img")
    assert header.shape == PIXELS.shape
    assert header.number("DISTANCE") == 120


def test_a_header_longer_than_512_bytes_is_read_to_its_end(tmp_path):
    keys = {f"KEY{number}": number for number in range(100)}
    (tmp_path / "i.img").write_bytes(smv(header_bytes=2048, **keys)[:2048])
    assert read_smv_header(tmp_path / "i.img").number("KEY99") == 99


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"P5 4 4", "not an SMV image"),
        (smv(SIZE2=None), "as SIZE2"),
        (b"", "not an SMV image"),
        (smv().replace(b"BYTES=512", b"BYTES=999999999999"), "HEADER_BYTES=999999999999 is more t"),
        (smv(SIZE2=2), "pixels need 528 bytes, it has 536"),
    ],
)
def test_what_is_no_header_is_refused_by_its_name(tmp_path, content, fault):
    (tmp_path / "i.img").write_bytes(content)
    with pytest.raises(InputFileError, match=rf"i\.img: .*{fault}"):
        read_smv_header(tmp_path / "i.img")


def test_a_header_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(InputFileError, match=r"cannot read the image .*nowhere\.img"):
        read_smv_header(tmp_path / "nowhere.img")

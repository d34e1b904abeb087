"""Real damage to real stores."""

import json
import os
import shutil

import zarr


def edit_json(file, edit):
    """Change a document in place."""
    document = json.loads(file.read_bytes())
    edit(document)
    file.write_text(json.dumps(document))


def change_values(path, array, place, change):
    """Change values of an array in place, with a file that zarr itself writes."""
    found = zarr.open_group(path, mode="r+", use_consolidated=False)[array]
    found[place] = change(found[place])


def cut(file, length=None):
    """Leave the first half of a file, or so many bytes."""
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2 if length is None else length])


def flip(file, place=0.5):
    """Change a byte of a file."""
    content = bytearray(file.read_bytes())
    content[int(place * len(content))] ^= 0xFF
    file.write_bytes(content)


def remove(file):
    """Take away what is there, a folder too."""
    if file.is_dir():
        shutil.rmtree(file)
    else:
        file.unlink()


def put(file, content):
    """Put a file of this content there, a folder for None and a pipe for ``pipe``."""
    remove(file)
    if content is None:
        file.mkdir()
    elif content == "pipe":
        os.mkfifo(file)
    else:
        file.write_bytes(content)


#: What may stand in place of a JSON document, and no reader may choke on.
NO_DOCUMENT = {
    "empty": b"",
    "cut": b'{"a": [1, 2',
    "no JSON": b"\x00\xff\xfe not JSON",
    "nested": b"[" * 100_000,
    "nested and whole": b"[" * 5000 + b"]" * 5000,
    "a list": b"[]",
    "a number": b"17",
    "null": b"null",
    "not a number": b'{"attributes": NaN}',
    "too large a number": b'{"attributes": 1e999, "beat": 1e999}',
    "a long number": b'{"attributes": ' + b"1" * 10_000 + b"}",
    "empty parts": b'{"attributes": {"tiled_sim": []}, "tile": 3, "token": []}',
    "a folder": None,
    "a pipe": "pipe",
}

"""What the readers of files share: a file's bytes, read once, and their limits."""

import gzip
import hashlib
import io
import math
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, Unpack

from tiled_sim.errors import InputFileError
from tiled_sim.model.structure_factors import Cell, Provenance

MAX_INDEX = 32767
"""Largest |h|, |k|, |l|: far beyond any crystal; what exceeds it is a misread file."""

MAX_NODES = 2**27
"""Largest grid: 1 GiB of float64."""

MAX_BYTES = 2**32
"""Largest file, also after unpacking. The largest grid's Fdump, pads included, is half of it."""

_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK = 2**20


class NamedByFile(TypedDict, total=False):
    """What a file may say beside its F, as `Provenance` has it."""

    cell: Cell | None
    wavelength: float | None


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file as it lies on disk.

    Parameters
    ----------
    name : the file as the user named it
    content : its bytes; still packed if it is gzipped
    """

    name: str
    content: bytes

    def error(self, complaint: str) -> InputFileError:
        """Error to raise about this file; ``complaint`` ends in what to do."""
        return InputFileError(f"{self.name}: {complaint}")

    @property
    def is_gzip(self) -> bool:
        """Whether the content is packed; known by its first bytes, whatever the file's name."""
        return self.content.startswith(_GZIP_MAGIC)

    def unpacked(self, limit: int) -> bytes:
        """First ``limit`` bytes of what the file holds, unpacked if it is gzipped.

        Raises
        ------
        InputFileError : damaged or truncated gzip
        """
        if not self.is_gzip:
            return self.content[:limit]
        try:
            return self._unpack(limit)
        except EOFError:
            problem = "the gzip file is cut short"
        except (OSError, zlib.error) as error:
            problem = f"the gzip file is damaged ({error})"
        raise self.error(f"{problem}: copy it again; `gzip -t` tells whether it is whole")

    def _unpack(self, limit: int) -> bytes:
        """Unpack in chunks: one read of ``limit`` bytes would allocate them all beforehand."""
        chunks = []
        with gzip.GzipFile(fileobj=io.BytesIO(self.content)) as stream:
            while limit > 0 and (chunk := stream.read(min(limit, _CHUNK))):
                chunks.append(chunk)
                limit -= len(chunk)
        return b"".join(chunks)

    def provenance(
        self,
        file_format: str,
        count: int,
        *,
        negative: int = 0,
        zero: int = 0,
        duplicates: int = 0,
        notes: tuple[str, ...] = (),
        **named: Unpack[NamedByFile],
    ) -> Provenance:
        """Provenance of what was read; size [bytes] and hash are those of the file on disk."""
        if self.is_gzip:
            notes = ("unpacked with gzip; size and sha256 are of the packed file", *notes)
        return Provenance(
            path=self.name,
            format=file_format,
            size=len(self.content),
            sha256=hashlib.sha256(self.content).hexdigest(),
            count=count,
            negative=negative,
            zero=zero,
            duplicates=duplicates,
            notes=notes,
            **named,
        )


def read_source(path: str | Path) -> SourceFile:
    """Read the bytes of a file.

    Raises
    ------
    InputFileError : missing, not a regular file, unreadable, empty, or larger than MAX_BYTES
    """
    source = SourceFile(name=os.fspath(path), content=b"")
    try:
        # Asked before opening: opening a named pipe would wait for its writer.
        _check_readable(source, Path(path))
        content = Path(path).read_bytes()
    except FileNotFoundError:
        raise source.error("there is no such file: check the name and the folder") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the name
        raise source.error(f"it cannot be read ({error}): check its name and rights") from error
    if not content:
        raise source.error("the file is empty: name another, or write it again")
    return SourceFile(name=source.name, content=content)


def _check_readable(source: SourceFile, path: Path) -> None:
    size = path.stat().st_size
    if path.is_dir():
        raise source.error("this is a folder: name the file inside it")
    if not path.is_file():
        raise source.error("this is not a regular file: write it to disk and name that")
    if size > MAX_BYTES:
        raise source.error(
            f"its {size} bytes are more than the {MAX_BYTES} that are read: name another file"
        )


def grid_shape(minimum: Sequence[int], maximum: Sequence[int]) -> tuple[int, int, int]:
    """Count the nodes along h, k, l of the grid that spans the ranges, both ends included."""
    along_h, along_k, along_l = (high - low + 1 for low, high in zip(minimum, maximum, strict=True))
    return along_h, along_k, along_l


def oversized(minimum: Sequence[int], maximum: Sequence[int]) -> str:
    """Complaint about a grid of more than MAX_NODES nodes; empty if it is not so large."""
    nodes = math.prod(grid_shape(minimum, maximum))
    if nodes <= MAX_NODES:
        return ""
    ranges = ", ".join(
        f"{axis} {low}..{high}" for axis, low, high in zip("hkl", minimum, maximum, strict=True)
    )
    return f"{ranges} needs {nodes} nodes, more than the {MAX_NODES} that are allowed"

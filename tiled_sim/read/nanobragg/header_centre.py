"""The beam centre that headers of images give, and whether a centre can be what is meant."""

from dataclasses import replace

from tiled_sim.io.image_header import ImageHeader
from tiled_sim.read.conventions import Placement, centre_on_panel
from tiled_sim.read.nanobragg.conflicts import Conflicts
from tiled_sim.read.nanobragg.image_headers import ImageHeaders
from tiled_sim.read.nanobragg.options import Given

CENTRES = ("-Xbeam", "-Ybeam", "-Xclose", "-Yclose", "-ORGX", "-ORGY")
#: Options of the centre that count in a convention; CUSTOM takes any.
EFFECTIVE = {
    **dict.fromkeys(("mosflm", "denzo", "adxv"), ("-Xbeam", "-Ybeam")),
    **dict.fromkeys(("xds", "dials"), ("-ORGX", "-ORGY")),
    "custom": CENTRES,
}
#: Lengths of a header that are less than this are likely metres [mm].
_TINY = {"PIXEL_SIZE": 1e-3, "DISTANCE": 1.0, "CLOSE_DISTANCE": 1.0}


def centre_of_headers(
    placement: Placement, headers: ImageHeaders, conflicts: Conflicts
) -> dict[str, float | None]:
    """What the headers say in place of the options of the centre, in the options' units.

    Parameters
    ----------
    placement : convention, number and size of the pixels
    headers : of ``-mask`` and ``-img``
    conflicts : found among the options so far
    """
    found: dict[str, float | None] = dict.fromkeys(CENTRES)
    for header in (headers.mask, headers.image):  # the last one counts
        if header is not None:
            of_header = _smv_centre(header, turned=header is headers.mask and conflicts.c_compat)
            if "BEAM_FAST" in header:
                of_header = _cbf_centre(header, placement)
            found.update({name: value for name, value in of_header.items() if value is not None})
    return found


def _smv_centre(header: ImageHeader, *, turned: bool) -> dict[str, float | None]:
    """Of an SMV header; ``turned``: Y from the other edge, as C does it for the mask alone."""
    found: dict[str, float | None] = {}
    found["-Xbeam"] = header.number("BEAM_CENTER_X")
    found["-Ybeam"] = Y = header.number("BEAM_CENTER_Y")
    if Y is not None and turned:
        pixel_size = header.number("PIXEL_SIZE")
        found["-Ybeam"] = header.shape[0] * (0.1 if pixel_size is None else pixel_size) - Y
    for letter in "XY":
        # the C program writes XDS_ORGX, and finds it when it looks for ORGX
        keys = [key for key in (f"XDS_ORG{letter}", f"ORG{letter}") if key in header]
        found[f"-ORG{letter}"] = header.number(keys[0]) if keys else None
    return found


def _cbf_centre(header: ImageHeader, placement: Placement) -> dict[str, float | None]:
    """Of a CBF header, which says the beam along fast and slow whatever the convention."""
    fast, slow = header.number("BEAM_FAST"), header.number("BEAM_SLOW")
    assert fast is not None  # they stand in one line
    assert slow is not None
    name, px = placement.convention.name, placement.pixel_size * 1000.0
    if name in ("xds", "dials"):
        return {"-ORGX": fast + 0.5, "-ORGY": slow + 0.5}
    if name == "adxv":
        return {"-Xbeam": fast * px, "-Ybeam": (placement.pixels[0] - slow) * px}
    if name in ("mosflm", "denzo"):
        half = 0.5 if name == "mosflm" else 0.0
        return {"-Xbeam": (slow - half) * px, "-Ybeam": (fast - half) * px}
    return {"-Xbeam": fast * px, "-Ybeam": slow * px}


def prefer_options(
    header: dict[str, float | None],
    lengths: dict[str, float | None],
    conflicts: Conflicts,
) -> None:
    """CUSTOM takes a beam centre before -Xclose and -ORGX, in C even one of a header."""
    for letter in "XY":
        centre, others = f"-{letter}beam", (f"-{letter}close", f"-ORG{letter}")
        said = [option for option in others if lengths[option] is not None]
        if said and lengths[centre] is None and header[centre] is not None:
            if conflicts.c_compat:
                conflicts.note(
                    f"as C: BEAM_CENTER_{letter} of the header beats {' and '.join(said)}"
                )
            else:
                header[centre] = None


def note_centre(
    placement: Placement, given: Given, headers: ImageHeaders, conflicts: Conflicts
) -> None:
    """Note a centre, and lengths of headers, that are likely in another unit.

    Parameters
    ----------
    placement : all but resolved
    given, headers : what said the centre
    conflicts : told of a centre that misses the panel by more than its size, or fits only as pixels
    """
    for key, least in _TINY.items():
        option = f"-{key.lower()}".replace("_size", "")
        value = None if option in given else headers.number(key)
        header = headers.saying(key)
        if header is not None and value is not None and 0 < value < least:
            conflicts.note(
                f"{header.where(key)} is taken as {value:g} mm; if it is in metres, give {option} "
                f"{value * 1000:g}"
            )
    if placement.origin is not None:
        return
    header = None if given.any_of(*CENTRES) else headers.saying("BEAM_CENTER_X")
    if header and header.number("BEAM_CENTER_X") == header.number("BEAM_CENTER_Y") == 0.0:
        conflicts.note(
            f"{header.where('BEAM_CENTER_X')}, and so is Y: the beam is at the panel's corner; "
            "if the header only does not know, give -Xbeam and -Ybeam"
        )
    note = _off_panel(placement)
    if note:
        said = [option for option in CENTRES if option in given]
        source = " ".join(said)
        if not said:
            keys = ("BEAM_CENTER_X", "BEAM_CENTER_Y", "BEAM_FAST", "XDS_ORGX", "ORGX")
            saying = [(headers.saying(key), key) for key in keys]
            source = next((header.where(key) for header, key in saying if header), "")
        conflicts.note(f"{note} ({source})" if source else note)


def _off_panel(placement: Placement) -> str:
    """What is odd about the centre; empty if nothing is."""
    slow, fast = (count * placement.pixel_size * 1000.0 for count in placement.pixels)
    missed = _missed(placement)
    if max(missed) <= 0:
        return ""
    far = missed[0] > fast or missed[1] > slow
    in_pixels = _as_pixels(placement)
    fits = in_pixels is not None and max(_missed(in_pixels)) <= 0
    if not far and not fits:
        return ""
    note = (
        f"the beam centre misses the panel of {fast:g} x {slow:g} mm (fast x slow) by "
        f"{max(missed):.4g} mm"
    )
    if in_pixels is None:
        return f"{note}; -ORGX and -ORGY are in pixels"
    X, Y = ((value or 0.0) * 1000.0 for value in (placement.Xbeam, placement.Ybeam))
    as_X, as_Y = ((value or 0.0) * 1000.0 for value in (in_pixels.Xbeam, in_pixels.Ybeam))
    where = "on the panel" if fits else "off the panel, too"
    return (
        f"{note}: X {X:g}, Y {Y:g} are taken as mm; if they are pixels, give -Xbeam {as_X:g} "
        f"-Ybeam {as_Y:g}, which is {where}"
    )


def _missed(placement: Placement) -> tuple[float, float]:
    """How far the centre is beyond the panel along fast and slow [mm]; 0: on it."""
    slow, fast = (count * placement.pixel_size for count in placement.pixels)
    spot = centre_on_panel(placement)
    beyond = [max(-at, at - size, 0.0) for at, size in zip(spot, (fast, slow), strict=True)]
    return beyond[0] * 1000.0, beyond[1] * 1000.0


def _as_pixels(placement: Placement) -> Placement | None:
    """The placement if X and Y of the beam were pixels, not mm; None if they do not count."""
    X, Y = placement.Xbeam, placement.Ybeam
    if placement.convention.name in ("xds", "dials") or X is None or Y is None:
        return None
    scale = placement.pixel_size * 1000.0
    return replace(placement, Xbeam=X * scale, Ybeam=Y * scale)

"""Numbers and sizes of pixels that options and headers say beside a detector that is stated."""

from collections.abc import Iterator

from tiled_sim.errors import ExperimentError
from tiled_sim.model.detector import Panel
from tiled_sim.read.geometry import SAME_LENGTH, SAME_NUMBER
from tiled_sim.read.nanobragg.image_headers import ImageHeaders
from tiled_sim.read.nanobragg.options import Given


def check_sizes(given: Given, source: str, panels: tuple[Panel, ...]) -> None:
    """Refuse numbers and sizes of pixels that are not those of the panels."""
    for option, value, stated, same, unit_name in _sizes(given, panels):
        wrong = next((one for one in stated if abs(one - value) > same), None)
        if wrong is not None:
            raise ExperimentError(
                f"{option} {value:.10g}{unit_name} and {source}, which has {wrong:.10g}{unit_name},"
                f" contradict each other; leave {option} out"
            )


def _sizes(
    given: Given, panels: tuple[Panel, ...]
) -> Iterator[tuple[str, float, list[float], float, str]]:
    """Each option of size: its value, what panels have, what counts as the same, the unit."""
    sides = [side * 1e3 for panel in panels for side in panel.pixel_size]
    value = given.number("-pixel")
    if value is not None:
        yield "-pixel", value, sides, SAME_NUMBER * value, " mm"
    for letters, axes in (("", (0, 1)), ("_s", (0,)), ("_f", (1,))):
        count, size = given.number(f"-detpixels{letters}"), given.number(f"-detsize{letters}")
        counts = [float(panel.pixels[axis]) for panel in panels for axis in axes]
        if count is not None:
            yield f"-detpixels{letters}", count, counts, 0.0, " pixels"
        if size is not None:
            lengths = [
                panel.pixels[axis] * panel.pixel_size[axis] * 1e3
                for panel in panels
                for axis in axes
            ]
            yield f"-detsize{letters}", size, lengths, SAME_LENGTH * 1e3, " mm"


def check_header(headers: ImageHeaders, source: str, panel: Panel) -> None:
    """Refuse the header of an image of another detector."""
    for option, header in (("-img", headers.image), ("-mask", headers.mask)):
        if header is None:
            continue
        if header.shape != panel.pixels:
            raise ExperimentError(
                f"{option} {header.path} has {by_pixels(header.shape)} pixels (slow x fast), and "
                f"{source} has {by_pixels(panel.pixels)}; name an image of that detector"
            )
        side, own = header.number("PIXEL_SIZE"), panel.pixel_size[0] * 1e3
        if side is not None and abs(side - own) > SAME_NUMBER * own:
            raise ExperimentError(
                f"{header.where('PIXEL_SIZE')} is {side:.10g} mm, and {source} has {own:.10g} mm; "
                "name an image of that detector"
            )


def by_pixels(pixels: tuple[int, int]) -> str:
    """Slow and fast in words."""
    return " x ".join(map(str, pixels))

"""The camera as the header of an SMV image describes it, in the C program's own words."""

from dataclasses import dataclass

_HEADER_BYTES = 512


@dataclass(frozen=True, slots=True)
class CameraHeader:
    """What the header of an SMV image says, in its own units.

    Parameters
    ----------
    pixels : (slow, fast)
    pixel_size : [mm]
    distance, close_distance : along the beam, and to the panel's plane [mm]
    wavelength : [Å]
    beam_centre : X and Y as the experiment's convention counts [mm]
    beam_spot : (fast, slow) of the direct beam from the corner of pixel (0, 0) [mm]
    origin : sample to the corner of pixel (0, 0), in the axes of DIALS [mm]
    closest : ORGX and ORGY, the pixel nearest to the sample [pixel]
    phi, oscillation, twotheta : [°]
    """

    pixels: tuple[int, int]
    pixel_size: float
    distance: float
    close_distance: float
    wavelength: float
    beam_centre: tuple[float, float]
    beam_spot: tuple[float, float]
    origin: tuple[float, float, float]
    closest: tuple[float, float]
    phi: float
    oscillation: float
    twotheta: float


def header_bytes(camera: CameraHeader) -> bytes:
    """The header of an SMV image of 16-bit pixels, byte for byte as the C program prints it.

    One that does not fit into 512 bytes has 1024 and says so. The C program says 512 of it all the
    same, so that readers take its last bytes for pixels.
    """
    slow, fast = camera.pixels
    height, half = slow * camera.pixel_size, 0.5 * camera.pixel_size
    (fast_beam, slow_beam), (X, Y) = camera.beam_spot, camera.beam_centre
    ORGX, ORGY = camera.closest
    values = (
        "DIM=2",
        "BYTE_ORDER=little_endian",
        "TYPE=unsigned_short",
        f"SIZE1={fast}",
        f"SIZE2={slow}",
        f"PIXEL_SIZE={camera.pixel_size:g}",
        f"DISTANCE={camera.distance:g}",
        f"WAVELENGTH={camera.wavelength:g}",
        f"BEAM_CENTER_X={X:g}",
        f"BEAM_CENTER_Y={Y:g}",
        f"ADXV_CENTER_X={fast_beam:g}",
        f"ADXV_CENTER_Y={height - slow_beam:g}",
        f"MOSFLM_CENTER_X={slow_beam - half:g}",
        f"MOSFLM_CENTER_Y={fast_beam - half:g}",
        f"DENZO_X_BEAM={slow_beam:g}",
        f"DENZO_Y_BEAM={fast_beam:g}",
        # the one line that the C program does not end in a semicolon
        "DIALS_ORIGIN={:g},{:g},{:g}\nXDS_ORGX={:g}".format(*camera.origin, ORGX),
        f"XDS_ORGY={ORGY:g}",
        f"CLOSE_DISTANCE={camera.close_distance:g}",
        f"PHI={camera.phi:g}",
        f"OSC_START={camera.phi:g}",
        f"OSC_RANGE={camera.oscillation:g}",
        f"TWOTHETA={camera.twotheta:g}",
        "DETECTOR_SN=000",
        "BEAMLINE=fake",
    )
    lines = "".join(f"{value};\n" for value in values)
    for size in (_HEADER_BYTES, 2 * _HEADER_BYTES):
        text = f"{{\nHEADER_BYTES={size};\n{lines}}}\f"
        if len(text) <= size:
            break
    return text.encode("ascii").ljust(size)

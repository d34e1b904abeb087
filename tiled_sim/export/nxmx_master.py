"""The master of an NXmx: beam, detector, goniometer, masks, and where the images are."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tiled_sim.export.hdf5_file import new_hdf5
from tiled_sim.export.nexus_writing import add_axis, add_field, add_group
from tiled_sim.export.nxmx_data import DATA, ENTRY, IMAGES, Block, fill_value
from tiled_sim.export.nxmx_detector import Stack, add_modules
from tiled_sim.export.readings import Readings
from tiled_sim.export.recorded import notes_of_crystals
from tiled_sim.export.selection import Selection
from tiled_sim.export.sensor import sensor_of
from tiled_sim.model.assembly import BeamFrame
from tiled_sim.model.beam import Spectrum
from tiled_sim.model.exposures import Rotation
from tiled_sim.model.frame import differing, frame_of
from tiled_sim.model.mask import MASKED, OUTSIDE_REGION
from tiled_sim.physics.cell import dual
from tiled_sim.physics.vectors import Array, as_tuple
from tiled_sim.read.conventions import beam_spot
from tiled_sim.versions import __version__

#: Bits of a pixel mask: no pixel is there; it is dead; whoever made the run left it out.
_GAP, _DEAD, _LEFT_OUT = 1 << 0, 1 << 1, 1 << 8
_NAME = "tiled_sim"


def write_master(
    path: Path, selection: Selection, stack: Stack, blocks: Sequence[Block]
) -> tuple[str, ...]:
    """Write the master; notes for the user.

    Parameters
    ----------
    path : of the file
    selection : what is exported
    stack : of its panels
    blocks : the files of its images
    """
    experiment = selection.experiment
    frame = BeamFrame.of(experiment.detector, experiment.beam.direction)
    created = str(selection.run.attributes["created"])
    notes: list[str] = []
    with new_hdf5(path) as (file, _):
        file.attrs["default"] = ENTRY
        entry = add_group(file, ENTRY, "NXentry", default=DATA)
        add_field(entry, "definition", "NXmx", version="2024.02")
        add_field(entry, "title", selection.title)
        add_field(entry, "program_name", _NAME, version=__version__)
        # a simulation takes no time: when the run was made, so that a file is always the same
        for name in ("start_time", "end_time", "end_time_estimated"):
            add_field(entry, name, created)
        add_field(entry, "experiment_identifier", selection.run.run_id)
        _add_source(entry)
        instrument = add_group(entry, "instrument", "NXinstrument")
        add_field(instrument, "name", _NAME, short_name=_NAME)
        _add_beam(instrument, selection, frame, notes)
        _add_detector(instrument, selection, stack, frame, notes)
        _add_sample(entry, selection, frame)
        notes += notes_of_crystals(experiment)
        _add_data(entry, selection, stack, blocks)
    return tuple(notes)


def _add_source(entry: Any) -> None:
    source = add_group(entry, "source", "NXsource")
    add_field(source, "name", "simulated", short_name="simulated")
    add_field(source, "type", "Synchrotron X-ray Source")
    add_field(source, "probe", "x-ray")


def _add_beam(instrument: Any, selection: Selection, frame: BeamFrame, notes: list[str]) -> None:
    made, beam = add_group(instrument, "beam", "NXbeam"), selection.experiment.beam
    spectrum = beam.spectrum
    mean = add_field(made, "incident_wavelength", _wavelengths(selection), "angstrom")
    if len(np.unique(spectrum.wavelength)) > 1:
        # readers that know no spectra, DIALS for one, take an array for one wavelength a frame
        name = "incident_wavelength_1Dspectrum"
        mean.attrs["variant"] = name
        wavelengths, weights = _spectra(selection)
        add_field(made, name, wavelengths, "angstrom")
        add_field(made, f"{name}_weights", weights)
    if len(np.unique(spectrum.incident, axis=0)) > 1:
        add_field(made, "incident_beam_divergence", _divergence(spectrum, frame), "deg")
        notes.append(
            f"the {len(np.unique(spectrum.incident, axis=0))} directions of the beam are told by "
            "their standard deviations: NXmx has no list of them"
        )
    if beam.polarization is not None:
        x, y, _ = frame.coordinates(np.array(beam.polarization_axis))
        turned, degree = 2.0 * math.atan2(y, x), beam.polarization
        stokes = (1.0, degree * math.cos(turned), degree * math.sin(turned), 0.0)
        add_field(made, "incident_polarization_stokes", np.array(stokes))


def _divergence(spectrum: Spectrum, frame: BeamFrame) -> Array:
    """Standard deviations of the sources' directions in the planes XZ and YZ, (1, 2) [°]."""
    x, y, z = frame.coordinates(spectrum.incident).T
    angles = np.degrees([np.arctan2(x, z), np.arctan2(y, z)])
    mean = np.average(angles, axis=1, weights=spectrum.weight)
    squares = (angles - mean[:, None]) ** 2
    deviations = np.sqrt(np.average(squares, axis=1, weights=spectrum.weight))
    return np.asarray(deviations[None], dtype=np.float64)


def _wavelengths(selection: Selection) -> Any:
    """Of the central beam [Å]; of every frame, where it changes."""
    experiment, frames = selection.run.experiment, selection.frames
    if "wavelength" not in differing(experiment.exposures, frames):
        return selection.experiment.beam.wavelength
    return np.array([frame_of(experiment, number).beam.wavelength for number in frames])


def _spectra(selection: Selection) -> tuple[Array, Array]:
    """Wavelengths and weights of the sources, (wavelength,); of every frame, where they change."""
    experiment, frames = selection.run.experiment, selection.frames
    changes = differing(experiment.exposures, frames) & {"wavelength", "spectrum"}
    shown = frames if changes else frames[:1]
    wavelengths, weights = [], []
    for number in shown:
        spectrum = frame_of(experiment, number).beam.spectrum
        found, place = np.unique(spectrum.wavelength, return_inverse=True)
        summed = np.bincount(place.ravel(), weights=spectrum.weight)
        wavelengths.append(found)
        weights.append(summed / summed.max())
    if not changes:
        return wavelengths[0], weights[0]
    return np.array(wavelengths), np.array(weights)


def _add_detector(
    instrument: Any, selection: Selection, stack: Stack, frame: BeamFrame, notes: list[str]
) -> None:
    import h5py

    experiment, panels = selection.experiment, selection.detector_panels
    made = add_group(instrument, "detector", "NXdetector")
    add_field(made, "description", "simulated")
    add_field(made, "type", "simulated")
    add_modules(made, panels, frame, stack)
    if any(panel.pixels[1] < stack.slot[1] for panel in panels):
        notes.append(
            "panels differ in width: all are as wide as the widest, beyond their own pixels masked"
        )
    if experiment.allow_upstream and any(panel.origin @ np.array(frame.z) < 0 for panel in panels):
        notes.append("panels stand upstream of the sample; DIALS moves a single one downstream")
    add_field(made, "distance", abs(made["transformations/det_z"][()]), "m")
    add_field(made, "distance_derived", True)
    if len(panels) == 1:
        _add_beam_centre(made, selection)
    sizes = {panel.pixel_size for panel in panels}
    if len(sizes) == 1:
        ((slow, fast),) = sizes
        add_field(made, "x_pixel_size", fast, "m")
        add_field(made, "y_pixel_size", slow, "m")
    sensor = sensor_of(experiment, selection.panels[0])
    add_field(made, "sensor_material", sensor.material)
    add_field(made, "sensor_thickness", sensor.thickness, "m")
    notes += sensor.notes
    add_field(made, "underload_value", 0)
    noise = experiment.noise
    if selection.counts and noise is not None:
        # the last that is sound: a pixel that reads the saturation has had at least that
        add_field(made, "saturation_value", noise.saturation - 1)
        add_field(made, "bit_depth_readout", 8 * selection.dtype.itemsize)
        notes += Readings.of(selection).offset_left_out("NXmx")
    add_field(made, "pixel_mask_applied", False)
    _add_mask(made, selection, stack)
    made["data"] = h5py.SoftLink(f"/{IMAGES}")


def _add_beam_centre(detector: Any, selection: Selection) -> None:
    """Where the beam meets the only panel, in pixels from its corner."""
    (panel,) = selection.detector_panels
    spot = beam_spot(
        np.array(panel.origin),
        np.array(panel.fast_axis),
        np.array(panel.slow_axis),
        np.array(panel.normal),
        np.array(selection.experiment.beam.direction),
    )
    if spot is not None:
        for name, place, size in zip("xy", spot, panel.pixel_size[::-1], strict=True):
            add_field(detector, f"beam_center_{name}", float(place) / size, "pixel")


def _add_mask(detector: Any, selection: Selection, stack: Stack) -> None:
    """Pixels that are not live; slots that their panel does not fill are gaps."""
    slow, fast = stack.slot
    mask = detector.create_dataset(
        "pixel_mask",
        stack.shape,
        np.dtype("<u4"),
        chunks=(min(slow, 1 << 9), min(fast, 1 << 9)),
        compression="gzip",
        compression_opts=1,
        shuffle=True,
    )
    for place, panel in enumerate(selection.detector_panels):
        first = stack.first_row(place)
        height, width = panel.pixels
        for rows in selection.bands(place):
            found = selection.read_mask(place, rows)
            if found.any():
                bits = np.where(found & MASKED, np.uint32(_DEAD), np.uint32(0))
                bits |= np.where(found & OUTSIDE_REGION, np.uint32(_LEFT_OUT), np.uint32(0))
                mask[first + rows.start : first + rows.stop, :width] = bits
        if height < slow:
            mask[first + height : first + slow, :] = _GAP
        if width < fast:
            mask[first : first + height, width:] = _GAP


def _add_sample(entry: Any, selection: Selection, frame: BeamFrame) -> None:
    """The crystal, and how it turns: about an axis, or, of stills, as it stands in each."""
    crystal, exposures = selection.experiment.crystal, selection.experiment.exposures
    sample = add_group(entry, "sample", "NXsample")
    add_field(sample, "name", "simulated crystal")
    turns = isinstance(exposures, Rotation) and exposures.oscillation != 0.0
    to_frame = np.array([frame.x, frame.y, frame.z])
    if turns:
        standing = dual(crystal.direct_vectors).T[None]
    else:
        whole = selection.run.experiment
        standing = np.array(
            [
                exposures[number].rotations[0]
                @ dual(frame_of(whole, number).crystal.direct_vectors).T
                for number in selection.frames
            ]
        )
    add_field(sample, "ub_matrix", to_frame @ standing, "1/angstrom")
    if not isinstance(exposures, Rotation) or not turns:
        add_field(sample, "depends_on", ".")
        return
    axes = add_group(sample, "transformations", "NXtransformations")
    sign = math.copysign(1.0, exposures.oscillation)  # DIALS wants angles that grow
    width = sign * math.degrees(exposures.oscillation)
    starts = sign * np.degrees([exposures[number].angles[0] for number in selection.frames])
    vector = as_tuple(sign * frame.coordinates(np.array(exposures.spindle)))
    omega = add_axis(axes, "omega", starts, "deg", vector=vector, carrier=".", kind="rotation")
    omega.attrs["equipment"] = "goniometer"
    add_field(axes, "omega_end", starts + width, "deg")
    add_field(axes, "omega_increment_set", np.full(len(starts), width), "deg")
    add_field(sample, "depends_on", omega.name)


def _add_data(entry: Any, selection: Selection, stack: Stack, blocks: Sequence[Block]) -> None:
    """One virtual dataset of all files, and what turns its values into photons."""
    import h5py

    data = add_group(entry, DATA, "NXdata", signal=DATA)
    dtype = selection.dtype.newbyteorder("<")
    shape = len(selection.frames), *stack.shape
    layout = h5py.VirtualLayout(shape, dtype)
    first = selection.frames.start
    for block in blocks:
        here = slice(block.frames.start - first, block.frames.stop - first)
        layout[here] = h5py.VirtualSource(
            block.name, IMAGES, (len(block.frames), *stack.shape), dtype
        )
    made = data.create_virtual_dataset(DATA, layout, fillvalue=fill_value(selection))
    made.attrs["units"] = selection.unit
    noise = selection.experiment.noise
    if selection.counts and noise is not None and noise.gain != 1.0:
        # what the definition calls it, and what the package nxmx reads
        for name in ("data_scaling_factor", "data_scale_factor"):
            add_field(data, name, 1.0 / noise.gain)

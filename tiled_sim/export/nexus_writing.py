"""Groups, fields and axes of NeXus, as h5py writes them."""

from typing import Any

from tiled_sim.physics.vectors import Array, Vector


def add_group(parent: Any, name: str, nx_class: str, **attributes: Any) -> Any:
    """A group of a NeXus class, which keeps the order of what is put into it."""
    made = parent.create_group(name, track_order=True)
    made.attrs["NX_class"] = nx_class
    for key, value in attributes.items():
        made.attrs[key] = value
    return made


def add_field(
    parent: Any, name: str, value: Any, units: str | None = None, **attributes: Any
) -> Any:
    """A dataset of a number, text or small array; the unit of what has one."""
    made = parent.create_dataset(name, data=value)
    if units is not None:
        made.attrs["units"] = units
    for key, value_of in attributes.items():
        made.attrs[key] = value_of
    return made


def add_axis(
    parent: Any, name: str, value: Any, units: str, *, vector: Vector, carrier: str, kind: str
) -> Any:
    """A transformation.

    Parameters
    ----------
    parent, name : of it
    value : how far, a number or one a frame
    units : of the value
    vector : unit vector of its direction, or of its right-handed rotation
    carrier : absolute path of the axis that carries it; ``.``: none
    kind : ``translation`` or ``rotation``
    """
    return add_field(
        parent, name, value, units, transformation_type=kind, vector=vector, depends_on=carrier
    )


def add_translation(parent: Any, name: str, shift: Array, carrier: str) -> Any:
    """A translation (3,) [m] as a unit vector and a length."""
    length = float((shift**2).sum() ** 0.5)
    vector = tuple((shift / length).tolist()) if length > 0.0 else (0.0, 0.0, 1.0)
    return add_axis(parent, name, length, "m", vector=vector, carrier=carrier, kind="translation")

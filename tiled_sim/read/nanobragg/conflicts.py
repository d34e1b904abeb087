"""Options that contradict or overrule each other, and what is done about them."""

from dataclasses import dataclass, field

from tiled_sim.errors import ExperimentError


@dataclass(slots=True)
class Conflicts:
    """Conflicts are refused, or with ``--c-compat`` settled as C settles them, and noted.

    Parameters
    ----------
    c_compat : do as the C program does
    notes : everything that the user should know of the decisions taken
    """

    c_compat: bool
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Record a decision for the user, once."""
        if text and text not in self.notes:
            self.notes.append(text)

    def settle(self, fault: str, as_c: str) -> None:
        """Refuse ``fault``, or note what C makes of it.

        Parameters
        ----------
        fault : what contradicts what, with the numbers
        as_c : what the C program does

        Raises
        ------
        ExperimentError
            unless ``c_compat``
        """
        if not self.c_compat:
            raise ExperimentError(
                f"{fault}. Leave one of them out, or say --c-compat to do as the C program does: "
                f"{as_c}"
            )
        self.note(f"as C: {as_c} ({fault})")

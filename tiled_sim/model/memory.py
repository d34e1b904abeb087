"""What a plan promises of the memory of its workers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Memory:
    """What a worker process takes at its peak.

    Parameters
    ----------
    fixed : as long as it computes tiles, whatever their size [bytes]
    per_pixel : of each tile that a thread computes [bytes]
    per_thread : whatever its tile [bytes]
    opening : until the first tile begins [bytes]
    """

    fixed: int
    per_pixel: int
    per_thread: int = 0
    opening: int = 0

    def of_process(self, pixels: int, threads: int = 1) -> int:
        """Of a process with a tile of so many pixels on every thread [bytes]."""
        computing = self.fixed + threads * (self.per_thread + self.per_pixel * pixels)
        return max(computing, self.opening)

"""A bar that shows how many images are done."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def image_bar(images: int, *, shown: bool) -> Iterator[Callable[[int], None]]:
    """A bar on standard error, and what advances it by a number of images."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("images"),
        BarColumn(),
        MofNCompleteColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    progress = Progress(*columns, console=console, disable=not shown)
    task = progress.add_task("images", total=images)

    def advance(done: int) -> None:
        progress.start()
        progress.advance(task, done)

    try:
        yield advance
    finally:
        # stopping one that never began would print an empty line
        if progress.live.is_started:
            progress.stop()

"""What is said to the page, and under which topics of the scheduler's event log.

The scheduler imports this, so that nothing heavy may be imported here.
"""

#: Before the id of a run: topic of what workers tell of its tiles.
TILES = "tiled_sim/run/"
#: Topic of what a driver tells of its run: that it begins, how it ended.
RUNS = "tiled_sim/page"
#: Before the id of a run: topic under which the page asks its driver to stop.
STOP = "tiled_sim/stop/"

#: How a tile stands.
WAITING, RUNNING, DONE, FAILED, RETRIED = "waiting", "running", "done", "failed", "retried"

#: How a run stands, beside `RUNNING` and `FAILED`.
FINISHED, CANCELLED, LOST = "finished", "cancelled", "lost"

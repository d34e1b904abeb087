"""``python -m tiled_sim`` is ``tiled-sim``."""

import sys

from tiled_sim.cli.main import main

if __name__ == "__main__":
    sys.exit(main())

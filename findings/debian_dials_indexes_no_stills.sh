#!/usr/bin/env bash
# DIALS 3.12.1 of Debian 12 cannot index a still as it does unasked: dials.index takes its indexer of
# stills, which fits mosaicity by xfel.mono_simulation, whose compiled part Debian's cctbx leaves out.
# Every candidate is dropped with "Couldn't refine candidate …, ImportError" and what it says in the
# end is only "No suitable indexing solution found". `stills.indexer=sequences` indexes them.
# This imports what the indexer imports.
set -euo pipefail
version=3.12.1+dfsg3-5
if [ "$(dpkg-query -W -f '${Version}' dials 2>/dev/null)" != "$version" ]; then
    echo "first: apt-get install --no-install-recommends dials=$version" >&2
    exit 1
fi
grep -n "xfel" /usr/lib/python3/dist-packages/dials/algorithms/indexing/nave_parameters.py
/usr/bin/python3 - <<'PYTHON'
try:
    from xfel.mono_simulation.max_like import minimizer
except ImportError as error:
    print("ImportError:", str(error).splitlines()[0])
else:
    raise SystemExit("it is there")
PYTHON

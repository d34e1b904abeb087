#!/usr/bin/env bash
# DIALS 3.12.1 predicts the reflections of a rotation scan as those of a still, without a word, where
# the experiment list names no images: `flex.reflection_table.from_predictions` asks whether the
# imageset is an ImageSequence, and not the experiment, which knows that it is no still. The
# goniometer then counts for nothing: its fixed and setting rotations are left out, every reflection
# is in image 0. Whoever wants the scan asks ScanStaticReflectionPredictor.
# DIALS is in no index of Python packages: this takes that of Debian 12.
set -euo pipefail
version=3.12.1+dfsg3-5
if [ "$(dpkg-query -W -f '${Version}' dials 2>/dev/null)" != "$version" ]; then
    echo "first: apt-get install --no-install-recommends dials=$version" >&2
    exit 1
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
/usr/bin/python3 - <<'PYTHON'
from cctbx import sgtbx
from dials.algorithms.spot_prediction import ScanStaticReflectionPredictor
from dials.array_family import flex
from dxtbx.model import BeamFactory, Crystal, Experiment, GoniometerFactory, ScanFactory
from dxtbx.model.detector import DetectorFactory

experiment = Experiment(
    beam=BeamFactory.simple(1.0),
    detector=DetectorFactory.simple(
        "PAD", 100.0, (50.0, 50.0), "+x", "-y", (0.1, 0.1), (1000, 1000), (0, 1000)
    ),
    goniometer=GoniometerFactory.known_axis((1, 0, 0)),
    scan=ScanFactory.make_scan((5, 8), [0.1] * 4, (10.0, 0.5), dict.fromkeys(range(5, 9), 0.0)),
    crystal=Crystal((50, 0, 0), (0, 60, 0), (0, 0, 70), sgtbx.space_group("P 1")),
)
print("is a still:", experiment.is_still())
stills = flex.reflection_table.from_predictions(experiment)["xyzcal.px"].parts()[2]
print(f"from_predictions: {len(stills)} in images {min(stills):.1f} to {max(stills):.1f}")
predictor = ScanStaticReflectionPredictor(experiment, dmin=1.5)
images = predictor.for_ub(experiment.crystal.get_A())["xyzcal.px"].parts()[2]
print(f"ScanStaticReflectionPredictor: {len(images)} in images {min(images):.1f} to {max(images):.1f}")
assert not experiment.is_still()
assert set(stills) == {0.0}
assert max(images) - min(images) > 3.0
PYTHON

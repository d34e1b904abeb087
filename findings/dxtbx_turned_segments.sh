#!/usr/bin/env bash
# dxtbx 3.11.2 (Debian's DIALS 3.12.1) reads a segment of XDS.INP that is turned by 180° one pixel off.
# XDS counts the pixels of a segment from (SEGMENT_ORGX, SEGMENT_ORGY) along the segment's own axes;
# the segment of no turn has 0 0. The reader (rstbx.cftbx.coordinate_frame_helpers.import_xds_inp)
# starts at the outer corner of the detector's first pixel, half a pixel along the detector's axes
# from where the coordinates are 0, and does not turn that half: right for segments that lie as the
# detector does, off by up to a pixel for others. Its writer (dxtbx.serialize.xds) leaves out the same
# half pixel. XDS itself was not at hand: the rule is that of its documentation.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/XDS.INP" <<'INP'
JOB= XYCORR
DETECTOR= EIGER
NAME_TEMPLATE_OF_DATA_FRAMES= a_????.h5
DATA_RANGE= 1 1
STARTING_FRAME= 1
STARTING_ANGLE= 0
OSCILLATION_RANGE= 0.1
ROTATION_AXIS= 1 0 0
INCIDENT_BEAM_DIRECTION= 0 0 1
X-RAY_WAVELENGTH= 1.0
NX= 10 NY= 20 QX= 0.1 QY= 0.1
DIRECTION_OF_DETECTOR_X-AXIS= 1 0 0
DIRECTION_OF_DETECTOR_Y-AXIS= 0 1 0
DETECTOR_DISTANCE= 100
ORGX= 5.5 ORGY= 10.5
SEGMENT= 1 10 1 10
DIRECTION_OF_SEGMENT_X-AXIS= 1 0 0
DIRECTION_OF_SEGMENT_Y-AXIS= 0 1 0
SEGMENT_DISTANCE= 0
SEGMENT_ORGX= 0 SEGMENT_ORGY= 0
SEGMENT= 1 10 11 20
DIRECTION_OF_SEGMENT_X-AXIS= -1 0 0
DIRECTION_OF_SEGMENT_Y-AXIS= 0 -1 0
SEGMENT_DISTANCE= 0
SEGMENT_ORGX= 11 SEGMENT_ORGY= 31
INP
/usr/bin/python3 - "$folder/XDS.INP" <<'PYTHON'
import sys
import dxtbx

straight, turned = dxtbx.load(sys.argv[1]).get_detector()
print("pixel (1, 1)  ", straight.get_pixel_lab_coord((0.5, 0.5)), "due (-0.45, 0.95, -100)")
# (1 - 11)·(-0.1) and (11 - 31)·(-0.1) mm from (0, 0): where (10, 20) of a plain detector stands
print("pixel (1, 11) ", turned.get_pixel_lab_coord((0.5, 0.5)), "due (0.45, -0.95, -100)")
PYTHON
# pixel (1, 1)   (-0.45, 0.9500000000000122, -100.0) due (-0.45, 0.95, -100)
# pixel (1, 11)  (0.55, -1.0499999999999878, -100.0) due (0.45, -0.95, -100)

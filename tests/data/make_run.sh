#!/bin/sh
# A small run of the format that the tiled_sim of this Python writes, from the words of all those
# that are kept here: tests/run/test_formats.py holds them against each other.
#
#     PYTHON=python sh make_run.sh run_format2.zarr
set -eu
cd "$(dirname "$0")"
exec "${PYTHON:-python3}" -m tiled_sim submit --out "$1" --no-progress --cluster local:1 \
    --tile 32x64 --kernel reference --require-coverage 0 --trace-pixel 20 30 \
    --noise-seed 3 --noise-psf gauss --noise-psf-fwhm 500 --noise-readout 2 --noise-gain 3 \
    --noise-offset 10 \
    -hkl few.hkl -default_F 10 -cell 30 35 25 90 100 90 -misset 10 20 30 -N 5 \
    -mask few_mask.img -sourcefile sources.txt -mosaic 0.5 -mosaic_domains 3 \
    -phi 5 -osc 0.2 -phisteps 2 -distance 60 -fluence 1e27 -water 0.1 -oversample 1

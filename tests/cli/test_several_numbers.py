"""Several numbers of one option, with blanks or with commas between."""

import pytest

from tiled_sim.cli.main import main

CRYSTAL = "-default_F 1 -cell 70 80 90 -lambda 1 -N 5 -distance 100 -detpixels 48"
ANISOTROPIC = "--mosaic-kind anisotropic -mosaic_domains 5 --mosaic-angles"
DIFFUSE = "--diffuse-sigma 0.3 --diffuse-gamma"


@pytest.fixture
def configured(capsys):
    """What `config` says of the experiment with these words; its exit code, and what is told."""

    def configure(*words):
        code = main(["config", *CRYSTAL.split(), *" ".join(words).split()])
        output = capsys.readouterr()
        return code, output.out or output.err

    return configure


@pytest.mark.parametrize(
    ("words", "blanks", "commas"),
    [
        (ANISOTROPIC, "0.1 0.2 0.3", "0.1,0.2,0.3"),
        (DIFFUSE, "50 80 120", "50,80,120"),
        ("--random-shots 3 --shots-cell-spread", "0.002 0.002 1e-3", "0.002,0.002,1e-3"),
        ("--twin", "-10 0 180 0.5", "-10,0,180,0.5"),
    ],
)
def test_blanks_and_commas_say_the_same(configured, words, blanks, commas):
    code, told = configured(words, blanks)
    assert code == 0, told
    assert configured(words, commas) == (0, told)
    assert configured(words, blanks, "-oversample 3") == configured(words, commas, "-oversample 3")


def test_one_number_stands_for_three(configured):
    assert configured(DIFFUSE, "50") == configured(DIFFUSE, "50 50 50")


@pytest.mark.parametrize(
    "words",
    [
        f"{ANISOTROPIC} 0.1,0.2",
        f"{ANISOTROPIC} 0.1,0.2,x",
        f"{DIFFUSE} 50 80",
        f"{DIFFUSE} 50,80",
        f"{DIFFUSE} 50 80 120 160",
        f"{DIFFUSE} 50,,80",
        f"{DIFFUSE} nan nan nan",
    ],
)
def test_another_number_of_them_is_refused(configured, words):
    code, told = configured(words)
    assert code == 2
    assert told.startswith("tiled-sim: ")

"""Which columns of an MTZ are taken for amplitudes."""

import gemmi
import numpy as np
import pytest

from tiled_sim.errors import InputFileError, UsageError
from tiled_sim.io.mtz import read_mtz, read_mtz_cell

CELL = (40.0, 50.0, 60.0, 90.0, 100.0, 90.0)
OF_TYPE = {"SIGF": "Q", "SIGDANO": "Q", "DANO": "D", "IMEAN": "J", "SIGIMEAN": "Q", "FOM": "W"}
H_LABELS = ("H", "K", "L")


@pytest.fixture
def written(tmp_path):
    """Write an MTZ of columns ``(label, type): values`` in their order; its path."""

    def write(columns, *, indices=((1, 2, 3), (2, 0, 1)), labels=H_LABELS, first=(), cells=()):
        mtz = gemmi.Mtz(with_base=False)
        mtz.spacegroup = gemmi.SpaceGroup("P 1 21 1")
        for name in ("HKL_base", "native", "derivative"):
            mtz.add_dataset(name)
        mtz.set_cell_for_all(gemmi.UnitCell(*CELL))
        for number, cell in cells:
            mtz.datasets[number].cell = gemmi.UnitCell(*cell)
        of_indices = {
            (label, "H"): values
            for label, values in zip(labels, np.transpose(indices), strict=True)
        }
        every = [*[(key, columns[key]) for key in first], *of_indices.items()]
        every += [(key, values) for key, values in columns.items() if key not in first]
        for (label, kind, *dataset), _ in every:
            mtz.add_column(label, kind, dataset_id=dataset[0] if dataset else int(kind != "H"))
        mtz.set_data(np.column_stack([values for _, values in every]).astype(np.float32))
        path = tmp_path / "made.mtz"
        mtz.write_to_file(str(path))
        return path

    return write


def at(factors, *hkl):
    """F of a node, which must be given."""
    place = tuple(np.array(hkl) - factors.minimum)
    assert factors.given[place]
    return factors.amplitude[place]


def amplitudes(*labels, kind="F"):
    """Columns of the labels, that begin with 10, 20, … at 1 2 3."""
    return {(label, kind): [10.0 * (n + 1), 5.0] for n, label in enumerate(labels)}


# h, k, l


def test_indices_are_found_by_their_labels_wherever_they_stand(written):
    F = ("F", "F")
    shuffled = written(
        {F: [100.0, 50.0]}, indices=((3, 1, 2), (1, 2, 0)), labels=("L", "H", "K"), first=(F,)
    )
    factors = read_mtz(shuffled)
    assert (at(factors, 1, 2, 3), at(factors, 2, 0, 1)) == (100.0, 50.0)


def test_three_columns_of_indices_under_other_labels_are_h_k_l_in_their_order(written):
    factors = read_mtz(written(amplitudes("F"), labels=("hkl_h", "hkl_k", "hkl_l")))
    assert at(factors, 1, 2, 3) == 10.0


def test_indices_that_are_not_whole_are_refused(written):
    path = written(amplitudes("F"), indices=((1, 2, 3.5), (2, 0, 1)))
    with pytest.raises(InputFileError, match="h, k, l of a row are not whole numbers"):
        read_mtz(path)


# Mates in columns


@pytest.mark.parametrize("asked", [None, "F(+)", "F(-)"])
def test_a_pair_of_columns_is_both_mates_whichever_is_named(written, asked):
    path = written({("F(+)", "G"): [10.0, 5.0], ("F(-)", "G"): [20.0, 5.0]})
    factors = read_mtz(path, asked)
    assert (at(factors, 1, 2, 3), at(factors, -1, 2, -3)) == (10.0, 10.0)
    assert (at(factors, -1, -2, -3), at(factors, 1, -2, 3)) == (20.0, 20.0)
    assert at(factors, 2, 0, 1) == at(factors, -2, 0, -1) == 5.0
    assert factors.provenance.notes[0].startswith("columns F(+) and F(-), 2 reflections")


@pytest.mark.parametrize(
    ("plus", "minus"), [("F-obs(+)", "F-obs(-)"), ("Fplus", "Fminus"), ("FP+", "FP-")]
)
def test_a_pair_is_known_by_its_labels(written, plus, minus):
    factors = read_mtz(written({(minus, "G"): [20.0, 5.0], (plus, "G"): [10.0, 5.0]}))
    assert (at(factors, 1, 2, 3), at(factors, -1, -2, -3)) == (10.0, 20.0)


def test_a_pair_of_plain_amplitudes_by_label_is_a_pair(written):
    factors = read_mtz(written({("F(+)", "F"): [10.0, 5.0], ("F(-)", "F"): [20.0, 5.0]}))
    assert (at(factors, 1, 2, 3), at(factors, -1, -2, -3)) == (10.0, 20.0)


def test_a_mate_that_is_missing_has_the_f_of_the_other(written):
    path = written({("F(+)", "G"): [np.nan, 5.0], ("F(-)", "G"): [20.0, np.nan]})
    factors = read_mtz(path)
    assert (at(factors, 1, 2, 3), at(factors, -1, -2, -3)) == (20.0, 20.0)
    assert at(factors, 2, 0, 1) == 5.0
    assert any(
        note.startswith("1 acentric reflections have one") for note in factors.provenance.notes
    )


def test_centric_reflections_have_the_mean_of_a_pair_that_differs_and_it_is_noted(written):
    factors = read_mtz(written({("F(+)", "G"): [10.0, 5.0], ("F(-)", "G"): [20.0, 6.0]}))
    assert at(factors, 2, 0, 1) == at(factors, -2, 0, -1) == 5.5
    assert any("1 centric reflections" in note for note in factors.provenance.notes)


def test_half_a_pair_is_no_amplitude(written):
    path = written({("F(+)", "G"): [10.0, 5.0]})
    with pytest.raises(InputFileError, match=r"only F\(\+\) \(amplitude of one Friedel mate\)"):
        read_mtz(path)
    with pytest.raises(InputFileError, match=r"F\(\+\) is F of one Friedel mate, and the column"):
        read_mtz(path, "F(+)")


@pytest.mark.parametrize("asked", [None, "F", "DANO"])
def test_an_f_with_its_difference_is_both_mates(written, asked):
    path = written({("F", "F"): [15.0, 5.0], ("SIGF", "Q"): [1, 1], ("DANO", "D"): [-10.0, 0.0]})
    factors = read_mtz(path, asked)
    assert (at(factors, 1, 2, 3), at(factors, -1, 2, -3)) == (10.0, 10.0)
    assert (at(factors, -1, -2, -3), at(factors, 1, -2, 3)) == (20.0, 20.0)


def test_the_difference_of_a_centric_reflection_is_ignored_and_a_missing_one_is_0(written):
    factors = read_mtz(written({("F", "F"): [15.0, 5.0], ("DANO", "D"): [np.nan, 3.0]}))
    assert at(factors, 1, 2, 3) == at(factors, -1, -2, -3) == 15.0
    assert at(factors, 2, 0, 1) == at(factors, -2, 0, -1) == 5.0


def test_a_difference_goes_with_the_f_of_its_dataset(written):
    columns = {
        ("FNAT", "F", 1): [15.0, 5.0],
        ("FDER", "F", 2): [16.0, 5.0],
        ("DDER", "D", 2): [4.0, 0.0],
    }
    path = written(columns)
    assert at(read_mtz(path, "FNAT"), -1, -2, -3) == 15.0
    assert at(read_mtz(path, "FDER"), -1, -2, -3) == 14.0


# Which of several


def test_an_f_and_a_pair_beside_each_other_must_be_told_apart(written):
    columns = {
        **{("F", "F"): [15.0, 5.0], ("DANO", "D"): [-10.0, 0.0]},
        **{("F(+)", "G"): [11.0, 5.0], ("F(-)", "G"): [21.0, 5.0]},
    }
    path = written(columns)
    message = r"several sets of amplitudes \(F with DANO; F\(\+\) and F\(-\)\).*mtz_column = 'F'"
    with pytest.raises(UsageError, match=message):
        read_mtz(path)
    assert at(read_mtz(path, "F"), 1, 2, 3) == 10.0
    assert at(read_mtz(path, "F(-)"), 1, 2, 3) == 11.0


MAPS = ["FWT", "DELFWT", "2FOFCWT", "FOFCWT", "2FOFCWT_no_fill", "2mFo-DFc", "mFo-DFc", "FAN"]


@pytest.mark.parametrize("label", MAPS)
def test_coefficients_of_a_map_are_never_taken_unnamed(written, label):
    path = written(amplitudes(label, "FP"))
    assert at(read_mtz(path), 1, 2, 3) == 20.0
    assert at(read_mtz(path, label), 1, 2, 3) == 10.0


@pytest.mark.parametrize("label", MAPS)
def test_a_file_of_maps_alone_is_refused_until_one_is_named(written, label):
    path = written(amplitudes(label))
    with pytest.raises(InputFileError, match="only amplitudes are coefficients of maps"):
        read_mtz(path)
    assert at(read_mtz(path, label), 1, 2, 3) == 10.0


def test_coefficients_are_known_by_the_label_of_their_phases_too(written):
    columns = {**amplitudes("omit", "FP"), ("PHomit", "P"): [0.0, 90.0]}
    assert at(read_mtz(written(columns)), 1, 2, 3) == 20.0


@pytest.mark.parametrize(
    ("label", "phase"), [("FC", "PHIC"), ("FMODEL", "PHIFMODEL"), ("F-model", "PHIF-model")]
)
def test_the_f_of_a_model_with_its_phases_is_taken(written, label, phase):
    columns = {**amplitudes(label), (phase, "P"): [0.0, 90.0]}
    assert at(read_mtz(written(columns)), 1, 2, 3) == 10.0


# Intensities


def test_intensities_are_refused_with_the_commands_that_make_amplitudes(written):
    columns = {("IMEAN", "J"): [100.0, 25.0], ("SIGIMEAN", "Q"): [1.0, 1.0]}
    path = written(columns)
    message = (
        r"intensities \(IMEAN \(J\)\) and no amplitudes: .*`ctruncate -mtzin \S+made.mtz -mtzout "
        r"F.mtz -colin '/\*/\*/\[IMEAN,SIGIMEAN\]'` \(CCP4\) or `phenix.french_wilson \S+made.mtz`"
    )
    with pytest.raises(InputFileError, match=message):
        read_mtz(path)


def test_intensities_of_mates_are_refused_with_the_columns_in_the_command(written):
    columns = {
        **{("I(+)", "K"): [100.0, 25.0], ("SIGI(+)", "M"): [1.0, 1.0]},
        **{("I(-)", "K"): [400.0, 25.0], ("SIGI(-)", "M"): [1.0, 1.0]},
    }
    path = written(columns)
    colano = r"F.mtz -colano '/\*/\*/\[I\(\+\),SIGI\(\+\),I\(-\),SIGI\(-\)\]'`"
    for asked in (None, "I(+)"):
        with pytest.raises(InputFileError, match=colano):
            read_mtz(path, asked)


# Cell and wavelength


def test_the_cell_is_that_of_the_amplitudes_own_dataset(written):
    other = (41.0, 50.0, 60.0, 90.0, 100.0, 90.0)
    path = written({("FP", "F", 1): [1.0, 2.0], ("FD", "F", 2): [1.0, 2.0]}, cells=((2, other),))
    assert read_mtz_cell(path, "FP") == read_mtz(path, "FP").provenance.cell == CELL
    assert read_mtz_cell(path, "FD") == read_mtz(path, "FD").provenance.cell == other


@pytest.mark.parametrize(
    "cell", [(1, 1, 1, 90, 90, 90), (0, 0, 0, 0, 0, 0), (40, 50, 60, 30, 30, 100)]
)
def test_a_cell_of_no_crystal_is_none(written, tmp_path, cell):
    path = written(amplitudes("F"))
    mtz = gemmi.read_mtz_file(str(path))
    mtz.set_cell_for_all(gemmi.UnitCell(*cell))
    mtz.write_to_file(str(tmp_path / "none.mtz"))
    assert read_mtz(tmp_path / "none.mtz").provenance.cell is None


def test_the_wavelength_is_told(written, tmp_path):
    mtz = gemmi.read_mtz_file(str(written(amplitudes("F"))))
    assert read_mtz(tmp_path / "made.mtz").provenance.wavelength is None
    mtz.datasets[1].wavelength = 0.9795
    mtz.write_to_file(str(tmp_path / "made.mtz"))
    provenance = read_mtz(tmp_path / "made.mtz").provenance
    assert provenance.wavelength == pytest.approx(0.9795)
    assert "measured or computed at 0.9795 Å, as it says" in provenance.notes

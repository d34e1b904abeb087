"""The parser of nanoBragg command lines: what it knows, takes, and refuses in which words."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiled_sim.errors import UsageError
from tiled_sim.model.experiment import Experiment
from tiled_sim.read.nanobragg.options import OPTIONS, parse

PROPERTY = settings(deadline=None, max_examples=100)

#: Every option of the C program's command line.
KNOWN_TO_C = """
    -mat -cell -hkl -default_F -dump -img -mask -sourcefile -stol -4stol -Q -stolout
    -Na -Nb -Nc -N -xtalsize -samplesize -xtal_size -sample_size
    -xtal_x -xtal_thick -xtal_y -xtal_width -xtal_z -xtal_height
    -sample_x -sample_thick -sample_y -sample_width -sample_z -sample_height
    -square_xtal -round_xtal -gauss_xtal -binary_spots -tophat_spots -fudge
    -mosaic -mosaici -mosaic_spr -mosaic_dom -misset
    -lambda -wave -energy -dispersion -dispsteps -divergence -hdivrange -vdivrange
    -hdivstep -vdivstep -hdivsteps -vdivsteps -divsteps -round_div -square_div
    -polar -nopolar -fluence -flux -exposure -beamsize
    -pixel -detpixels -detpixels_f -detpixels_x -detpixels_s -detpixels_y
    -detsize -detsize_f -detsize_s -distance -close_distance
    -Xbeam -Ybeam -Xclose -Yclose -ORGX -ORGY -twotheta
    -detector_rotx -detector_roty -detector_rotz -pivot -mosflm -xds -adxv -denzo -dials
    -fdet_vector -sdet_vector -odet_vector -beam_vector -polar_vector -spindle_axis
    -twotheta_axis -pix0_vector -pix0_vector_mm -curved_det -point_pixel
    -detector_abs -detector_thick -detector_thicksteps -thicksteps
    -phi -osc -phistep -phisteps -oversample -oversample_thick -oversample_polar
    -oversample_omega -roi -dmin -interpolate -nointerpolate
    -floatfile -floatimage -intfile -intimage -noisefile -noiseimage -nonoise
    -pgmfile -pgmimage -nopgm -pgmscale -scale -adc -seed -mosaic_seed -misset_seed
    -water -printout -printout_pixel -trace_pixel -noprogress -progress -coherent
"""
NAMES = {name: option for option in OPTIONS for name in (option.name, *option.aliases)}
INERT = [option for option in OPTIONS if option.inert]
HONOURED = [option for option in OPTIONS if not option.inert]
_SAMPLES = {"float": "1.5", "int": "3", "path": "file.x", "word": "beam"}


def sample(option, name=None):
    """A well-formed use of an option."""
    return [name or option.name, *(_SAMPLES[kind] for kind in option.arguments)]


def given_by(line, c_compat=False):
    return parse(line.split(), c_compat=c_compat)


def ids(options):
    return [option.name for option in options]


# The table


@pytest.mark.parametrize("name", KNOWN_TO_C.split())
def test_an_option_of_the_c_program_is_known(name):
    assert name in NAMES


def test_no_name_stands_twice_in_the_table():
    names = [name for option in OPTIONS for name in (option.name, *option.aliases)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("option", HONOURED, ids=ids(HONOURED))
def test_an_honoured_option_says_what_it_sets(option):
    assert option.help


@pytest.mark.parametrize("option", HONOURED, ids=ids(HONOURED))
def test_an_honoured_option_keeps_its_values(option):
    kept = parse(sample(option), c_compat=False).values(option.name)
    assert [type(value).__name__ for value in kept] == [
        {"path": "str", "word": "str"}.get(kind, kind) for kind in option.arguments
    ]


@pytest.mark.parametrize(
    ("alias", "option"), [(alias, option) for option in HONOURED for alias in option.aliases]
)
def test_an_alias_means_the_option(alias, option):
    assert parse(sample(option, alias), c_compat=False) == parse(sample(option), c_compat=False)


# What is refused


@pytest.mark.parametrize("option", INERT, ids=ids(INERT))
def test_an_option_without_effect_is_refused_with_a_way_out(option):
    with pytest.raises(UsageError, match=f"option {option.name} has no effect.*c_compat=True"):
        parse(sample(option), c_compat=False)


@pytest.mark.parametrize("option", INERT, ids=ids(INERT))
def test_an_option_without_effect_is_read_over_under_c_compat(option):
    assert list(parse([*sample(option), "-N", "5"], c_compat=True)) == ["-N"]


def test_a_random_missetting_is_one_word_in_place_of_three_angles():
    assert given_by("-misset random -N 5").values("-misset") == ("random",)


@pytest.mark.parametrize(
    ("word", "nearest"),
    [
        ("-lamda", "-lambda"),
        ("-detpixel", "-detpixels"),
        ("-xbeam", "-Xbeam"),
        ("-dispstep", "-dispsteps"),
        ("-mosaic_domain", "-mosaic_domains"),
        ("-spindle_vector", "-sdet_vector|-spindle_axis"),
    ],
)
def test_an_unknown_option_is_refused_with_the_nearest_known(word, nearest):
    with pytest.raises(UsageError, match=f"unknown option {word}; did you mean .*({nearest})"):
        given_by(f"{word} 1")


def test_an_unknown_option_like_no_other_is_refused_without_a_guess():
    with pytest.raises(UsageError, match=r"unknown option -zzzzzz \(the C program would ignore"):
        given_by("-zzzzzz")


@PROPERTY
@given(word=st.from_regex(r"-[A-Za-z_]{1,12}", fullmatch=True).filter(lambda w: w not in NAMES))
def test_no_unknown_option_is_ever_let_through(word):
    with pytest.raises(UsageError, match="unknown option"):
        parse([word], c_compat=True)


def test_options_match_as_whole_words():
    # the C program takes any word that contains -twotheta for it
    assert list(given_by("-twotheta_axis 1 0 0")) == ["-twotheta_axis"]


@pytest.mark.parametrize("line", ["stray", "-N 5 6", "-phi 1 2", "-nopolar 1", "-roi 1 2 3 4 5"])
def test_a_word_that_belongs_to_no_option_is_refused(line):
    with pytest.raises(UsageError, match="unexpected word"):
        given_by(line)


@pytest.mark.parametrize(
    "option",
    [option for option in HONOURED if option.arguments],
    ids=[option.name for option in HONOURED if option.arguments],
)
def test_a_missing_value_is_refused_with_the_number_needed(option):
    needed = len(option.arguments) - option.optional
    with pytest.raises(UsageError, match=f"option {option.name} needs {needed} value"):
        parse(sample(option)[: needed or 1], c_compat=False)


@pytest.mark.parametrize("line", ["-hkl -mat A.mat", "-N -phi 5", "-misset 1 2 -N 5"])
def test_an_option_is_not_taken_for_a_value(line):
    with pytest.raises(UsageError, match="needs"):
        given_by(line)


def test_one_of_our_options_is_not_taken_for_a_value():
    with pytest.raises(UsageError, match="-pivot needs 1 value"):
        given_by("-pivot --out")


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("-lambda x", "'x' is not a number"),
        ("-lambda nan", "'nan' is not a finite number"),
        ("-lambda inf", "'inf' is not a finite number"),
        ("-N 5.5", "'5.5' is not a whole number"),
        ("-roi 1 2 3 four", "'four' is not a number"),
    ],
)
def test_a_malformed_value_is_refused_with_the_word(line, fault):
    with pytest.raises(UsageError, match=fault):
        given_by(line)


@pytest.mark.parametrize("option", ["-hkl", "-floatfile", "-pivot"])
def test_an_empty_word_is_no_value(option):
    with pytest.raises(UsageError, match=f"option {option} needs a (path|word), found an empty"):
        parse([option, ""], c_compat=False)


# What is taken


def test_a_negative_number_is_a_value():
    assert given_by("-phi -5").number("-phi") == -5.0


def test_three_negative_numbers_are_a_vector():
    assert given_by("-spindle_axis -1 -2 -3e-1").vector("-spindle_axis") == (-1.0, -2.0, -0.3)


@pytest.mark.parametrize("text", ["5", "5.0", "5e0"])
def test_a_whole_number_may_be_written_as_a_decimal(text):
    assert given_by(f"-N {text}").integer("-N") == 5


@pytest.mark.parametrize("count", range(1, 7))
def test_a_cell_may_leave_out_its_last_values(count):
    values = [70, 80, 90, 75, 85, 95][:count]
    line = f"-cell {' '.join(map(str, values))} -N 5"
    assert given_by(line).values("-cell") == tuple(map(float, values))


def test_the_last_of_a_repeated_option_counts():
    assert given_by("-N 5 -N 6").integer("-N") == 6


def test_a_path_may_look_like_a_number():
    assert given_by("-hkl 5").text("-hkl") == "5"


def test_words_that_are_not_text_are_taken_as_such(tmp_path):
    assert parse(["-hkl", tmp_path, "-N", 5], c_compat=False).integer("-N") == 5


@pytest.mark.parametrize("read", ["values", "number", "integer", "text", "vector"])
def test_an_option_that_was_not_given_is_none(read):
    assert getattr(given_by(""), read)("-N") is None


def test_options_are_told_in_their_order():
    assert list(given_by("-phi 1 -N 5 -phi 2")) == ["-phi", "-N", "-phi"]


def test_the_last_of_several_options_is_told():
    assert given_by("-N 5 -Na 6 -phi 1").last_of("-N", "-Na") == "-Na"


def test_those_given_of_several_options_are_told():
    assert given_by("-phi 1 -N 5").any_of("-N", "-osc", "-phi") == ["-N", "-phi"]


@pytest.mark.parametrize(
    ("own", "fault"),
    [
        ({"random_shots": "3"}, "random_shots='3' must be a whole number"),
        ({"F_energies": "all"}, "F_energies='all' must be a whole number"),
        ({"sensor": 450}, "sensor=450 must be a text"),
        ({"mosaic_angles": (0.1, 0.2)}, r"mosaic_angles=\(0.1, 0.2\) must be 3 numbers"),
        ({"twins": [(0, 180, 0)]}, r"\(0, 180, 0\) must be four numbers, x, y, z and its share"),
        ({"twins": (0, 180, 0, 0.3)}, "0 must be four numbers"),
        ({"diffuse": (50, 0.3)}, "must be a Diffuse"),
    ],
)
def test_parameters_of_another_type_are_refused_by_name(own, fault):
    with pytest.raises(UsageError, match=fault):
        Experiment.from_nanobragg(["-cell", "50", "-N", "3"], **own)

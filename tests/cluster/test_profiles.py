"""SLURM profiles: every key, and every way to get one wrong."""

import pytest

from tiled_sim.cluster.profiles import SlurmProfile, read_profile
from tiled_sim.errors import InputFileError

FULL = """
jobs = 4
cores = 16
processes = 8
memory = "32 GiB"
queue = "regular"
account = "xtal"
walltime = "1-12:00:00"
interface = "ib0"
host = "login1"
directives = ["--constraint=skylake", "--exclusive"]
setup = ["module load gcc", "source ~/env/bin/activate"]
python = "/opt/env/bin/python"
shared_directory = "/scratch/me"
wait_minutes = 90
"""


@pytest.fixture
def profile(tmp_path):
    """Read a profile of this text."""

    def read(text):
        file = tmp_path / "profile.toml"
        file.write_text(text)
        return read_profile(file)

    return read


def test_every_key_is_read(profile):
    assert profile(FULL) == SlurmProfile(
        jobs=4,
        cores=16,
        processes=8,
        memory="32 GiB",
        queue="regular",
        account="xtal",
        walltime="1-12:00:00",
        interface="ib0",
        host="login1",
        directives=("--constraint=skylake", "--exclusive"),
        setup=("module load gcc", "source ~/env/bin/activate"),
        python="/opt/env/bin/python",
        shared_directory="/scratch/me",
        wait_minutes=90.0,
    )


def test_cores_and_memory_are_enough(profile, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", "/home/me/state")
    found = profile('cores = 4\nmemory = "8GB"')
    assert (found.jobs, found.processes) == (1, 4)
    assert found.shared_directory == "/home/me/state/tiled_sim/slurm"
    assert found.wait_minutes == 1440
    assert found.queue is found.account is found.walltime is found.interface is None
    assert found.directives == found.setup == ()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("partition = 'a'", "unknown section or key 'partition'; known are"),
        ("wall_time = '1'", "did you mean walltime"),
        ("jobs = 0", "jobs = 0 must be more than 0"),
        ("jobs = 'two'", "jobs = 'two' must be a whole number"),
        ("processes = 3", "cores = 4 must be a multiple of processes = 3"),
        ("walltime = 'long'", "walltime = 'long' must be a time such as '1-12:00:00'"),
        ("queue = 'a b'", "queue = 'a b' must be one word"),
        ("queue = ''", "queue = '' must be one word"),
        ("python = ''", "python = '' must be one line"),
        ("directives = '--exclusive'", "must be a list of texts"),
        ("directives = [7]", "must be a list of texts"),
        ('setup = ["a\\nb"]', "must be a list of texts, each one line"),
        ("shared_directory = '/a b'", "must be a path without spaces"),
        ("wait_minutes = -1", "wait_minutes = -1.0 must be more than 0"),
        ("wait_minutes = nan", "must be a finite number"),
        ("jobs = ", "not a TOML file"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_key(profile, tmp_path, change, complaint):
    with pytest.raises(InputFileError) as caught:
        profile(f'cores = 4\nmemory = "8 GB"\n{change}\n')
    assert str(tmp_path / "profile.toml") in str(caught.value)
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("memory = '8 GB'", "cores is missing"),
        ("cores = 4", "memory is missing: of a job, such as '16 GB'"),
        ("cores = 4\nmemory = 8", "memory = 8 must be a text in quotes"),
        ("cores = 4\nmemory = '8 giga'", "must be a size such as '16 GB'"),
    ],
)
def test_cores_and_memory_must_be_given(profile, text, complaint):
    with pytest.raises(InputFileError) as caught:
        profile(text)
    assert complaint in str(caught.value)


def test_a_profile_that_is_not_text_is_told(tmp_path):
    file = tmp_path / "profile.toml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputFileError, match="not a TOML file"):
        read_profile(file)

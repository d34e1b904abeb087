"""The cluster of a command that names none: environment, the user's file, local."""

import pytest

from tiled_sim.cluster.configuration import default_cluster
from tiled_sim.errors import InputFileError, UsageError


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Configuration folder of a user who has set nothing."""
    folder = tmp_path / "config"
    (folder / "tiled_sim").mkdir(parents=True)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
    monkeypatch.delenv("TILED_SIM_CLUSTER", raising=False)
    monkeypatch.delenv("TILED_SIM_CONFIG", raising=False)
    return folder / "tiled_sim"


def test_a_cluster_is_local_unless_something_else_is_said():
    assert default_cluster() == "local"


def test_the_users_file_says_which_cluster(home):
    (home / "tiled_sim.toml").write_text('cluster = "tls://node7:8786"')
    assert default_cluster() == "tls://node7:8786"


def test_without_a_configuration_folder_of_its_own_it_is_that_of_the_home(
    home, tmp_path, monkeypatch
):
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / ".config" / "tiled_sim"
    folder.mkdir(parents=True)
    (folder / "tiled_sim.toml").write_text('cluster = "local:7"')
    assert default_cluster() == "local:7"


def test_the_environment_goes_before_the_file(home, monkeypatch):
    (home / "tiled_sim.toml").write_text('cluster = "local:3"')
    monkeypatch.setenv("TILED_SIM_CLUSTER", "local:2")
    assert default_cluster() == "local:2"


def test_the_environment_can_name_another_file(home, tmp_path, monkeypatch):
    (home / "tiled_sim.toml").write_text('cluster = "local:3"')
    (tmp_path / "mine.toml").write_text('cluster = "gpu"')
    monkeypatch.setenv("TILED_SIM_CONFIG", str(tmp_path / "mine.toml"))
    assert default_cluster() == "gpu"


def test_a_file_that_is_named_must_be_there(tmp_path, monkeypatch):
    monkeypatch.setenv("TILED_SIM_CONFIG", str(tmp_path / "none.toml"))
    with pytest.raises(InputFileError, match=r"cannot read .*none\.toml: No such file"):
        default_cluster()


def test_nothing_is_read_from_the_working_directory(tmp_path, monkeypatch):
    (tmp_path / "tiled_sim.toml").write_text('cluster = "local:9"')
    monkeypatch.chdir(tmp_path)
    assert default_cluster() == "local"


def test_paths_in_the_file_count_from_its_folder(home):
    (home / "night.toml").write_text('cores = 1\nmemory = "1 GB"')
    (home / "tiled_sim.toml").write_text('cluster = "slurm:night.toml"')
    assert default_cluster() == f"slurm:{home / 'night.toml'}"


def test_an_empty_file_changes_nothing(home):
    (home / "tiled_sim.toml").write_text("")
    assert default_cluster() == "local"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('clutser = "local"', "unknown section or key 'clutser'; did you mean cluster?"),
        ("cluster = 4", "cluster = 4 must be a text in quotes"),
        ("cluster = ", "not a TOML file"),
    ],
)
def test_a_malformed_file_is_told_with_its_name(home, text, complaint):
    (home / "tiled_sim.toml").write_text(text)
    with pytest.raises(InputFileError) as caught:
        default_cluster()
    assert str(home / "tiled_sim.toml") in str(caught.value)
    assert complaint in str(caught.value)


def test_a_malformed_cluster_in_the_file_is_told_with_its_name(home):
    (home / "tiled_sim.toml").write_text('cluster = "moon"')
    with pytest.raises(UsageError, match=r"tiled_sim\.toml: cluster = 'moon' is none of the forms"):
        default_cluster()


def test_a_malformed_cluster_in_the_environment_is_told_with_its_name(monkeypatch):
    monkeypatch.setenv("TILED_SIM_CLUSTER", "moon")
    with pytest.raises(UsageError, match=r"TILED_SIM_CLUSTER 'moon' is none of the forms"):
        default_cluster()

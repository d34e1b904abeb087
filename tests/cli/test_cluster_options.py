"""The cluster that the command line, the environment or the user's file names, and --tls."""

import pytest

from tiled_sim.cli.main import main

JOB = "-cell 50 60 70 90 90 90 -lambda 1 -N 5 -distance 100 -detpixels 32 -default_F 10"


@pytest.fixture
def submit(tmp_path, monkeypatch, capsys):
    """Exit code and complaint of a submission with these words."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    def run(*words):
        code = main(["submit", "--out", str(tmp_path / "run.zarr"), *JOB.split(), *words])
        return code, capsys.readouterr().err

    return run


def test_the_environment_names_the_cluster_if_the_command_does_not(submit, monkeypatch):
    monkeypatch.setenv("TILED_SIM_CLUSTER", "moon")
    code, complaint = submit()
    assert code == 2
    assert "TILED_SIM_CLUSTER 'moon' is none of the forms" in complaint


def test_the_command_goes_before_the_environment(submit, monkeypatch):
    monkeypatch.setenv("TILED_SIM_CLUSTER", "moon")
    _, complaint = submit("--cluster", "mars")
    assert "--cluster 'mars' is none of the forms" in complaint


def test_half_of_the_certificates_is_refused_at_once(submit):
    code, complaint = submit("--tls-ca", "ca.pem")
    assert code == 2
    assert "--tls-ca without --tls-cert" in complaint


def test_a_certificate_that_is_not_there_is_told(submit, tmp_path):
    missing = str(tmp_path / "none.pem")
    code, complaint = submit("--tls-ca", missing, "--tls-cert", missing)
    assert code == 3
    assert f"cannot read the certificate {missing}" in complaint

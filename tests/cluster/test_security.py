"""Who can listen in: certificates of the user's, temporary ones, and a warning without any."""

import datetime
import logging
import subprocess
import sys

import dask
import psutil
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from distributed import Security

from support.processes import scheduler_here
from tiled_sim.cluster import connect
from tiled_sim.cluster.connect import connected
from tiled_sim.cluster.forms import Tls, tls_of
from tiled_sim.cluster.local import Workload
from tiled_sim.cluster.security import security_for_ours, warn_if_open
from tiled_sim.errors import InputFileError, TiledSimError, UsageError

LOOPBACK = {"127.0.0.1", "::1"}


def certify(name, key, issuer, issuer_key, is_authority):
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .sign(issuer_key, hashes.SHA256())
    )


def named(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def pem_of_key(key):
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """Make an authority, and a certificate with its key in two files and in one."""

    def make(name):
        folder = tmp_path_factory.mktemp(name)
        root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        root = certify(named(name), root_key, named(name), root_key, True)
        mine = certify(named("me"), key, named(name), root_key, False)
        pem = serialization.Encoding.PEM
        (folder / "ca.pem").write_bytes(root.public_bytes(pem))
        (folder / "cert.pem").write_bytes(mine.public_bytes(pem))
        (folder / "key.pem").write_bytes(pem_of_key(key))
        (folder / "both.pem").write_bytes(mine.public_bytes(pem) + pem_of_key(key))
        return folder

    return make


@pytest.fixture(scope="module")
def ours(authority):
    return authority("ours")


@pytest.fixture(scope="module")
def theirs(authority):
    return authority("theirs")


def tls_in(folder):
    return Tls(*(str(folder / name) for name in ("ca.pem", "cert.pem", "key.pem")))


# What is asked for


def test_no_option_asks_for_no_encryption():
    assert tls_of(False) is None


def test_the_flag_or_any_file_asks_for_encryption():
    assert tls_of(True) == Tls()
    assert tls_of(False, "ca.pem", "cert.pem") == Tls("ca.pem", "cert.pem")


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"ca": "a"}, "Tls(ca=…) without Tls(certificate=…): give them all"),
        ({"certificate": "a"}, "Tls(certificate=…) without Tls(ca=…): give them all"),
        ({"key": "a"}, "Tls(key=…) without Tls(ca=…) and Tls(certificate=…): give them all"),
    ],
)
def test_half_of_the_files_is_no_use(given, complaint):
    with pytest.raises(UsageError) as caught:
        tls_of(True, **given)
    assert str(caught.value) == complaint


def test_a_certificate_that_cannot_be_read_is_told(ours):
    tls = Tls(str(ours / "ca.pem"), str(ours / "none.pem"))
    with pytest.raises(InputFileError, match=r"cannot read the certificate .*none\.pem: No such"):
        security_for_ours(tls)


def test_a_key_of_another_certificate_is_told(ours, theirs):
    tls = Tls(str(ours / "ca.pem"), str(ours / "cert.pem"), str(theirs / "key.pem"))
    with pytest.raises(InputFileError, match=r"cert\.pem, .*key\.pem cannot be used together"):
        security_for_ours(tls)


def test_a_file_that_is_no_certificate_is_told(ours, tmp_path):
    (tmp_path / "ca.pem").write_text("nothing")
    tls = Tls(str(tmp_path / "ca.pem"), str(ours / "both.pem"))
    with pytest.raises(InputFileError, match="cannot be used together"):
        security_for_ours(tls)


def test_temporary_certificates_need_a_package_which_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(TiledSimError, match=r"ca=….*pip install 'tiled_sim\[tls\]'"):
        security_for_ours(Tls())


def test_certificates_of_dasks_configuration_go_before_temporary_ones(ours):
    settings = {"distributed.comm.tls.ca-file": str(ours / "ca.pem")}
    for role in ("client", "scheduler", "worker"):
        settings[f"distributed.comm.tls.{role}.cert"] = str(ours / "both.pem")
    with dask.config.set(settings):
        assert security_for_ours(Tls()).tls_worker_cert == str(ours / "both.pem")


# Clusters that are encrypted


def listening(process):
    return {
        c.laddr.ip for c in process.net_connections(kind="inet") if c.status == psutil.CONN_LISTEN
    }


@pytest.mark.parametrize("encrypted", [False, True])
def test_every_process_of_a_local_cluster_listens_on_loopback_only(encrypted):
    me = psutil.Process()
    before = {child.pid for child in me.children(recursive=True)}
    with connected("local:2", Workload(2), tls=Tls() if encrypted else None):
        started = [c for c in me.children(recursive=True) if c.pid not in before]
        found = [listening(process) for process in (me, *started)]
    assert sum(bool(addresses) for addresses in found) >= 3  # this one and two workers
    assert set().union(*found) <= LOOPBACK


@pytest.mark.parametrize("files", [("cert.pem", "key.pem"), ("both.pem",)])
def test_a_local_cluster_takes_the_users_certificates(ours, files):
    tls = Tls(str(ours / "ca.pem"), *(str(ours / name) for name in files))
    with connected("local:1", Workload(1), tls=tls) as client:
        addresses = [client.scheduler.address, *client.nthreads()]
        assert client.submit(sum, [1, 2]).result() == 3
    assert all(address.startswith("tls://127.0.0.1:") for address in addresses)


def test_temporary_certificates_encrypt_a_local_cluster_and_leave_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with connected("local:1", Workload(1), tls=Tls()) as client:
        assert client.scheduler.address.startswith("tls://")
        assert client.submit(sum, [1, 2]).result() == 3
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def guarded(ours):
    """Address of a scheduler with a worker that lets in only those with our certificates."""
    security = security_for_ours(tls_in(ours))
    with scheduler_here(workers=1, security=security) as cluster:
        yield cluster.scheduler_address


def test_a_tls_address_is_reached_with_the_certificates_that_are_named(guarded, ours):
    with connected(guarded, Workload(1), tls=tls_in(ours)) as client:
        assert client.submit(sum, [1, 2]).result() == 3


def test_certificates_of_another_authority_are_not_let_in(guarded, theirs, monkeypatch):
    monkeypatch.setattr(connect, "_SECONDS_TO_CONNECT", 1)
    with (
        pytest.raises(TiledSimError, match=f"no scheduler answers at {guarded}"),
        connected(guarded, Workload(1), tls=tls_in(theirs)),
    ):
        pass


def test_temporary_certificates_are_no_use_for_a_scheduler_that_runs_already(guarded):
    with (
        pytest.raises(UsageError, match="needs certificates"),
        connected(guarded, Workload(1), tls=Tls()),
    ):
        pass


def test_tls_does_not_go_with_an_address_that_is_not_encrypted(address):
    with (
        pytest.raises(UsageError, match=f"tls=.* does not go with {address}; is it tls://"),
        connected(address, Workload(1), tls=Tls()),
    ):
        pass


# A word of warning


@pytest.mark.parametrize("host", ["10.1.2.3", "0.0.0.0", "no-such-host.invalid", "[2001:db8::1]"])
def test_a_scheduler_beyond_this_machine_without_encryption_is_warned_of(caplog, host):
    with caplog.at_level(logging.WARNING, "tiled_sim"):
        warn_if_open(f"tcp://{host}:8786", None)
    (record,) = caplog.records
    assert record.getMessage().startswith(f"tcp://{host}:8786 is not encrypted")
    assert "--tls" in record.getMessage()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost", "[::1]"])
def test_loopback_needs_no_warning(caplog, host):
    with caplog.at_level(logging.WARNING, "tiled_sim"):
        warn_if_open(f"tcp://{host}:8786", None)
    assert caplog.records == []


def test_an_encrypted_scheduler_needs_no_warning(caplog):
    with caplog.at_level(logging.WARNING, "tiled_sim"):
        warn_if_open("tls://10.1.2.3:8786", Security())
    assert caplog.records == []


def test_the_warning_is_one_line_on_the_terminal():
    program = (
        "from tiled_sim.cluster.security import warn_if_open;"
        "warn_if_open('tcp://10.1.2.3:8786', None)"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert told.stdout == ""
    assert len(told.stderr.splitlines()) == 1

"""Several hosts, as network namespaces of this machine: one is cut off in the middle of a run."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager

import pytest
from distributed import Security

import tiled_sim as ts
from tiled_sim.cluster.security import on_disk
from tiled_sim.run.run import Run

PATIENCE = 120
TILES = 36
NETWORK = "10.213.77"
SCHEDULER = f"tls://{NETWORK}.1:8786"


def ip(*words):
    return subprocess.run(["ip", *words], capture_output=True, text=True)


def may_make_namespaces():
    if shutil.which("ip") is None or ip("netns", "add", "ts-probe").returncode:
        return False
    return ip("netns", "delete", "ts-probe").returncode == 0


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not may_make_namespaces(), reason="needs leave to `ip netns add`"),
]


def eventually(true):
    deadline = time.monotonic() + PATIENCE
    while not (found := true()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


class Hosts:
    """Namespaces ``head``, ``a`` and ``b``; a bridge in the first joins them."""

    def __init__(self):
        self._tag = f"ts{os.getpid() % 100000}"
        self.head = f"{self._tag}-head"

    def name(self, host):
        return f"{self._tag}-{host}"

    def make(self):
        for host in ("head", "a", "b"):
            self._do("netns", "add", self.name(host))
            self._do("-n", self.name(host), "link", "set", "lo", "up")
        self._do("-n", self.head, "link", "add", "bridge", "type", "bridge")
        self._do("-n", self.head, "address", "add", f"{NETWORK}.1/24", "dev", "bridge")
        self._do("-n", self.head, "link", "set", "bridge", "up")
        for number, host in enumerate("ab", 2):
            inner = ("-n", self.name(host))
            peer = ("peer", "name", f"to-{host}", "netns", self.head)
            self._do(*inner, "link", "add", "eth0", "type", "veth", *peer)
            self._do(*inner, "address", "add", f"{NETWORK}.{number}/24", "dev", "eth0")
            self._do(*inner, "link", "set", "eth0", "up")
            self._do("-n", self.head, "link", "set", f"to-{host}", "master", "bridge", "up")

    def cut(self, host):
        self._do("-n", self.head, "link", "set", f"to-{host}", "down")

    def mend(self, host):
        self._do("-n", self.head, "link", "set", f"to-{host}", "up")

    def remove(self):
        for host in ("a", "b", "head"):
            ip("netns", "delete", self.name(host))

    def _do(self, *words):
        done = ip(*words)
        assert done.returncode == 0, done.stderr

    @contextmanager
    def running(self, host, *words, environment=None, **options):
        """A program on a host."""
        process = subprocess.Popen(
            ["ip", "netns", "exec", self.name(host), sys.executable, "-m", *words],
            env={**os.environ, **(environment or {})},
            start_new_session=True,
            **options,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


@pytest.fixture
def hosts():
    made = Hosts()
    try:
        made.make()
        yield made
    finally:
        made.remove()


@pytest.fixture
def certificates(tmp_path):
    """Files of an authority, a certificate and a key."""
    with on_disk(Security.temporary(), str(tmp_path)) as security:
        files = security.get_tls_config_for_role("client")
        yield {what: files[what] for what in ("ca_file", "cert", "key")}


def by_host(path):
    """Number of tiles that each worker has committed, by its name."""
    counts = {}
    for file in path.glob("traces/f*/p*/*.json"):
        name = json.loads(file.read_text())["worker"]["name"]
        counts[name] = counts.get(name, 0) + 1
    return counts


def test_a_run_over_tls_survives_a_host_that_is_cut_off_and_comes_back(
    hosts, certificates, still, data, tmp_path
):
    path = tmp_path / "run.zarr"
    ca, cert, key = certificates.values()
    tls = f"--tls-ca-file {ca} --tls-cert {cert} --tls-key {key}".split()
    quick = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP": "12s"}  # to notice that a host is gone
    names = {
        "DASK_DISTRIBUTED__COMM__TLS__CA_FILE": ca,
        "DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT": cert,
        "DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY": key,
    }
    options = (
        f"--no-progress --tile 32 --cluster {SCHEDULER} --out {path} "
        "-hkl p1.hkl -cell 70 80 90 75 85 95 -misset 10 20 30 -lambda 1 -N 5 "
        "-distance 100 -detpixels 192 -pixel 0.15 -oversample 48 --kernel reference"
    )
    with ExitStack() as stack:

        def start(host, *words):
            log = stack.enter_context((tmp_path / f"{host}.log").open("ab"))
            told = {"stdout": log, "stderr": log}
            running = hosts.running(host, *words, environment=quick, **told)
            return stack.enter_context(running)

        def start_worker(host, number, name=None):
            about = f"--nthreads 1 --no-dashboard --host {NETWORK}.{number} --name {name or host}"
            words = ("distributed.cli.dask_worker", SCHEDULER, *about.split(), *tls)
            return start(host, *words)

        at = ["--host", f"{NETWORK}.1", "--port", "8786", "--protocol", "tls", "--no-dashboard"]
        start("head", "distributed.cli.dask_scheduler", *at, *tls)
        start_worker("a", 2)
        lost = start_worker("b", 3)
        client = stack.enter_context(
            hosts.running(
                "head",
                *("tiled_sim", "submit", *options.split()),
                environment=names,
                cwd=data,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        eventually(lambda: client.poll() is not None or len(by_host(path)) == 2)
        hosts.cut("b")
        done = sum(by_host(path).values())
        assert done < TILES / 2
        lost.wait(timeout=PATIENCE)  # dask's worker leaves when it has lost the scheduler
        assert sum(by_host(path).values()) > done + 2
        hosts.mend("b")
        start_worker("b", 3, "back")
        _, complaint = client.communicate(timeout=PATIENCE)
    assert client.returncode == 0, complaint
    assert "is not encrypted" not in complaint
    assert by_host(path)["back"] > 0
    run = Run(path)
    job = still("-detpixels", 192, "-pixel", 0.15, "-oversample", 48)
    assert run.image.values.tobytes() == ts.simulate(job).values.tobytes()
    assert list(run.faults()) == []

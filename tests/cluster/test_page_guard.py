"""Who may stop a run by the page on the dashboard."""

import json
import socket
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import psutil
import pytest
from distributed import Client, LocalCluster

from support.page import begin, held, tiles_of
from support.processes import PATIENCE, eventually
from tiled_sim.cluster.page import topics
from tiled_sim.cluster.page.guard import digest_of
from tiled_sim.cluster.page.plugin import PagePlugin
from tiled_sim.cluster.page.registration import link_of
from tiled_sim.store.control import CANCELLED, Control


@pytest.fixture(scope="module")
def link(client):
    """Address of the page."""
    client.register_plugin(PagePlugin())
    return link_of(client)


def ask_to_cancel(link, run_id, *, token=None, **headers):
    """Status of the answer, and what it says."""
    body = json.dumps({"run": run_id} | ({} if token is None else {"token": token})).encode()
    headers = {"Content_Type": "application/json", **headers}
    request = urllib.request.Request(f"{link}/cancel", body, method="POST")
    for name, value in headers.items():
        request.add_header(name.replace("_", "-"), value)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


def port_of(link):
    return urlsplit(link).port


@pytest.fixture
def stoppable(client, link, request):
    """Id of a run that goes on, with the token ``let me``."""
    begin(client, request.node.name, token=digest_of("let me"))
    eventually(lambda: request.node.name in run_ids(link))
    return request.node.name


def run_ids(link):
    return [run["run_id"] for run in tiles_of(link)["runs"]]


def was_asked(client, run_id):
    """Whether its driver was asked to stop."""
    return [told for _, told in client.get_events(topics.STOP + run_id) or ()]


def test_somebody_on_the_machine_may_stop_a_run(stoppable, client, link):
    own = f"http://127.0.0.1:{port_of(link)}"
    status, _ = ask_to_cancel(link, stoppable, Origin=own, Sec_Fetch_Site="same-origin")
    assert status == 202
    assert was_asked(client, stoppable) == [{"client": client.id}]
    assert tiles_of(link, stoppable)["run"]["stopping"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example:8787"},
        {"Host": "evil.example:8787", "Origin": "http://evil.example:8787"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "[::1"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"X_Forwarded_For": "192.0.2.1"},
        {"Forwarded": "for=192.0.2.1"},
    ],
    ids=str,
)
def test_without_a_token_nobody_else_may(stoppable, client, link, headers):
    status, told = ask_to_cancel(link, stoppable, **headers)
    assert (status, set(told)) == (403, {"error"})
    assert not was_asked(client, stoppable)


def test_a_foreign_form_may_not(stoppable, client, link):
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        assert ask_to_cancel(link, stoppable, Content_Type=kind)[0] in (400, 415)
    assert not was_asked(client, stoppable)


def test_the_token_opens_from_anywhere_and_another_from_nowhere(stoppable, client, link):
    for wrong in ("", "let me in", "é"):
        assert ask_to_cancel(link, stoppable, token=wrong)[0] == 403
    assert not was_asked(client, stoppable)
    elsewhere = {"Host": "cluster.example", "X_Forwarded_For": "192.0.2.1"}
    assert ask_to_cancel(link, stoppable, token="let me", **elsewhere)[0] == 202
    assert len(was_asked(client, stoppable)) == 1


def test_a_run_without_a_token_has_none_that_fits(client, link):
    begin(client, "tokenless", token="")
    eventually(lambda: "tokenless" in run_ids(link))
    assert ask_to_cancel(link, "tokenless", token="")[0] == 403


def address_of_this_machine():
    """One that is not its loopback."""
    every = [one for addresses in psutil.net_if_addrs().values() for one in addresses]
    ours = [one.address for one in every if one.family == socket.AF_INET]
    others = [address for address in ours if not address.startswith("127.")]
    return others[0] if others else pytest.skip("this machine has no address but its loopback")


def test_another_machine_needs_the_token():
    address = address_of_this_machine()
    with (
        LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address=f"{address}:0") as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        client.register_plugin(PagePlugin())
        port = client.scheduler_info()["services"]["dashboard"]
        there = f"http://{address}:{port}/tiled-sim"
        begin(client, "far", token=digest_of("let me"))
        eventually(lambda: "far" in run_ids(there))
        for host in (f"{address}:{port}", f"127.0.0.1:{port}", "localhost"):
            assert ask_to_cancel(there, "far", Host=host)[0] == 403
        assert not was_asked(client, "far")
        assert ask_to_cancel(there, "far", token="let me")[0] == 202


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b'"run"', b"{}", b'{"run": 1}', b'{"run": "x", "token": 1}', b"{"]
)
def test_a_body_that_names_no_run_is_refused(link, body):
    request = urllib.request.Request(f"{link}/cancel", body, method="POST")
    request.add_header("Content-Type", "application/json")
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(request, timeout=PATIENCE)


def test_a_run_that_is_not_being_computed_is_not_stopped(client, link):
    begin(client, "over")
    told = {"run_id": "over", "state": "finished", "error": "", "client": client.id}
    client.log_event(topics.RUNS, told)
    eventually(lambda: "over" in run_ids(link))
    assert ask_to_cancel(link, "over")[0] == 409
    assert ask_to_cancel(link, "nobody")[0] == 404


def test_the_page_is_in_no_frame_of_others(link):
    with urllib.request.urlopen(link, timeout=PATIENCE) as answer:
        assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]


def test_the_driver_stops_as_it_does_by_cancel(still, address, client, link, tmp_path):
    with held(still(), address, client, tmp_path) as run:
        assert ask_to_cancel(link, tiles_of(link)["run"]["run_id"])[0] == 202
        run.driver.join(PATIENCE)
        (error,) = run.errors
        assert error.exit_code == 5
        assert Control(run.path).driver().state == CANCELLED
        assert Control(run.path).cancelled  # workers stop, too
        assert tiles_of(link)["run"]["state"] == "cancelled"

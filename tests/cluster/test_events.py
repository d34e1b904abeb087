"""What workers tell of tiles: all of it, in order, quick ones together."""

import time

import pytest

from support.processes import PATIENCE, eventually
from tiled_sim.cluster.events import Bulletin, topic_of


def told(client, run_id, tell):
    """Messages of a worker that does something with a bulletin, each the tiles in it."""
    heard = []
    client.subscribe_topic(topic_of(run_id), lambda event: heard.append(event[1]["tiles"]))

    def work(run_id, tell):
        with Bulletin(run_id) as bulletin:
            tell(bulletin)

    client.submit(work, run_id, tell, pure=False).result(timeout=PATIENCE)
    eventually(lambda: any(tile["tile"] == "last" for message in heard for tile in message))
    client.unsubscribe_topic(topic_of(run_id))
    return [[tile["tile"] for tile in message] for message in heard]


def test_all_is_told_in_order_and_in_fewer_messages(client):
    def tell(bulletin):
        for tile in [*range(200), "last"]:
            bulletin.tell({"tile": tile})

    messages = told(client, "quick", tell)
    assert [tile for message in messages for tile in message] == [*range(200), "last"]
    assert len(messages) < 20


@pytest.mark.parametrize("at_once", [True, False])
def test_what_is_told_is_sent_within_a_moment_though_nothing_follows(client, at_once):
    def tell(bulletin):
        bulletin.tell({"tile": "first"})
        bulletin.tell({"tile": "second"}, at_once=at_once)
        time.sleep(1.0)
        bulletin.tell({"tile": "last"})

    *before, last = told(client, f"slow {at_once}", tell)
    assert [tile for message in before for tile in message] == ["first", "second"]
    assert last == ["last"]

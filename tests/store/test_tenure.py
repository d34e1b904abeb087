"""Two drivers who take a run, step by step in every order: one of them has it."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from support.processes import PATIENCE
from tiled_sim.store.control import RUNNING, Control, Driver
from tiled_sim.store.location import objects_of
from tiled_sim.store.place import place_of
from tiled_sim.store.tenure import Tenure

DEAD = Driver("dead", "elsewhere", 1, RUNNING, 5, "", 0.0, 9, 0, 0, 0, "", "")
#: Requests of each that are stepped: all of those by which one takes a run while another does.
STEPS = 4
#: Of those that differ by more than the names.
ORDERS = sorted({("A", *rest) for rest in itertools.permutations("A" * (STEPS - 1) + "B" * STEPS)})


class Turns:
    """Lets one of two do one thing at a time, in a given order; when that is over, both."""

    def __init__(self, order):
        self._left = list(order)
        self._gone = set()
        self._change = threading.Condition()

    def of(self, name, what):
        """Do something when it is one's turn."""
        with self._change:
            assert self._change.wait_for(lambda: self._next() in (name, None), PATIENCE)
            try:
                return what()
            finally:
                if self._left:
                    self._left.pop(0)
                self._change.notify_all()

    def leave(self, name):
        """Take no more turns."""
        with self._change:
            self._gone.add(name)
            self._change.notify_all()

    def _next(self):
        while self._left and self._left[0] in self._gone:
            self._left.pop(0)
        return self._left[0] if self._left else None


class Stepped(Control):
    """Each request to the store waits for its turn."""

    def __init__(self, place, name, turns):
        super().__init__(place)
        self._name, self._turns = name, turns

    def look(self):
        return self._turns.of(self._name, super().look)

    def write_driver(self, driver, before):
        return self._turns.of(self._name, lambda: Control.write_driver(self, driver, before))


@pytest.fixture(params=["disk", "cloud"])
def places(request, tmp_path):
    """As many places of runs as are asked for."""
    if request.param == "disk":
        return (tmp_path / f"{number}.zarr" for number in itertools.count())
    folder = request.getfixturevalue("bucket")
    return (place_of(f"{folder}/{number}.zarr") for number in itertools.count())


def drive(place, name, turns, *, alone):
    """Take a run and give two signs of life; the hold on it, None for who was refused.

    Who is sure to be ``alone`` takes whomever he finds for dead.
    """
    mine = replace(DEAD, token=name, beat=0)
    tenure = Tenure(Stepped(place, name, turns), name)
    try:
        while True:
            found = tenure.find()
            if found is not None and found != DEAD and not alone:
                return None
            if tenure.take(mine):
                break
        for beat in (1, 2):
            if tenure.say(replace(mine, beat=beat)) is not None:
                return None
        return tenure
    finally:
        turns.leave(name)


@pytest.mark.parametrize(("left", "alone"), [(False, False), (False, True), (True, True)])
def test_in_every_order_one_driver_has_the_run_in_the_end(places, left, alone):
    winners = set()
    with ThreadPoolExecutor(2) as threads:
        for order, place in zip(ORDERS, places, strict=False):
            objects_of(place).make()
            if left:
                Control(place).write_driver(DEAD, None)
            turns = Turns(order)
            begun = {name: threads.submit(drive, place, name, turns, alone=alone) for name in "AB"}
            tenures = {name: future.result(PATIENCE) for name, future in begun.items()}
            # who was replaced after his last sign of life learns it by the next
            holding = [
                name
                for name, tenure in tenures.items()
                if tenure and tenure.say(replace(DEAD, token=name, beat=3)) is None
            ]
            assert len(holding) == 1, "".join(order)
            assert Control(place).driver().token == holding[0]
            winners.update(holding)
    assert winners == {"A", "B"}


def test_what_was_removed_is_said_again(places):
    place = next(places)
    objects_of(place).make()
    control = Control(place)
    tenure = Tenure(control, "A")
    tenure.find()
    mine = replace(DEAD, token="A")
    assert tenure.take(mine)
    objects_of(place).delete("control/driver.json")
    assert tenure.say(replace(mine, beat=6)) is None
    assert control.driver().beat == 6


def test_who_wrote_more_than_he_was_told_of_goes_on(places):
    """As where the answer of a server is lost."""
    place = next(places)
    objects_of(place).make()
    control = Control(place)
    tenure = Tenure(control, "A")
    tenure.find()
    mine = replace(DEAD, token="A")
    assert tenure.take(mine)
    control.write_driver(replace(mine, beat=6), control.look().version)
    assert tenure.say(replace(mine, beat=7)) is None
    assert control.driver().beat == 7

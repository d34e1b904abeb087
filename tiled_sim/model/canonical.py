"""The canonical form of an experiment, which is what its hash is of.

Fields that equal their default are left out of it, so that a field added to the model, with the
default that acts as if it were not there, changes no hash of what was simulated before. Where files
lie, names and notes are left out too: such fields are marked by `UNHASHED`.
"""

import dataclasses
import hashlib
import json
from typing import Any

from tiled_sim.model.beam import Spectrum
from tiled_sim.model.checks import UNHASHED
from tiled_sim.model.domains import ListedDomains
from tiled_sim.model.exposures import Listed

#: Of the canonical form. It stands for the defaults of all fields of the model: whoever changes a
#: default, takes one away or gives a field a first one, has to raise it (tests/model/
#: test_canonical.py holds the defaults of each version). 1 was that of runs of format 1, which
#: left nothing out.
HASH_VERSION = 2


def canonical(value: Any) -> Any:
    """A part of an experiment as plain JSON values, without what does not decide the image."""
    if isinstance(value, Spectrum | ListedDomains):
        return value.sha256
    if isinstance(value, Listed):
        plain = {"spindle": value.spindle, "steps": value.steps}
        by_default = {"spindle": Listed.spindle, "steps": Listed.steps}
        said = {name: canonical(plain[name]) for name in plain if plain[name] != by_default[name]}
        return value.hashes | said
    if dataclasses.is_dataclass(value):
        return {
            item.name: canonical(getattr(value, item.name))
            for item in dataclasses.fields(value)
            if not (UNHASHED.items() <= item.metadata.items() or _is_default(item, value))
        }
    if isinstance(value, tuple):
        return [canonical(element) for element in value]
    return value


def _is_default(item: dataclasses.Field[Any], owner: Any) -> bool:
    """Whether a field equals its default; one without a default never does."""
    value = getattr(owner, item.name)
    if item.default_factory is not dataclasses.MISSING:
        return bool(value == item.default_factory())
    return item.default is not dataclasses.MISSING and bool(value == item.default)


def canonical_sha256(experiment: Any) -> str:
    """SHA-256 of the canonical JSON of an experiment, with the version of the form."""
    document = {"hash_version": HASH_VERSION, "experiment": canonical(experiment)}
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()

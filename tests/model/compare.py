"""The model beside the engine: whether they agree on a history, and the least of it on which they do not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.model.chance import history_by
from tests.model.engine import stand_of_engine
from tests.model.town import stand
from tests.model.words import Happening, Program


def differences(program: Program, history: Sequence[Happening]) -> list[str]:
    """What the engine says otherwise than the model."""
    model, engine = stand(program, history), stand_of_engine(program, history)
    return [
        f"customer {who}, {name}: the model says {model[who][name]}, the engine {engine.get(who, {}).get(name)}"
        for who in sorted(model)
        for name in model[who]
        if who not in engine or model[who][name] != engine[who].get(name)
    ]


def disagreements(seeds: Iterator[int] | range) -> Iterator[int]:
    """The seeds on whose histories they do not agree."""
    for seed in seeds:
        if differences(*history_by(seed)):
            yield seed


def least(program: Program, history: Sequence[Happening]) -> list[Happening]:
    """A part of the history on which they still do not agree, and of which nothing can be left out."""
    kept = list(history)
    shorter = True
    while shorter:
        shorter = False
        for place in reversed(range(len(kept))):
            if place >= len(kept):
                continue
            gone = kept[place]
            without = [one for one in kept if one is not gone and getattr(one, "before", None) is not gone]
            if differences(program, without):
                kept, shorter = without, True
    return kept


def told(seed: int) -> str:
    """The disagreement of a seed in words."""
    program, history = history_by(seed)
    kept = least(program, history)
    return "\n".join([f"seed {seed}", f"  {program}", *(f"  {one}" for one in kept), *differences(program, kept)])

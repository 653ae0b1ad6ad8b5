"""Checks across the parts of a program file, such as unique ids and the number of facts."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final, TypeGuard

import yaml

from pipeline.cli.program_problem import Path, Problem, dotted, shown
from pipeline.cli.program_yaml import line_of
from schemas.identity import slug_of

SET_OFF_MAX: Final = 1_000
"""Facts that one record may lead to: they are sent in one message, limited to a megabyte."""
FACTORS_MAX: Final = 10
"""Multipliers that name the same SKU or the same category: each multiplies every bill line of it."""
_KNOWN_MAX: Final = 10
"""References to ids that do not exist."""

# Only files are checked against these: a program already in force is read by its model and stays valid.
_OWN: Final[tuple[tuple[Path, str], ...]] = (
    (("rules",), "id"),
    (("milestones",), "id"),
    (("milestones",), "target_id"),
    (("unified_targets",), "id"),
    (("unified_targets",), "group_id"),
    (("streaks",), "id"),
    (("streaks",), "streak_id"),
    (("tiers", "levels"), "name"),
)
"""The lists whose parts each have a key of their own: where, and the key."""
_FACTS_OF_MILESTONE: Final = 3
"""Its progress, that it is met, its reward."""
_FACTS_OF_MEASURE: Final = 2
"""Beside them, where more than a number is kept: what is tallied, and what a bill knows of it."""
_PLAIN: Final = frozenset({"of", "event", "measure", "attribute"})
_FACTS_OF_UNIFIED: Final = 2
"""That it is achieved, and its reward."""
_FACTS_OF_STREAK: Final = 2
"""Its start, one more period; and two for each level: that it is reached, and its reward."""


def between_parts(written: dict[str, Any], root: yaml.Node) -> Iterator[Problem]:
    """Every mistake of that kind."""
    yield from _repeated(written, root)
    yield from _tiers_of_one_id(written, root)
    yield from _unknown_milestones(written, root)
    yield from _unknown_tiers(written, root)
    yield from _tiers_without_end(written, root)
    yield from _too_many_factors(written, root)
    yield from _too_much_at_once(written, root)


def _repeated(written: dict[str, Any], root: yaml.Node) -> Iterator[Problem]:
    for place, key in _OWN:
        first: dict[str | int, int] = {}
        for index, part in enumerate(_parts(written, place)):
            own = part.get(key)
            if _is_name(own) and first.setdefault(own, index) != index:
                path: Path = (*place, index, key)
                wrong = f"repeats the {key} {shown(own)} of {dotted((*place, first[own]))}"
                yield Problem(dotted(path), line_of(root, path), wrong, "give each its own")


def _tiers_of_one_id(written: dict[str, Any], root: yaml.Node) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for index, level in enumerate(_parts(written, ("tiers", "levels"))):
        name, known_by = level.get("name"), _known_by(level)
        if not isinstance(name, str):
            continue
        other = first.setdefault(known_by, name)
        if other != name:
            path: Path = ("tiers", "levels", index)
            wrong = f"has the id {shown(known_by)}, as the tier {shown(other)} has"
            yield Problem(dotted(path), line_of(root, path), wrong, "give one of them an `id` of its own")


def _unknown_milestones(written: dict[str, Any], root: yaml.Node) -> Iterator[Problem]:
    known = list(dict.fromkeys(part["id"] for part in _parts(written, ("milestones",)) if _is_name(part.get("id"))))
    names = [name for name in known if isinstance(name, str)]
    retired = [part.get("id") for part in _parts(written, ("milestones",)) if part.get("retired") is True]
    for index, streak in enumerate(_parts(written, ("streaks",))):
        named = streak.get("milestone")
        if isinstance(named, str) and named not in known:
            path: Path = ("streaks", index, "milestone")
            yield Problem(dotted(path), line_of(root, path), f"{shown(named)} is not a milestone", _meant(named, names))
        elif isinstance(named, str) and named in retired and streak.get("retired") is not True:
            path = ("streaks", index, "milestone")
            wrong = f"{shown(named)} is a retired milestone"
            yield Problem(dotted(path), line_of(root, path), wrong, "retire the streak, too, or name another milestone")


def _unknown_tiers(written: dict[str, Any], root: yaml.Node) -> Iterator[Problem]:
    """Tiers named in an expiry that do not exist."""
    tiers = [one for one in map(_known_by, _parts(written, ("tiers", "levels"))) if one]
    places: list[tuple[Path, Any]] = [(("points",), written.get("points"))]
    places += [(("currencies", index), one) for index, one in enumerate(_parts(written, ("currencies",)))]
    for place, currency in places:
        named = currency.get("expiry_by_tier") if isinstance(currency, dict) else None
        for tier in named if isinstance(named, dict) else ():
            if tier in tiers:
                continue
            path: Path = (*place, "expiry_by_tier", tier)
            yield Problem(
                dotted(path), line_of(root, path), f"{shown(tier)} is not the id of a tier", _meant(tier, tiers)
            )


def _tiers_without_end(written: dict[str, Any], root: yaml.Node) -> Iterator[Problem]:
    """Points that last as long as a tier, where no tier ends."""
    tiers = written.get("tiers")
    if isinstance(tiers, dict) and tiers.get("validity") is not None:
        return
    remedy = "give the tiers a validity, such as `months: 12`, or let points last by days or months"
    for path in _lasting_with_tier(written, ()):
        yield Problem(dotted(path), line_of(root, path), "goes with tiers that end, and these do not", remedy)


def _lasting_with_tier(written: object, at: Path) -> Iterator[Path]:
    """Where it is written, at whatever depth."""
    if isinstance(written, dict):
        for key, value in written.items():
            is_expiry = at[-1:] == ("expiry",) or at[-2:-1] == ("expiry_by_tier",)
            if is_expiry and key == "with_tier" and value in ("expire", "keep"):
                yield (*at, key)
            yield from _lasting_with_tier(value, (*at, key))
    elif isinstance(written, list):
        for index, value in enumerate(written):
            yield from _lasting_with_tier(value, (*at, index))


def _known_by(tier: dict[str, Any]) -> str:
    """The id of a tier; empty where it has none that can be read."""
    name, own = tier.get("name"), tier.get("id")
    if isinstance(own, str) and own:
        return own
    return slug_of(name) if isinstance(name, str) else ""


def _meant(named: str, known: list[str]) -> str:
    if len(known) <= _KNOWN_MAX:
        return f"known: {', '.join(map(_short, known)) or 'none'}"
    close = difflib.get_close_matches(named[:64], known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"write the id of one of the {len(known):,} milestones"


def _short(text: str) -> str:
    return shown(text)[1:-1]


def _too_many_factors(written: dict[str, Any], root: yaml.Node) -> Iterator[Problem]:
    seen: Counter[tuple[str, str | int]] = Counter()
    for index, rule in enumerate(_parts(written, ("rules",))):
        if rule.get("kind") != "multiplier":
            continue
        for key in ("skus", "categories"):
            named = rule.get(key)
            for one in dict.fromkeys(filter(_is_name, named)) if isinstance(named, list) else ():
                seen[key, one] += 1
                if seen[key, one] == FACTORS_MAX + 1:
                    path: Path = ("rules", index, key)
                    wrong = f"is one multiplier too many for {shown(one)}"
                    right = f"let at most {FACTORS_MAX} name the same one"
                    yield Problem(dotted(path), line_of(root, path), wrong, right)


def _too_much_at_once(written: dict[str, Any], root: yaml.Node) -> Iterator[Problem]:
    """A bill, or an event of one name, that would set off more facts than fit into a message."""
    rules, milestones = _parts(written, ("rules",)), _parts(written, ("milestones",))
    streaks: Counter[object] = Counter()
    for streak in _parts(written, ("streaks",)):
        levels = streak.get("levels")
        named = streak.get("milestone")
        if isinstance(named, str):
            streaks[named] += _FACTS_OF_STREAK + 2 * (len(levels) if isinstance(levels, list) else 0)
    set_off: Counter[str] = Counter()
    unified = _FACTS_OF_UNIFIED * len(_parts(written, ("unified_targets",)))
    for rule in rules:
        if rule.get("kind") in ("spend", "event"):
            set_off[_trigger(rule, "kind", "event")] += 1
    for milestone in milestones:
        counts = milestone.get("counts")
        own = milestone.get("id")
        followed = streaks[own] if isinstance(own, str) else 0
        counted = counts if isinstance(counts, dict) else {}
        plain = counted.keys() <= _PLAIN and counted.get("measure", "count") in ("count", "sum")
        own_facts = _FACTS_OF_MILESTONE + (0 if plain else _FACTS_OF_MEASURE)
        set_off[_trigger(counted, "of", "events")] += own_facts + followed
    for trigger, facts in ((trigger, facts + unified) for trigger, facts in set_off.items()):
        if facts > SET_OFF_MAX:
            line = line_of(root, ("rules" if rules else "milestones",))
            what = f"an event {shown(trigger)}" if trigger else "a bill"
            wrong = f"{what} would set off {facts:,} facts at once (rules, milestones, streaks, their levels)"
            yield Problem("", line, wrong, f"let it be at most {SET_OFF_MAX:,}")


def _trigger(part: dict[str, Any], key: str, by_event: str) -> str:
    """What a rule or milestone counts: the name of an event, or empty for bills."""
    event = part.get("event")
    return event if part.get(key) == by_event and isinstance(event, str) else ""


def _is_name(value: object) -> TypeGuard[str | int]:
    return isinstance(value, str | int) and not isinstance(value, bool)


def _parts(written: dict[str, Any], place: Path) -> list[dict[str, Any]]:
    parts: Any = written
    for step in place:
        parts = parts.get(step) if isinstance(parts, dict) else None
    return [part if isinstance(part, dict) else {} for part in parts] if isinstance(parts, list) else []

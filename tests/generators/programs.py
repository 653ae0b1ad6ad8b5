"""Programs at their limits: whatever `accrue program check` may let through, and a little of what it may not."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from schemas.program import PeriodUnit, RenewalBasis, TierBasis, TrackerMeasure

POINTS_MAX = 10**12
ID_MAX = 2**31
ORG_MAX = 2**53

_ends = st.sampled_from
_printed = st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp"])
texts = st.one_of(_ends(["x", "Köln ☕", "\U0001f950" * 50]), st.text(_printed, min_size=1, max_size=100))
skus = _ends(["BEANS", "CUP", "\U0001f950" * 64])
events = _ends(["visit", "brew"])
zones = _ends(["UTC", "Europe/London", "Pacific/Apia", "Pacific/Kiritimati", "America/St_Johns", "Etc/GMT+12"])
points = _ends([1, 2, POINTS_MAX])
rewards = _ends([0, 1, POINTS_MAX])
amounts = _ends([0, 1, 100, POINTS_MAX])
days = _ends(
    ["1970-01-01", "2024-02-29", "2024-03-31", "2026-11-29", "2199-12-30", "2199-12-31", "2199-12-31", "9999-12-31"]
)
validities = st.fixed_dictionaries({}, optional={"first": days, "last": days})
periods = _ends(["day", "week", "month", "quarter", "year"])
factors = _ends([1, 2, 999_999, "3/2", "1/999999", "999999/999998"])

paid = _ends(["POINTS", "STARS", "COINS"])
rounded = st.fixed_dictionaries(
    {}, optional={"round_up": _ends(["month", "quarter", "half_year", "year"]), "rolling": st.booleans()}
)
expiries = st.one_of(
    st.builds(lambda days, more: {"days": days, **more}, _ends([0, 1, 36_500]), rounded),
    st.builds(lambda months, more: {"months": months, **more}, _ends([0, 1, 12, 1_200]), rounded),
    st.fixed_dictionaries(
        {"dates": st.lists(_ends(["01-31", "02-29", "12-31", "2026-12-31", "2199-12-31"]), min_size=1, max_size=3)}
    ),
    st.fixed_dictionaries({"inactive_days": _ends([0, 1, 36_500])}),
    st.just({"never": True}),
)
with_tier = _ends([{"with_tier": "expire"}, {"with_tier": "keep"}])
"""Only where tiers end."""
activities = st.fixed_dictionaries(
    {}, optional={"transactions": st.booleans(), "redemptions": st.booleans(), "events": st.lists(events, max_size=2)}
)

promises = st.one_of(
    st.just({"until": "at_once"}),
    st.fixed_dictionaries({"until": st.just("days"), "days": _ends([0, 1, 3_650])}),
    st.fixed_dictionaries({"until": st.just("date"), "date": days}),
    st.fixed_dictionaries({"until": st.just("trigger"), "within_days": _ends([0, 3_650])}, optional={"event": events}),
)
spend_rules = st.fixed_dictionaries(
    {"kind": st.just("spend"), "points": points, "per_minor": points},
    optional={
        "currency": paid,
        "minimum_minor": amounts,
        "validity": validities,
        "excluded_skus": st.lists(skus, max_size=2),
        "excluded_categories": st.lists(skus, max_size=2),
        "expiry": expiries,
        "promised": promises,
    },
)
multipliers = st.fixed_dictionaries(
    {"kind": st.just("multiplier"), "factor": factors, "skus": st.lists(skus, min_size=1, max_size=3)},
    optional={"validity": validities, "categories": st.lists(skus, max_size=2)},
)
event_rules = st.fixed_dictionaries(
    {"kind": st.just("event"), "event": events, "points": points},
    optional={"validity": validities, "currency": paid, "expiry": expiries, "promised": promises},
)
limits = st.fixed_dictionaries({"times": _ends([1, 1_000_000]), "per": periods})
counts = st.one_of(
    st.fixed_dictionaries(
        {"of": st.just("transactions"), "measure": _ends(["count", "sum", "quantity", "days", "stores", "skus"])},
        optional={
            "skus": st.lists(skus, max_size=2),
            "excluded_categories": st.lists(skus, max_size=2),
            "stores": st.lists(skus, max_size=2),
            "minimum_minor": amounts,
            "at_most": limits,
        },
    ),
    st.fixed_dictionaries({"of": st.just("transactions"), "measure": _ends(["gross", "points"])}),
    st.fixed_dictionaries(
        {"of": st.just("events"), "event": events, "measure": _ends(["count", "days", "points"])},
        optional={
            "where": st.dictionaries(texts, st.lists(skus, min_size=1, max_size=2), max_size=2),
            "at_most": limits,
        },
    ),
    st.fixed_dictionaries({"of": st.just("transactions"), "measure": _ends(["count", "sum"])}),
    st.fixed_dictionaries({"of": st.just("events"), "event": events}),
    st.fixed_dictionaries(
        {"of": st.just("events"), "event": events, "measure": st.just("sum"), "attribute": st.just("grams")}
    ),
)
cycles = st.one_of(
    st.fixed_dictionaries({"period": periods}),
    st.fixed_dictionaries(
        {
            "cycle": st.fixed_dictionaries(
                {"kind": st.just("from_date"), "first": _ends(["1970-01-01", "2199-12-31"]), "unit": periods},
                optional={"every": _ends([1, 2, 1_000])},
            )
        }
    ),
    st.just({"cycle": {"kind": "lifetime"}}),
    st.fixed_dictionaries({"cycle": st.fixed_dictionaries({"kind": st.just("rolling"), "days": _ends([2, 366])})}),
    st.just({"cycle": {"kind": "windows", "windows": [{"first": "1970-01-01", "last": "2199-12-31", "name": "All"}]}}),
)
milestones = st.builds(
    lambda parts, cycle: parts | cycle,
    st.fixed_dictionaries(
        {"name": texts, "counts": counts, "target": points},
        optional={
            "tells_cycles": _ends(["none", "counted", "everybody"]),
            "enrolment": st.fixed_dictionaries(
                {"by": _ends(["everybody", "transaction", "command"])}, optional={"past": st.booleans()}
            ),
            "group": st.fixed_dictionaries({"id": _ends([1, 2**31]), "name": texts}),
            "points": rewards,
            "currency": paid,
            "validity": validities,
            "expiry": expiries,
            "promised": promises,
        },
    ),
    cycles,
)
methods = _ends(["pro_rata_bill", "line_exact", "capillary", "recompute_remaining", "none"])
reward_policies = _ends(["keep", "revoke_if_unused", "clawback"])
shortfalls = _ends(["own_lot", "other_lots", "deficit"])
levels = st.lists(_ends([1, 2, 3, 20, 1_000]), min_size=1, max_size=4, unique=True).map(sorted)


redemptions = st.fixed_dictionaries(
    {"minimum_points": points},
    optional={
        "multiple_of": points,
        "maximum_points": points,
        "minimum_lifetime_points": amounts,
        "minimum_lifetime_purchases_minor": amounts,
        "order": _ends(["fefo", "fifo", "lifo", "promotional_first"]),
        "hold_minutes": _ends([1, 527_040]),
        "reversible_days": _ends([0, 1, 3_650]),
        "past_expiry": _ends(["expire", "reissue"]),
        "late_minutes": _ends([0, 15, 1_440]),
    },
)


transfers = _ends(
    [
        {},
        {"expiry": "reset", "extra_days": 0},
        {"expiry": "reset", "extra_days": 3_650, "lifetime": "count"},
        {"expiry": "reset", "lifetime": "keep"},
    ]
)


@st.composite
def streaks(draw: st.DrawFn, milestone_ids: list[str]) -> dict[str, Any]:
    """A streak on one of the milestones."""
    return {
        "name": draw(texts),
        "description": draw(texts),
        "milestone": draw(_ends(milestone_ids)),
        "levels": [
            {
                "name": draw(texts),
                "periods": many,
                "points": draw(rewards),
                "currency": draw(paid),
                "expiry": draw(st.none() | expiries),
            }
            for many in draw(levels)
        ],
        "validity": draw(validities),
        "promised": draw(st.none() | promises),
    }


def returns(window: int) -> st.SearchStrategy[dict[str, Any]]:
    """How points go back, with windows from the shortest allowed."""
    return st.fixed_dictionaries(
        {"window_days": _ends([window, 3_650])},
        optional={
            "method": methods,
            "shortfall": shortfalls,
            "milestones": _ends(["fall", "keep"]),
            "rewards": reward_policies,
            "redeemed": _ends(["restore", "keep"]),
        },
    )


validities_of_tiers = _ends(
    [
        {"days": 1},
        {"days": 3_650},
        {"months": 1},
        {"months": 120},
        {"until": "02-29"},
        {"anniversary": True},
        {"period": "week"},
        {"period": "year", "periods": 24},
    ]
)


def _named(basis: str) -> dict[str, str]:
    return {"tracker": "t0"} if basis == "tracker" else {}


@st.composite
def _tier_terms(draw: st.DrawFn) -> dict[str, Any]:
    """How tiers are reached and held."""
    basis = draw(_ends([basis.value for basis in TierBasis]))
    terms: dict[str, Any] = {"basis": basis, **_named(basis)}
    further = draw(st.lists(_ends([basis.value for basis in TierBasis]), max_size=2))
    terms["further"] = [{"basis": one, **_named(one)} for one in further]
    if draw(st.booleans()):
        terms["any"] = draw(st.integers(1, 1 + len(further)))
        terms["currency"] = "STARS"
    if any(TierBasis(one).in_period for one in (basis, *further)):
        terms["period"] = draw(_ends([unit.value for unit in PeriodUnit]))
    else:
        terms["on_return"] = draw(_ends(["keep", "at_once", "end_of_day"]))
    terms["approaching"] = draw(_ends([None, {"percent": 1}, {"percent": 99, "cooldown_days": 0}]))
    terms["upgrade"] = draw(_ends(["at_once", "end_of_day", *(["end_of_period"] if "period" in terms else [])]))
    if draw(st.booleans()):
        terms |= {
            "validity": draw(validities_of_tiers),
            "downgrade": draw(_ends(["one_lower", "by_value", "base"])),
            "grace_days": draw(_ends([0, 1, 366])),
            "reminders": draw(_ends([[], [1], [366, 1, 30]])),
        }
        if draw(st.booleans()):
            terms["renewal"] = draw(_ends([basis.value for basis in RenewalBasis]))
            terms |= {"renewal_tracker": "t0"} if terms["renewal"] == "tracker" else {}
            also = draw(st.lists(_ends([basis.value for basis in RenewalBasis]), max_size=2))
            terms["renewal_further"] = [{"renewal": one, **_named(one)} for one in also]
            terms["renewal_any"] = draw(st.integers(1, 1 + len(also)))
    return terms


tier_terms = _tier_terms()


@st.composite
def _trackers(draw: st.DrawFn) -> dict[str, Any]:
    """What is tracked over the last days."""
    measure = draw(_ends([one.value for one in TrackerMeasure]))
    tracker: dict[str, Any] = {
        "of": measure,
        "window": {"days": draw(_ends([1, 366])), "cyclic": draw(st.booleans())},
    }
    if measure == "visits":
        tracker["per_transaction"] = draw(st.booleans())
    if measure not in ("gross", "discount"):
        tracker |= {"skus": draw(st.lists(texts, max_size=2)), "categories": draw(st.lists(texts, max_size=2))}
    return tracker


trackers = _trackers()


def _level(threshold: int, terms: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": f"T{threshold}",
        "threshold": threshold,
        "further": [threshold] * len(terms["further"]),
        "renewal_further": [threshold] * len(terms.get("renewal_further", ())),
    }


@st.composite
def definitions(draw: st.DrawFn) -> dict[str, Any]:
    """A program as a person may write it."""
    reached = draw(st.lists(milestones, max_size=4))
    ids = [f"m{index}" for index in range(len(reached))]
    followed = draw(st.lists(streaks(ids), max_size=3)) if ids else []
    rules = draw(st.lists(st.one_of(spend_rules, multipliers, event_rules), max_size=6))
    tiers = draw(st.lists(_ends([1, 2, 100, POINTS_MAX]), max_size=3, unique=True).map(sorted))
    window, terms = draw(_ends([1, 35, 366])), draw(tier_terms)
    definition = {
        "org_id": draw(_ends([1, ORG_MAX])),
        "program_id": draw(_ends([1, ID_MAX])),
        "version": draw(_ends([1, ID_MAX])),
        "name": draw(texts),
        "zone": draw(zones),
        "currency": "GBP",
        "repeat_window_days": window,
        "currencies": [
            {"id": "STARS", "scale": 3, "value_minor": 10**6, "redemption": {"minimum_points": draw(points)}},
            {"id": "COINS", "name": draw(texts), "expiry": draw(expiries), "activity": draw(activities)},
        ],
        "rules": [{"id": f"r{index}", **rule} for index, rule in enumerate(rules)],
        "milestones": [
            {"id": name, "target_id": ID_MAX - index, **one}
            for index, (name, one) in enumerate(zip(ids, reached, strict=True))
        ],
        "unified_targets": [
            {"id": f"u{index}", "group_id": ID_MAX - index, "name": "U", "expression": f"1 of ({one})", "points": 1}
            | ({"tier": {"id": f"t{tiers[0]}"}} if tiers else {})
            for index, one in enumerate(draw(st.lists(_ends(ids), max_size=2)) if ids else [])
        ],
        "streaks": [{"id": f"s{index}", "streak_id": ID_MAX - index, **one} for index, one in enumerate(followed)],
        "trackers": [
            {"id": f"t{index}", **one} for index, one in enumerate(draw(st.lists(trackers, min_size=1, max_size=2)))
        ],
        "returns": draw(st.none() | returns(window)),
        "redemption": draw(redemptions),
        "transfer": draw(transfers),
        "tiers": {**terms, "levels": [_level(level, terms) for level in (0, *tiers)]},
        "promised": draw(st.none() | promises.filter(lambda terms: terms["until"] != "at_once")),
    }
    if draw(st.booleans()):
        by_tier = draw(st.dictionaries(_ends([f"t{level}" for level in (0, *tiers)]), expiries, max_size=2))
        definition["points"] = {
            "expiry": draw(expiries | with_tier if terms.get("validity") else expiries),
            "expiry_by_tier": by_tier,
            "activity": draw(activities),
            "reminders": draw(st.lists(_ends([0, 1, 30, 3_650]), max_size=3)),
            **draw(_ends([{"value_minor": 0}, {"value_minor": 10**6}, {"ratio": "99.9999999999"}, {"ratio": "0"}])),
        }
    return definition

"""One customer in one program: what every bill and return does, by the words of the rules alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction

from tests.model.achiever import REPEAT_DAYS
from tests.model.bills import Award, Bill
from tests.model.dates import DAY_MS
from tests.model.ranker import Ranker
from tests.model.shares import due_of, in_proportion, lines_back, points_for, shared
from tests.model.words import Line, Pays, Spend


@dataclass
class Member(Ranker):
    """Where the customer stands after a history."""

    bills: dict[str, Bill] = field(default_factory=dict)
    paid: int = 0
    returned: int = 0
    visits: int = 0
    waiting: dict[str, list[tuple[int, int, Callable[[], None]]]] = field(default_factory=dict)
    """By bill: what came before it, with when it was made, when it is refused, and what it does."""

    def pay(self, one: Pays) -> None:
        """A bill earns points and counts for goals."""
        name, pence, lines, at = one.name, one.pence, one.lines, one.at
        self.paid += pence
        self.visits += 1
        self.buys(at, pence, 1)
        gross = pence if one.gross is None else one.gross
        bill = Bill(pence, lines, lines, at, one.store, gross, line_returned=[0] * len(lines))
        bill.keeps_lines = bool(lines) and self.returns.method in {"line_exact", "capillary", "recompute_remaining"}
        self.every.append(bill)
        bill.tier = self.ranked.tier
        earned = [(rule, self._worth(rule, bill)) for rule in self.program.spends]
        earned = [(rule, points) for rule, points in earned if points]
        awards = [(rule.id, points, rule.lasts, rule.promise, False) for rule, points in earned]
        lots = self._issue(awards, at, at, name)
        bill.awards = [Award(rule, points, [lot]) for (rule, points), lot in zip(earned, lots, strict=True)]
        if self.program.returns is not None and self.program.returns.days:
            self.bills[name] = bill
        self.bill_counts(bill)
        self.roll(at)

    def waited(self, name: str, at: int) -> list[Callable[[], None]]:
        """What came before a bill that was paid then, and still waits for it."""
        waiting = sorted(self.waiting.pop(name, []), key=lambda one: one[0])
        return [then for made, until, then in waiting if made >= at and until > self.now]

    def _worth(self, rule: Spend, bill: Bill) -> int:
        """What the rule gives for the bill, by the tier that the customer had then."""
        is_for = not rule.tiers or bill.tier in rule.tiers
        return points_for(self.program, rule, bill.pence, bill.lines) if is_for else 0

    def takes(self, bill: Bill, at: int) -> bool:
        """Whether the bill can still come back."""
        return at < bill.paid + self.returns.days * DAY_MS

    def bring_back(self, name: str, pence: int, lines: tuple[Line, ...], at: int) -> None:
        """Goods come back: everything that the bill did is undone, in proportion."""
        bill = self.bills.get(name)
        if bill is None:
            self._wait(name, at, lambda: self.bring_back(name, pence, lines, at))
            return
        if not self.takes(bill, at):
            return
        keeps_lines = self.returns.method in {"line_exact", "capillary", "recompute_remaining"}
        if bill.is_back:
            return
        counted = min(pence, bill.pence - bill.returned)
        if keeps_lines and bill.lines:
            parts = lines_back(bill.lines, bill.line_returned, pence, lines)
            counted = sum(parts)
            if pence and not counted:
                return
            bill.line_returned = [old + new for old, new in zip(bill.line_returned, parts, strict=True)]
            bill.unnamed += 0 if lines else counted
        else:
            bill.unnamed += counted
        self.step(at, at + 1)
        self.takes_back()
        self.returned += counted
        self.buys(bill.paid, -counted, 0)
        bill.returned += counted
        bill.came_back = True
        self._restore_payments(name, bill, at)
        self.purse.collect()
        claims = [
            (award, due_of(self.program, award.rule, award.points, bill) - award.claimed) for award in bill.awards
        ]
        claims = [(award, claim) for award, claim in claims if claim > 0]
        self.purse.take_back(
            [(award.lots, claim) for award, claim in claims],
            self.returns.shortfall,
            [("award", id(award)) for award, _ in claims],
        )
        for award, claim in claims:
            award.claimed += claim
        if self.returns.goals_fall:
            self._fall(bill)

    def _restore_payments(self, name: str, bill: Bill, at: int) -> None:
        """What was redeemed for the bill comes back in proportion to what is gone of it."""
        basis = max(bill.basis, bill.pence)
        gone = basis if bill.is_gone else basis - bill.pence + bill.returned
        if not self.returns.redeemed_restored or not (gone or bill.is_gone):
            return
        for redemption_name in reversed(self.payments.get(name, [])):
            redemption = self.redemptions[redemption_name]
            if redemption.at <= at < redemption.at + self.returns.days * DAY_MS:
                due = in_proportion(redemption.points, basis, gone)
                if due > redemption.back:
                    self._restore(redemption_name, due - redemption.back, at)

    def cancel(self, name: str, rule: str, at: int) -> None:
        """What a bill earned was a mistake."""
        bill = self.bills.get(name)
        if bill is None or not self.takes(bill, at):
            return
        named = [award for award in bill.awards if rule in {"", award.rule.id} and award.points > award.claimed]
        self.purse.take_back(
            [(award.lots, award.points - award.claimed) for award in named],
            self.returns.shortfall,
            [("award", id(award)) for award in named],
        )
        for award in named:
            award.claimed, award.cancelled = award.points, True

    def _wait(self, bill: str, at: int, then: Callable[[], None]) -> None:
        """What comes before its bill waits for it, so many days at most."""
        if self.program.returns is not None:
            self.waiting.setdefault(bill, []).append((at, self.now + REPEAT_DAYS * DAY_MS, then))

    def correct(self, name: str, pence: int | None, lines: tuple[Line, ...], at: int, *, delivered: bool) -> None:
        """A bill is as it is said here, as if it had been so from the beginning."""
        bill = self.bills.get(name)
        if bill is None:
            self._wait(name, at, lambda: self.correct(name, pence, lines, at, delivered=delivered))
            return
        if not self.takes(bill, at):
            return
        after = bill.pence if pence is None else pence or bill.returned
        is_cancelled = bill.cancelled if pence is None else pence == 0
        relined = bool(lines) and lines != bill.said_lines
        changes = after != bill.pence or is_cancelled != bill.cancelled or relined
        says_nothing = not changes and (not delivered or bill.delivered)
        lacks_lines = bool(pence and bill.said_lines) and changes and not lines
        if after < bill.returned or says_nothing or lacks_lines:
            return
        self.step(at, at + 1)
        bill.delivered = bill.delivered or delivered
        if changes:
            self._change(name, bill, after, lines, at, is_cancelled=is_cancelled)
        if bill.delivered:
            for lot in self._promised(name):
                if lot.promise is not None and lot.promise.until == "delivered":
                    self._becomes_current(lot, at)

    def _change(
        self, name: str, bill: Bill, pence: int, lines: tuple[Line, ...], at: int, *, is_cancelled: bool
    ) -> None:
        self.takes_back()
        more, counted = pence - bill.pence, bill.cancelled - is_cancelled
        if name in self.payments:
            bill.basis = max(bill.basis, bill.pence, pence)
        bill.pence, bill.gross, bill.cancelled = pence, pence, is_cancelled
        self.paid += more
        self.visits += counted
        self.buys(bill.paid, more, counted)
        bill.said_lines = lines or bill.said_lines
        if is_cancelled and bill.lines:
            left = zip(bill.lines, bill.line_returned, strict=True)
            bill.lines = tuple(replace(line, pence=returned) for line, returned in left)
        elif lines:
            self._reline(bill, lines)
        self._restore_payments(name, bill, at)
        self.purse.collect()
        self._correct_points(name, bill, at)
        self._correct_goals(bill, at)

    def _reline(self, bill: Bill, lines: tuple[Line, ...]) -> None:
        """What came back of a line came back of the one of its id, else of its SKU; the rest of all that is left."""
        back: dict[str, int] = {}
        for line, returned in zip(bill.lines, bill.line_returned, strict=True):
            back[line.id or f"sku {line.sku}"] = back.get(line.id or f"sku {line.sku}", 0) + returned
        parts: list[int] = []
        for line in lines:
            key = line.id or f"sku {line.sku}"
            parts.append(min(back.get(key, 0), line.pence))
            back[key] = back.get(key, 0) - parts[-1]
        left = [Fraction(line.pence - part) for line, part in zip(lines, parts, strict=True)]
        rest = shared(min(sum(back.values()), int(sum(left))), left)
        bill.line_returned = [part + more for part, more in zip(parts, rest, strict=True)]
        bill.lines = lines

    def _correct_points(self, name: str, bill: Bill, at: int) -> None:
        rises: list[tuple[Spend, int]] = []
        falls: list[tuple[Award, int]] = []
        known = {award.rule.id: award for award in bill.awards}
        rules = [award.rule for award in bill.awards]
        for rule in (*rules, *(one for one in self.program.spends if one not in rules)):
            award = known.get(rule.id)
            if award is not None and award.cancelled:
                continue
            points = 0 if bill.cancelled else self._worth(rule, bill)
            claimed = min(points, due_of(self.program, rule, points, bill)) if bill.returned else 0
            if award is None:
                if points:
                    rises.append((rule, points - claimed))
                    bill.awards.append(Award(rule, points, [], claimed))
                continue
            more = points - claimed - (award.points - award.claimed)
            again = min(award.forgiven, max(0, more))
            award.forgiven -= again
            self.purse.waits_no_more(("corrected", id(award)), award.forgiven)
            award.points, award.claimed = points, claimed
            if more < 0:
                falls.append((award, -more))
            elif more > again:
                rises.append((rule, more - again))

        def taken_later(place: int, points: int) -> None:
            falls[place][0].forgiven -= points

        got = self.purse.take_back(
            [(award.lots, claim) for award, claim in falls],
            self.returns.shortfall,
            [("corrected", id(award)) for award, _ in falls],
            taken_later,
        )
        for (award, claim), taken in zip(falls, got, strict=True):
            award.forgiven += claim - taken
        issued = [(rule.id, points, rule.lasts, rule.promise, False) for rule, points in rises if points > 0]
        lots = self._issue(issued, bill.paid, at, name, bill.tier)
        for (rule_id, *_), lot in zip(issued, lots, strict=True):
            next(award for award in bill.awards if award.rule.id == rule_id).lots.append(lot)

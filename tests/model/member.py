"""One customer in one program: what every bill and return does, by the words of the rules alone."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.model.achiever import Achiever
from tests.model.bills import Award, Bill
from tests.model.dates import DAY_MS
from tests.model.shares import due_of, in_proportion, lines_back, points_for
from tests.model.words import Line, Spend


@dataclass
class Member(Achiever):
    """Where the customer stands after a history."""

    bills: dict[str, Bill] = field(default_factory=dict)
    paid: int = 0
    returned: int = 0
    visits: int = 0

    def pay(self, name: str, pence: int, lines: tuple[Line, ...], at: int) -> None:
        """A bill earns points and counts for goals."""
        self.paid += pence
        self.visits += 1
        bill = Bill(pence, lines, at, line_returned=[0] * len(lines))
        earned = [(rule, points_for(self.program, rule, pence, lines)) for rule in self.program.spends]
        earned = [(rule, points) for rule, points in earned if points]
        awards = [(rule.id, points, rule.lasts, rule.promise, False) for rule, points in earned]
        lots = self._issue(awards, at, at, name)
        bill.awards = [Award(rule, points, [lot]) for (rule, points), lot in zip(earned, lots, strict=True)]
        if self.program.returns is not None and self.program.returns.days:
            self.bills[name] = bill
        for goal in self.program.goals:
            if goal.counts in {"bills", "money"} and (goal.counts == "bills" or pence):
                bill.counted.append(goal)
        for goal in bill.counted:
            bill.worth[goal.id] = bill.peak[goal.id] = bill.counts_for(goal)
            self._count(goal, bill.worth[goal.id], at)
        self._meet(bill.counted, at, at)

    def takes(self, bill: Bill, at: int) -> bool:
        """Whether the bill can still come back."""
        return at < bill.paid + self.returns.days * DAY_MS

    def bring_back(self, name: str, pence: int, lines: tuple[Line, ...], at: int) -> None:
        """Goods come back: everything that the bill did is undone, in proportion."""
        bill = self.bills.get(name)
        if bill is None or not self.takes(bill, at):
            return
        keeps_lines = self.returns.method in {"line_exact", "capillary", "recompute_remaining"}
        if bill.returned >= bill.pence:
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
        self.returned += counted
        bill.returned += counted
        self._restore_payments(name, bill, at)
        claims = [
            (award, due_of(self.program, award.rule, award.points, bill) - award.claimed) for award in bill.awards
        ]
        claims = [(award, claim) for award, claim in claims if claim > 0]
        self.purse.take_back([(award.lots, claim) for award, claim in claims], self.returns.shortfall)
        for award, claim in claims:
            award.claimed += claim
        if self.returns.goals_fall:
            self._fall(bill)

    def _restore_payments(self, name: str, bill: Bill, at: int) -> None:
        """What was redeemed for the bill comes back in proportion to what is gone of it."""
        basis = max(bill.basis, bill.pence)
        gone = basis if bill.is_gone else basis - bill.pence + bill.returned
        if not self.returns.redeemed_restored or not (gone or bill.cancelled):
            return
        for redemption_name in reversed(self.payments.get(name, [])):
            redemption = self.redemptions[redemption_name]
            if at < redemption.at + self.returns.days * DAY_MS:
                due = in_proportion(redemption.points, basis, gone)
                if due > redemption.back:
                    self._restore(redemption_name, due - redemption.back, at)

    def cancel(self, name: str, rule: str, at: int) -> None:
        """What a bill earned was a mistake."""
        bill = self.bills.get(name)
        if bill is None or not self.takes(bill, at):
            return
        named = [award for award in bill.awards if rule in {"", award.rule.id} and award.points > award.claimed]
        self.purse.take_back([(award.lots, award.points - award.claimed) for award in named], self.returns.shortfall)
        for award in named:
            award.claimed, award.cancelled = award.points, True

    def correct(self, name: str, pence: int | None, at: int, *, delivered: bool) -> None:
        """A bill is as it is said here, as if it had been so from the beginning."""
        bill = self.bills.get(name)
        if bill is None or not self.takes(bill, at):
            return
        before, was_cancelled = bill.pence, bill.cancelled
        after = before if pence is None else pence or bill.returned
        is_cancelled = was_cancelled if pence is None else pence == 0
        changes = after != before or is_cancelled != was_cancelled
        if after < bill.returned or (not changes and (not delivered or bill.delivered)):
            return
        if pence and bill.lines and changes:
            return
        bill.pence, bill.cancelled = after, is_cancelled
        bill.delivered = bill.delivered or delivered
        if changes:
            self.paid += after - before
            self.visits += was_cancelled - is_cancelled
            if is_cancelled and bill.lines:
                bill.lines = tuple(
                    Line(line.sku, back, line.id) for line, back in zip(bill.lines, bill.line_returned, strict=True)
                )
            if name in self.payments:
                bill.basis = max(bill.basis, before, after)
            self._restore_payments(name, bill, at)
            self._correct_points(name, bill, at)
            self._correct_goals({"bills": was_cancelled - is_cancelled, "money": after - before}, bill, at)
        if bill.delivered:
            for lot in self._promised(name):
                if lot.promise is not None and lot.promise.until == "delivered":
                    self._becomes_current(lot, at)

    def _correct_points(self, name: str, bill: Bill, at: int) -> None:
        rises: list[tuple[Spend, int]] = []
        falls: list[tuple[Award, int]] = []
        known = {award.rule.id: award for award in bill.awards}
        rules = [award.rule for award in bill.awards]
        for rule in (*rules, *(one for one in self.program.spends if one not in rules)):
            award = known.get(rule.id)
            if award is not None and award.cancelled:
                continue
            points = 0 if bill.cancelled else points_for(self.program, rule, bill.pence, bill.lines)
            claimed = min(points, due_of(self.program, rule, points, bill)) if bill.returned else 0
            if award is None:
                if points:
                    rises.append((rule, points - claimed))
                    bill.awards.append(Award(rule, points, [], claimed))
                continue
            more = points - claimed - (award.points - award.claimed)
            again = min(award.forgiven, max(0, more))
            award.forgiven -= again
            award.points, award.claimed = points, claimed
            if more < 0:
                falls.append((award, -more))
            elif more > again:
                rises.append((rule, more - again))
        got = self.purse.take_back([(award.lots, claim) for award, claim in falls], self.returns.shortfall)
        for (award, claim), taken in zip(falls, got, strict=True):
            award.forgiven += claim - taken
        issued = [(rule.id, points, rule.lasts, rule.promise, False) for rule, points in rises if points > 0]
        for (rule_id, *_), lot in zip(issued, self._issue(issued, bill.paid, at, name), strict=True):
            next(award for award in bill.awards if award.rule.id == rule_id).lots.append(lot)

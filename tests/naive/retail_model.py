"""A naive second model of the online-retail program: the rules in plain Python, one customer after another.

It shares nothing with the project: no engine, no calendar, no importer, no program file. It is slow, it keeps
everything in dicts and lists, it counts money in exact fractions, and it is meant to be read beside the rules that
`pipeline/importer/retail.py` and `examples/programs/online-retail.yaml` state.

`tests/model` has the rules of any program, given what happened. This has what that leaves out: rows of a file, invoices
and goods that come back by SKU, and how often each notification is sent.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from math import floor

DOUBLE = {"22423", "85123A"}
EXPIRY_DAYS = 90
BASE, SILVER, GOLD = "Base", "Silver", "Gold"
STREAK_FIRST, STREAK_LAST = date(2010, 12, 1), date(2011, 12, 31)
STREAK_LEVELS = {3: 200, 6: 500}
COLUMNS = (
    "customer_id",
    "transactions",
    "purchases",
    "returned",
    "spend_points",
    "milestone_points",
    "streak_points",
    "reversed",
    "expired",
    "balance",
    "tier",
    "streak_run",
    "longest_run",
)


@dataclass
class Line:
    sku: str
    quantity: int
    pence: int


@dataclass
class Invoice:
    number: str
    customer: int
    time: datetime
    place: int
    lines: list[Line] = field(default_factory=list)


@dataclass
class Lot:
    points: int
    last_day: date


@dataclass
class Sale:
    number: str
    pence: int
    lot: Lot | None
    left: dict[str, list[int]]
    """For each SKU the quantity and the pence that have not come back."""
    returned: int = 0
    due_before: int = 0
    award: int = 0
    came_back: bool = False


@dataclass
class Customer:
    number: int
    transactions: int = 0
    purchases: int = 0
    returned: int = 0
    spend_points: int = 0
    milestone_points: int = 0
    streak_points: int = 0
    reversed: int = 0
    expired: int = 0
    tier: str = BASE
    lots: list[Lot] = field(default_factory=list)
    sales: list[Sale] = field(default_factory=list)
    spent_in: Counter[tuple[int, int]] = field(default_factory=Counter)
    months: set[int] = field(default_factory=set)
    """Months with a transaction, within the window of the streak, counted from year 0."""
    levels: set[int] = field(default_factory=set)
    streak_open: bool = False

    @property
    def balance(self) -> int:
        return sum(lot.points for lot in self.lots)


@dataclass
class Outcome:
    """What a run gives."""

    dispositions: Counter[str]
    bills: list[tuple[int, str, datetime, int]]
    """Every sale in processing order: customer, invoice, local time, pence."""
    returns: list[tuple[int, str, str, int]]
    """Every return of a sale in processing order: customer, return invoice, invoice returned, pence."""
    totals: dict[str, int]
    tiers: Counter[str]
    notifications: Counter[str]
    customers: list[dict[str, object]]
    """One row per customer, by number, with `COLUMNS`."""


def naive_run(rows: Iterable[Sequence[str]], until: date) -> Outcome:
    """The program over `rows` (the file's lines without its header), settled as of the start of `until`."""
    dispositions, invoices = invoices_of(rows)
    told: Counter[str] = Counter()
    customers: dict[int, Customer] = {}
    bills: list[tuple[int, str, datetime, int]] = []
    returns: list[tuple[int, str, str, int]] = []
    for invoice in invoices:
        customer = customers.get(invoice.customer)
        if customer is None:
            customer = customers[invoice.customer] = Customer(invoice.customer)
            told["customerAdded"] += 1
        pass_time(customer, invoice.time.date(), told)
        if invoice.number.startswith("C"):
            for sale, pence in taken_back(customer, invoice, dispositions):
                give_back(customer, sale, pence, told)
                returns.append((customer.number, invoice.number, sale.number, pence))
        else:
            buy(customer, invoice, told)
            bills.append((customer.number, invoice.number, invoice.time, sum(line.pence for line in invoice.lines)))
    for customer in customers.values():
        pass_time(customer, until, told)
    table = [row_of(customers[number], until) for number in sorted(customers)]
    totals = {name: sum(int(str(row[name])) for row in table) for name in COLUMNS[1:10]}
    tiers = Counter(str(row["tier"]) for row in table)
    return Outcome(dispositions, bills, returns, totals, tiers, told, table)


def invoices_of(rows: Iterable[Sequence[str]]) -> tuple[Counter[str], list[Invoice]]:
    dispositions: Counter[str] = Counter()
    invoices: dict[str, Invoice] = {}
    for place, (number, sku, _, quantity_text, time_text, price_text, customer, _) in enumerate(rows):
        quantity, price = int(quantity_text), Fraction(price_text)
        if customer == "":
            dispositions["unattributed"] += 1
        elif not re.fullmatch(r"[0-9]{5}[A-Za-z]{0,2}", sku):
            dispositions["not_product"] += 1
        elif price <= 0:
            dispositions["zero_price"] += 1
        elif (not number.startswith("C") and quantity > 0) or (number.startswith("C") and quantity < 0):
            dispositions["sale" if quantity > 0 else "return"] += 1
            time = datetime.fromisoformat(time_text)
            if number not in invoices:
                invoices[number] = Invoice(number, int(Fraction(customer)), time, place)
            invoice = invoices[number]
            invoice.time = min(invoice.time, time)
            invoice.lines.append(Line(sku, abs(quantity), floor(abs(quantity) * price * 100 + Fraction(1, 2))))
        else:
            dispositions["inconsistent"] += 1
    return dispositions, sorted(invoices.values(), key=lambda invoice: (invoice.time, invoice.place))


def pass_time(customer: Customer, today: date, told: Counter[str]) -> None:
    """Everything that is due at or before the start of `today`."""
    for last_day in sorted({lot.last_day for lot in customer.lots if lot.last_day < today}):
        gone = [lot for lot in customer.lots if lot.last_day == last_day]
        points = sum(lot.points for lot in gone)
        if points > 0:
            customer.expired += points
            told["pointsExpired"] += 1
        for lot in gone:
            lot.points = 0
        customer.lots = [lot for lot in customer.lots if lot.last_day != last_day]
    if customer.streak_open and today > STREAK_LAST:
        customer.streak_open = False
        told["streakEnd"] += 1


def buy(customer: Customer, invoice: Invoice, told: Counter[str]) -> None:
    told["transactionAdded"] += 1
    today = invoice.time.date()
    pence = sum(line.pence for line in invoice.lines)
    customer.transactions += 1
    customer.purchases += pence

    lot = None
    points = sum(line.pence * (2 if line.sku in DOUBLE else 1) for line in invoice.lines) // 100
    if pence >= 1000 and points > 0:
        lot = award(customer, points, today, told)
        customer.spend_points += points
    left: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for line in invoice.lines:
        left[line.sku][0] += line.quantity
        left[line.sku][1] += line.pence
    customer.sales.append(Sale(invoice.number, pence, lot, left, award=points if lot else 0))

    net = customer.purchases - customer.returned
    reached = GOLD if net >= 500000 else SILVER if net >= 100000 else BASE
    if (BASE, SILVER, GOLD).index(reached) > (BASE, SILVER, GOLD).index(customer.tier):
        customer.tier = reached
        told["tierUpgraded"] += 1

    month = (today.year, today.month)
    first_visit = month not in customer.spent_in
    before = customer.spent_in[month]
    seen_before = (today.year * 12 + today.month) in customer.months
    customer.spent_in[month] = before + pence
    told["targetAchievedValueUpdated"] += 2
    if before < 50000 <= before + pence:
        told["targetValueAchieved"] += 1
        award(customer, 100, today, told)
        customer.milestone_points += 100
    if first_visit:
        told["targetValueAchieved"] += 1
    if STREAK_FIRST <= today <= STREAK_LAST and not seen_before:
        if not customer.months:
            customer.streak_open = True
            told["streakStart"] += 1
        number = today.year * 12 + today.month
        customer.months.add(number)
        run = run_ending(customer.months, number)
        for level, reward in STREAK_LEVELS.items():
            if run >= level and level not in customer.levels:
                customer.levels.add(level)
                told["streakLevelAchieved"] += 1
                award(customer, reward, today, told)
                customer.streak_points += reward


def award(customer: Customer, points: int, today: date, told: Counter[str]) -> Lot:
    lot = Lot(points, today + timedelta(days=EXPIRY_DAYS))
    customer.lots.append(lot)
    told["pointsIssued"] += 1
    return lot


def taken_back(customer: Customer, invoice: Invoice, dispositions: Counter[str]) -> list[tuple[Sale, int]]:
    """The sales that a return invoice gives goods of back, each with the pence of all its lines."""
    found: list[tuple[Sale, int]] = []
    for line in invoice.lines:
        fitting = [sale for sale in customer.sales if line.sku in sale.left and sale.left[line.sku][0] >= line.quantity]
        if not fitting:
            dispositions["return_unmatched"] += 1
            continue
        dispositions["return_matched"] += 1
        left = fitting[-1].left[line.sku]
        pence = min(line.pence, left[1])
        left[0] -= line.quantity
        left[1] -= pence
        if any(sale is fitting[-1] for sale, _ in found):
            found = [(sale, sum_ + pence if sale is fitting[-1] else sum_) for sale, sum_ in found]
        else:
            found.append((fitting[-1], pence))
    return found


def give_back(customer: Customer, sale: Sale, pence: int, told: Counter[str]) -> None:
    if sale.returned < sale.pence or not (sale.pence or sale.came_back):  # else it comes back for nothing
        told["transactionAdded"] += 1
    sale.came_back = True
    customer.returned += pence
    sale.returned += pence
    due = sale.award if sale.returned >= sale.pence else sale.award * sale.returned // sale.pence
    wanted, sale.due_before = due - sale.due_before, due
    took = min(wanted, sale.lot.points) if sale.lot else 0
    if sale.lot and took > 0:
        sale.lot.points -= took
        customer.reversed += took
        told["issuedPointsReversed"] += 1


def run_ending(months: set[int], at: int) -> int:
    run = 0
    while at - run in months:
        run += 1
    return run


def row_of(customer: Customer, until: date) -> dict[str, object]:
    now = until.year * 12 + until.month
    # The running month breaks nothing; once the window is over, nothing runs any more after its last month.
    at = min(now, STREAK_LAST.year * 12 + STREAK_LAST.month)
    run = run_ending(customer.months, at) or (run_ending(customer.months, at - 1) if at == now else 0)
    longest = max((run_ending(customer.months, month) for month in customer.months), default=0)
    values = (
        customer.number,
        customer.transactions,
        customer.purchases,
        customer.returned,
        customer.spend_points,
        customer.milestone_points,
        customer.streak_points,
        customer.reversed,
        customer.expired,
        customer.balance,
        customer.tier,
        run,
        longest,
    )
    return dict(zip(COLUMNS, values, strict=True))

"""The report: what was checked, what failed and where, and how far the checks reached."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple, Protocol


class Check(StrEnum):
    """The checks, in the order of the report."""

    TRANSACTIONS = "transactions"
    OFFSETS = "offsets"
    SEQ = "seq"
    ORDER = "order"
    LEDGER = "ledger"
    FACTS = "facts"
    NOTIFICATIONS = "notifications"
    REPLIES = "replies"
    STATE = "state"
    REQUESTS = "requests"
    ROWS = "rows"
    CUSTOMER_STATE = "customer_state"
    VIEWS = "views"


PROMISES: Final = {
    Check.TRANSACTIONS: "no transaction is left open",
    Check.OFFSETS: "state and committed offset agree",
    Check.SEQ: "every customer's facts are counted without gap or repeat",
    Check.ORDER: "facts are in the order of the journal",
    Check.LEDGER: "entries balance, and each fact states the balance that follows",
    Check.FACTS: "facts are what the journal decides, each once",
    Check.NOTIFICATIONS: "notifications are what the facts render to, each once, in order",
    Check.REPLIES: "replies say what became of each record that is answered, each once, in order",
    Check.STATE: "the changelog holds the state that was decided",
    Check.REQUESTS: "what a decision asks of another customer lies in the journal, once",
    Check.ROWS: "every message has its rows in ClickHouse, each once",
    Check.CUSTOMER_STATE: "customers in ClickHouse are as the changelog has them",
    Check.VIEWS: "the views say of each customer what the state says: tier, purchases, points",
}
LOG_CHECKS: Final = (
    Check.TRANSACTIONS,
    Check.OFFSETS,
    Check.SEQ,
    Check.ORDER,
    Check.LEDGER,
    Check.FACTS,
    Check.NOTIFICATIONS,
    Check.REPLIES,
    Check.STATE,
    Check.REQUESTS,
)
TABLE_CHECKS: Final = (Check.ROWS, Check.CUSTOMER_STATE, Check.VIEWS)


class Finding(NamedTuple):
    """One failure of a check."""

    check: Check
    where: str
    what: str


class Report:
    """Gathers what the checks find; of the findings of one check, the first `findings_max` are kept."""

    def __init__(self, findings_max: int) -> None:
        self._findings_max = findings_max
        self._findings: dict[Check, list[Finding]] = {}
        self.looked_at: dict[Check, int] = {}
        """By check: how many items were checked. A check that could not run is missing here."""
        self.broken: dict[Check, int] = {}
        """By check: the number of findings, including those that were not kept."""
        self.unsettled: set[Check] = set()
        """The checks that could not be judged, as the sink has not stored everything yet."""
        self.notes: list[str] = []
        """How far the comparison reached, and what could not be compared."""

    @property
    def findings(self) -> list[Finding]:
        """Those that were kept, check by check."""
        return [one for check in Check for one in self._findings.get(check, ())]

    @property
    def holds(self) -> bool:
        """Whether all checks passed."""
        return not self.broken

    def has(self, check: Check) -> bool:
        """Whether it belongs into the report: it was made, or waits for the sink."""
        return check in self.looked_at or check in self.broken or check in self.unsettled

    def look(self, check: Check, count: int) -> None:
        """Counts items that were checked."""
        self.looked_at[check] = self.looked_at.get(check, 0) + count

    def find(self, check: Check, where: str, what: str) -> None:
        """Adds a finding."""
        self.broken[check] = self.broken.get(check, 0) + 1
        kept = self._findings.setdefault(check, [])
        if len(kept) < self._findings_max:
            kept.append(Finding(check, where, what))

    def wait(self, check: Check) -> None:
        """A check can be judged only when the sink has stored everything."""
        self.unsettled.add(check)

    def note(self, text: str) -> None:
        """Adds a note about how far the comparison reached."""
        self.notes.append(text)


class Watcher(Protocol):
    """Observes the progress of a verification."""

    def stage(self, name: str, total: int) -> None:
        """A stage begins; `total` is about how many steps it has."""

    def step(self, count: int) -> None:
        """So many steps of the stage are done."""

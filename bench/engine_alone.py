"""(a) The engine alone: `needs` and `decide` on decoded records, one core, nothing else."""

from __future__ import annotations

import gc
import time
from typing import Final

from bench.report import report
from bench.samples import TEN_RULES, three_line_bills
from bench.sizes import sizes
from pipeline.engine.decide import decide, needs
from pipeline.engine.programs import Programs
from pipeline.engine.state import CustomerState, Head
from schemas.records import TransactionAdded

BEST_OF: Final = 3


def main() -> None:
    """Measure and report."""
    records, customers = sizes(200_000, 10_000)
    bills = list(three_line_bills(records, customers))
    gc.freeze()  # the sample is not what is measured
    gc.set_threshold(50_000, 50, 1_000)  # as the worker sets it
    runs = [run(bills) for _ in range(BEST_OF)]
    seconds, cpu_seconds, facts = min(runs)
    report(
        "a",
        {
            "what": "engine alone, ten rules of which four match, three lines a bill, a milestone and a streak",
            "records": records,
            "customers": customers,
            "records_per_second": round(records / seconds),
            "records_per_cpu_second": round(records / cpu_seconds),
            "facts_per_record": round(facts / records, 2),
            "microseconds_per_record": round(seconds / records * 1e6, 2),
            "seconds_of_each_run": [round(run[0], 3) for run in runs],
        },
    )


def run(bills: list[TransactionAdded]) -> tuple[float, float, int]:
    """Seconds and CPU seconds to decide all of them from an empty state, and how many facts that gave."""
    programs = Programs().activate(TEN_RULES)
    heads: dict[int, Head] = {}
    facts = 0
    began, cpu_began = time.perf_counter(), time.process_time()
    for bill in bills:
        head = heads.get(bill.customer_id)
        if head is None:
            head = heads[bill.customer_id] = Head(bill.org_id, bill.customer_id)
        state = CustomerState(head)
        needs(state, bill, programs, bill.event_time)
        groups = decide(state, bill, programs, bill.event_time)
        facts += sum(len(group.decisions) for group in groups)
    return time.perf_counter() - began, time.process_time() - cpu_began, facts


if __name__ == "__main__":
    main()

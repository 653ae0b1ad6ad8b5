from bench.peers.job import NOBODY, Bill, Standing, earn, of_message, of_record
from bench.samples import SIMPLE, TEN_RULES, as_messages, three_line_bills
from pipeline.engine.decide import decide
from pipeline.engine.programs import Programs
from pipeline.engine.state import CustomerState, Head
from pipeline.intake.dialects.native import normalise
from pipeline.intake.verdict import Accepted, Limits
from pipeline.log.port import Message
from schemas.facts import AnyDecision, IssuedFor, PointsIssued, ProgramAdopted, TierUpgraded
from schemas.program import MultiplierRule
from schemas.records import TransactionAdded, encode_record


def decisions(head: Head, bill: TransactionAdded, programs: Programs) -> list[AnyDecision]:
    groups = decide(CustomerState(head), bill, programs, bill.event_time)
    return [decision for group in groups for decision in group.decisions]


def test_the_peers_do_the_job_that_the_simple_program_does() -> None:
    programs = Programs().activate(SIMPLE)
    head = Head(1, 1_000)
    standing: Standing = NOBODY
    for bill in three_line_bills(20, 1):
        tier = standing["tier"]
        for decision in decisions(head, bill, programs):
            if isinstance(decision, PointsIssued):
                points, balance = decision.points, decision.balance
            elif isinstance(decision, TierUpgraded):
                tier = decision.reached
            elif isinstance(decision, ProgramAdopted):
                tier = decision.tier
        earned = earn(standing, peers_bill(bill))
        assert (earned["points"], earned["balance"], earned["tier"]) == (points, balance, tier)
        standing = {"balance": earned["balance"], "tier": earned["tier"]}
    assert standing["tier"] == 2


def test_four_of_ten_rules_match_each_bill() -> None:
    (bill,) = three_line_bills(1, 1)
    decided = decisions(Head(1, bill.customer_id), bill, Programs().activate(TEN_RULES))
    awards = [award for one in decided if isinstance(one, PointsIssued) for award in one.awards]
    spends = {award.rule_id for award in awards if award.issued_for is IssuedFor.SPEND}
    multipliers = {
        rule.id
        for rule in TEN_RULES.rules
        if isinstance(rule, MultiplierRule)
        and any(line.sku in rule.skus or line.category in rule.categories for line in bill.lines)
    }
    assert (len(TEN_RULES.rules), spends | multipliers) == (10, {"base", "no-gift-cards", "espresso", "beans"})


def test_messages_say_what_the_records_say() -> None:
    bills = list(three_line_bills(5, 2))
    for bill, (key, value) in zip(bills, as_messages(bills), strict=True):
        verdict = normalise(
            Message("loyalty.transactions", 0, 0, key, value, 0, ()),
            wall=bill.event_time,
            limits=Limits("loyalty.transactions"),
        )
        assert isinstance(verdict, Accepted)
        record = verdict.record
        assert isinstance(record, TransactionAdded)
        assert (verdict.key, record.id, record.event_time, record.lines) == (key, bill.id, bill.event_time, bill.lines)


def test_peers_read_the_same_bill_from_the_journal_and_from_json() -> None:
    bill = next(three_line_bills(1, 1))
    wanted = peers_bill(bill)
    message = {
        "type": "transactionAdded",
        "orgId": bill.org_id,
        "customerId": bill.customer_id,
        "id": bill.id,
        "billNumber": bill.bill_number,
        "eventTime": bill.event_time,
        "amountMinor": bill.amount_minor,
    }
    assert (of_record(encode_record(bill)), of_message(message)) == (wanted, wanted)


def peers_bill(bill: TransactionAdded) -> Bill:
    customer = f"{bill.org_id}:{bill.customer_id}"
    return Bill(customer, bill.id, bill.bill_number, bill.event_time, bill.amount_minor)

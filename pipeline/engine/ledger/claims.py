"""Claims: what was asked back and was not there, and is taken when points come back.

RULE (what is waited for): points that were spent or are held may come back, when a redemption is taken back, a hold
ends or a late redemption spends what had expired. What was asked of them before is then taken at once: so it makes no
difference whether they come back before their goods or after, nor how the return of the goods is split. Points that
expired unused are never taken.
RULE (source): of its own lots; then, where `returns.shortfall` said so when it was asked, for what was spent of those,
of all lots that there were then, in the order of spending, and what is still missing is owed. Later points are left
alone.
RULE (end): a claim is forgotten when no redemption from before it can be taken back any more and nothing is held; one
for a reward ends when its subject is achieved again. Of an account the newest ones are known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from pipeline.engine.kernel.concern import Concern, ProgramStage
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger.accounts import account_of
from pipeline.engine.ledger.drawdown import counted_in, take_from
from pipeline.engine.ledger.state import Account, LedgerAccount, OpenClaim
from pipeline.engine.programs import DAY_MS, Program
from pipeline.engine.state import CustomerState
from schemas.facts import (
    AwardsCorrected,
    ClaimsKept,
    Decision,
    Envelope,
    KeptClaim,
    PointsReclaimed,
    RedemptionReversed,
    Reversal,
    RewardKept,
    Taken,
)
from schemas.program import Shortfall
from schemas.records import CustomerRecord

CLAIMS_MAX: Final = 1_000
"""Claims of one account, 0.1 MB of a head. Each is looked at in every turn of the customer."""


def of_awards(reversals: Sequence[Reversal], lots: Mapping[str, Sequence[int]]) -> list[KeptClaim]:
    """What was not there of each rule's award, which lies in these lots."""
    forgiven: dict[str, int] = {}
    for reversal in reversals:
        forgiven[reversal.rule_id] = forgiven.get(reversal.rule_id, 0) + reversal.forgiven
    return [
        KeptClaim(rule_id=rule_id, lots=tuple(lots[rule_id]), points=points)
        for rule_id, points in forgiven.items()
        if points
    ]


def keep(
    turn: ProgramTurn, currency: str, of_bill: str, claims: Sequence[KeptClaim], shortfall: Shortfall, paid_at: int
) -> list[Decision]:
    """What was not there of a bill that was paid then is waited for, where something of it may come back."""
    account = account_of(turn.section, currency)
    if not (claims and turn.program.return_days is not None and _may_come_back(turn, account, claims, shortfall)):
        return []
    return [
        ClaimsKept(
            currency=currency,
            of_bill=of_bill,
            claims=tuple(claims),
            until=turn.at + turn.program.reversible_days(currency) * DAY_MS,
            reach=0 if shortfall is Shortfall.OWN_LOT else account.lots_opened,
            owes=shortfall is Shortfall.DEFICIT,
            paid_at=paid_at,
        )
    ]


def _may_come_back(turn: ProgramTurn, account: Account, claims: Sequence[KeptClaim], shortfall: Shortfall) -> bool:
    if shortfall is Shortfall.OWN_LOT:
        return bool(account.total(LedgerAccount.REDEEMED) or account.total(LedgerAccount.BLOCKED))
    spent = {} if shortfall is Shortfall.DEFICIT else account.spent
    lots = [lot_id for claim in claims for lot_id in claim.lots]
    lately = {one.lot.lot_id for one in account.expired if turn.head.clock < one.until}
    return any(spent.get(lot_id) or lot_id in lately for lot_id in lots)


def collect(turn: ProgramTurn, record: CustomerRecord | None) -> list[Decision]:  # noqa: ARG001 - a stage
    """What has come back is taken, as far as it was asked back before."""
    return [
        one
        for currency, account in turn.section.accounts.items()
        if account.claims
        for one in _collected(currency, account)
    ]


def _collected(currency: str, account: Account) -> list[Decision]:
    """One decision for each claim for which there is something."""
    claims = sorted(account.claims, key=lambda claim: len(claim.lots))
    used = account.used
    left = {lot.lot_id: lot.open_points for lot in account.lots}
    own = {lot_id: max(0, points + min(0, used.get(lot_id, 0))) for lot_id, points in left.items()}
    spent = {lot_id: max(0, points) for lot_id, points in used.items()}
    of_own = [_shared_out(own, claim.lots, claim.points) for claim in claims]
    for parts in of_own:
        for lot_id, points in parts.items():
            left[lot_id] -= points
    counted = counted_in(account)
    balance, lifetime = account.balance, account.lifetime
    decisions: list[Decision] = []
    for claim, parts in zip(claims, of_own, strict=True):
        missing = claim.points - sum(parts.values())
        beyond = _shared_out(spent, claim.lots, missing) if claim.reach else {}
        others, owed = _from_others(left, claim, sum(beyond.values()))
        beyond = _shared_out(beyond, claim.lots, owed + sum(other.points for other in others))
        reversals = tuple(
            Reversal(
                rule_id=claim.rule_id,
                lot_id=lot_id,
                claimed=0,
                points=parts.get(lot_id, 0),
                forgiven=0,
                beyond=beyond.get(lot_id, 0),
                counted_at=0 if (at := counted.get(lot_id, claim.paid_at)) == claim.paid_at else at,
            )
            for lot_id in claim.lots
            if lot_id in parts or lot_id in beyond
        )
        if not reversals:
            continue
        points = sum(one.points + one.beyond for one in reversals)
        balance -= points - owed
        lifetime -= points
        decisions.append(
            PointsReclaimed(
                currency=currency,
                points=points,
                balance=balance,
                of_bill=claim.of_bill,
                reversals=reversals,
                reversed_of_bill=points,
                lifetime=lifetime,
                others=others,
                owed=owed,
                paid_at=claim.paid_at,
                rewards=bool(claim.activity),
                claim=claim.number,
            )
        )
    return decisions


def _shared_out(left: dict[int, int], lots: Sequence[int], wanted: int) -> dict[int, int]:
    """At most `wanted` points of these lots, which then are no longer left; those of which there are any."""
    parts: dict[int, int] = {}
    for lot_id in lots:
        part = take_from(left, lot_id, wanted - sum(parts.values()))
        if part > 0:
            parts[lot_id] = part
    return parts


def _from_others(left: dict[int, int], claim: OpenClaim, missing: int) -> tuple[tuple[Taken, ...], int]:
    """What of it is taken from other lots, and what is owed then."""
    if not missing:
        return (), 0
    parts = _shared_out(left, [lot_id for lot_id in left if claim.reaches(lot_id)], missing)
    others = tuple(Taken(lot_id=lot_id, points=points) for lot_id, points in parts.items())
    return others, missing - sum(parts.values()) if claim.owes else 0


def _note_kept(state: CustomerState, envelope: Envelope, decision: ClaimsKept) -> None:
    """The claims wait; of one award they are added up, and old ones are forgotten."""
    account = account_of(state.head.sections[envelope.program_id], decision.currency)
    if not account.holds:
        account.claims = [claim for claim in account.claims if claim.until > state.head.horizon]
    for kept in decision.claims:
        new = OpenClaim(
            number=1 + max((claim.number for claim in account.claims), default=0),
            of_bill=decision.of_bill,
            rule_id=kept.rule_id,
            activity=kept.activity,
            lots=list(kept.lots),
            points=kept.points,
            until=decision.until,
            reach=decision.reach,
            owes=decision.owes,
            paid_at=decision.paid_at,
            corrects=bool(envelope.correction_of),
        )
        known = next((claim for claim in account.claims if _identity(claim) == _identity(new)), None)
        if known is None:
            account.claims.append(new)
        else:
            known.points += new.points
            known.until = max(known.until, new.until)
    account.claims = account.claims[-CLAIMS_MAX:]


def _identity(claim: OpenClaim) -> tuple[object, ...]:
    """What is the same for claims that can be added up."""
    of = (claim.of_bill, claim.rule_id, claim.activity, claim.lots, claim.corrects)
    return (*of, claim.reach, claim.owes, claim.anew)


def _note_reclaimed(state: CustomerState, envelope: Envelope, decision: PointsReclaimed) -> None:
    """So much less is waited for."""
    account = account_of(state.head.sections[envelope.program_id], decision.currency)
    claim = next(one for one in account.claims if one.number == decision.claim)
    claim.points -= decision.points
    if claim.corrects:
        claim.taken += decision.points
    _drop_settled(account)


def _note_corrected(state: CustomerState, envelope: Envelope, decision: AwardsCorrected) -> None:
    """What an update lets the customer have after all is not waited for."""
    accounts = state.head.sections[envelope.program_id].accounts
    for award in decision.awards:
        account = accounts.get(award.currency)
        if account is None or not account.claims:
            continue
        left = award.forgiven
        for claim in corrections(account, decision.bill_number, award.rule_id):
            claim.points = min(claim.points, left)
            claim.taken = 0
            left -= claim.points
        _drop_settled(account)


def corrections(account: Account, bill_number: str, rule_id: str) -> list[OpenClaim]:
    """What updates of the bill asked back of the rule's award and did not get."""
    return [
        claim
        for claim in account.claims
        if claim.corrects and not claim.activity and (claim.of_bill, claim.rule_id) == (bill_number, rule_id)
    ]


def _note_reward(state: CustomerState, envelope: Envelope, decision: RewardKept) -> None:
    """What is achieved again has its reward."""
    for account in state.head.sections[envelope.program_id].accounts.values():
        account.claims = [claim for claim in account.claims if claim.activity != decision.activity]


def _note_anew(state: CustomerState, envelope: Envelope, decision: RedemptionReversed) -> None:
    """What is issued anew of a lot that a claim reaches is within its reach."""
    for claim in account_of(state.head.sections[envelope.program_id], decision.currency).claims:
        if any(claim.reaches(part.lot_id) for part in decision.past):
            claim.anew = [*claim.anew, *(lot.lot_id for lot in decision.lots)]


def _drop_settled(account: Account) -> None:
    account.claims = [claim for claim in account.claims if claim.points or claim.taken]


def _takes_returns(program: Program) -> bool:
    return program.return_days is not None


COLLECT: Final = ProgramStage(collect, used=_takes_returns)
CONCERN: Final = Concern(
    name="claims",
    effects={
        ClaimsKept: _note_kept,
        PointsReclaimed: _note_reclaimed,
        AwardsCorrected: _note_corrected,
        RewardKept: _note_reward,
        RedemptionReversed: _note_anew,
    },
)
"""What was asked back and is waited for."""

-- Facts by family, for analysts: each view takes what it shows out of facts.data, by the names of the decision's fields.
-- `d` is the decision; a field that is not in the JSON has its default.

CREATE OR REPLACE VIEW acceptances AS
SELECT org_id, customer_id, seq, cause, at, src_topic, src_partition, src_offset, idx,
    as_of AS clock, d.digest AS digest, fromUnixTimestamp64Milli(d.forget_before, 'UTC') AS forget_before
FROM (
    SELECT *, JSONExtract(data, 'Tuple(digest UInt64, forget_before Int64)') AS d
    FROM facts WHERE kind = 'RecordAccepted'
);

-- Of records, of points that another customer wanted to give, and of merges by the customer who was to be merged.
CREATE OR REPLACE VIEW refusals AS
SELECT org_id, customer_id, seq, cause, at, src_topic, src_partition, src_offset, idx,
    d.reason AS reason, as_of AS clock, program_id, program_version, d.subject AS subject
FROM (
    SELECT *, JSONExtract(data, 'Tuple(reason String, subject String)') AS d
    FROM facts WHERE kind IN ('RecordRefused', 'TransferRefused', 'MergeRefused')
);

-- kind: registered, registered_earlier (a record from before it came), changed, status_changed. status, reason and
-- entered_by: of a change of the status.
CREATE OR REPLACE VIEW customers AS
SELECT f.org_id AS org_id, f.customer_id AS customer_id, f.seq AS seq, f.cause AS cause, f.at AS at,
    f.src_topic AS src_topic, f.src_partition AS src_partition, f.src_offset AS src_offset, f.idx AS idx,
    multiIf(f.kind = 'CustomerRegistered', 'registered', f.kind = 'RegisteredEarlier', 'registered_earlier',
        f.kind = 'CustomerStatusChanged', 'status_changed', 'changed') AS kind,
    f.d.profile.first_name AS first_name, f.d.profile.last_name AS last_name, f.d.profile.mobile AS mobile,
    f.d.profile.email AS email, f.d.profile.external_id AS external_id, f.d.profile.loyalty_type AS loyalty_type,
    f.d.profile.channel AS channel, f.d.profile.extended AS extended, f.d.updated_fields AS updated_fields,
    f.d.status AS status, f.d.reason AS reason, f.d.entered_by AS entered_by
FROM (
    SELECT *, JSONExtract(data, 'Tuple(
        profile Tuple(first_name String, last_name String, mobile String, email String, external_id String,
            loyalty_type String, channel String, extended Map(String, String)),
        updated_fields Array(String), status String, reason String, entered_by String)') AS d
    FROM facts WHERE kind IN ('CustomerRegistered', 'RegisteredEarlier', 'CustomerChanged', 'CustomerStatusChanged')
) AS f;

-- kind: recorded, updated, returned. return_number: of the return document. returnable_until only where it was recorded.
-- basis_minor: the bill, before an update, or before anything came back. delivery_status: of updates.
CREATE OR REPLACE VIEW bills AS
SELECT f.org_id AS org_id, f.customer_id AS customer_id, f.seq AS seq, f.cause AS cause, f.at AS at,
    f.src_topic AS src_topic, f.src_partition AS src_partition, f.src_offset AS src_offset, f.idx AS idx,
    transform(f.kind, ['TransactionRecorded', 'BillUpdated'], ['recorded', 'updated'], 'returned') AS kind,
    if(kind = 'returned', f.d.of_bill, f.d.bill_number) AS bill_number,
    if(kind = 'returned', f.d.bill_number, '') AS return_number,
    f.d.amount_minor AS amount_minor, f.d.currency AS currency,
    if(kind = 'recorded', fromUnixTimestamp64Milli(f.d.returnable_until, 'UTC'), NULL) AS returnable_until,
    multiIf(kind = 'recorded', f.d.amount_minor, kind = 'updated', f.d.previous_minor, f.d.basis_minor) AS basis_minor,
    f.d.returned_before_minor AS returned_before_minor, f.d.over_minor AS over_minor, f.d.cancelled AS cancelled,
    f.d.delivery_status AS delivery_status
FROM (
    SELECT *, JSONExtract(data, 'Tuple(
        bill_number String, of_bill String, amount_minor Int64, currency String, returnable_until Int64,
        basis_minor Int64, previous_minor Int64, returned_before_minor Int64, over_minor Int64, cancelled Bool,
        delivery_status String)') AS d
    FROM facts WHERE kind IN ('TransactionRecorded', 'ReturnRecorded', 'BillUpdated')
) AS f;

-- kind: parked, released. record_type: what waits, a return or an update. Of a record that waits for its bill: amount_minor, currency and until when it waits stand in the
-- row that says it was parked.
CREATE OR REPLACE VIEW parked_returns AS
SELECT f.org_id AS org_id, f.customer_id AS customer_id, f.seq AS seq, f.cause AS cause, f.at AS at,
    f.src_topic AS src_topic, f.src_partition AS src_partition, f.src_offset AS src_offset, f.idx AS idx,
    if(f.is_parked, 'parked', 'released') AS kind, if(startsWith(f.kind, 'Return'), 'return', 'update') AS record_type,
    f.d.of_bill AS of_bill, if(f.is_parked, f.d.parked.record_id, f.d.record_id) AS record_id,
    f.d.parked.amount_minor AS amount_minor, f.d.parked.currency AS currency,
    if(f.is_parked, fromUnixTimestamp64Milli(f.d.until, 'UTC'), NULL) AS until
FROM (
    SELECT *, kind IN ('ReturnParked', 'UpdateParked') AS is_parked, JSONExtract(data, 'Tuple(
        of_bill String, until Int64, record_id String,
        parked Tuple(record_id String, amount_minor Int64, currency String))') AS d
    FROM facts WHERE kind IN ('ReturnParked', 'ReturnReleased', 'UpdateParked', 'UpdateReleased')
) AS f;

-- previous_version: 0 for the first touch. tier: the number that the customer's tier has in this version.
CREATE OR REPLACE VIEW adoptions AS
SELECT org_id, customer_id, seq, cause, at, src_topic, src_partition, src_offset, idx, program_id, program_version,
    d.previous_version AS previous_version, d.milestones AS milestones, d.streaks AS streaks, d.tier AS tier,
    d.tier_id AS tier_id
FROM (
    SELECT *, JSONExtract(data, 'Tuple(
        previous_version Int64, milestones Array(String), streaks Array(String), tier Int32, tier_id String)') AS d
    FROM facts WHERE kind = 'ProgramAdopted'
);

-- kind: counted, corrected, returned. bill_number: the bill bought, updated or returned. amount_minor: of a correction, how
-- much more the bill is than before, below zero for less. bills: by how many more bills count. purchases_minor and
-- returned_minor: all bills and all returns of the customer, this one included.
CREATE OR REPLACE VIEW purchases AS
SELECT f.org_id AS org_id, f.customer_id AS customer_id, f.seq AS seq, f.cause AS cause, f.at AS at,
    f.src_topic AS src_topic, f.src_partition AS src_partition, f.src_offset AS src_offset, f.idx AS idx,
    f.program_id AS program_id, f.program_version AS program_version,
    transform(f.kind, ['PurchaseCounted', 'PurchaseCorrected'], ['counted', 'corrected'], 'returned') AS kind,
    if(kind = 'returned', f.d.of_bill, f.d.bill_number) AS bill_number,
    f.d.amount_minor AS amount_minor, if(kind = 'counted', 1, f.d.counted) AS bills,
    f.d.purchases_minor AS purchases_minor, f.d.returned_minor AS returned_minor
FROM (
    SELECT *, JSONExtract(data, 'Tuple(
        bill_number String, of_bill String, amount_minor Int64, counted Int64, purchases_minor Int64,
        returned_minor Int64)') AS d
    FROM facts WHERE kind IN ('PurchaseCounted', 'PurchaseCorrected', 'ReturnCounted')
) AS f;

-- What a rule gives for a bill since the bill was updated. claimed: what returns so far ask back of that.
CREATE OR REPLACE VIEW award_corrections AS
SELECT org_id, customer_id, seq, cause, at, src_topic, src_partition, src_offset, idx, program_id, program_version,
    d.bill_number AS bill_number, award.currency AS currency, award.rule_id AS rule_id, award.points AS points,
    award.claimed AS claimed
FROM (
    SELECT *, JSONExtract(data, 'Tuple(bill_number String,
        awards Array(Tuple(currency String, rule_id String, points Int64, claimed Int64)))') AS d
    FROM facts WHERE kind = 'AwardsCorrected'
)
ARRAY JOIN d.awards AS award;


-- Lines of bills, where a program looks at them when they come back. kind: kept, returned. place: on the bill, from 0.
-- sku, line_id: hashes. named: whether the return named its lines.
CREATE OR REPLACE VIEW bill_lines AS
SELECT f.org_id AS org_id, f.customer_id AS customer_id, f.seq AS seq, f.cause AS cause, f.at AS at,
    f.src_topic AS src_topic, f.src_partition AS src_partition, f.src_offset AS src_offset, f.idx AS idx,
    if(f.kind = 'LinesKept', 'kept', 'returned') AS kind,
    if(f.kind = 'LinesKept', f.d.bill_number, f.d.of_bill) AS bill_number,
    if(f.kind = 'LinesKept', toInt64(position) - 1, line.place) AS place, line.sku AS sku, line.line_id AS line_id,
    line.amount_minor AS amount_minor, f.d.named AS named
FROM (
    SELECT *, JSONExtract(data, 'Tuple(bill_number String, of_bill String, named Bool,
        lines Array(Tuple(sku Int64, line_id Int64, amount_minor Int64, place Int64)))') AS d
    FROM facts WHERE kind IN ('LinesKept', 'LinesReturned')
) AS f
ARRAY JOIN f.d.lines AS line, arrayEnumerate(f.d.lines) AS position;

-- What awards of a bill were calculated with, for its return: points for every per_minor of a bill of minimum_minor at
-- least. excluded: lines that earned nothing, a hexadecimal number with a bit for each.
CREATE OR REPLACE VIEW award_terms AS
SELECT f.org_id AS org_id, f.customer_id AS customer_id, f.seq AS seq, f.cause AS cause, f.at AS at,
    f.src_topic AS src_topic, f.src_partition AS src_partition, f.src_offset AS src_offset, f.idx AS idx,
    f.program_id AS program_id, f.program_version AS program_version, f.d.bill_number AS bill_number,
    term.rule_id AS rule_id, term.points AS points, term.per_minor AS per_minor, term.minimum_minor AS minimum_minor,
    term.excluded AS excluded, term.by_line AS by_line, f.d.factors AS factors, f.d.denominator AS denominator
FROM (
    SELECT *, JSONExtract(data, 'Tuple(bill_number String, denominator Int64, factors Array(Int64),
        terms Array(Tuple(rule_id String, points Int64, per_minor Int64, minimum_minor Int64, excluded String,
            by_line Bool)))') AS d
    FROM facts WHERE kind = 'AwardTermsKept'
) AS f
ARRAY JOIN f.d.terms AS term;

-- Lots of which it is counted what is spent, as a return may take as much from other lots, until an instant.
CREATE OR REPLACE VIEW tracked_lots AS
SELECT org_id, customer_id, seq, cause, at, src_topic, src_partition, src_offset, idx, program_id, program_version,
    d.currency AS currency, arrayJoin(d.lots) AS lot_id, fromUnixTimestamp64Milli(d.until, 'UTC') AS until
FROM (
    SELECT *, JSONExtract(data, 'Tuple(currency String, lots Array(Int64), until Int64)') AS d
    FROM facts WHERE kind = 'LotsTracked'
);

-- What milestones and streak levels gave, where returns can undo it; until: 1970 for as long as the customer is one.
CREATE OR REPLACE VIEW kept_rewards AS
SELECT org_id, customer_id, seq, cause, at, src_topic, src_partition, src_offset, idx, program_id, program_version,
    d.activity AS activity, d.rule_id AS rule_id, d.currency AS currency,
    arraySum(award -> award.points, d.awards) AS points, fromUnixTimestamp64Milli(d.until, 'UTC') AS until
FROM (
    SELECT *, JSONExtract(data, 'Tuple(activity String, rule_id String, currency String, until Int64,
        awards Array(Tuple(points Int64)))') AS d
    FROM facts WHERE kind = 'RewardKept'
);

-- Decisions that move points, one row for each currency that they move, with what they consist of. Points are in units of
-- 10^-scale of their currency (view program_currencies): never add them up over currencies.
-- kind: issued, redeemed, expired, reversed, cancelled (an award, by request), reclaimed (came back, and had been asked back
-- before), debited, held, released, restored, settled, redemption_reversed, transferred,
-- received, handed_over (to the customer into whom this one was merged), taken_over (from one who was merged into this one),
-- converted (promised points became current), promise_cancelled. points: moved, never negative. balance: after the
-- decision. gained: what it does to the balance, gained_promised: to what is promised. lots: opened, promised ones without a
-- day of expiry, or converted. restored: points put back, by lot. rewards: whether what was reversed were rewards of milestones
-- and streak levels that a return undid.
CREATE OR REPLACE VIEW points_decisions AS
SELECT f.org_id AS org_id, f.customer_id AS customer_id, f.seq AS seq, f.cause AS cause, f.at AS at,
    f.src_topic AS src_topic, f.src_partition AS src_partition, f.src_offset AS src_offset, f.idx AS idx,
    f.program_id AS program_id, f.program_version AS program_version,
    multiIf(f.moved = 'RedemptionReversed', 'redemption_reversed', f.moved = 'PromiseCancelled', 'promise_cancelled',
        f.moved = 'PointsHandedOver', 'handed_over', f.moved = 'PointsTakenOver', 'taken_over',
        lower(substring(f.moved, 7))) AS kind,
    f.d.currency AS currency, f.d.points AS points, f.d.balance AS balance,
    multiIf(f.moved IN ('PointsIssued', 'PointsTakenOver'), f.d.points - f.d.promised,
        f.moved = 'PointsHandedOver', f.d.promised - f.d.points,
        f.moved IN ('PointsConverted', 'PointsReleased', 'PointsRestored', 'PointsReceived'), f.d.points,
        f.moved = 'PromiseCancelled', 0, f.moved = 'RedemptionReversed', f.d.points - f.d.expired,
        promised_reversed + f.d.owed - f.d.points) AS gained,
    multiIf(f.moved IN ('PointsIssued', 'PointsTakenOver'), f.d.promised, f.moved = 'PointsHandedOver', -f.d.promised,
        f.moved IN ('PointsConverted', 'PromiseCancelled'), -f.d.points,
        -promised_reversed) AS gained_promised,
    f.d.awards AS awards, arrayConcat(f.d.lots, f.d.promised_lots) AS lots,
    f.d.promised_lots.lot_id AS promised_lots,
    if(f.moved IN ('PointsReversed', 'PointsCancelled', 'PointsReclaimed'),
        arrayConcat(arrayMap(part -> (part.lot_id, part.points), f.d.reversals), f.d.others), f.d.taken)
        ::Array(Tuple(lot_id Int64, points Int64)) AS taken,
    f.d.restored AS restored, f.d.reversals AS reversals,
    multiIf(f.moved = 'PointsConverted', f.d.converted_by, f.moved = 'PromiseCancelled', f.d.cancelled_for, f.d.reason)
        AS reason,
    multiIf(f.moved = 'PointsIssued', f.d.bill_number,
        f.moved IN ('PointsRedeemed', 'RedemptionReversed'), f.d.redemption_id,
        f.moved IN ('PointsHeld', 'PointsReleased'), f.d.hold_id,
        f.moved IN ('PointsTransferred', 'PointsReceived'), f.d.transfer_id,
        f.moved IN ('PointsHandedOver', 'PointsTakenOver'), f.d.merge_id,
        f.moved = 'PromiseCancelled', arrayStringConcat(f.d.references, ', '),
        f.moved = 'PointsConverted', arrayStringConcat(arrayDistinct(f.d.lots.reference), ', '), f.d.of_bill) AS subject,
    f.d.expired_on::Nullable(Date32) AS expired_on, f.d.value_minor AS value_minor, f.d.rewards AS rewards
FROM (
    SELECT *, arraySum(d.reversals.promised) AS promised_reversed, JSONExtract(movement, 'Tuple(
        currency String, points Int64, balance Int64, promised Int64,
        awards Array(Tuple(issued_for String, rule_id String, points Int64, lot_id Int64)),
        lots Array(Tuple(lot_id Int64, points Int64, expires_on Nullable(Int32), reference String)),
        promised_lots Array(Tuple(lot_id Int64, points Int64, expires_on Nullable(Int32), reference String)),
        references Array(String), converted_by String, cancelled_for String,
        taken Array(Tuple(lot_id Int64, points Int64)), restored Array(Tuple(lot_id Int64, points Int64)),
        reversals Array(Tuple(rule_id String, lot_id Int64, claimed Int64, points Int64, promised Int64, beyond Int64)),
        others Array(Tuple(lot_id Int64, points Int64)), owed Int64,
        reason String, bill_number String, redemption_id String, of_bill String, hold_id String,
        transfer_id String, merge_id String, expired Int64,
        expired_on Nullable(Int32), value_minor Int64, rewards Bool)') AS d
    FROM (
        SELECT *, replaceOne(kind, 'Alternate', '') AS moved,
            arrayJoin(if(moved = kind, [data], JSONExtractArrayRaw(data, 'currencies'))) AS movement
        FROM facts
        WHERE kind IN ('PointsIssued', 'PointsRedeemed', 'PointsExpired', 'PointsReversed', 'PointsDebited', 'PointsHeld',
            'PointsReleased', 'PointsRestored', 'PointsCancelled', 'RedemptionReversed', 'PointsTransferred', 'PointsReceived',
            'PointsConverted', 'PromiseCancelled', 'PointsSettled', 'PointsReclaimed', 'PointsHandedOver', 'PointsTakenOver',
            'AlternatePointsIssued', 'AlternatePointsReversed')
    )
) AS f;

-- Why a customer has the points it has: a row for each award, and for each decision that moves points otherwise.
-- balance: after the decision, all of its awards included. issued_for: spend, event, milestone, streak, adjustment;
-- empty unless issued. standing: promised or current, of issued points. reason: the rule that issued; the reason of a
-- debit, a block or a cancelled award; what made promised points current (date, delivery, trigger, command) or cancelled them (not_in_time,
-- command). subject: the bill that earned, was returned or whose award was cancelled; the redemption; the hold; the transfer; what points were
-- promised for; the merge. expires_on: the last day on which they can, or could, be spent. value_minor: worth of redeemed points.
-- claimed: what a return asks for, forgiven points included. lot_id: where issued points lie, 0 for others; taken: points
-- taken, by lot.
CREATE OR REPLACE VIEW points_facts AS
SELECT org_id, customer_id, seq, cause, at, src_topic, src_partition, src_offset, idx, program_id, program_version,
    kind, currency, if(kind = 'issued', award.points, p.points) AS points, balance, award.issued_for AS issued_for,
    multiIf(kind != 'issued', '', has(promised_lots, award.lot_id), 'promised', 'current') AS standing,
    if(kind = 'issued', award.rule_id, p.reason) AS reason, subject,
    if(kind = 'issued', arrayFirstOrNull(lot -> lot.lot_id = award.lot_id, lots).expires_on::Nullable(Date32), expired_on)
        AS expires_on,
    value_minor, arraySum(reversals.claimed) AS claimed, award.lot_id AS lot_id,
    taken.lot_id AS `taken.lot_id`, taken.points AS `taken.points`
FROM points_decisions AS p
ARRAY JOIN if(kind = 'issued', awards, [('', '', toInt64(0), toInt64(0))])
    ::Array(Tuple(issued_for String, rule_id String, points Int64, lot_id Int64)) AS award;

-- Two customers who become one, at both of them. kind: asked, done, failed and taken_over (what the other had in a program) at
-- the survivor; merged, refused, handed_over, all_handed_over and passed_on (a later record) at the one who was merged;
-- points_handed_over and points_taken_over, promised ones included. transactions, purchases_minor, returned_minor, points:
-- what that adds, below zero for what is handed over.
CREATE OR REPLACE VIEW merges AS
SELECT f.org_id AS org_id, f.customer_id AS customer_id, f.seq AS seq, f.cause AS cause, f.at AS at,
    f.src_topic AS src_topic, f.src_partition AS src_partition, f.src_offset AS src_offset, f.idx AS idx,
    f.program_id AS program_id, f.program_version AS program_version,
    transform(f.kind, ['MergeAsked', 'CustomersMerged', 'MergeFailed', 'SectionTakenOver', 'CustomerMerged', 'MergeRefused',
        'SectionHandedOver', 'MergeHandedOver', 'PointsHandedOver', 'PointsTakenOver'],
        ['asked', 'done', 'failed', 'taken_over', 'merged', 'refused', 'handed_over', 'all_handed_over',
        'points_handed_over', 'points_taken_over'], 'passed_on')
        AS kind,
    f.d.merge_id AS merge_id, if(f.d.victim_id = 0, f.d.survivor_id, f.d.victim_id) AS other_id, f.d.reason AS reason,
    if(kind = 'handed_over', -f.d.transactions, f.d.transactions) AS transactions,
    if(kind = 'handed_over', -f.d.purchases_minor, f.d.purchases_minor) AS purchases_minor,
    if(kind = 'handed_over', -f.d.returned_minor, f.d.returned_minor) AS returned_minor,
    f.d.currency AS currency, if(kind = 'points_handed_over', -f.d.points, f.d.points) AS points
FROM (
    SELECT *, JSONExtract(data, 'Tuple(merge_id String, victim_id Int64, survivor_id Int64, reason String,
        transactions Int64, purchases_minor Int64, returned_minor Int64, currency String, points Int64)') AS d
    FROM facts WHERE kind IN ('MergeAsked', 'CustomersMerged', 'MergeFailed', 'SectionTakenOver', 'CustomerMerged',
        'MergeRefused', 'SectionHandedOver', 'MergeHandedOver', 'PointsHandedOver', 'PointsTakenOver', 'RecordPassedOn')
) AS f;

-- What counts towards milestones, and which levels of streaks are reached, of customers who became one.
CREATE OR REPLACE VIEW merged_milestones AS
SELECT org_id, customer_id, seq, program_id, milestone.milestone_id AS milestone_id, milestone.period AS period,
    milestone.value AS value, milestone.achieved AS achieved
FROM (
    SELECT *, JSONExtract(data, 'Tuple(section Tuple(milestones Array(Tuple(
        milestone_id String, period Int64, value Int64, achieved Bool))))') AS d
    FROM facts WHERE kind = 'SectionTakenOver'
)
ARRAY JOIN d.section.milestones AS milestone;

CREATE OR REPLACE VIEW merged_levels AS
SELECT org_id, customer_id, seq, program_id, streak.streak_id AS streak_id, arrayJoin(streak.levels) AS level
FROM (
    SELECT *, JSONExtract(data, 'Tuple(section Tuple(streaks Array(Tuple(streak_id String, levels Array(Int64)))))') AS d
    FROM facts WHERE kind = 'SectionTakenOver'
)
ARRAY JOIN d.section.streaks AS streak;

-- Points that one customer gives to another, at both of them. kind: offered (and put aside), transferred, received,
-- refused. other_id: the receiver; at the receiver, the sender. reason: why the receiver refused.
CREATE OR REPLACE VIEW transfers AS
SELECT f.org_id AS org_id, f.customer_id AS customer_id, f.seq AS seq, f.cause AS cause, f.at AS at,
    f.src_topic AS src_topic, f.src_partition AS src_partition, f.src_offset AS src_offset, f.idx AS idx,
    if(f.d.program_id = 0, f.program_id, f.d.program_id) AS program_id, f.program_version AS program_version,
    transform(f.kind, ['TransferInitiated', 'TransferRefused'], ['offered', 'refused'], lower(substring(f.kind, 7)))
        AS kind,
    f.d.transfer_id AS transfer_id, if(f.d.receiver_id = 0, f.d.sender_id, f.d.receiver_id) AS other_id,
    f.d.currency AS currency, if(f.kind = 'TransferInitiated', arraySum(f.d.parts.points), f.d.points) AS points,
    f.d.reason AS reason
FROM (
    SELECT *, JSONExtract(data, 'Tuple(
        transfer_id String, sender_id Int64, receiver_id Int64, program_id Int64, currency String, points Int64,
        parts Array(Tuple(points Int64)), reason String)') AS d
    FROM facts WHERE kind IN ('TransferInitiated', 'PointsTransferred', 'PointsReceived', 'TransferRefused')
) AS f;

-- kind: counted and measured (of a bill that can be returned), progressed, achieved, lowered, unachieved. period: calendar
-- periods since 1970, other cycles from their first, which is 1. period_ends_at: null for a cycle that never ends.
-- added, value, target: counts, amounts in minor units, or thousandths where an attribute is added up; added is below zero
-- for what a return took off. Of a rolling window, period: its last day since 1970; of_day: what counts on that day alone;
-- number: how many windows are met with an achieved one; moved: a window that was met ends on the day moved_to instead;
-- still: of a lost or moved one, whether another one that is met ends with its day.
CREATE OR REPLACE VIEW milestone_events AS
SELECT f.org_id AS org_id, f.customer_id AS customer_id, f.seq AS seq, f.cause AS cause, f.at AS at,
    f.src_topic AS src_topic, f.src_partition AS src_partition, f.src_offset AS src_offset, f.idx AS idx,
    f.program_id AS program_id, f.program_version AS program_version,
    if(f.kind = 'WindowMoved', 'moved', lower(substring(f.kind, 10))) AS kind,
    f.d.milestone_id AS milestone_id, f.d.period AS period,
    if(f.kind = 'MilestoneProgressed' AND f.d.period_ends_at < 4611686018427387904,
        fromUnixTimestamp64Milli(f.d.period_ends_at, 'UTC'), NULL) AS period_ends_at,
    f.d.added - f.d.removed AS added, f.d.value AS value, f.d.target AS target, f.d.of_day AS of_day,
    f.d.number AS number, if(f.kind = 'WindowMoved', toNullable(f.d.to), NULL) AS moved_to, f.d.still AS still
FROM (
    SELECT *, JSONExtract(data, 'Tuple(milestone_id String, period Int64, period_ends_at Int64, added Int64,
        removed Int64, value Int64, target Int64, of_day Nullable(Int64), number Int64, to Int64,
        still Bool)') AS d
    FROM facts WHERE kind IN ('MilestoneCounted', 'MilestoneMeasured', 'MilestoneProgressed', 'MilestoneAchieved',
        'MilestoneLowered', 'MilestoneUnachieved', 'WindowMoved')
) AS f;

-- What bills and returns change in trackers. value: of the whole window from then on; day: the one on which the bill was
-- paid; added: by how much its value changes, below zero for what a return took off.
CREATE OR REPLACE VIEW tracker_events AS
SELECT org_id, customer_id, seq, cause, at, src_topic, src_partition, src_offset, idx, program_id, program_version,
    d.tracker_id AS tracker_id, toDate32(d.day) AS day, d.added - d.lowered AS added, d.value AS value
FROM (
    SELECT *, JSONExtract(data, 'Tuple(tracker_id String, day Int32, added Int64, lowered Int64, value Int64)') AS d
    FROM facts WHERE kind IN ('TrackerCounted', 'TrackerLowered')
);
-- Who is in milestones, what these ask of them, and the cycles of which starts and ends are told. kind: enrolled,
-- unenrolled, target_changed, cycle_began, cycle_ended, recorded (of a customer who is not enrolled yet). value, achieved:
-- at the end of a cycle; what is recorded. previous: the target before. own: whether the target is the customer's own.
CREATE OR REPLACE VIEW target_events AS
SELECT f.org_id AS org_id, f.customer_id AS customer_id, f.seq AS seq, f.cause AS cause, f.at AS at,
    f.src_topic AS src_topic, f.src_partition AS src_partition, f.src_offset AS src_offset, f.idx AS idx,
    f.program_id AS program_id, f.program_version AS program_version,
    transform(f.kind, ['MilestoneEnrolled', 'MilestoneUnenrolled', 'TargetChanged', 'CycleBegan', 'CycleEnded'],
        ['enrolled', 'unenrolled', 'target_changed', 'cycle_began', 'cycle_ended'], 'recorded') AS kind,
    f.d.milestone_id AS milestone_id, f.d.period AS period, f.d.target AS target, f.d.previous AS previous,
    f.d.own != 0 AS own, f.d.value AS value, f.d.achieved AS achieved, f.d.enrolled_by AS enrolled_by,
    f.d.reason AS reason, f.d.entered_by AS entered_by
FROM (
    SELECT *, JSONExtract(data, 'Tuple(milestone_id String, period Int64, target Int64, previous Int64, own Int64,
        value Int64, achieved Bool, enrolled_by String, reason String, entered_by String)') AS d
    FROM facts WHERE kind IN ('MilestoneEnrolled', 'MilestoneUnenrolled', 'TargetChanged', 'CycleBegan', 'CycleEnded',
        'MilestoneRecorded')
) AS f;

-- Whom identifiers name. kind: linked, unlinked, claimed (it stays with person, and claimant has it, too), resolved (a
-- record that came by identifiers is one of person), held (nobody is known by them, until then), released (what was held is
-- of person), ended (it is held no longer), made (person is a new customer). digest: what the identifier is known by; empty for records. place: what a record is held under.
CREATE OR REPLACE VIEW identifier_events AS
SELECT org_id, seq, cause, at, src_topic, src_partition, src_offset, idx,
    transform(kind, ['IdentifierLinked', 'IdentifierUnlinked', 'IdentifierClaimed', 'CustomerResolved', 'MessageHeld',
        'MessageReleased', 'HoldEnded', 'CustomerMade'],
        ['linked', 'unlinked', 'claimed', 'resolved', 'held', 'released', 'ended', 'made'], '')
        AS kind,
    d.kind AS type, d.digest AS digest, d.person AS person, d.claimant AS claimant, d.because AS because,
    d.place AS place, d.until AS until
FROM (
    SELECT *, JSONExtract(data, 'Tuple(kind String, digest String, person Int64, claimant Int64, because String, place String, until Int64)') AS d
    FROM facts WHERE kind IN ('IdentifierLinked', 'IdentifierUnlinked', 'IdentifierClaimed', 'CustomerResolved', 'MessageHeld',
        'MessageReleased', 'HoldEnded', 'CustomerMade')
);
-- kind: achieved, unachieved (by the return or update of the bill of_bill). total: what the values of all its milestones add
-- up to. milestones, values, targets: those that the record moved. Of rolling windows, period: the last day since 1970;
-- number: how many are met with an achieved one.
CREATE OR REPLACE VIEW unified_target_events AS
SELECT f.org_id AS org_id, f.customer_id AS customer_id, f.seq AS seq, f.cause AS cause, f.at AS at,
    f.src_topic AS src_topic, f.src_partition AS src_partition, f.src_offset AS src_offset, f.idx AS idx,
    f.program_id AS program_id, f.program_version AS program_version,
    lower(substring(f.kind, 8)) AS kind, f.d.unified_id AS unified_id, f.d.period AS period, f.d.total AS total,
    arrayMap(part -> part.milestone_id, f.d.parts) AS milestones, arrayMap(part -> part.value, f.d.parts) AS values,
    arrayMap(part -> part.target, f.d.parts) AS targets, f.d.of_bill AS of_bill, f.d.number AS number
FROM (
    SELECT *, JSONExtract(data, 'Tuple(unified_id String, period Int64, total Int64, of_bill String,
        parts Array(Tuple(milestone_id String, value Int64, target Int64)), number Int64)') AS d
    FROM facts WHERE kind IN ('UnifiedAchieved', 'UnifiedUnachieved')
) AS f;

-- Attributes that milestones add up and could not use. reason: absent, not_a_number, negative, too_fine, too_large.
CREATE OR REPLACE VIEW ignored_values AS
SELECT org_id, customer_id, seq, cause, at, src_topic, src_partition, src_offset, idx, program_id, program_version,
    d.milestone_id AS milestone_id, d.attribute AS attribute, d.value AS value, d.reason AS reason
FROM (
    SELECT *, JSONExtract(data, 'Tuple(milestone_id String, attribute String, value String, reason String)') AS d
    FROM facts WHERE kind = 'ValueIgnored'
);

-- kind: enrolled and unenrolled (as asked), started, extended, level_reached, broken (by a return), level_unachieved, paused,
-- resumed, frozen (of starts_on to ends_on), at_risk, ended. run: consecutive periods of the run
-- that the period is in.
-- levels: those reached by the end. skipped: periods before this one that the zone never had (a date that it skipped when
-- it crossed the date line): consecutive periods differ by one in `period - skipped`. standing_run: what the streak comes to
-- from then on where missed periods are forgiven or periods are only counted, through the period standing_through (by number
-- without skipped ones; NULL for all to come); NULL where it follows from the periods. again: how often the level had been
-- reached before, or still is.
CREATE OR REPLACE VIEW streak_events AS
SELECT f.org_id AS org_id, f.customer_id AS customer_id, f.seq AS seq, f.cause AS cause, f.at AS at,
    f.src_topic AS src_topic, f.src_partition AS src_partition, f.src_offset AS src_offset, f.idx AS idx,
    f.program_id AS program_id, f.program_version AS program_version,
    transform(f.kind, ['StreakStarted', 'StreakExtended', 'StreakLevelReached', 'StreakBroken', 'StreakLevelUnachieved',
        'StreakEnded', 'StreakEnrolled', 'StreakUnenrolled', 'StreakPaused', 'StreakResumed', 'StreakFrozen',
        'StreakAtRisk'],
        ['started', 'extended', 'level_reached', 'broken', 'level_unachieved', 'ended', 'enrolled', 'unenrolled',
        'paused', 'resumed', 'frozen', 'at_risk'], '') AS kind,
    f.d.streak_id AS streak_id, f.d.period AS period, f.d.run AS run, f.d.longest AS longest, f.d.level AS level,
    if(kind = 'frozen', f.d.first_day, f.d.starts_on)::Nullable(Date32) AS starts_on,
    if(kind = 'frozen', f.d.last_day, f.d.ends_on)::Nullable(Date32) AS ends_on, f.d.levels AS levels,
    f.d.skipped AS skipped, f.d.standing.run AS standing_run, f.d.standing.through AS standing_through,
    f.d.again AS again
FROM (
    SELECT *, JSONExtract(data, 'Tuple(
        streak_id String, period Nullable(Int64), run Int64, longest Int64, level Int64, starts_on Nullable(Int32),
        ends_on Nullable(Int32), levels Array(Int64), skipped Int64, first_day Nullable(Int32), last_day Nullable(Int32),
        standing Tuple(run Nullable(Int64), through Nullable(Int64)), again Int64)') AS d
    FROM facts WHERE kind IN ('StreakStarted', 'StreakExtended', 'StreakLevelReached', 'StreakBroken',
        'StreakLevelUnachieved', 'StreakEnded', 'StreakEnrolled', 'StreakUnenrolled', 'StreakPaused', 'StreakResumed',
        'StreakFrozen', 'StreakAtRisk')
) AS f;

-- kind: upgraded, reassigned (their tier was retired), downgraded, assigned (by hand or as a reward), released (no longer),
-- handed_over (the customer was merged into another one, and is in the base tier).
-- reward_of: what gave the tier as its reward, such as milestone/ID/PERIOD; empty for others.
-- previous, reached: numbers of that version. basis_value: what decides the tier, in points, minor units or visits; NULL
-- where it did not. expires_on: the last day of the tier; NULL for ever.
CREATE OR REPLACE VIEW tier_changes AS
SELECT f.org_id AS org_id, f.customer_id AS customer_id, f.seq AS seq, f.cause AS cause, f.at AS at,
    f.src_topic AS src_topic, f.src_partition AS src_partition, f.src_offset AS src_offset, f.idx AS idx,
    f.program_id AS program_id, f.program_version AS program_version,
    if(f.kind = 'SectionHandedOver', 'handed_over', lower(replaceOne(f.kind, 'Tier', ''))) AS kind,
    f.d.previous AS previous, f.d.reached AS reached,
    f.d.basis_value AS basis_value, f.d.reached_id AS reached_id,
    toDate32(f.d.term.expires_on) AS expires_on, f.d.reward_of AS reward_of
FROM (
    SELECT *, JSONExtract(data, 'Tuple(previous Int32, reached Int32, basis_value Nullable(Int64), reached_id String,
        term Tuple(expires_on Nullable(Int32)), reward_of String)') AS d
    FROM facts WHERE kind IN ('TierUpgraded', 'TierReassigned', 'TierDowngraded', 'TierAssigned', 'TierReleased',
        'SectionHandedOver')
) AS f;

-- kind: renewed, gracebegun (not renewed, and held for some days more), reminded, approached (the
-- next tier, of whose nearness the customer was told; expires_on is the last day of its period). tier: its number in that version.
-- measured, needed: what came in and what keeps it, in points, minor units or visits. expires_on: the last day, of the term,
-- of the grace, or of the term that a reminder is about. lead_days: of a reminder.
CREATE OR REPLACE VIEW tier_terms AS
SELECT f.org_id AS org_id, f.customer_id AS customer_id, f.seq AS seq, f.cause AS cause, f.at AS at,
    f.src_topic AS src_topic, f.src_partition AS src_partition, f.src_offset AS src_offset, f.idx AS idx,
    f.program_id AS program_id, f.program_version AS program_version,
    lower(replaceOne(f.kind, 'Tier', '')) AS kind, f.d.tier AS tier, f.d.measured AS measured, f.d.needed AS needed,
    toDate32(coalesce(f.d.expires_on, f.d.term.expires_on, f.d.ends_on)) AS expires_on, f.d.lead_days AS lead_days
FROM (
    SELECT *, JSONExtract(data, 'Tuple(tier Int32, measured Int64, needed Int64, expires_on Nullable(Int32),
        ends_on Nullable(Int32),
        lead_days Nullable(Int32), term Tuple(expires_on Nullable(Int32)))') AS d
    FROM facts WHERE kind IN ('TierRenewed', 'TierGraceBegun', 'TierReminded', 'TierApproached')
) AS f;

-- kind: moved (of some lots, or looked at and left), reminded. expires_on, lead_days, remaining: of a reminder.
CREATE OR REPLACE VIEW expiry_events AS
SELECT f.org_id AS org_id, f.customer_id AS customer_id, f.seq AS seq, f.cause AS cause, f.at AS at,
    f.src_topic AS src_topic, f.src_partition AS src_partition, f.src_offset AS src_offset, f.idx AS idx,
    f.program_id AS program_id, f.program_version AS program_version,
    lower(replaceOne(f.kind, 'Expiry', '')) AS kind, f.d.currency AS currency, f.d.reason AS reason,
    f.d.entered_by AS entered_by, toDate32(f.d.expires_on) AS expires_on, f.d.lead_days AS lead_days,
    f.d.remaining AS remaining
FROM (
    SELECT *, JSONExtract(data, 'Tuple(currency String, reason String, entered_by String, expires_on Nullable(Int32),
        lead_days Nullable(Int32), remaining Nullable(Int64))') AS d
    FROM facts WHERE kind IN ('ExpiryMoved', 'ExpiryReminded')
) AS f;

-- The invariants that `accrue verify` checks: each view gives the rows that break one, `invariants` counts them.
-- They hold when the sink has caught up with the log.

CREATE OR REPLACE VIEW ledger_unbalanced AS
SELECT org_id, customer_id, seq, currency, sum(points) AS difference, toInt64(count()) AS legs
FROM ledger_entries
GROUP BY org_id, customer_id, seq, currency
HAVING difference != 0 OR legs < 2;

-- What moves a customer's points must be in the ledger, and nothing else.
CREATE OR REPLACE VIEW ledger_fact_mismatches AS
SELECT org_id, customer_id, seq, currency, account, sum(decided) AS fact_points, sum(posted) AS ledger_points
FROM (
    SELECT org_id, customer_id, seq, currency, change.1 AS account, change.2 AS decided, 0 AS posted
    FROM points_decisions ARRAY JOIN [('current', gained), ('promised', gained_promised)] AS change
    UNION ALL
    SELECT org_id, customer_id, seq, currency, account, 0, points
    FROM ledger_entries WHERE account IN ('current', 'promised')
)
GROUP BY org_id, customer_id, seq, currency, account
HAVING fact_points != ledger_points;

CREATE OR REPLACE VIEW balance_mismatches AS
SELECT org_id, program_id, customer_id, currency, standing, sum(stated) AS state_balance, sum(open) AS open_lots,
    sum(posted) AS ledger_balance
FROM (
    SELECT org_id, program_id, customer_id, account.1 AS currency, 'current' AS standing, account.2 AS stated,
        0 AS open, 0 AS posted
    FROM customer_state_latest ARRAY JOIN arrayZip(`accounts.currency`, `accounts.balance`) AS account
    UNION ALL
    SELECT org_id, program_id, customer_id, account.1, 'promised', account.2, 0, 0
    FROM customer_state_latest ARRAY JOIN arrayZip(`accounts.currency`, `accounts.promised`) AS account
    UNION ALL
    SELECT org_id, program_id, customer_id, lot.1, lot.3, 0, lot.2, 0
    FROM customer_state_latest ARRAY JOIN arrayZip(`lots.currency`, `lots.open_points`, `lots.standing`) AS lot
    UNION ALL
    SELECT org_id, program_id, customer_id, currency, account, 0, 0, points
    FROM ledger_entries WHERE account IN ('current', 'promised')
)
GROUP BY org_id, program_id, customer_id, currency, standing
HAVING state_balance != open_lots OR state_balance != ledger_balance;

CREATE OR REPLACE VIEW hold_mismatches AS
SELECT org_id, program_id, customer_id, currency, sum(stated) AS state_blocked, sum(held) AS held_points,
    sum(posted) AS ledger_blocked
FROM (
    SELECT org_id, program_id, customer_id, account.1 AS currency, account.2 AS stated, 0 AS held, 0 AS posted
    FROM customer_state_latest ARRAY JOIN arrayZip(`accounts.currency`, `accounts.blocked`) AS account
    UNION ALL
    SELECT org_id, program_id, customer_id, hold.1, 0, hold.2, 0
    FROM customer_state_latest ARRAY JOIN arrayZip(`holds.currency`, `holds.points`) AS hold
    UNION ALL
    SELECT org_id, program_id, customer_id, currency, 0, 0, points FROM ledger_entries WHERE account = 'blocked'
)
GROUP BY org_id, program_id, customer_id, currency
HAVING state_blocked != held_points OR state_blocked != ledger_blocked;

-- What one customer gives another receives, and nothing else: what was received already is held at the giver until the
-- receiver's answer has come.
CREATE OR REPLACE VIEW transfer_mismatches AS
SELECT org_id, program_id, currency, sum(posted) AS given_less_received, sum(held) AS held_points
FROM (
    SELECT org_id, program_id, currency, points AS posted, 0 AS held FROM ledger_entries WHERE account = 'transferred'
        AND (org_id, customer_id, seq) NOT IN (SELECT org_id, customer_id, seq FROM merges WHERE points != 0)
    UNION ALL
    SELECT org_id, program_id, hold.1, 0, hold.3
    FROM customer_state_latest ARRAY JOIN arrayZip(`holds.currency`, `holds.kind`, `holds.points`) AS hold
    WHERE hold.2 = 'transfer'
)
GROUP BY org_id, program_id, currency
HAVING given_less_received > 0 OR given_less_received + held_points < 0;

-- What a customer who is merged hands over the survivor takes over: no more, and all of it once the merge is done.
CREATE OR REPLACE VIEW merge_mismatches AS
SELECT org_id, program_id, currency, merge_id,
    if(kind = 'points_handed_over', customer_id, other_id) AS victim_id, sum(points) AS taken_less_handed_over
FROM merges
WHERE kind IN ('points_handed_over', 'points_taken_over')
GROUP BY org_id, program_id, currency, merge_id, victim_id
HAVING taken_less_handed_over > 0 OR (taken_less_handed_over < 0
    AND (org_id, merge_id, victim_id) IN (SELECT org_id, merge_id, other_id FROM merges WHERE kind = 'done'));

-- Came in = still open + redeemed + expired + reversed + adjusted + transferred + held, for every lot: what is put back was
-- taken before.
CREATE OR REPLACE VIEW lot_mismatches AS
SELECT org_id, program_id, customer_id, currency, lot_id, sum(awarded) AS awarded_points, sum(taken) AS taken_points,
    sum(open) AS open_points
FROM (
    SELECT org_id, program_id, customer_id, currency, lot.lot_id AS lot_id, lot.points AS awarded, 0 AS taken, 0 AS open
    FROM points_decisions ARRAY JOIN lots AS lot WHERE kind != 'converted'
    UNION ALL
    SELECT org_id, program_id, customer_id, currency, part.lot_id, 0, part.points, 0
    FROM points_decisions ARRAY JOIN taken AS part
    UNION ALL
    SELECT org_id, program_id, customer_id, currency, part.lot_id, 0, -part.points, 0
    FROM points_decisions ARRAY JOIN restored AS part
    UNION ALL
    SELECT org_id, program_id, customer_id, lot.1, lot.2, 0, 0, lot.3
    FROM customer_state_latest ARRAY JOIN arrayZip(`lots.currency`, `lots.lot_id`, `lots.open_points`) AS lot
)
GROUP BY org_id, program_id, customer_id, currency, lot_id
HAVING awarded_points != taken_points + open_points;

-- A customer's own clock settles its lots at once. The clock of a journal partition, which is what all of its sources have
-- announced, settles the lots that were issued before it moved there: those of a late record wait for its next move.
-- What is promised until a day is settled on that day as well.
CREATE OR REPLACE VIEW lots_past_expiry AS
WITH
    announcements AS (
        SELECT src_partition, JSONExtractString(payload, 'clock_source') AS clock_source, at, src_offset
        FROM journal WHERE type = 'ClockAdvanced'
    ),
    clocks AS (
        SELECT src_partition, min(announced) AS clock
        FROM (SELECT src_partition, clock_source, max(at) AS announced FROM announcements GROUP BY src_partition, clock_source)
        GROUP BY src_partition
    ),
    moves AS (
        SELECT src_partition, clock, max(reached) AS moved_at
        FROM (
            SELECT a.src_partition AS src_partition, a.clock_source AS clock_source, c.clock AS clock,
                min(a.src_offset) AS reached
            FROM announcements AS a INNER JOIN clocks AS c USING (src_partition)
            WHERE a.at >= c.clock
            GROUP BY src_partition, clock_source, clock
        )
        GROUP BY src_partition, clock
    ),
    overdue AS (
        SELECT s.org_id AS org_id, s.program_id AS program_id, s.customer_id AS customer_id, s.currency AS currency,
            s.lot_id AS lot_id, s.open_points AS open_points, s.closes_at AS closes_at, s.clock AS own_clock,
            m.moved_at AS moved_at
        FROM (
            SELECT org_id, program_id, customer_id, src_partition, clock, lot.1 AS currency, lot.2 AS lot_id,
                lot.3 AS open_points, lot.4 AS closes_at
            FROM customer_state_latest
            ARRAY JOIN arrayZip(`lots.currency`, `lots.lot_id`, `lots.open_points`,
                arrayMap((closes, due) -> ifNull(closes, due), `lots.closes_at`, `lots.due_at`)) AS lot
            WHERE lot.4 IS NOT NULL
        ) AS s
        LEFT JOIN moves AS m USING (src_partition)
        WHERE s.closes_at <= greatest(s.clock, m.clock)
    )
SELECT org_id, program_id, customer_id, currency, lot_id, open_points, closes_at
FROM overdue
WHERE closes_at <= own_clock
UNION ALL
SELECT i.org_id, i.program_id, i.customer_id, i.currency, i.lot_id, i.open_points, i.closes_at
FROM facts AS f
INNER JOIN (
    SELECT o.org_id AS org_id, o.program_id AS program_id, o.customer_id AS customer_id, o.currency AS currency,
        o.lot_id AS lot_id, o.open_points AS open_points, o.closes_at AS closes_at, o.moved_at AS moved_at, p.seq AS seq
    FROM (
        SELECT org_id, program_id, customer_id, currency, max(seq) AS seq, lot.lot_id AS lot_id
        FROM points_decisions ARRAY JOIN lots AS lot
        GROUP BY org_id, program_id, customer_id, currency, lot_id
    ) AS p
    INNER JOIN (SELECT * FROM overdue WHERE closes_at > own_clock) AS o
        ON p.org_id = o.org_id AND p.program_id = o.program_id AND p.customer_id = o.customer_id
        AND p.currency = o.currency AND p.lot_id = o.lot_id
) AS i ON f.org_id = i.org_id AND f.customer_id = i.customer_id AND f.seq = i.seq
WHERE f.journal_offset < i.moved_at;

-- Of what a rule gave for a bill, in all of its lots, no more is taken back than it gave (award: the bill); so of a reward
-- and of a lot that is cancelled by its number (award: the lot, rule_id empty for the latter).
CREATE OR REPLACE VIEW reversals_over_award AS
SELECT org_id, program_id, customer_id, currency, award, rule_id, sum(awarded) AS awarded_points,
    sum(reversed) AS reversed_points
FROM (
    SELECT org_id, program_id, customer_id, currency, if(subject = '', toString(one.lot_id), subject) AS award,
        one.rule_id AS rule_id, one.points AS awarded, 0 AS reversed
    FROM points_decisions ARRAY JOIN awards AS one
    UNION ALL
    SELECT org_id, program_id, customer_id, currency,
        if(rewards OR part.rule_id = '', toString(part.lot_id), subject), part.rule_id, 0, part.points + part.beyond
    FROM points_decisions ARRAY JOIN reversals AS part
    UNION ALL
    SELECT org_id, program_id, customer_id, currency, toString(lot.lot_id), '', lot.points, 0
    FROM points_decisions ARRAY JOIN lots AS lot WHERE kind != 'converted'
)
GROUP BY org_id, program_id, customer_id, currency, award, rule_id
HAVING reversed_points > awarded_points;

CREATE OR REPLACE VIEW reversals_over_redemption AS
SELECT org_id, program_id, customer_id, currency, subject AS redemption_id,
    sumIf(points, kind = 'redeemed') AS redeemed_points, sumIf(points, kind = 'redemption_reversed') AS reversed_points
FROM points_decisions WHERE kind IN ('redeemed', 'redemption_reversed')
GROUP BY org_id, program_id, customer_id, currency, redemption_id
HAVING reversed_points > redeemed_points;

-- No points are spent that are not there.
CREATE OR REPLACE VIEW negative_balances AS
SELECT org_id, program_id, customer_id, seq, currency, balance FROM points_decisions WHERE balance < 0;

-- The balance that each fact states, and its notification prints, is the sum of the ledger up to it.
CREATE OR REPLACE VIEW stated_balance_mismatches AS
SELECT org_id, program_id, customer_id, seq, currency, stated, posted
FROM (
    SELECT org_id, program_id, customer_id, seq, currency, balance AS stated,
        sum(gained) OVER (
            PARTITION BY org_id, program_id, customer_id, currency ORDER BY seq) AS posted
    FROM points_decisions
)
WHERE stated != posted;

-- A customer's facts are counted from 1 without a gap, each once, and the state has seen all of them.
CREATE OR REPLACE VIEW seq_gaps AS
SELECT f.org_id AS org_id, f.customer_id AS customer_id, f.facts AS facts, f.last AS last, s.seq AS state_seq
FROM (
    SELECT org_id, customer_id, toInt64(count()) AS facts, min(seq) AS first, max(seq) AS last,
        toInt64(uniqExact(seq)) AS distinct_facts
    FROM facts GROUP BY org_id, customer_id
) AS f
FULL JOIN (
    SELECT org_id, customer_id, max(seq) AS seq FROM customer_state_latest GROUP BY org_id, customer_id
) AS s USING (org_id, customer_id)
WHERE f.facts != f.last OR f.distinct_facts != f.last OR f.first != 1 OR f.last != s.seq;

-- A message's rows are there once.
CREATE OR REPLACE VIEW repeated_rows AS
SELECT src_topic, src_partition, src_offset, idx, leg, toInt64(count()) AS rows
FROM (
    SELECT src_topic, src_partition, src_offset, idx, NULL AS leg FROM facts
    UNION ALL
    SELECT src_topic, src_partition, src_offset, idx, leg FROM ledger_entries
    UNION ALL
    SELECT src_topic, src_partition, src_offset, idx, NULL FROM journal
    UNION ALL
    SELECT src_topic, src_partition, src_offset, idx, NULL FROM notifications
    UNION ALL
    SELECT src_topic, src_partition, src_offset, idx, NULL FROM replies
)
GROUP BY src_topic, src_partition, src_offset, idx, leg
HAVING rows > 1;

CREATE OR REPLACE VIEW invariants AS
SELECT 'ledger_unbalanced' AS invariant, 'every ledger entry sums to zero' AS promise, (SELECT count() FROM ledger_unbalanced) AS violations
UNION ALL
SELECT 'ledger_fact_mismatches', 'the ledger holds what the facts decided, and nothing else', (SELECT count() FROM ledger_fact_mismatches)
UNION ALL
SELECT 'balance_mismatches', 'balance = open lots = ledger, for every customer, current and promised', (SELECT count() FROM balance_mismatches)
UNION ALL
SELECT 'hold_mismatches', 'blocked = points in holds = ledger, for every customer', (SELECT count() FROM hold_mismatches)
UNION ALL
SELECT 'transfer_mismatches', 'what one customer gives another receives, and nothing else', (SELECT count() FROM transfer_mismatches)
UNION ALL
SELECT 'merge_mismatches', 'what a merged customer hands over the survivor takes over, and nothing else', (SELECT count() FROM merge_mismatches)
UNION ALL
SELECT 'lot_mismatches', 'awarded or received = open + redeemed + expired + reversed + adjusted + transferred + held, for every lot', (SELECT count() FROM lot_mismatches)
UNION ALL
SELECT 'lots_past_expiry', 'no lot is open past its expiry, or promised past its day', (SELECT count() FROM lots_past_expiry)
UNION ALL
SELECT 'reversals_over_award', 'no award is reversed by more than it gave', (SELECT count() FROM reversals_over_award)
UNION ALL
SELECT 'reversals_over_redemption', 'no redemption is taken back by more than it took', (SELECT count() FROM reversals_over_redemption)
UNION ALL
SELECT 'negative_balances', 'no balance is below zero', (SELECT count() FROM negative_balances)
UNION ALL
SELECT 'stated_balance_mismatches', 'the balance that each fact states is the sum of the ledger up to it', (SELECT count() FROM stated_balance_mismatches)
UNION ALL
SELECT 'seq_gaps', 'facts of a customer are counted without gap or repeat, and the state has all of them', (SELECT count() FROM seq_gaps)
UNION ALL
SELECT 'repeated_rows', 'every message is there once', (SELECT count() FROM repeated_rows);

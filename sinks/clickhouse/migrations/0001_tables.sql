-- Written by `python -m sinks.clickhouse.ddl` from sinks/clickhouse/tables: do not edit it by hand.
-- Every row names the message it came from (src_topic, src_partition, src_offset) and its place in it (idx). Months
-- partition by event time. A table remembers the tokens of the last 10000 blocks and drops a block with
-- a token that it knows; rows of customer_state replace one another instead.

CREATE TABLE IF NOT EXISTS journal (
    type LowCardinality(String) COMMENT 'record type; Undecodable where the bytes are no record',
    org_id Int64 CODEC(T64, ZSTD(1)),
    customer_id Int64 COMMENT '0 for records about no customer' CODEC(T64, ZSTD(1)),
    record_id String CODEC(ZSTD(1)),
    at DateTime64(3, 'UTC') COMMENT 'event time; the time announced; received time of other records' CODEC(Delta, ZSTD(1)),
    received_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    source LowCardinality(String) COMMENT 'input partition; for a request, the journal partition of its sender',
    source_offset Int64 CODEC(Delta, ZSTD(1)),
    payload String COMMENT 'the record as a JSON object' CODEC(ZSTD(3)),
    src_topic LowCardinality(String),
    src_partition UInt32 CODEC(T64, ZSTD(1)),
    src_offset Int64 CODEC(Delta, ZSTD(1)),
    idx UInt32 COMMENT 'place in the message, from 0' CODEC(T64, ZSTD(1))
) ENGINE = MergeTree PARTITION BY toYYYYMM(at) ORDER BY (org_id, type, customer_id, at)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Everything that happened or was asked for: the only input of the engine.';

CREATE TABLE IF NOT EXISTS facts (
    org_id Int64 CODEC(T64, ZSTD(1)),
    customer_id Int64 CODEC(T64, ZSTD(1)),
    seq Int64 COMMENT 'the customer\'s count of facts, from 1 without gaps' CODEC(T64, ZSTD(1)),
    kind LowCardinality(String) COMMENT 'such as PointsIssued',
    cause String COMMENT 'recordType:id, or timerKind:subject:dueInstant' CODEC(ZSTD(1)),
    at DateTime64(3, 'UTC') COMMENT 'effective time' CODEC(Delta, ZSTD(1)),
    as_of DateTime64(3, 'UTC') COMMENT 'the clock of the customer at the decision' CODEC(Delta, ZSTD(1)),
    program_id Int64 COMMENT '0 for decisions about the customer as such' CODEC(T64, ZSTD(1)),
    program_version Int64 CODEC(T64, ZSTD(1)),
    correction_of String COMMENT 'the cause that this corrects' CODEC(ZSTD(1)),
    via String COMMENT 'the root cause at another customer' CODEC(ZSTD(1)),
    engine_version UInt32 CODEC(T64, ZSTD(1)),
    recorded_at DateTime64(3, 'UTC') COMMENT 'when intake took the record; for a tick its instant' CODEC(Delta, ZSTD(1)),
    journal_partition UInt32 CODEC(T64, ZSTD(1)),
    journal_offset Int64 CODEC(Delta, ZSTD(1)),
    src_topic LowCardinality(String),
    src_partition UInt32 CODEC(T64, ZSTD(1)),
    src_offset Int64 CODEC(Delta, ZSTD(1)),
    idx UInt32 COMMENT 'place in the message, from 0' CODEC(T64, ZSTD(1)),
    data String COMMENT 'the decision by field name; fields at their default are left out' CODEC(ZSTD(3))
) ENGINE = MergeTree PARTITION BY toYYYYMM(at) ORDER BY (org_id, kind, program_id, customer_id, seq)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'What the engine decided, every kind: the envelope in columns, the decision as JSON. Start with the views.';

CREATE TABLE IF NOT EXISTS ledger_entries (
    org_id Int64 CODEC(T64, ZSTD(1)),
    customer_id Int64 CODEC(T64, ZSTD(1)),
    seq Int64 COMMENT 'the customer\'s count of facts, from 1 without gaps' CODEC(T64, ZSTD(1)),
    cause String COMMENT 'recordType:id, or timerKind:subject:dueInstant' CODEC(ZSTD(1)),
    at DateTime64(3, 'UTC') COMMENT 'effective time' CODEC(Delta, ZSTD(1)),
    program_id Int64 COMMENT '0 for decisions about the customer as such' CODEC(T64, ZSTD(1)),
    program_version Int64 CODEC(T64, ZSTD(1)),
    leg UInt32 COMMENT 'place among the legs of the fact' CODEC(T64, ZSTD(1)),
    account LowCardinality(String) COMMENT 'issued, current, redeemed, expired, reversed, adjusted …',
    currency LowCardinality(String),
    points Int64 COMMENT 'into the account; negative out of it' CODEC(T64, ZSTD(1)),
    issued_for LowCardinality(String) COMMENT 'spend, event, milestone, streak, adjustment; empty unless issued',
    rule_id LowCardinality(String) COMMENT 'what issued; empty unless issued',
    src_topic LowCardinality(String),
    src_partition UInt32 CODEC(T64, ZSTD(1)),
    src_offset Int64 CODEC(Delta, ZSTD(1)),
    idx UInt32 COMMENT 'place in the message, from 0' CODEC(T64, ZSTD(1))
) ENGINE = MergeTree PARTITION BY toYYYYMM(at) ORDER BY (org_id, program_id, account, customer_id, seq)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'The double-entry ledger: each movement of points is two legs, out of one account and into another.';

CREATE TABLE IF NOT EXISTS notifications (
    org_id Int64 CODEC(T64, ZSTD(1)),
    customer_id Int64 CODEC(T64, ZSTD(1)),
    event_name LowCardinality(String),
    at DateTime64(3, 'UTC') COMMENT 'timestamp of the message' CODEC(Delta, ZSTD(1)),
    body String COMMENT 'the envelope, JSON' CODEC(ZSTD(3)),
    src_topic LowCardinality(String),
    src_partition UInt32 CODEC(T64, ZSTD(1)),
    src_offset Int64 CODEC(Delta, ZSTD(1)),
    idx UInt32 COMMENT 'place in the message, from 0' CODEC(T64, ZSTD(1)),
    event_id String MATERIALIZED JSONExtractString(body, 'eventId') CODEC(ZSTD(1))
) ENGINE = MergeTree PARTITION BY toYYYYMM(at) ORDER BY (org_id, event_name, customer_id, at)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'What downstream systems were told.';

CREATE TABLE IF NOT EXISTS replies (
    org_id Int64 CODEC(T64, ZSTD(1)),
    customer_id Int64 CODEC(T64, ZSTD(1)),
    type LowCardinality(String) COMMENT 'of the message, such as redeemPoints',
    record_id String CODEC(ZSTD(1)),
    outcome LowCardinality(String) COMMENT 'done, refused, duplicate, held',
    first_outcome LowCardinality(String) COMMENT 'of a duplicate: that of the first',
    reason LowCardinality(String) COMMENT 'empty unless refused',
    vendor_code Nullable(Int64) COMMENT 'of Capillary, where it has one',
    message String COMMENT 'the answer as a sentence' CODEC(ZSTD(1)),
    seq Int64 COMMENT 'the customer\'s count of facts when it was decided' CODEC(T64, ZSTD(1)),
    reply_id String CODEC(ZSTD(1)),
    at DateTime64(3, 'UTC') COMMENT 'when it was decided' CODEC(Delta, ZSTD(1)),
    body String COMMENT 'the reply, JSON' CODEC(ZSTD(3)),
    src_topic LowCardinality(String),
    src_partition UInt32 CODEC(T64, ZSTD(1)),
    src_offset Int64 CODEC(Delta, ZSTD(1)),
    idx UInt32 COMMENT 'place in the message, from 0' CODEC(T64, ZSTD(1))
) ENGINE = MergeTree PARTITION BY toYYYYMM(at) ORDER BY (org_id, type, customer_id, at)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'What senders were answered: of commands, and of records that were refused, wait or came before.';

CREATE TABLE IF NOT EXISTS customer_state (
    org_id Int64 CODEC(T64, ZSTD(1)),
    customer_id Int64 CODEC(T64, ZSTD(1)),
    program_id Int64 COMMENT '0 for a customer who is in no program yet' CODEC(T64, ZSTD(1)),
    seq Int64 COMMENT 'the last fact that is in this state' CODEC(T64, ZSTD(1)),
    clock DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    registered_at Nullable(DateTime64(3, 'UTC')),
    status LowCardinality(String) COMMENT 'ACTIVE, INACTIVE, BLOCKED, FRAUD',
    profile String COMMENT 'JSON object' CODEC(ZSTD(1)),
    program_version Int64 CODEC(T64, ZSTD(1)),
    tier Int32 CODEC(T64, ZSTD(1)),
    tier_expires_on Nullable(Date32) COMMENT 'the last day of the tier; NULL where it holds for ever',
    tier_assigned String COMMENT 'the id of the tier that somebody gave; empty for none' CODEC(ZSTD(1)),
    `tier_rewards.reward_of` Array(String),
    `tier_rewards.tier_id` Array(String),
    `tier_rewards.until` Array(Nullable(DateTime64(3, 'UTC'))) COMMENT 'NULL for good',
    `tier_rewards.taken` Array(Bool) COMMENT 'whether a return took it back',
    tier_mark Int64 COMMENT 'the tier that the basis reached when one was lost' CODEC(T64, ZSTD(1)),
    `tier_measured.over` Array(String) COMMENT 'term: since the tier was reached or renewed; period: the calendar\'s',
    `tier_measured.begins_at` Array(DateTime64(3, 'UTC')),
    `tier_measured.ends_at` Array(DateTime64(3, 'UTC')),
    `tier_measured.points` Array(Int64),
    `tier_measured.purchases_minor` Array(Int64),
    `tier_measured.visits` Array(Int64),
    transactions Int64 CODEC(T64, ZSTD(1)),
    purchases_minor Int64 CODEC(T64, ZSTD(1)),
    returned_minor Int64 CODEC(T64, ZSTD(1)),
    reminder_at Nullable(DateTime64(3, 'UTC')) COMMENT 'when the next reminder of points that expire is due',
    `accounts.currency` Array(String),
    `accounts.balance` Array(Int64) COMMENT 'what can be spent',
    `accounts.lifetime` Array(Int64),
    `accounts.issued` Array(Int64),
    `accounts.promised` Array(Int64),
    `accounts.blocked` Array(Int64),
    `accounts.redeemed` Array(Int64),
    `accounts.expired` Array(Int64),
    `accounts.reversed` Array(Int64),
    `accounts.transferred` Array(Int64),
    `accounts.adjusted` Array(Int64),
    `accounts.deficit` Array(Int64) COMMENT 'what is owed',
    `lots.currency` Array(String),
    `lots.standing` Array(String),
    `lots.lot_id` Array(Int64) COMMENT 'the count of lots of the account, from 1',
    `lots.issued_at` Array(DateTime64(3, 'UTC')),
    `lots.open_points` Array(Int64),
    `lots.expires_on` Array(Nullable(Date32)),
    `lots.closes_at` Array(Nullable(DateTime64(3, 'UTC'))),
    `lots.due_at` Array(Nullable(DateTime64(3, 'UTC'))) COMMENT 'when promised points become current or are cancelled',
    `lots.rolls` Array(Bool) COMMENT 'whether activity moves their last day',
    `holds.currency` Array(String),
    `holds.hold_id` Array(String),
    `holds.kind` Array(String) COMMENT 'block, redemption, transfer',
    `holds.points` Array(Int64),
    `holds.ends_at` Array(Nullable(DateTime64(3, 'UTC'))),
    `milestones.milestone_id` Array(String),
    `milestones.period` Array(Int64),
    `milestones.ends_at` Array(Nullable(DateTime64(3, 'UTC'))),
    `milestones.value` Array(Int64),
    `milestones.achieved` Array(Bool),
    `milestones.things` Array(Array(Int64)) COMMENT 'of different things that are counted: those it has, as days or hashes',
    `trackers.tracker_id` Array(String),
    `trackers.first_on` Array(Date32) COMMENT 'the day of the first bill that counted: cycles begin with it',
    `trackers.days` Array(Array(Date32)),
    `trackers.day_values` Array(Array(Int64)),
    `own_targets.milestone_id` Array(String),
    `own_targets.target` Array(Int64) COMMENT 'what the milestone asks of this customer alone',
    `streaks.streak_id` Array(String),
    `streaks.run_first` Array(Nullable(Int64)),
    `streaks.run_last` Array(Nullable(Int64)),
    `streaks.standing_run` Array(Nullable(Int64)) COMMENT 'what it comes to, where missed periods are forgiven or periods are only counted',
    `streaks.standing_through` Array(Nullable(Int64)) COMMENT 'the last period in which it does if nothing more counts; NULL for all to come',
    `streaks.frozen` Array(Int64) COMMENT 'freezes that its run has used in the calendar period of its last period',
    `streaks.longest` Array(Int64),
    `streaks.levels` Array(Array(Int64)),
    `streaks.ended` Array(Bool),
    `streaks.enrolled` Array(Bool),
    `streaks.paused` Array(Bool),
    `streaks.ends_on` Array(Nullable(Date32)),
    src_topic LowCardinality(String),
    src_partition UInt32 CODEC(T64, ZSTD(1)),
    src_offset Int64 CODEC(Delta, ZSTD(1)),
    idx UInt32 COMMENT 'place in the message, from 0' CODEC(T64, ZSTD(1))
) ENGINE = ReplacingMergeTree(seq) ORDER BY (org_id, program_id, customer_id)
COMMENT 'The latest state of each customer in each program: query it through customer_state_latest.';

-- Every row names the message it came from (src_topic, src_partition, src_offset) and its place in it (idx), so that
-- "each once" can be shown in SQL. Months partition by event time. The window remembers the tokens of the last 10 000
-- blocks of a table: a block that is inserted again with its token is dropped.

CREATE TABLE IF NOT EXISTS journal (
    type LowCardinality(String) COMMENT 'record type; Undecodable where the bytes are no record',
    org_id Int64 CODEC(T64, ZSTD(1)),
    customer_id Int64 CODEC(T64, ZSTD(1)) COMMENT '0 for records about no customer',
    record_id String CODEC(ZSTD(1)),
    at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'event time; the time announced; received time of other records',
    received_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    source LowCardinality(String) COMMENT 'input partition',
    source_offset Int64 CODEC(Delta, ZSTD(1)),
    payload String CODEC(ZSTD(3)) COMMENT 'the record as a JSON object',
    src_topic LowCardinality(String),
    src_partition UInt32 CODEC(T64, ZSTD(1)),
    src_offset Int64 CODEC(Delta, ZSTD(1)),
    idx UInt32 CODEC(T64, ZSTD(1))
) ENGINE = MergeTree PARTITION BY toYYYYMM(at) ORDER BY (org_id, type, customer_id, at)
SETTINGS non_replicated_deduplication_window = 10000;

-- One row for each message of facts: what its facts have in common. They are found by src_partition and src_offset.
CREATE TABLE IF NOT EXISTS fact_messages (
    org_id Int64 CODEC(T64, ZSTD(1)),
    customer_id Int64 CODEC(T64, ZSTD(1)),
    first_seq Int64 CODEC(T64, ZSTD(1)),
    facts UInt32 CODEC(T64, ZSTD(1)) COMMENT 'how many',
    recorded_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'when intake took the record; for a tick its instant',
    journal_partition UInt32 CODEC(T64, ZSTD(1)),
    journal_offset Int64 CODEC(Delta, ZSTD(1)),
    engine_version UInt32 CODEC(T64, ZSTD(1)),
    src_topic LowCardinality(String),
    src_partition UInt32 CODEC(T64, ZSTD(1)),
    src_offset Int64 CODEC(Delta, ZSTD(1)),
    idx UInt32 CODEC(T64, ZSTD(1))
) ENGINE = MergeTree PARTITION BY toYYYYMM(recorded_at) ORDER BY (src_partition, src_offset)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS acceptances (
    org_id Int64 CODEC(T64, ZSTD(1)),
    customer_id Int64 CODEC(T64, ZSTD(1)),
    seq Int64 CODEC(T64, ZSTD(1)),
    cause String CODEC(ZSTD(1)),
    at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    src_topic LowCardinality(String),
    src_partition UInt32 CODEC(T64, ZSTD(1)),
    src_offset Int64 CODEC(Delta, ZSTD(1)),
    idx UInt32 CODEC(T64, ZSTD(1)),
    clock DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    digest UInt64,
    forget_before DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))
) ENGINE = MergeTree PARTITION BY toYYYYMM(at) ORDER BY (org_id, customer_id, seq)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS refusals (
    org_id Int64 CODEC(T64, ZSTD(1)),
    customer_id Int64 CODEC(T64, ZSTD(1)),
    seq Int64 CODEC(T64, ZSTD(1)),
    cause String CODEC(ZSTD(1)),
    at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    src_topic LowCardinality(String),
    src_partition UInt32 CODEC(T64, ZSTD(1)),
    src_offset Int64 CODEC(Delta, ZSTD(1)),
    idx UInt32 CODEC(T64, ZSTD(1)),
    reason LowCardinality(String),
    clock DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    program_id Int64 CODEC(T64, ZSTD(1)) COMMENT '0 where the refusal holds for all programs',
    program_version Int64 CODEC(T64, ZSTD(1)),
    subject String CODEC(ZSTD(1))
) ENGINE = MergeTree PARTITION BY toYYYYMM(at) ORDER BY (org_id, reason, customer_id, seq)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS customers (
    org_id Int64 CODEC(T64, ZSTD(1)),
    customer_id Int64 CODEC(T64, ZSTD(1)),
    seq Int64 CODEC(T64, ZSTD(1)),
    cause String CODEC(ZSTD(1)),
    at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    src_topic LowCardinality(String),
    src_partition UInt32 CODEC(T64, ZSTD(1)),
    src_offset Int64 CODEC(Delta, ZSTD(1)),
    idx UInt32 CODEC(T64, ZSTD(1)),
    kind LowCardinality(String) COMMENT 'registered, changed',
    first_name String CODEC(ZSTD(1)),
    last_name String CODEC(ZSTD(1)),
    mobile String CODEC(ZSTD(1)),
    email String CODEC(ZSTD(1)),
    external_id String CODEC(ZSTD(1)),
    loyalty_type LowCardinality(String),
    channel LowCardinality(String),
    extended Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    updated_fields Array(LowCardinality(String))
) ENGINE = MergeTree PARTITION BY toYYYYMM(at) ORDER BY (org_id, customer_id, seq)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS bills (
    org_id Int64 CODEC(T64, ZSTD(1)),
    customer_id Int64 CODEC(T64, ZSTD(1)),
    seq Int64 CODEC(T64, ZSTD(1)),
    cause String CODEC(ZSTD(1)),
    at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    src_topic LowCardinality(String),
    src_partition UInt32 CODEC(T64, ZSTD(1)),
    src_offset Int64 CODEC(Delta, ZSTD(1)),
    idx UInt32 CODEC(T64, ZSTD(1)),
    kind LowCardinality(String) COMMENT 'recorded, returned',
    bill_number String CODEC(ZSTD(1)),
    amount_minor Int64 CODEC(T64, ZSTD(1)),
    currency LowCardinality(String) COMMENT 'empty for returns',
    returnable_until Nullable(DateTime64(3, 'UTC')),
    basis_minor Int64 CODEC(T64, ZSTD(1)),
    returned_before_minor Int64 CODEC(T64, ZSTD(1)),
    over_minor Int64 CODEC(T64, ZSTD(1))
) ENGINE = MergeTree PARTITION BY toYYYYMM(at) ORDER BY (org_id, customer_id, seq)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS adoptions (
    org_id Int64 CODEC(T64, ZSTD(1)),
    customer_id Int64 CODEC(T64, ZSTD(1)),
    seq Int64 CODEC(T64, ZSTD(1)),
    cause String CODEC(ZSTD(1)),
    at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    src_topic LowCardinality(String),
    src_partition UInt32 CODEC(T64, ZSTD(1)),
    src_offset Int64 CODEC(Delta, ZSTD(1)),
    idx UInt32 CODEC(T64, ZSTD(1)),
    program_id Int64 CODEC(T64, ZSTD(1)),
    program_version Int64 CODEC(T64, ZSTD(1)),
    previous_version Int64 CODEC(T64, ZSTD(1)) COMMENT '0 for the first touch',
    milestones Array(LowCardinality(String)),
    streaks Array(LowCardinality(String)),
    base_tier Int32 CODEC(T64, ZSTD(1))
) ENGINE = MergeTree PARTITION BY toYYYYMM(at) ORDER BY (org_id, program_id, customer_id, seq)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS purchases (
    org_id Int64 CODEC(T64, ZSTD(1)),
    customer_id Int64 CODEC(T64, ZSTD(1)),
    seq Int64 CODEC(T64, ZSTD(1)),
    cause String CODEC(ZSTD(1)),
    at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    src_topic LowCardinality(String),
    src_partition UInt32 CODEC(T64, ZSTD(1)),
    src_offset Int64 CODEC(Delta, ZSTD(1)),
    idx UInt32 CODEC(T64, ZSTD(1)),
    program_id Int64 CODEC(T64, ZSTD(1)),
    program_version Int64 CODEC(T64, ZSTD(1)),
    kind LowCardinality(String) COMMENT 'counted, returned',
    bill_number String CODEC(ZSTD(1)) COMMENT 'the bill bought or returned',
    amount_minor Int64 CODEC(T64, ZSTD(1)),
    purchases_minor Int64 CODEC(T64, ZSTD(1)) COMMENT 'all bills of the customer, this one included',
    returned_minor Int64 CODEC(T64, ZSTD(1)) COMMENT 'all returns of the customer, this one included'
) ENGINE = MergeTree PARTITION BY toYYYYMM(at) ORDER BY (org_id, program_id, kind, customer_id, seq)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS points_facts (
    org_id Int64 CODEC(T64, ZSTD(1)),
    customer_id Int64 CODEC(T64, ZSTD(1)),
    seq Int64 CODEC(T64, ZSTD(1)),
    cause String CODEC(ZSTD(1)),
    at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    src_topic LowCardinality(String),
    src_partition UInt32 CODEC(T64, ZSTD(1)),
    src_offset Int64 CODEC(Delta, ZSTD(1)),
    idx UInt32 CODEC(T64, ZSTD(1)),
    program_id Int64 CODEC(T64, ZSTD(1)),
    program_version Int64 CODEC(T64, ZSTD(1)),
    kind LowCardinality(String) COMMENT 'issued, redeemed, expired, reversed, debited',
    currency LowCardinality(String),
    points Int64 CODEC(T64, ZSTD(1)) COMMENT 'moved, never negative',
    balance Int64 CODEC(T64, ZSTD(1)) COMMENT 'after this fact',
    issued_for LowCardinality(String) COMMENT 'spend, event, milestone, streak, adjustment; empty unless issued',
    reason LowCardinality(String) COMMENT 'the rule that issued; the reason of a debit',
    subject String CODEC(ZSTD(1)) COMMENT 'the bill that earned or was returned; the redemption',
    expires_on Nullable(Date32) COMMENT 'last day on which they can, or could, be spent',
    value_minor Int64 CODEC(T64, ZSTD(1)) COMMENT 'worth of redeemed points',
    due Int64 CODEC(T64, ZSTD(1)) COMMENT 'what a return asks for, forgiven points included',
    taken Nested(lot_id Int64, points Int64) COMMENT 'points taken, by lot; a lot is the seq of the fact that issued it'
) ENGINE = MergeTree PARTITION BY toYYYYMM(at) ORDER BY (org_id, program_id, kind, customer_id, seq)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS ledger_entries (
    org_id Int64 CODEC(T64, ZSTD(1)),
    customer_id Int64 CODEC(T64, ZSTD(1)),
    seq Int64 CODEC(T64, ZSTD(1)) COMMENT 'the entry: all legs of one fact',
    cause String CODEC(ZSTD(1)),
    at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    src_topic LowCardinality(String),
    src_partition UInt32 CODEC(T64, ZSTD(1)),
    src_offset Int64 CODEC(Delta, ZSTD(1)),
    idx UInt32 CODEC(T64, ZSTD(1)),
    program_id Int64 CODEC(T64, ZSTD(1)),
    program_version Int64 CODEC(T64, ZSTD(1)),
    leg UInt32 CODEC(T64, ZSTD(1)),
    account LowCardinality(String),
    currency LowCardinality(String),
    points Int64 CODEC(T64, ZSTD(1)) COMMENT 'into the account; negative out of it'
) ENGINE = MergeTree PARTITION BY toYYYYMM(at) ORDER BY (org_id, program_id, account, customer_id, seq)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS milestone_events (
    org_id Int64 CODEC(T64, ZSTD(1)),
    customer_id Int64 CODEC(T64, ZSTD(1)),
    seq Int64 CODEC(T64, ZSTD(1)),
    cause String CODEC(ZSTD(1)),
    at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    src_topic LowCardinality(String),
    src_partition UInt32 CODEC(T64, ZSTD(1)),
    src_offset Int64 CODEC(Delta, ZSTD(1)),
    idx UInt32 CODEC(T64, ZSTD(1)),
    program_id Int64 CODEC(T64, ZSTD(1)),
    program_version Int64 CODEC(T64, ZSTD(1)),
    kind LowCardinality(String) COMMENT 'progressed, achieved',
    milestone_id LowCardinality(String),
    period Int64 CODEC(T64, ZSTD(1)) COMMENT 'days, weeks, months, quarters or years since 1970',
    period_ends_at Nullable(DateTime64(3, 'UTC')),
    added Int64 CODEC(T64, ZSTD(1)),
    value Int64 CODEC(T64, ZSTD(1)),
    target Int64 CODEC(T64, ZSTD(1))
) ENGINE = MergeTree PARTITION BY toYYYYMM(at) ORDER BY (org_id, program_id, milestone_id, kind, customer_id, seq)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS streak_events (
    org_id Int64 CODEC(T64, ZSTD(1)),
    customer_id Int64 CODEC(T64, ZSTD(1)),
    seq Int64 CODEC(T64, ZSTD(1)),
    cause String CODEC(ZSTD(1)),
    at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    src_topic LowCardinality(String),
    src_partition UInt32 CODEC(T64, ZSTD(1)),
    src_offset Int64 CODEC(Delta, ZSTD(1)),
    idx UInt32 CODEC(T64, ZSTD(1)),
    program_id Int64 CODEC(T64, ZSTD(1)),
    program_version Int64 CODEC(T64, ZSTD(1)),
    kind LowCardinality(String) COMMENT 'started, extended, level_reached, ended',
    streak_id LowCardinality(String),
    period Nullable(Int64),
    run Int64 CODEC(T64, ZSTD(1)) COMMENT 'consecutive periods of the run that the period stands in',
    longest Int64 CODEC(T64, ZSTD(1)),
    level Int64 CODEC(T64, ZSTD(1)),
    starts_on Nullable(Date32),
    ends_on Nullable(Date32),
    levels Array(Int64) COMMENT 'levels reached by the end'
) ENGINE = MergeTree PARTITION BY toYYYYMM(at) ORDER BY (org_id, program_id, streak_id, kind, customer_id, seq)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS tier_changes (
    org_id Int64 CODEC(T64, ZSTD(1)),
    customer_id Int64 CODEC(T64, ZSTD(1)),
    seq Int64 CODEC(T64, ZSTD(1)),
    cause String CODEC(ZSTD(1)),
    at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    src_topic LowCardinality(String),
    src_partition UInt32 CODEC(T64, ZSTD(1)),
    src_offset Int64 CODEC(Delta, ZSTD(1)),
    idx UInt32 CODEC(T64, ZSTD(1)),
    program_id Int64 CODEC(T64, ZSTD(1)),
    program_version Int64 CODEC(T64, ZSTD(1)),
    kind LowCardinality(String) COMMENT 'upgraded',
    previous Int32 CODEC(T64, ZSTD(1)),
    reached Int32 CODEC(T64, ZSTD(1)),
    basis_value Int64 CODEC(T64, ZSTD(1)) COMMENT 'lifetime points, or net purchases in minor units'
) ENGINE = MergeTree PARTITION BY toYYYYMM(at) ORDER BY (org_id, program_id, customer_id, seq)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS notifications (
    org_id Int64 CODEC(T64, ZSTD(1)),
    customer_id Int64 CODEC(T64, ZSTD(1)),
    event_name LowCardinality(String),
    at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'timestamp of the message',
    body String CODEC(ZSTD(3)) COMMENT 'the envelope, JSON',
    src_topic LowCardinality(String),
    src_partition UInt32 CODEC(T64, ZSTD(1)),
    src_offset Int64 CODEC(Delta, ZSTD(1)),
    idx UInt32 CODEC(T64, ZSTD(1)),
    event_id String MATERIALIZED JSONExtractString(body, 'eventId') CODEC(ZSTD(1))
) ENGINE = MergeTree PARTITION BY toYYYYMM(at) ORDER BY (org_id, event_name, customer_id, at)
SETTINGS non_replicated_deduplication_window = 10000;

-- The latest state of each customer in each program, from the changelog: query it through customer_state_latest.
-- No window: a row that comes again replaces itself.
CREATE TABLE IF NOT EXISTS customer_state (
    org_id Int64 CODEC(T64, ZSTD(1)),
    customer_id Int64 CODEC(T64, ZSTD(1)),
    program_id Int64 CODEC(T64, ZSTD(1)) COMMENT '0 for a customer who is in no program yet',
    seq Int64 CODEC(T64, ZSTD(1)) COMMENT 'the last fact that is in this state',
    clock DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    registered_at Nullable(DateTime64(3, 'UTC')),
    profile String CODEC(ZSTD(1)) COMMENT 'JSON object',
    program_version Int64 CODEC(T64, ZSTD(1)),
    tier Int32 CODEC(T64, ZSTD(1)),
    transactions Int64 CODEC(T64, ZSTD(1)),
    purchases_minor Int64 CODEC(T64, ZSTD(1)),
    returned_minor Int64 CODEC(T64, ZSTD(1)),
    accounts Nested(currency String, balance Int64, lifetime Int64, issued Int64, redeemed Int64, expired Int64,
        reversed Int64, debited Int64),
    lots Nested(currency String, lot_id Int64, issued_at DateTime64(3, 'UTC'), open_points Int64,
        expires_on Nullable(Date32), closes_at Nullable(DateTime64(3, 'UTC'))),
    milestones Nested(milestone_id String, period Int64, ends_at DateTime64(3, 'UTC'), value Int64, achieved Bool),
    streaks Nested(streak_id String, run_first Nullable(Int64), run_last Nullable(Int64), longest Int64,
        levels Array(Int64), ended Bool, ends_on Nullable(Date32)),
    src_topic LowCardinality(String),
    src_partition UInt32 CODEC(T64, ZSTD(1)),
    src_offset Int64 CODEC(Delta, ZSTD(1)),
    idx UInt32 CODEC(T64, ZSTD(1))
) ENGINE = ReplacingMergeTree(seq) ORDER BY (org_id, program_id, customer_id);

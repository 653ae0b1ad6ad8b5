-- What reports, `accrue customer` and analysts ask for. Amounts are minor units; days are local days of the program.

-- starts_at: 1970 for a version that is in force since it was activated.
CREATE OR REPLACE VIEW programs AS
SELECT org_id, program_id, version, max(received_at) AS activated_at, any(starts) AS starts_at,
    any(definition) AS definition,
    JSONExtractString(definition, 'name') AS name,
    JSONExtractString(definition, 'zone') AS zone,
    JSONExtractString(definition, 'currency') AS currency
FROM (
    SELECT org_id, JSONExtractInt(payload, 'program_id') AS program_id, JSONExtractInt(payload, 'version') AS version,
        received_at, JSONExtractString(payload, 'definition') AS definition,
        fromUnixTimestamp64Milli(JSONExtractInt(payload, 'starts_at'), 'UTC') AS starts
    FROM journal WHERE type = 'ProgramActivated'
)
GROUP BY org_id, program_id, version;

-- The instant that the figures stand for: the latest that the journal speaks of.
CREATE OR REPLACE VIEW settlement AS
SELECT max(at) AS as_of FROM journal WHERE customer_id != 0 OR type = 'ClockAdvanced';

-- The highest version of each program that a customer follows; of a program that nobody follows yet, the highest that has
-- started by the settlement. So a version that the workers refused (a dead letter PROGRAM_REFUSED) is not here, though
-- `programs` has it, as the journal does.
CREATE OR REPLACE VIEW programs_in_force AS
SELECT org_id, program_id, version, activated_at, definition, name, zone, currency
FROM programs
WHERE starts_at <= (SELECT as_of FROM settlement)
ORDER BY (org_id, program_id, version) IN (
    SELECT org_id, program_id, program_version FROM facts WHERE kind = 'ProgramAdopted'
) DESC, version DESC
LIMIT 1 BY org_id, program_id;

-- tier: the tier's number in this version; tier_id: what it is known by in every version.
CREATE OR REPLACE VIEW program_tiers AS
SELECT org_id, program_id, version, index AS tier, JSONExtractString(level, 'name') AS name,
    JSONExtractInt(level, 'threshold') AS threshold, JSONExtractString(level, 'id') AS tier_id,
    JSONExtractBool(level, 'retired') AS retired
FROM programs
ARRAY JOIN JSONExtractArrayRaw(definition, 'tiers', 'levels') AS level,
    arrayEnumerate(JSONExtractArrayRaw(definition, 'tiers', 'levels')) AS index;

-- scale: the decimals of its points. main: whether tiers go by it, and rules pay it unless they name another one.
CREATE OR REPLACE VIEW program_currencies AS
SELECT org_id, program_id, version, points.1 AS currency, points.2 AS name, points.3 AS scale, points.4 AS main,
    points.5 AS retired
FROM (SELECT org_id, program_id, version, definition FROM programs)
ARRAY JOIN arrayPushFront(
    arrayMap(one -> (JSONExtractString(one, 'id'), JSONExtractString(one, 'name'), JSONExtractInt(one, 'scale'), false,
        JSONExtractBool(one, 'retired')), JSONExtractArrayRaw(definition, 'currencies')),
    (JSONExtractString(definition, 'points', 'name'), JSONExtractString(definition, 'points', 'name'), toInt64(0), true,
        false)) AS points;

-- starts: when local days begin, in minutes after midnight. cycle: from_date, windows, per_customer, lifetime or rolling;
-- empty for calendar periods. unit, every: of calendar periods and of cycles of equal length. first: the first day of
-- cycles from a date; window_lasts: the last days of windows.
CREATE OR REPLACE VIEW program_milestones AS
SELECT org_id, program_id, version, zone,
    ifNull(toInt32OrNull(splitByChar(':', JSONExtractString(definition, 'days', 'start'))[1]), 0) * 60
        + ifNull(toInt32OrNull(splitByChar(':', JSONExtractString(definition, 'days', 'start'))[2]), 0) AS starts,
    JSONExtractString(milestone, 'id') AS milestone_id,
    JSONExtractString(milestone, 'name') AS name, JSONExtractString(milestone, 'cycle', 'kind') AS cycle,
    JSONExtractString(milestone, 'period') || JSONExtractString(milestone, 'cycle', 'unit') AS unit,
    greatest(JSONExtractInt(milestone, 'cycle', 'every'), 1) AS every,
    toDate32OrZero(JSONExtractString(milestone, 'cycle', 'first')) AS first,
    arrayMap(one -> toDate32OrZero(JSONExtractString(one, 'last')), JSONExtractArrayRaw(milestone, 'cycle', 'windows'))
        AS window_lasts
FROM programs
ARRAY JOIN JSONExtractArrayRaw(definition, 'milestones') AS milestone;

CREATE OR REPLACE VIEW program_streaks AS
SELECT s.org_id AS org_id, s.program_id AS program_id, s.version AS version, s.streak_id AS streak_id, s.name AS name,
    m.unit AS unit, m.zone AS zone, m.starts AS starts, m.cycle AS cycle, m.every AS every, m.first AS first,
    m.window_lasts AS window_lasts
FROM (
    SELECT org_id, program_id, version, JSONExtractString(streak, 'id') AS streak_id,
        JSONExtractString(streak, 'name') AS name, JSONExtractString(streak, 'milestone') AS milestone_id
    FROM programs
    ARRAY JOIN JSONExtractArrayRaw(definition, 'streaks') AS streak
) AS s
JOIN program_milestones AS m USING (org_id, program_id, version, milestone_id);

CREATE OR REPLACE VIEW customer_state_latest AS
SELECT * FROM customer_state FINAL;

CREATE OR REPLACE VIEW tiers_in_force AS
SELECT t.org_id AS org_id, t.program_id AS program_id, t.tier_id AS tier_id, t.tier AS tier, t.name AS name
FROM program_tiers AS t
JOIN programs_in_force AS p USING (org_id, program_id, version);

-- What says which tier a customer has: each adoption of a version, in whose numbers tiers count from then on, and each
-- change of tier. tier_id: empty in a program without tiers.
CREATE OR REPLACE VIEW tier_steps AS
SELECT org_id, program_id, customer_id, seq, at, program_version, tier, tier_id FROM adoptions
UNION ALL
SELECT org_id, program_id, customer_id, seq, at, program_version, reached, reached_id FROM tier_changes;

-- Each move of a customer between tiers, the first into the base tier; a version that only numbers them otherwise moves
-- nobody. from_tier, from_tier_id: NULL for the first.
CREATE OR REPLACE VIEW tier_moves AS
SELECT org_id, program_id, customer_id, seq, at, from_tier, tier, from_tier_id, tier_id
FROM (
    SELECT org_id, program_id, customer_id, seq, at, tier, tier_id,
        lagInFrame(toNullable(tier)) OVER steps AS from_tier, lagInFrame(toNullable(tier_id)) OVER steps AS from_tier_id
    FROM tier_steps
    WINDOW steps AS (
        PARTITION BY org_id, program_id, customer_id ORDER BY seq
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    )
)
WHERE NOT (from_tier_id <=> tier_id);

-- The tier of each customer in each program: its number in the version that the customer follows, and its name in the
-- version in force.
CREATE OR REPLACE VIEW customer_tiers AS
SELECT c.org_id AS org_id, c.program_id AS program_id, c.customer_id AS customer_id, c.tier AS tier,
    c.tier_id AS tier_id, t.name AS tier_name
FROM (
    SELECT org_id, program_id, customer_id, argMax(s.tier, seq) AS tier, argMax(s.tier_id, seq) AS tier_id
    FROM tier_steps AS s
    GROUP BY org_id, program_id, customer_id
) AS c
LEFT JOIN tiers_in_force AS t USING (org_id, program_id, tier_id);

-- What counts towards each milestone of a customer, by period, without what returns and updates took off. value: as in
-- milestone_events. recorded: whether all of it came before an enrolment, or changed the value of no window. Of a rolling
-- window each day, with its value alone, and whether a window that was met ends with it.
CREATE OR REPLACE VIEW customer_milestones AS
SELECT org_id, program_id, customer_id, milestone_id, period,
    argMaxIf(e.value, seq, kind IN ('progressed', 'lowered', 'recorded')) AS value,
    argMaxIf(kind = 'achieved', seq, kind IN ('achieved', 'unachieved')) AS achieved,
    countIf(kind IN ('progressed', 'achieved')) = 0 AS recorded
FROM (
    SELECT org_id, program_id, customer_id, seq, milestone_id, period, if(kind = 'moved', 'unachieved', kind) AS kind,
        ifNull(of_day, value) AS value
    FROM milestone_events WHERE NOT still
    UNION ALL
    SELECT org_id, program_id, customer_id, seq, milestone_id, assumeNotNull(moved_to), 'achieved', 0
    FROM milestone_events WHERE kind = 'moved'
    UNION ALL
    SELECT org_id, program_id, customer_id, seq, milestone_id, period, kind, value FROM target_events
    WHERE kind = 'recorded'
    UNION ALL
    SELECT org_id, program_id, customer_id, seq, milestone_id, period, 'progressed', value FROM merged_milestones
    UNION ALL
    SELECT org_id, program_id, customer_id, seq, milestone_id, period, 'achieved', value FROM merged_milestones
    WHERE achieved
) AS e
GROUP BY org_id, program_id, customer_id, milestone_id, period;

-- Targets of customers' own, set by request, which hold in place of the program's. target: as in milestone_events.
CREATE OR REPLACE VIEW customer_targets AS
SELECT org_id, program_id, customer_id, milestone_id, argMax(if(own, e.target, 0), seq) AS target,
    argMax(reason, seq) AS reason, argMax(entered_by, seq) AS entered_by, max(at) AS set_at
FROM target_events AS e
WHERE kind = 'target_changed' AND (org_id, program_id, customer_id) NOT IN (
    SELECT org_id, program_id, customer_id FROM merges WHERE kind = 'handed_over'
)
GROUP BY org_id, program_id, customer_id, milestone_id
HAVING target != 0;

-- Lifetime points by currency, in units of 10^-scale: what tiers by lifetime points go by.
CREATE OR REPLACE VIEW customer_lifetime AS
SELECT org_id, program_id, customer_id, currency, argMax(stated, seq) AS lifetime
FROM (
    SELECT org_id, program_id, customer_id, seq, JSONExtractString(movement, 'currency') AS currency,
        JSONExtractInt(movement, 'lifetime') AS stated
    FROM (
        SELECT *, arrayJoin(if(JSONHas(data, 'currencies'), JSONExtractArrayRaw(data, 'currencies'), [data])) AS movement
        FROM facts WHERE position(data, '"lifetime"') > 0
    )
    WHERE JSONHas(movement, 'lifetime')
)
GROUP BY org_id, program_id, customer_id, currency;

-- Each customer's streaks as of the settlement: `run` is the run of consecutive periods that ends in the running period or
-- in the one before it (the running one breaks nothing), a date that the zone skipped left out. Periods are those of the
-- milestone: of the calendar, or its cycles from their first; between two of them the next one is the running one. Of a
-- streak that is over it is the run at its end, with late records that came after the end was told. Where missed periods
-- are forgiven, or periods are only counted, it is what the last decision left standing. in_a_row: the run if nothing were
-- forgiven. level: the highest one reached, 0 for none. enrolled: whether the customer takes part; paused: whether missed periods break no run for now.
CREATE OR REPLACE VIEW customer_streaks AS
WITH
    formatDateTime((SELECT as_of FROM settlement), '%F %T', zone) AS clock,
    if(ended, end_day, toDate32(subtractMinutes(toDateTime64(clock, 0, 'UTC'), starts))) AS today,
    toInt64(toInt32(today)) AS day,
    (toYear(today) - 1970) * 12 + toMonth(today) - 1 AS month,
    transform(zone, ['Kwajalein', 'Pacific/Kwajalein', 'Pacific/Enderbury', 'Pacific/Kanton', 'Pacific/Kiritimati',
        'Pacific/Apia', 'Pacific/Fakaofo'], [8633, 8633, 9130, 9130, 9130, 15338, 15338], 100000) AS skipped_day,
    transform(unit, ['week', 'quarter', 'half_year', 'year'], [7, 3, 6, 12], 1) * every AS length,
    (toYear(first) - 1970) * 12 + toMonth(first) - 1 AS first_month,
    toInt64(floor((month - first_month) / length)) AS begun,
    day > skipped_day AS skips,
    multiIf(cycle = 'lifetime', 1, cycle = 'windows', arrayCount(one -> one < today, window_lasts) + 1,
        cycle = 'from_date' AND unit IN ('day', 'week'),
        toInt64(floor((day - toInt32(first)) / length)) + 1 - (length = 1 AND skips),
        cycle = 'from_date', begun + (addMonths(first, begun * length) <= today),
        unit = 'day', day - skips, unit = 'week', intDiv(day + 3, 7), intDiv(month, length))::Int64 AS running,
    arrayReverseSort(arrayFilter(period -> period <= running, periods)) AS past,
    if(has(past, running), running, running - 1) AS last
SELECT e.org_id AS org_id, e.program_id AS program_id, e.customer_id AS customer_id, e.streak_id AS streak_id,
    arrayCount((period, place) -> period = last + 1 - place, past, arrayEnumerate(past))::Int64 AS in_a_row,
    multiIf(isNull(standing.1), in_a_row, ifNull(running > standing.2, false), 0, assumeNotNull(standing.1))::Int64 AS run,
    longest, levels, ended, if(empty(levels), 0, arrayMax(levels)) AS level, enrolled, paused
FROM (
    SELECT org_id, program_id, customer_id, streak_id,
        arrayFilter(one -> countEqual(extended, one) > countEqual(broken, one), arrayDistinct(extended)) AS periods,
        groupArrayIf(assumeNotNull(period) - skipped, kind = 'extended') AS extended,
        groupArrayIf(assumeNotNull(period) - skipped, kind = 'broken') AS broken,
        argMaxIf(longest, seq, kind IN ('extended', 'broken', 'paused', 'resumed', 'frozen')) AS longest,
        argMaxIf((standing_run, standing_through), seq, kind IN ('extended', 'broken', 'paused', 'resumed', 'frozen'))
            AS standing,
        argMaxIf(kind != 'unenrolled', seq, kind IN ('started', 'enrolled', 'unenrolled')) AS enrolled,
        argMaxIf(kind = 'paused', seq, kind IN ('paused', 'resumed', 'unenrolled')) AS paused,
        arraySort(arrayFilter(one -> countEqual(reached, one) > countEqual(lost, one), arrayDistinct(reached))) AS levels,
        groupArrayIf(level, kind = 'level_reached') AS reached,
        groupArrayIf(level, kind = 'level_unachieved') AS lost,
        max(kind = 'ended') AS ended,
        addDays(maxIf(assumeNotNull(ends_on), kind = 'ended'), 1) AS end_day
    FROM (
        SELECT org_id, program_id, customer_id, seq, streak_id, kind, period, skipped, longest, standing_run,
            standing_through, level, ends_on
        FROM streak_events
        UNION ALL
        SELECT org_id, program_id, customer_id, seq, streak_id, 'level_reached', NULL, 0, 0, NULL, NULL, level, NULL
        FROM merged_levels
    )
    WHERE (org_id, program_id, customer_id) NOT IN (
        SELECT org_id, program_id, customer_id FROM merges WHERE kind = 'handed_over'
    )
    GROUP BY org_id, program_id, customer_id, streak_id
) AS e
JOIN (
    SELECT org_id, program_id, streak_id, unit, zone, starts, cycle, every, first, window_lasts
    FROM program_streaks AS s
    JOIN programs_in_force AS p USING (org_id, program_id, version)
) AS u USING (org_id, program_id, streak_id);

-- The points of each customer by currency, in units of 10^-scale of it. They are no sum: a star is not a point.
-- transferred: given to other customers, less what came from them.
CREATE OR REPLACE VIEW customer_points AS
SELECT org_id, program_id, customer_id, currency,
    sumIf(-points, account = 'issued' AND issued_for = 'spend') AS spend_points,
    sumIf(-points, account = 'issued' AND issued_for = 'event') AS event_points,
    sumIf(-points, account = 'issued' AND issued_for = 'milestone') AS milestone_points,
    sumIf(-points, account = 'issued' AND issued_for = 'streak') AS streak_points,
    sumIf(-points, account = 'issued' AND issued_for = 'adjustment') AS adjustment_points,
    sumIf(-points, account = 'issued') AS issued, sumIf(points, account = 'reversed') AS reversed,
    sumIf(points, account = 'expired') AS expired, sumIf(points, account = 'redeemed') AS redeemed,
    sumIf(points, account = 'adjusted') AS debited, sumIf(points, account = 'current') AS balance,
    sumIf(points, account = 'promised') AS promised, sumIf(points, account = 'blocked') AS blocked,
    sumIf(points, account = 'transferred') AS transferred
FROM ledger_entries GROUP BY org_id, program_id, customer_id, currency;

-- One row per customer and program; points are those of the main currency (others: customer_points). `streak_run` and
-- `longest_run` are those of the customer's best streak.
CREATE OR REPLACE VIEW customer_summary AS
SELECT a.org_id AS org_id, a.program_id AS program_id, a.customer_id AS customer_id,
    b.transactions AS transactions, b.purchases AS purchases, b.returned AS returned,
    p.spend_points AS spend_points, p.event_points AS event_points, p.milestone_points AS milestone_points,
    p.streak_points AS streak_points, p.adjustment_points AS adjustment_points, p.issued AS issued,
    p.reversed AS reversed, p.expired AS expired, p.redeemed AS redeemed, p.debited AS debited,
    p.balance AS balance, p.promised AS promised, p.blocked AS blocked, p.transferred AS transferred,
    t.tier AS tier, t.tier_name AS tier_name, s.streak_run AS streak_run, s.longest_run AS longest_run
FROM (SELECT DISTINCT org_id, program_id, customer_id FROM adoptions) AS a
LEFT JOIN (
    SELECT org_id, program_id, customer_id, sum(bills) AS transactions,
        sumIf(amount_minor, kind != 'returned') AS purchases, sumIf(amount_minor, kind = 'returned') AS returned
    FROM (
        SELECT org_id, program_id, customer_id, kind, bills, amount_minor FROM purchases
        UNION ALL
        SELECT org_id, program_id, customer_id, kind, transactions, purchases_minor FROM merges
        UNION ALL
        SELECT org_id, program_id, customer_id, 'returned', 0, returned_minor FROM merges
        WHERE kind IN ('handed_over', 'taken_over')
    )
    GROUP BY org_id, program_id, customer_id
) AS b USING (org_id, program_id, customer_id)
LEFT JOIN (
    SELECT * FROM customer_points
    WHERE (org_id, program_id, currency) IN (SELECT org_id, program_id, currency FROM program_currencies WHERE main)
) AS p USING (org_id, program_id, customer_id)
LEFT JOIN customer_tiers AS t USING (org_id, program_id, customer_id)
LEFT JOIN (
    SELECT org_id, program_id, customer_id, max(run) AS streak_run, max(longest) AS longest_run
    FROM customer_streaks GROUP BY org_id, program_id, customer_id
) AS s USING (org_id, program_id, customer_id);

-- Points are those of the main currency (others: totals_by_currency).
CREATE OR REPLACE VIEW totals_by_program AS
SELECT org_id, program_id, toInt64(count()) AS customers, sum(transactions) AS transactions, sum(purchases) AS purchases,
    sum(returned) AS returned, sum(spend_points) AS spend_points, sum(event_points) AS event_points,
    sum(milestone_points) AS milestone_points, sum(streak_points) AS streak_points,
    sum(adjustment_points) AS adjustment_points, sum(issued) AS issued, sum(reversed) AS reversed,
    sum(expired) AS expired, sum(redeemed) AS redeemed, sum(debited) AS debited, sum(balance) AS balance,
    sum(promised) AS promised, sum(blocked) AS blocked, sum(transferred) AS transferred
FROM customer_summary
GROUP BY org_id, program_id;

CREATE OR REPLACE VIEW totals_by_currency AS
SELECT org_id, program_id, currency, toInt64(count()) AS customers, sum(spend_points) AS spend_points,
    sum(event_points) AS event_points, sum(milestone_points) AS milestone_points, sum(streak_points) AS streak_points,
    sum(adjustment_points) AS adjustment_points, sum(issued) AS issued, sum(reversed) AS reversed,
    sum(expired) AS expired, sum(redeemed) AS redeemed, sum(debited) AS debited, sum(balance) AS balance,
    sum(promised) AS promised, sum(blocked) AS blocked
FROM customer_points
GROUP BY org_id, program_id, currency;

-- By the numbers and names of the version in force.
CREATE OR REPLACE VIEW tier_distribution AS
SELECT c.org_id AS org_id, c.program_id AS program_id, t.tier AS tier, any(t.name) AS name,
    toInt64(count()) AS customers
FROM customer_tiers AS c
LEFT JOIN tiers_in_force AS t USING (org_id, program_id, tier_id)
GROUP BY org_id, program_id, tier;

-- Customers in each tier at the end of each day, for every day from the first customer to the settlement.
CREATE OR REPLACE VIEW tier_distribution_by_day AS
WITH moves AS (
    SELECT m.org_id AS org_id, m.program_id AS program_id, move.1 AS tier_id,
        toDate32(formatDateTime(m.at, '%F', p.zone)) AS day, move.2 AS step
    FROM tier_moves AS m
    JOIN programs_in_force AS p USING (org_id, program_id)
    ARRAY JOIN if(isNull(m.from_tier_id), [(m.tier_id, 1)], [(m.tier_id, 1), (ifNull(m.from_tier_id, ''), -1)]) AS move
),
grid AS (
    SELECT s.org_id AS org_id, s.program_id AS program_id, s.tier_id AS tier_id,
        arrayJoin(arrayMap(n -> toDate32(s.first + n), range(toUInt32(dateDiff('day', s.first, s.last) + 1)))) AS day
    FROM (
        SELECT t.org_id AS org_id, t.program_id AS program_id, t.tier_id AS tier_id, d.first AS first,
            greatest(d.last, toDate32(formatDateTime((SELECT as_of FROM settlement), '%F', d.zone))) AS last
        FROM (SELECT DISTINCT org_id, program_id, tier_id FROM moves) AS t
        JOIN (
            SELECT m.org_id AS org_id, m.program_id AS program_id, min(m.day) AS first, max(m.day) AS last, any(p.zone) AS zone
            FROM moves AS m JOIN programs_in_force AS p USING (org_id, program_id)
            GROUP BY org_id, program_id
        ) AS d USING (org_id, program_id)
    ) AS s
)
SELECT g.org_id AS org_id, g.program_id AS program_id, g.day AS day, n.tier AS tier, n.name AS name,
    sum(c.step) OVER (PARTITION BY g.org_id, g.program_id, g.tier_id ORDER BY g.day) AS customers
FROM grid AS g
LEFT JOIN (
    SELECT org_id, program_id, tier_id, day, toInt64(sum(step)) AS step
    FROM moves GROUP BY org_id, program_id, tier_id, day
) AS c USING (org_id, program_id, tier_id, day)
LEFT JOIN tiers_in_force AS n USING (org_id, program_id, tier_id);

CREATE OR REPLACE VIEW points_by_day AS
SELECT e.org_id AS org_id, e.program_id AS program_id, e.currency AS currency,
    toDate32(formatDateTime(e.at, '%F', p.zone)) AS day,
    sumIf(-e.points, e.account = 'issued') AS issued, sumIf(e.points, e.account = 'reversed') AS reversed,
    sumIf(e.points, e.account = 'expired') AS expired, sumIf(e.points, e.account = 'redeemed') AS redeemed,
    sumIf(e.points, e.account = 'adjusted') AS debited
FROM ledger_entries AS e
JOIN programs_in_force AS p USING (org_id, program_id)
GROUP BY org_id, program_id, currency, day;

-- How far customers get: all of the program, those with progress, those who reached it once, twice, three times; without
-- what returns and updates undid. cycles, achievements: of all customers, those with progress and those that were met.
CREATE OR REPLACE VIEW milestone_funnel AS
SELECT m.org_id AS org_id, m.program_id AS program_id, m.milestone_id AS milestone_id, m.name AS name,
    a.customers AS customers, toInt64(countIf(e.progressed)) AS progressed, toInt64(countIf(e.achieved >= 1)) AS achieved,
    toInt64(countIf(e.achieved >= 2)) AS achieved_twice, toInt64(countIf(e.achieved >= 3)) AS achieved_three_times,
    toInt64(sum(e.cycles)) AS cycles, toInt64(sum(e.achieved)) AS achievements
FROM (
    SELECT org_id, program_id, milestone_id, name
    FROM program_milestones AS m JOIN programs_in_force AS p USING (org_id, program_id, version)
) AS m
LEFT JOIN (
    SELECT org_id, program_id, toInt64(uniqExact(customer_id)) AS customers FROM adoptions GROUP BY org_id, program_id
) AS a USING (org_id, program_id)
LEFT JOIN (
    SELECT org_id, program_id, milestone_id, customer_id, max(value > 0 AND NOT recorded) AS progressed,
        sum(value > 0 AND NOT recorded) AS cycles, sum(achieved) AS achieved
    FROM customer_milestones GROUP BY org_id, program_id, milestone_id, customer_id
) AS e USING (org_id, program_id, milestone_id)
GROUP BY org_id, program_id, milestone_id, name, customers;

-- By length: whose longest run it is, and whose run it is now.
CREATE OR REPLACE VIEW streak_lengths AS
SELECT org_id, program_id, streak_id, length, toInt64(sum(is_longest)) AS longest, toInt64(sum(1 - is_longest)) AS running
FROM (
    SELECT org_id, program_id, streak_id, pair.1 AS length, pair.2 AS is_longest
    FROM customer_streaks
    ARRAY JOIN [(longest, 1), (run, 0)] AS pair
)
GROUP BY org_id, program_id, streak_id, length;

CREATE OR REPLACE VIEW notification_counts AS
SELECT org_id, event_name, toInt64(count()) AS notifications, toInt64(uniqExact(event_id)) AS event_ids
FROM notifications
GROUP BY org_id, event_name;

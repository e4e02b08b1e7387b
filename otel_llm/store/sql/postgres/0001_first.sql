-- Amounts are whole numbers: pico-USD (1e-12 USD), tokens, requests. Times are milliseconds since 1970, UTC.

-- One row a gen_ai span. What was said is never kept here. Partitioned by day of start_ms, so that a day that is not kept
-- any longer is dropped at once; what belongs to no day's partition goes to the default one.
CREATE TABLE llm_traces (
    trace_id            bytea   NOT NULL,
    span_id             bytea   NOT NULL,
    parent_span_id      bytea   NOT NULL,
    start_ms            bigint  NOT NULL,
    end_ms              bigint  NOT NULL,
    environment         text,
    tenant              text,
    route               text,
    user_key            text,
    conversation_key    text,
    prompt              text,
    app_version         text,
    eval_id             text,
    operation           text,
    provider            text,
    request_model       text,
    response_model      text,
    response_id         text,
    input_tokens        bigint,
    output_tokens       bigint,
    cache_read_tokens   bigint,
    cache_write_tokens  bigint,
    reasoning_tokens    bigint,
    cost_pico           bigint,           -- NULL: unknown, which is not nothing
    cost_status         text,
    price_version       text,
    ttft_ms             bigint,
    error_type          text,
    finish_reason       text,
    reservation_id      text,
    fate                text    NOT NULL,  -- charged, duplicate or repeated
    PRIMARY KEY (trace_id, span_id, start_ms)
) PARTITION BY RANGE (start_ms);
CREATE TABLE llm_traces_other PARTITION OF llm_traces DEFAULT;
CREATE INDEX llm_traces_start ON llm_traces (start_ms);

-- What has been seen: spans by trace id and span id, responses by a digest of their id and model. Makes every call count
-- once, and is kept for as long as anybody may send one again, whatever becomes of its row in llm_traces.
CREATE TABLE sightings (
    identity        bytea   NOT NULL PRIMARY KEY,
    at_ms           bigint  NOT NULL,
    start_ms        bigint,           -- NULL: announced, not seen
    digest          bytea   NOT NULL,
    cost            bigint,
    input_tokens    bigint,
    output_tokens   bigint,
    requests        bigint,
    lines           text    NOT NULL,      -- what it stands charged to: [[budget, subject, period, unit], ...]
    original        bytea,                  -- the span that is charged instead
    reservation_id  text
);
CREATE INDEX sightings_at ON sightings (at_ms);

-- Budgets as they are configured, each version of each.
CREATE TABLE budgets (
    id              text    NOT NULL,
    version         bigint  NOT NULL,
    since_ms        bigint  NOT NULL,
    definition      text,                  -- JSON; NULL: removed from then on
    PRIMARY KEY (id, version)
);

-- One number for each budget, whom it is counted for, and period. A new period is a new row: nothing is ever reset. The
-- keys of a rolling window's parts sort as time goes, in the C locale.
CREATE TABLE counters (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    budget          text    NOT NULL,
    subject         text    NOT NULL,
    period          text COLLATE "C"    NOT NULL,
    unit            text    NOT NULL,
    settled         bigint  NOT NULL,
    held            bigint  NOT NULL,      -- never below 0; a CHECK would see what is taken away, before it is added up
    UNIQUE (budget, subject, period)
) WITH (fillfactor = 50);                  -- room beside each hot row for its next versions

-- Reservations that were granted.
CREATE TABLE holds (
    id              text    NOT NULL PRIMARY KEY,
    state           text    NOT NULL,
    at_ms           bigint  NOT NULL,
    expires_at_ms   bigint  NOT NULL,
    lines           text    NOT NULL,      -- [[budget, subject, period, unit, amount], ...]
    cost            bigint  NOT NULL,
    input_tokens    bigint  NOT NULL,
    output_tokens   bigint  NOT NULL,
    requests        bigint  NOT NULL,
    provider        text    NOT NULL,
    model           text    NOT NULL
);
CREATE INDEX holds_expiry ON holds (expires_at_ms) WHERE state = 'held';

-- Every change of what is settled; never updated. A counter's settled amount is the sum of its rows here.
CREATE TABLE ledger (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at_ms           bigint  NOT NULL,
    kind            text    NOT NULL,
    counter_id      bigint  NOT NULL REFERENCES counters (id),
    amount          bigint  NOT NULL,
    reservation_id  text,
    call            bytea,                  -- trace id and span id
    reason          text
);
CREATE INDEX ledger_reservation ON ledger (reservation_id) WHERE reservation_id IS NOT NULL;

-- What happened to a budget: crossings of thresholds, each once, and changes of its definition.
CREATE TABLE budget_events (
    budget          text    NOT NULL,
    subject         text    NOT NULL,
    period          text COLLATE "C"    NOT NULL,
    event           text    NOT NULL,      -- such as threshold:80
    at_ms           bigint  NOT NULL,
    detail          text,
    PRIMARY KEY (budget, subject, period, event)
);

-- What is to be told to whom, and how that went.
CREATE TABLE alerts (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    created_ms      bigint  NOT NULL,
    receiver        text    NOT NULL,
    body            text    NOT NULL,
    attempts        bigint  NOT NULL,
    next_attempt_ms bigint,           -- NULL: delivered, or given up
    delivered_ms    bigint
);
CREATE INDEX alerts_due ON alerts (next_attempt_ms) WHERE next_attempt_ms IS NOT NULL;

-- Amounts are whole numbers: pico-USD (1e-12 USD), tokens, requests. Times are milliseconds since 1970, UTC.

-- One row a gen_ai span. What was said is never kept here.
CREATE TABLE llm_traces (
    trace_id            BLOB    NOT NULL,
    span_id             BLOB    NOT NULL,
    parent_span_id      BLOB    NOT NULL,
    start_ms            INTEGER NOT NULL,
    end_ms              INTEGER NOT NULL,
    environment         TEXT,
    tenant              TEXT,
    route               TEXT,
    user_key            TEXT,
    conversation_key    TEXT,
    prompt              TEXT,
    app_version         TEXT,
    eval_id             TEXT,
    operation           TEXT,
    provider            TEXT,
    request_model       TEXT,
    response_model      TEXT,
    response_id         TEXT,
    input_tokens        INTEGER,
    output_tokens       INTEGER,
    cache_read_tokens   INTEGER,
    cache_write_tokens  INTEGER,
    reasoning_tokens    INTEGER,
    cost_pico           INTEGER,          -- NULL: unknown, which is not nothing
    cost_status         TEXT,
    price_version       TEXT,
    ttft_ms             INTEGER,
    error_type          TEXT,
    finish_reason       TEXT,
    reservation_id      TEXT,
    fate                TEXT    NOT NULL,  -- charged, duplicate or repeated
    PRIMARY KEY (trace_id, span_id)
) STRICT;
CREATE INDEX llm_traces_start ON llm_traces (start_ms);

-- What has been seen: spans by trace id and span id, responses by a digest of their id and model. Makes every call count
-- once, and is kept for as long as anybody may send one again, whatever becomes of its row in llm_traces.
CREATE TABLE sightings (
    identity        BLOB    NOT NULL PRIMARY KEY,
    at_ms           INTEGER NOT NULL,
    start_ms        INTEGER,               -- NULL: announced, not seen
    digest          BLOB    NOT NULL,
    cost            INTEGER,
    input_tokens    INTEGER,
    output_tokens   INTEGER,
    requests        INTEGER,
    lines           TEXT    NOT NULL,      -- what it stands charged to: [[budget, subject, period, unit], ...]
    original        BLOB,                  -- the span that is charged instead
    reservation_id  TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX sightings_at ON sightings (at_ms);

-- Budgets as they are configured, each version of each.
CREATE TABLE budgets (
    id              TEXT    NOT NULL,
    version         INTEGER NOT NULL,
    since_ms        INTEGER NOT NULL,
    definition      TEXT,                  -- JSON; NULL: removed from then on
    PRIMARY KEY (id, version)
) STRICT, WITHOUT ROWID;

-- One number for each budget, whom it is counted for, and period. A new period is a new row: nothing is ever reset.
CREATE TABLE counters (
    id              INTEGER PRIMARY KEY,
    budget          TEXT    NOT NULL,
    subject         TEXT    NOT NULL,
    period          TEXT    NOT NULL,
    unit            TEXT    NOT NULL,
    settled         INTEGER NOT NULL,
    held            INTEGER NOT NULL CHECK (held >= 0),
    UNIQUE (budget, subject, period)
) STRICT;

-- Reservations that were granted.
CREATE TABLE holds (
    id              TEXT    NOT NULL PRIMARY KEY,
    state           TEXT    NOT NULL,
    at_ms           INTEGER NOT NULL,
    expires_at_ms   INTEGER NOT NULL,
    lines           TEXT    NOT NULL,      -- [[budget, subject, period, unit, amount], ...]
    cost            INTEGER NOT NULL,
    input_tokens    INTEGER NOT NULL,
    output_tokens   INTEGER NOT NULL,
    requests        INTEGER NOT NULL,
    provider        TEXT    NOT NULL,
    model           TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX holds_expiry ON holds (expires_at_ms) WHERE state = 'held';

-- Every change of what is settled; never updated. A counter's settled amount is the sum of its rows here.
CREATE TABLE ledger (
    id              INTEGER PRIMARY KEY,
    at_ms           INTEGER NOT NULL,
    kind            TEXT    NOT NULL,
    counter_id      INTEGER NOT NULL REFERENCES counters (id),
    amount          INTEGER NOT NULL,
    reservation_id  TEXT,
    call            BLOB,                  -- trace id and span id
    reason          TEXT
) STRICT;
CREATE INDEX ledger_reservation ON ledger (reservation_id) WHERE reservation_id IS NOT NULL;

-- What happened to a budget: crossings of thresholds, each once, and changes of its definition.
CREATE TABLE budget_events (
    budget          TEXT    NOT NULL,
    subject         TEXT    NOT NULL,
    period          TEXT    NOT NULL,
    event           TEXT    NOT NULL,      -- such as threshold:80
    at_ms           INTEGER NOT NULL,
    detail          TEXT,
    PRIMARY KEY (budget, subject, period, event)
) STRICT, WITHOUT ROWID;

-- What is to be told to whom, and how that went.
CREATE TABLE alerts (
    id              INTEGER PRIMARY KEY,
    created_ms      INTEGER NOT NULL,
    receiver        TEXT    NOT NULL,
    body            TEXT    NOT NULL,
    attempts        INTEGER NOT NULL,
    next_attempt_ms INTEGER,               -- NULL: delivered, or given up
    delivered_ms    INTEGER
) STRICT;
CREATE INDEX alerts_due ON alerts (next_attempt_ms) WHERE next_attempt_ms IS NOT NULL;

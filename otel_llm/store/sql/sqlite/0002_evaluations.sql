-- What evaluations have found about calls, each once however often it is sent.
CREATE TABLE eval_results (
    id              INTEGER PRIMARY KEY,
    trace_id        BLOB    NOT NULL,
    span_id         BLOB    NOT NULL,
    evaluator       TEXT    NOT NULL,
    evaluator_rev   TEXT    NOT NULL,
    kind            TEXT    NOT NULL,      -- online or offline
    run_id          TEXT    NOT NULL,      -- empty outside of a run
    case_id         TEXT,
    repeat          INTEGER NOT NULL,
    score           REAL,
    label           TEXT,
    explanation     TEXT,
    error_type      TEXT,
    cost_pico       INTEGER,
    sample_prob     REAL,                  -- with which the call was chosen to be evaluated
    at_ms           INTEGER NOT NULL,
    UNIQUE (trace_id, span_id, evaluator, evaluator_rev, run_id, repeat)
) STRICT;
CREATE INDEX eval_results_at ON eval_results (at_ms);

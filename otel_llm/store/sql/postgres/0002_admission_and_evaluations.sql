-- Counts the changes of a row: whoever copies it knows the later of two copies.
ALTER TABLE counters ADD COLUMN version bigint NOT NULL DEFAULT 0;

-- What evaluations have found about calls, each once however often it is sent.
CREATE TABLE eval_results (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    trace_id        bytea   NOT NULL,
    span_id         bytea   NOT NULL,
    evaluator       text    NOT NULL,
    evaluator_rev   text    NOT NULL,
    kind            text    NOT NULL,      -- online or offline
    run_id          text    NOT NULL,      -- empty outside of a run
    case_id         text,
    repeat          bigint  NOT NULL,
    score           double precision,
    label           text,
    explanation     text,
    error_type      text,
    cost_pico       bigint,
    sample_prob     double precision,      -- with which the call was chosen to be evaluated
    at_ms           bigint  NOT NULL,
    UNIQUE (trace_id, span_id, evaluator, evaluator_rev, run_id, repeat)
);
CREATE INDEX eval_results_at ON eval_results (at_ms);

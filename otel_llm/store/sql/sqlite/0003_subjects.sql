-- Whom budgets are counted for, one at a time, in one span of time: so many have counters of their own, and not more.
CREATE TABLE members (
    budget      TEXT    NOT NULL,
    span        TEXT    NOT NULL,
    subject     TEXT    NOT NULL,
    at_ms       INTEGER NOT NULL,
    PRIMARY KEY (budget, span, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_at ON members (at_ms);

-- How many have asked for a place.
CREATE TABLE crowds (
    budget      TEXT    NOT NULL,
    span        TEXT    NOT NULL,
    asked       INTEGER NOT NULL,
    PRIMARY KEY (budget, span)
) STRICT, WITHOUT ROWID;

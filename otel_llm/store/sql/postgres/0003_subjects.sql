-- Whom budgets are counted for, one at a time, in one span of time: so many have counters of their own, and not more.
CREATE TABLE members (
    budget      text    NOT NULL,
    span        text    NOT NULL,
    subject     text    NOT NULL,
    at_ms       bigint  NOT NULL,
    PRIMARY KEY (budget, span, subject)
);
CREATE INDEX members_at ON members (at_ms);

-- How many have asked for a place.
CREATE TABLE crowds (
    budget      text    NOT NULL,
    span        text    NOT NULL,
    asked       bigint  NOT NULL,
    PRIMARY KEY (budget, span)
);

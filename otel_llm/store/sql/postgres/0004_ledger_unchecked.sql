-- The counter of each row was looked up and locked by itself, which was a third of the time of a batch. Its id is what the
-- same transaction got for it, counters are never deleted, and nobody else writes here.
ALTER TABLE ledger DROP CONSTRAINT ledger_counter_id_fkey;

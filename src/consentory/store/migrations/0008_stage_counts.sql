-- Counts that a person should look at, beside the books; and repeated faults of a batch kept once.

ALTER TABLE import
  ADD COLUMN undated_choices bigint NOT NULL DEFAULT 0 CHECK (undated_choices >= 0),
  ADD COLUMN refused_opt_outs integer NOT NULL DEFAULT 0 CHECK (refused_opt_outs >= 0),
  ADD COLUMN numbers_without_country_code bigint NOT NULL DEFAULT 0 CHECK (numbers_without_country_code >= 0),
  ADD CONSTRAINT refused_opt_outs_bound CHECK (refused_opt_outs <= failed + exceptions);

-- A row stands for `repeats` records from sequence_number on, all of one frame, which have the same faults.
ALTER TABLE import_fault ADD COLUMN repeats smallint NOT NULL DEFAULT 1 CHECK (repeats BETWEEN 1 AND 64);

-- How many people may be contacted for each filter, counted by a worker once a day, after imports, and when somebody
-- asks for it.

CREATE TABLE audience_count (
  account_id integer NOT NULL DEFAULT current_account(),
  day date NOT NULL,                               -- in UTC
  wanted_at timestamptz NOT NULL DEFAULT now(),    -- the people shall be counted as they are at this time, or later
  began_at timestamptz,                            -- the last begin of a count. A count without an end begins anew later
  counted_at timestamptz,                          -- the begin of the count that `counts` is from
  ended_at timestamptz,                            -- the end of that count
  counts jsonb,                                    -- for each filter: people with an opt-in, and with an opt-out, in force
  PRIMARY KEY (account_id, day),
  CHECK ((counted_at IS NULL) = (counts IS NULL) AND (ended_at IS NULL) = (counts IS NULL)),
  CHECK (counted_at <= began_at)
);

ALTER TABLE audience_count ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_account ON audience_count USING (account_id = current_account());

GRANT SELECT, INSERT, UPDATE ON audience_count TO consentory_service;
GRANT SELECT, INSERT, UPDATE ON audience_count TO consentory_worker;

-- The ledger holds one row for each application of a record, with all choices applied then, instead of one for each
-- choice: who, when and from where are said once. Bodies and choices are json and no longer jsonb: they are written
-- and read whole, and the text is a quarter smaller and parsed once less (docs/adr/0011-rows-and-bytes-a-person.md).

ALTER TABLE profile ALTER COLUMN body TYPE json;

ALTER TABLE ledger RENAME TO ledger_by_choice;
ALTER INDEX ledger_pkey RENAME TO ledger_by_choice_pkey;

-- What a person agreed to, and when we learnt it. Insert-only; only the erasure of the person deletes.
CREATE TABLE ledger (
  account_id integer NOT NULL DEFAULT current_account(),
  profile_id bigint NOT NULL,
  entry integer NOT NULL,                          -- number of the first choice: 1, 2, ... within the person
  choices json NOT NULL CHECK (json_typeof(choices) = 'array'),  -- domain/profile.py, LedgerEntry, in order
  recorded timestamptz NOT NULL,
  caller text NOT NULL,
  import_id uuid,
  sequence_number integer,
  PRIMARY KEY (account_id, profile_id, entry)
);

INSERT INTO ledger (account_id, profile_id, entry, choices, recorded, caller, import_id, sequence_number)
SELECT account_id, profile_id, entry, json_build_array(json_build_object(
    'of', of, 'place', place, 'at', (extract(epoch FROM collected) * 1000000)::bigint, 'value', value)),
  recorded, caller, import_id, sequence_number
FROM ledger_by_choice;
DROP TABLE ledger_by_choice;

ALTER TABLE ledger ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_account ON ledger USING (account_id = current_account());
GRANT SELECT ON ledger TO consentory_service, consentory_worker;
GRANT INSERT, DELETE ON ledger TO consentory_service, consentory_worker;

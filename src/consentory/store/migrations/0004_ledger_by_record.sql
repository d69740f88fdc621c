-- The ledger holds one row for each application of a record, with all choices applied then, instead of one for each
-- choice: who, when and from where are said once (docs/adr/0011-ledger-by-record.md).

ALTER TABLE ledger RENAME TO ledger_by_choice;
ALTER INDEX ledger_pkey RENAME TO ledger_by_choice_pkey;

-- What a person agreed to, and when we learnt it. Insert-only; only the erasure of the person deletes.
CREATE TABLE ledger (
  account_id integer NOT NULL DEFAULT current_account(),
  profile_id bigint NOT NULL,
  entry integer NOT NULL,                          -- number of the first choice: 1, 2, ... within the person
  choices jsonb NOT NULL CHECK (jsonb_typeof(choices) = 'array'),  -- domain/profile.py, LedgerEntry, in order
  recorded timestamptz NOT NULL,
  caller text NOT NULL,
  import_id uuid,
  sequence_number integer,
  PRIMARY KEY (account_id, profile_id, entry)
);

INSERT INTO ledger (account_id, profile_id, entry, choices, recorded, caller, import_id, sequence_number)
SELECT account_id, profile_id, entry, jsonb_build_array(jsonb_build_object(
    'of', of, 'place', place, 'at', (extract(epoch FROM collected) * 1000000)::bigint, 'value', value)),
  recorded, caller, import_id, sequence_number
FROM ledger_by_choice;
DROP TABLE ledger_by_choice;

ALTER TABLE ledger ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_account ON ledger USING (account_id = current_account());
GRANT SELECT ON ledger TO consentory_service, consentory_worker;
GRANT INSERT, DELETE ON ledger TO consentory_service, consentory_worker;

-- Positions: a dense number for each change of a person (docs/adr/0017-positions.md). Changes from before this migration
-- have no position.

-- One row for all changes that are applied together: a slice of an import, or a single write. Changes are never updated;
-- only the positions are filled in, after the commit.
CREATE TABLE change_block (
  account_id integer NOT NULL DEFAULT current_account(),
  block_id uuid NOT NULL,
  wal_place bigint NOT NULL,                       -- place in PostgreSQL's log: the order of application of a person
  first_position bigint,                           -- of the first change of the block; NULL: not numbered yet
  change_count integer NOT NULL CHECK (change_count > 0),
  applied_at timestamptz NOT NULL,
  import_id uuid,                                  -- NULL: a single write
  changes bytea NOT NULL,                          -- store/tables/change_store.py, pack_changes; no personal data
  PRIMARY KEY (account_id, block_id)
);
ALTER TABLE change_block ALTER COLUMN changes SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX change_block_position ON change_block (account_id, first_position)
  WHERE first_position IS NOT NULL;
CREATE INDEX change_block_waiting ON change_block (account_id, wal_place, block_id) WHERE first_position IS NULL;

-- The range of positions of an account. The lock of its row is the right to number changes, and to delete old ones.
CREATE TABLE change_range (
  account_id integer NOT NULL DEFAULT current_account(),
  oldest bigint NOT NULL DEFAULT 1,                -- the oldest position that is kept
  latest bigint NOT NULL DEFAULT 0,                -- the latest position that was given
  PRIMARY KEY (account_id),
  CHECK (oldest > 0 AND oldest <= latest + 1)
);

DO $$
DECLARE walled text;
BEGIN
  FOREACH walled IN ARRAY ARRAY['change_block', 'change_range']
  LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', walled);
    EXECUTE format('CREATE POLICY own_account ON %I USING (account_id = current_account())', walled);
  END LOOP;
END $$;

GRANT SELECT ON change_block, change_range TO consentory_service, consentory_worker;
GRANT INSERT ON change_block TO consentory_service, consentory_worker;
GRANT UPDATE, DELETE ON change_block TO consentory_worker;
GRANT INSERT, UPDATE ON change_range TO consentory_worker;

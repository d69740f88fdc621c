-- Previews: the effects that an import would have, found out without any change of a person (docs/effects.md).

-- One preview an import; a new one replaces it. The workers read all of it from one snapshot of the database.
CREATE TABLE import_preview (
  account_id integer NOT NULL DEFAULT current_account(),
  import_id uuid NOT NULL,
  preview_id uuid NOT NULL,
  state text NOT NULL DEFAULT 'Running' CHECK (state IN ('Running', 'Done', 'Failed')),
  requested_at timestamptz NOT NULL DEFAULT now(),
  as_of timestamptz,                               -- of the snapshot; NULL: no worker began yet
  snapshot text,                                   -- name of the exported snapshot, valid while its transaction lasts
  configuration_revision integer NOT NULL,         -- with the next: other values now mean that the preview is stale
  received integer NOT NULL,
  first_profile_id bigint,
  records integer NOT NULL,
  records_done integer NOT NULL DEFAULT 0,
  exceptions integer NOT NULL DEFAULT 0,
  not_honored integer NOT NULL DEFAULT 0,
  created integer NOT NULL DEFAULT 0,
  updated integer NOT NULL DEFAULT 0,
  unchanged integer NOT NULL DEFAULT 0,
  deleted integer NOT NULL DEFAULT 0,
  effects bigint[] NOT NULL,                       -- in the order of domain/effects.py, EFFECT_KINDS
  limits_exceeded jsonb NOT NULL DEFAULT '[]',
  PRIMARY KEY (account_id, import_id),
  CONSTRAINT preview_books CHECK (
    records_done = created + updated + unchanged + deleted + exceptions + not_honored AND records_done <= records)
);
CREATE INDEX import_preview_running ON import_preview (requested_at) WHERE state = 'Running';

-- Parts of a preview that are not done yet: as import_chunk, but a group is never divided.
CREATE TABLE preview_chunk (
  account_id integer NOT NULL DEFAULT current_account(),
  import_id uuid NOT NULL,
  preview_id uuid NOT NULL,
  chunk_number integer NOT NULL,
  first_sequence integer NOT NULL,
  last_sequence integer NOT NULL,
  sequences integer[],
  excluded integer[] NOT NULL DEFAULT '{}',
  PRIMARY KEY (account_id, import_id, preview_id, chunk_number)
);
CREATE INDEX preview_chunk_waiting ON preview_chunk (chunk_number);

-- Single changes: all of the dangerous kinds, the first 1,000 of each other kind.
CREATE TABLE preview_change (
  account_id integer NOT NULL DEFAULT current_account(),
  import_id uuid NOT NULL,
  preview_id uuid NOT NULL,
  kind text COLLATE "C" NOT NULL,
  sequence_number integer NOT NULL,
  number integer NOT NULL,                         -- tells the changes of one record and kind apart
  profile_id bigint,                               -- NULL: the person would be new
  change bytea NOT NULL,                           -- JSON; not jsonb, which refuses the U+0000 that a value may hold
  PRIMARY KEY (account_id, import_id, preview_id, kind, sequence_number, number)
);

DO $$
DECLARE walled text;
BEGIN
  FOREACH walled IN ARRAY ARRAY['import_preview', 'preview_chunk', 'preview_change']
  LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', walled);
    EXECUTE format('CREATE POLICY own_account ON %I USING (account_id = current_account())', walled);
  END LOOP;
END $$;

GRANT SELECT ON import_preview, preview_chunk, preview_change TO consentory_service, consentory_worker;
GRANT INSERT, UPDATE ON import_preview TO consentory_service;
GRANT INSERT ON preview_chunk, preview_change TO consentory_worker;
GRANT UPDATE ON import_preview, preview_chunk TO consentory_worker;
GRANT DELETE ON import_preview, preview_chunk, preview_change TO consentory_worker;

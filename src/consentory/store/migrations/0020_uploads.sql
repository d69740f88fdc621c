-- Files that people upload, until they are staged imports, and the mappings that an account keeps.

-- One file. Its bytes are in upload_part, so that every server and worker can read them behind the same wall.
CREATE TABLE upload (
  account_id integer NOT NULL DEFAULT current_account(),
  upload_id uuid NOT NULL,
  file_name text NOT NULL CHECK (length(file_name) BETWEEN 1 AND 255),
  size bigint CHECK (size > 0),                    -- as announced; NULL: a form sends it, and the end is not known yet
  received bigint NOT NULL DEFAULT 0 CHECK (received >= 0),
  caller text COLLATE "C" NOT NULL,
  state text NOT NULL DEFAULT 'Receiving'
    CHECK (state IN ('Receiving', 'Recognizing', 'Recognized', 'Staging', 'Staged', 'Failed', 'GivenUp')),
  created_at timestamptz NOT NULL DEFAULT now(),
  touched_at timestamptz NOT NULL DEFAULT now(),   -- of the last part or call
  attempts integer NOT NULL DEFAULT 0,             -- processes that began the work and have not got further
  options bytea NOT NULL DEFAULT '{}',             -- JSON: how to read the file
  recognition bytea,                               -- JSON: the form and the first rows; it holds people
  staging_order bytea,                             -- JSON: how to stage it
  orders integer NOT NULL DEFAULT 0,
  import_id uuid,                                  -- the import of the last order
  phase text CHECK (phase IN ('Check', 'Stage')),
  bytes_done bigint NOT NULL DEFAULT 0,
  records_done bigint NOT NULL DEFAULT 0,
  counts bytea,                                    -- JSON: rows, refused rows ...
  fault_code text,
  fault text,                                      -- for a person; it may hold cells of the file
  PRIMARY KEY (account_id, upload_id),
  CONSTRAINT not_more_than_announced CHECK (size IS NULL OR received <= size),
  CONSTRAINT whole_when_read CHECK (state IN ('Receiving', 'GivenUp') OR received = size),
  CONSTRAINT ordered_when_staged CHECK (state NOT IN ('Staging', 'Staged') OR staging_order IS NOT NULL),
  CONSTRAINT staged_has_import CHECK (state <> 'Staged' OR import_id IS NOT NULL)
);
CREATE INDEX upload_waiting ON upload (touched_at) WHERE state IN ('Recognizing', 'Staging');

CREATE TABLE upload_part (
  account_id integer NOT NULL DEFAULT current_account(),
  upload_id uuid NOT NULL,
  first_byte bigint NOT NULL,
  bytes bytea NOT NULL,
  PRIMARY KEY (account_id, upload_id, first_byte)
);
ALTER TABLE upload_part ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- A mapping that a person saved under a name for the account.
CREATE TABLE saved_mapping (
  account_id integer NOT NULL DEFAULT current_account(),
  name text COLLATE "C" NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  document text NOT NULL CHECK (octet_length(document) <= 65536),
  caller text COLLATE "C" NOT NULL,
  saved_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (account_id, name)
);

DO $$
DECLARE walled text;
BEGIN
  FOREACH walled IN ARRAY ARRAY['upload', 'upload_part', 'saved_mapping']
  LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', walled);
    EXECUTE format('CREATE POLICY own_account ON %I USING (account_id = current_account())', walled);
  END LOOP;
END $$;

GRANT SELECT, INSERT, UPDATE ON upload TO consentory_service;
GRANT SELECT, INSERT ON upload_part TO consentory_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON saved_mapping TO consentory_service;
-- The worker finds work and deletes. The process that reads a file has the rights of the service and one account.
GRANT SELECT, UPDATE, DELETE ON upload TO consentory_worker;
GRANT SELECT (account_id, upload_id, first_byte), DELETE ON upload_part TO consentory_worker;

-- The whole schema of the first release: accounts, imports and their staging, people, and the walls between accounts.
-- Grammar of PostgreSQL 15. Every key begins with account_id and holds the column by which the table would be
-- distributed (profile_id, key_hash, or import_id): see docs/adr/0003-body-keys-ledger.md.

-- Roles ---------------------------------------------------------------------------------------------------------
-- consentory_service serves requests and is bound by every policy below. consentory_worker applies imports: it may
-- go round the policies, because COPY into a table under a policy is refused; the account of each row that it
-- writes is filled in by the database from the transaction's setting (see the column defaults).
DO $$ BEGIN
  CREATE ROLE consentory_service NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
DO $$ BEGIN
  CREATE ROLE consentory_worker NOLOGIN BYPASSRLS;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
GRANT consentory_service, consentory_worker TO CURRENT_USER;
GRANT USAGE ON SCHEMA public TO consentory_service, consentory_worker;

-- The account of this transaction, NULL when none is set: then every policy shows nothing.
CREATE FUNCTION current_account() RETURNS integer LANGUAGE sql STABLE
  AS $$ SELECT nullif(current_setting('consentory.account_id', true), '')::integer $$;

-- Accounts ------------------------------------------------------------------------------------------------------
CREATE TABLE account (
  account_id integer PRIMARY KEY,
  client_id text COLLATE "C" NOT NULL UNIQUE,
  revision integer NOT NULL,                       -- the configuration in force
  next_profile_id bigint NOT NULL DEFAULT 1 CHECK (next_profile_id > 0)
);

-- Every configuration ever applied: imports go by the revision of their execution's start.
CREATE TABLE configuration (
  account_id integer NOT NULL DEFAULT current_account(),
  revision integer NOT NULL,
  document jsonb NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (account_id, revision)
);

-- What a person was shown, kept with its hash as proof.
CREATE TABLE consent_text (
  account_id integer NOT NULL DEFAULT current_account(),
  consent_type text COLLATE "C" NOT NULL,
  version text COLLATE "C" NOT NULL,
  locale text COLLATE "C" NOT NULL,
  sha256 text NOT NULL,
  body text NOT NULL,
  first_applied_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (account_id, consent_type, version, locale)
);

CREATE TABLE credential (
  account_id integer NOT NULL DEFAULT current_account(),
  client_id text COLLATE "C" NOT NULL,
  user_id text NOT NULL,
  secret_hash text NOT NULL,                       -- argon2id
  created_at timestamptz NOT NULL DEFAULT now(),
  revoked_at timestamptz,
  PRIMARY KEY (account_id, client_id)
);
CREATE UNIQUE INDEX credential_client_id ON credential (client_id);

-- Keys that sign bearer tokens; of no account.
CREATE TABLE signing_key (
  key_id text COLLATE "C" PRIMARY KEY,
  secret text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

-- Imports -------------------------------------------------------------------------------------------------------
CREATE TABLE import (
  account_id integer NOT NULL DEFAULT current_account(),
  import_id uuid NOT NULL,
  access_token bigint NOT NULL UNIQUE CHECK (access_token BETWEEN 0 AND 9007199254740991),
  status text NOT NULL DEFAULT 'Initiated',
  settings jsonb NOT NULL,
  caller text COLLATE "C" NOT NULL,
  idempotency_key text COLLATE "C",
  request_hash bytea,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  queued_at timestamptz,
  started_at timestamptz,
  completed_at timestamptz,
  thinned_at timestamptz,                          -- DataStageDuration 0: when the records accepted went
  cleared_at timestamptz,                          -- when the last of them was gone
  purged_at timestamptz,                           -- when all staged records went
  failure_reason text,
  configuration_revision integer,                  -- fixed at execution's start
  first_profile_id bigint,                         -- the record with SequenceNumber n would create first_profile_id + n - 1
  batches integer NOT NULL DEFAULT 0,
  received integer NOT NULL DEFAULT 0,
  valid integer NOT NULL DEFAULT 0,
  failed integer NOT NULL DEFAULT 0,
  pending integer NOT NULL DEFAULT 0,
  exceptions integer NOT NULL DEFAULT 0,
  not_honored integer NOT NULL DEFAULT 0,
  created integer NOT NULL DEFAULT 0,
  updated integer NOT NULL DEFAULT 0,
  unchanged integer NOT NULL DEFAULT 0,
  deleted integer NOT NULL DEFAULT 0,
  PRIMARY KEY (account_id, import_id),
  CONSTRAINT status_known CHECK (status IN ('Initiated', 'Staging', 'Queued', 'Processing', 'Completed', 'Failed')),
  CONSTRAINT books_received CHECK (received = valid + failed),
  CONSTRAINT books_valid CHECK (valid = pending + created + updated + unchanged + deleted + exceptions + not_honored),
  CONSTRAINT books_signs CHECK (least(received, valid, failed, pending, exceptions, not_honored,
                                      created, updated, unchanged, deleted) >= 0),
  CONSTRAINT received_bound CHECK (received <= 10000000),
  CONSTRAINT initiated_is_empty CHECK (status <> 'Initiated' OR received = 0),
  CONSTRAINT applied_when_processing CHECK (status IN ('Processing', 'Completed') OR pending = valid),
  CONSTRAINT completed_is_worked_off CHECK (status <> 'Completed' OR pending = 0),
  CONSTRAINT staged_is_not_empty CHECK (status IN ('Initiated', 'Failed') OR received > 0),
  CONSTRAINT queued_has_time CHECK (status NOT IN ('Queued', 'Processing', 'Completed') OR queued_at IS NOT NULL),
  CONSTRAINT staging_has_none CHECK (status NOT IN ('Initiated', 'Staging') OR queued_at IS NULL),
  CONSTRAINT tidied_when_ended CHECK (status IN ('Completed', 'Failed')
                                      OR thinned_at IS NULL AND purged_at IS NULL AND cleared_at IS NULL),
  CONSTRAINT started_has_time CHECK ((status IN ('Processing', 'Completed')) = (started_at IS NOT NULL)),
  CONSTRAINT started_is_resolved CHECK ((started_at IS NOT NULL) = (first_profile_id IS NOT NULL)
                                        AND (started_at IS NOT NULL) = (configuration_revision IS NOT NULL)),
  CONSTRAINT ended_has_time CHECK ((status IN ('Completed', 'Failed')) = (completed_at IS NOT NULL)),
  CONSTRAINT failed_has_reason CHECK ((status = 'Failed') = (failure_reason IS NOT NULL))
);
-- Imports of one account run one at a time.
CREATE UNIQUE INDEX import_one_processing ON import (account_id) WHERE status = 'Processing';
CREATE UNIQUE INDEX import_idempotency ON import (account_id, caller, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX import_queued ON import (account_id, queued_at) WHERE status = 'Queued';
CREATE INDEX import_waiting ON import (expires_at) WHERE status IN ('Initiated', 'Staging');
CREATE INDEX import_unpurged ON import (created_at) WHERE status IN ('Completed', 'Failed') AND purged_at IS NULL;
CREATE INDEX import_uncleared ON import (purged_at) WHERE purged_at IS NOT NULL AND cleared_at IS NULL;
CREATE INDEX import_daily ON import (account_id, created_at);

CREATE TABLE import_batch (
  account_id integer NOT NULL DEFAULT current_account(),
  import_id uuid NOT NULL,
  batch_number integer NOT NULL,
  caller text NOT NULL,
  staged_at timestamptz NOT NULL,
  first_sequence integer NOT NULL,
  record_count integer NOT NULL,
  failed integer NOT NULL,
  idempotency_key text COLLATE "C",
  body_hash bytea,
  PRIMARY KEY (account_id, import_id, batch_number)
);
CREATE UNIQUE INDEX import_batch_idempotency ON import_batch (account_id, import_id, idempotency_key)
  WHERE idempotency_key IS NOT NULL;

-- Staged records, 64 to a row (docs/adr/0002-staged-frames.md): `raw` the records as sent, `work` the valid ones in
-- validated form, both zstd; beside them what resolving needs: the alternate ids and ProfileIds that records name.
CREATE TABLE import_frame (
  account_id integer NOT NULL DEFAULT current_account(),
  import_id uuid NOT NULL,
  first_sequence integer NOT NULL,
  record_count integer NOT NULL,
  batch_number integer NOT NULL,
  raw bytea NOT NULL,
  work bytea NOT NULL,
  named_keys uuid[] NOT NULL,                      -- key_hash of each alternate id named ...
  named_at smallint[] NOT NULL,                    -- ... by the record at this place in the frame, 0-based
  profile_ids bigint[] NOT NULL,
  profile_at smallint[] NOT NULL,
  PRIMARY KEY (account_id, import_id, first_sequence)
);
ALTER TABLE import_frame ALTER COLUMN raw SET STORAGE EXTERNAL, ALTER COLUMN work SET STORAGE EXTERNAL;

-- Why a record was refused (phase 1 at staging, 2 at execution) or what of it was held back (3).
CREATE TABLE import_fault (
  account_id integer NOT NULL DEFAULT current_account(),
  import_id uuid NOT NULL,
  held boolean NOT NULL,
  sequence_number integer NOT NULL,
  phase smallint NOT NULL CHECK (phase IN (1, 2, 3) AND held = (phase = 3)),
  faults bytea NOT NULL,                           -- JSON; not jsonb, which refuses the U+0000 that a Value may hold
  PRIMARY KEY (account_id, import_id, held, sequence_number)
);

-- Work not yet done. The row lock is the lease; a chunk worked off is deleted.
CREATE TABLE import_chunk (
  account_id integer NOT NULL DEFAULT current_account(),
  import_id uuid NOT NULL,
  chunk_number integer NOT NULL,
  next_sequence integer NOT NULL,                  -- where to go on
  last_sequence integer NOT NULL,
  sequences integer[],                             -- just these records (a group); NULL: all but `excluded`
  excluded integer[] NOT NULL DEFAULT '{}',
  waits_for integer,                               -- chunk_number that must be gone first
  PRIMARY KEY (account_id, import_id, chunk_number)
);
CREATE INDEX import_chunk_turn ON import_chunk (chunk_number);

-- People --------------------------------------------------------------------------------------------------------
CREATE TABLE profile (
  account_id integer NOT NULL DEFAULT current_account(),
  profile_id bigint NOT NULL,
  body jsonb NOT NULL,                             -- domain/profile.py, Body
  created timestamptz NOT NULL,
  modified timestamptz NOT NULL,
  active boolean NOT NULL,
  customer_type text,
  import_id uuid,                                  -- the import that made it; NULL: a single write
  PRIMARY KEY (account_id, profile_id)
);

-- Who holds an alternate id, actively. key_hash: domain/text.py, hash_key.
CREATE TABLE alternate_key (
  account_id integer NOT NULL DEFAULT current_account(),
  key_hash uuid NOT NULL,
  profile_id bigint NOT NULL,
  type text NOT NULL,
  value text NOT NULL,
  PRIMARY KEY (account_id, key_hash)
);

-- Who has an active email address (kind E) or phone number (kind P).
CREATE TABLE contact_key (
  account_id integer NOT NULL DEFAULT current_account(),
  key_hash uuid NOT NULL,
  profile_id bigint NOT NULL,
  kind text NOT NULL CHECK (kind IN ('E', 'P')),
  value text NOT NULL,
  PRIMARY KEY (account_id, key_hash, profile_id)
);

-- What a person agreed to, and when we learnt it. Insert-only; only the erasure of the person deletes.
CREATE TABLE ledger (
  account_id integer NOT NULL DEFAULT current_account(),
  profile_id bigint NOT NULL,
  entry integer NOT NULL,                          -- 1, 2, ... within the person: the order of application
  of text NOT NULL CHECK (of IN ('P', 'C')),
  place text NOT NULL,
  value jsonb NOT NULL,
  collected timestamptz NOT NULL,
  recorded timestamptz NOT NULL,
  caller text NOT NULL,
  import_id uuid,
  sequence_number integer,
  PRIMARY KEY (account_id, profile_id, entry)
);

-- What remains of a deleted person: no personal data.
CREATE TABLE tombstone (
  account_id integer NOT NULL DEFAULT current_account(),
  profile_id bigint NOT NULL,
  deleted_at timestamptz NOT NULL,
  caller text NOT NULL,
  import_id uuid,
  sequence_number integer,
  PRIMARY KEY (account_id, profile_id)
);

-- A tag's count is the sum of its changes; rows are only added, and folded into one now and then, so that
-- no two chunks wait for each other over a popular tag.
CREATE TABLE tag_change (
  account_id integer NOT NULL DEFAULT current_account(),
  tag text COLLATE "C" NOT NULL,
  name text NOT NULL,
  change integer NOT NULL
);
CREATE INDEX tag_change_account ON tag_change (account_id, tag);

-- Walls ---------------------------------------------------------------------------------------------------------
DO $$
DECLARE walled text;
BEGIN
  FOREACH walled IN ARRAY ARRAY['account', 'configuration', 'consent_text', 'credential', 'import', 'import_batch',
    'import_frame', 'import_fault', 'import_chunk', 'profile', 'alternate_key', 'contact_key', 'ledger', 'tombstone',
    'tag_change']
  LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', walled);
    EXECUTE format('CREATE POLICY own_account ON %I USING (account_id = current_account())', walled);
  END LOOP;
END $$;

GRANT SELECT ON ALL TABLES IN SCHEMA public TO consentory_service, consentory_worker;
GRANT INSERT ON account, configuration, consent_text, credential, signing_key, import, import_batch, import_frame,
  import_fault, profile, alternate_key, contact_key, ledger, tombstone, tag_change TO consentory_service;
GRANT UPDATE ON account, credential, import, profile TO consentory_service;
GRANT DELETE ON profile, alternate_key, contact_key, ledger TO consentory_service;

GRANT INSERT ON import_fault, import_chunk, profile, alternate_key, contact_key, ledger, tombstone, tag_change
  TO consentory_worker;
GRANT UPDATE ON account, import, import_chunk, import_frame, profile TO consentory_worker;
GRANT DELETE ON import_frame, import_fault, import_chunk, profile, alternate_key, contact_key, ledger,
  tag_change TO consentory_worker;

-- What must look across accounts while serving a request, as functions that give ids and nothing else.
CREATE FUNCTION account_of_client(wanted text) RETURNS integer LANGUAGE sql STABLE SECURITY DEFINER
  SET search_path = public, pg_temp
  AS $$ SELECT account_id FROM account WHERE client_id = wanted $$;
CREATE FUNCTION account_of_credential(wanted text) RETURNS integer LANGUAGE sql STABLE SECURITY DEFINER
  SET search_path = public, pg_temp
  AS $$ SELECT account_id FROM credential WHERE client_id = wanted $$;
CREATE FUNCTION next_account_id() RETURNS integer LANGUAGE sql STABLE SECURITY DEFINER
  SET search_path = public, pg_temp
  AS $$ SELECT coalesce(max(account_id), 0) + 1 FROM account $$;
REVOKE ALL ON FUNCTION account_of_client(text), account_of_credential(text), next_account_id() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION account_of_client(text), account_of_credential(text), next_account_id() TO consentory_service;

-- A profile as a thing that records name, in the same form as an alternate id's key.
CREATE FUNCTION profile_thing(profile_id bigint) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  AS $$ SELECT lpad(to_hex(profile_id), 32, '0')::uuid $$;

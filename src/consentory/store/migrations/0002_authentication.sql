-- Keys kept encrypted, two live at once; signatures of PNAUTHINFO3 that were used; attempts that failed.
-- What is sealed: AES-256-GCM under the secret key of the environment or the data folder (services/secret_box.py);
-- seal_id says under which.

-- The keys so far lay open. Tokens that they signed end with them; clients ask for new ones.
DELETE FROM signing_key;
ALTER TABLE signing_key
  DROP COLUMN secret,
  ADD COLUMN sealed bytea NOT NULL,
  ADD COLUMN seal_id text NOT NULL;

-- The key that an account's existing clients share, for PNAUTHINFO3.
CREATE TABLE hmac_key (
  account_id integer NOT NULL DEFAULT current_account(),
  key_id text COLLATE "C" NOT NULL,
  sealed bytea NOT NULL,                           -- empty once revoked
  seal_id text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  revoked_at timestamptz,
  PRIMARY KEY (account_id, key_id)
);

-- Signatures seen within the time that they count, to tell a second use: the scheme allows it, the audit trail notes it.
CREATE TABLE hmac_use (
  account_id integer NOT NULL DEFAULT current_account(),
  fingerprint bytea NOT NULL,                      -- of the signature, which itself is not kept
  uses integer NOT NULL DEFAULT 1,
  ends_at timestamptz NOT NULL,
  PRIMARY KEY (account_id, fingerprint)
);
CREATE INDEX hmac_use_ended ON hmac_use (account_id, ends_at);

-- Failed attempts by address, and by credential and address; of no account, as an attempt has none yet
-- (docs/adr/0009-throttling.md). The subject is a keyed hash: neither an address nor a credential can be read here.
CREATE TABLE auth_attempt (
  subject bytea PRIMARY KEY,
  failures integer NOT NULL,
  failed_at timestamptz,                           -- the last failure
  proven_until timestamptz,                        -- the right secret came from there: a crowd behind it does not count
  kept_until timestamptz NOT NULL
);
CREATE INDEX auth_attempt_kept ON auth_attempt (kept_until);

ALTER TABLE hmac_key ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_account ON hmac_key USING (account_id = current_account());
ALTER TABLE hmac_use ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_account ON hmac_use USING (account_id = current_account());

GRANT SELECT, INSERT, UPDATE ON hmac_key TO consentory_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON hmac_use, auth_attempt TO consentory_service;
GRANT UPDATE, DELETE ON signing_key TO consentory_service;
-- The worker knows nobody's secrets.
REVOKE SELECT ON credential, signing_key FROM consentory_worker;

-- The next account that has a live key sealed otherwise; NULL when none has.
CREATE FUNCTION account_to_reseal(seal text) RETURNS integer LANGUAGE sql STABLE SECURITY DEFINER
  SET search_path = public, pg_temp
  AS $$ SELECT min(account_id) FROM hmac_key WHERE revoked_at IS NULL AND seal_id <> seal $$;
REVOKE ALL ON FUNCTION account_to_reseal(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION account_to_reseal(text) TO consentory_service;

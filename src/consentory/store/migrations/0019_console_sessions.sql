-- Sessions of the console, and links that sign in once (docs/adr/0020-console.md).

CREATE TABLE console_session (
  account_id integer NOT NULL DEFAULT current_account(),
  session_hash bytea NOT NULL,                     -- SHA-256 of the cookie's value; the value itself is not stored
  user_id text COLLATE "C" NOT NULL,
  user_groups text[] NOT NULL,                     -- active groups of the user at sign-in; the session ends with each
  credential_id text COLLATE "C",                  -- NULL: the user signed in with a link
  created_at timestamptz NOT NULL DEFAULT now(),
  used_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (account_id, session_hash)
);
CREATE UNIQUE INDEX console_session_hash ON console_session (session_hash);

CREATE TABLE console_link (
  account_id integer NOT NULL DEFAULT current_account(),
  link_hash bytea NOT NULL,                        -- SHA-256 of the link's secret part
  user_id text COLLATE "C" NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (account_id, link_hash)
);
CREATE UNIQUE INDEX console_link_hash ON console_link (link_hash);

ALTER TABLE console_session ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_account ON console_session USING (account_id = current_account());
ALTER TABLE console_link ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_account ON console_link USING (account_id = current_account());

GRANT SELECT, INSERT, UPDATE, DELETE ON console_session TO consentory_service;
GRANT SELECT, INSERT, DELETE ON console_link TO consentory_service;

-- The account of a session or a link, which are looked up before their account is known. NULL: none.
CREATE FUNCTION account_of_session(wanted bytea) RETURNS integer LANGUAGE sql STABLE SECURITY DEFINER
  SET search_path = public, pg_temp
  AS $$ SELECT account_id FROM console_session WHERE session_hash = wanted $$;
CREATE FUNCTION account_of_link(wanted bytea) RETURNS integer LANGUAGE sql STABLE SECURITY DEFINER
  SET search_path = public, pg_temp
  AS $$ SELECT account_id FROM console_link WHERE link_hash = wanted $$;
REVOKE ALL ON FUNCTION account_of_session(bytea), account_of_link(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION account_of_session(bytea), account_of_link(bytea) TO consentory_service;

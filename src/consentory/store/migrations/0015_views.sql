-- Views for SQL: the bodies as rows, with the words of the wire (docs/sql.md). store/reader_views.py gives the views to
-- their own role, consentory_views, and opens them to consentory_reader (docs/adr/0018-views-and-their-readers.md).
-- Each view names the account as well: a restored dump may give the views to a superuser, whom no policy binds.
-- A later migration that changes a table below a view drops the views first and makes them again.

-- The logins that may read the views, each bound to one account. No role of the service reads or writes this table.
CREATE TABLE reader (
  account_id integer NOT NULL DEFAULT current_account(),
  login text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (account_id, login)
);
CREATE UNIQUE INDEX reader_login ON reader (login);
ALTER TABLE reader ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_account ON reader USING (account_id = current_account());

-- The account of the login of this session; NULL: the login is no reader. A session cannot change its session_user, as
-- it can change a setting.
CREATE FUNCTION reader_account() RETURNS integer LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE
  SET search_path = public, pg_temp
  BEGIN ATOMIC SELECT account_id FROM reader WHERE login = session_user::text; END;
REVOKE ALL ON FUNCTION reader_account() FROM PUBLIC;

-- These policies bind the roles of the service, and the views have a policy of their own. For a reader the setting
-- consentory.account_id has no meaning.
ALTER POLICY own_account ON account TO consentory_service, consentory_worker;
ALTER POLICY own_account ON configuration TO consentory_service, consentory_worker;
ALTER POLICY own_account ON import TO consentory_service, consentory_worker;
ALTER POLICY own_account ON ledger TO consentory_service, consentory_worker;
ALTER POLICY own_account ON profile TO consentory_service, consentory_worker;

-- Microseconds since 1970 as a time, exactly.
CREATE FUNCTION to_instant(micros bigint) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
  RETURN timestamptz 'epoch' + micros * interval '1 microsecond';

-- The consent of a type that precedence prefers among the consents of one place (domain/in_force.py,
-- _find_decisive). `ranks`: the place of each version in the order. Zero rows: there is no consent of the type.
CREATE FUNCTION decisive_consent(consents jsonb, type_name text, ranks jsonb)
  RETURNS TABLE (version text, status integer, at bigint, expires bigint, archived boolean)
  LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 1
  BEGIN ATOMIC
    SELECT c.version, c.status, c.at, c.expires, c.archived
    FROM (
      SELECT f.*, row_number() OVER w = 1 AS is_newest,
        first_value(f.at + (f.status <> 1)::integer) OVER w AS tie
      FROM (
        SELECT item->>'version' AS version, (item->>'status')::integer AS status, (item->>'at')::bigint AS at,
          (item->>'expires')::bigint AS expires, coalesce((item->>'archived')::boolean, false) AS archived,
          (ranks->>(item->>'version'))::integer AS rank
        FROM jsonb_array_elements(consents) AS item WHERE item->>'type' = type_name
      ) AS f
      WINDOW w AS (ORDER BY f.rank DESC)
    ) AS c
    WHERE c.is_newest OR (c.status IN (2, 3) AND c.at >= c.tie)
    ORDER BY (c.status IN (2, 3) AND c.at >= c.tie) DESC, c.at DESC, c.rank DESC
    LIMIT 1;
  END;

-- The Denied and Revoked consents of a type on the other elements of the same address.
CREATE FUNCTION address_noes(siblings jsonb, number bigint, compared text, type_name text)
  RETURNS TABLE (status integer, at bigint)
  LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 1
  BEGIN ATOMIC
    SELECT (item->>'status')::integer, (item->>'at')::bigint
    FROM jsonb_array_elements(siblings) WITH ORDINALITY AS other (element, other_number)
    CROSS JOIN LATERAL jsonb_array_elements(other.element->'consents') AS item
    WHERE other.other_number <> number AND other.element->>'compared' = compared
      AND item->>'type' = type_name AND item->>'status' IN ('2', '3');
  END;

-- For each filter its program, its channel and the consents that it requires; for each consent type the rank of each
-- version. One row: the configuration in force.
CREATE VIEW account_rules AS
SELECT (
    SELECT jsonb_object_agg(filter->>'id', jsonb_build_object(
      'program', program->'id', 'channel', filter->'channel', 'required', coalesce(filter->'requiredConsents', '[]')))
    FROM jsonb_array_elements(c.document->'programs') AS program
    CROSS JOIN LATERAL jsonb_array_elements(program->'filters') AS filter
  ) AS filters, (
    SELECT jsonb_object_agg(type->>'name', (
      SELECT jsonb_object_agg(version->>'version', rank)
      FROM jsonb_array_elements(type->'versions') WITH ORDINALITY AS v (version, rank)))
    FROM jsonb_array_elements(c.document->'consentTypes') AS type
  ) AS versions
FROM account AS a JOIN configuration AS c ON c.account_id = a.account_id AND c.revision = a.revision
WHERE a.account_id = (SELECT reader_account());

-- The places of choices: the person ('') and each contact element, as in the ledger. `siblings`: all elements of the
-- kind. The body is parsed once (OFFSET 0), and the rules are read once for each query.
CREATE VIEW choice_place AS
SELECT p.account_id, p.profile_id, p.active AND x.active AS active, x.place, x.kind, x.number, x.holder, x.siblings,
  b.body->'consents' AS person_consents, b.filters, b.versions
FROM profile AS p
CROSS JOIN LATERAL (
  SELECT p.body::jsonb AS body, (SELECT filters FROM account_rules) AS filters,
    (SELECT versions FROM account_rules) AS versions
  OFFSET 0
) AS b
CROSS JOIN LATERAL (
  SELECT true AS active, '' AS place, 'Profile' AS kind, 0::bigint AS number, b.body AS holder, NULL::jsonb AS siblings
  UNION ALL
  SELECT coalesce((e.element->>'active')::boolean, true), k.letter || (e.number - 1), k.kind, e.number, e.element,
    b.body->k.member
  FROM (VALUES ('E', 'Email', 'emails'), ('P', 'Phone', 'phones'), ('A', 'Address', 'addresses'))
    AS k (letter, kind, member)
  CROSS JOIN LATERAL jsonb_array_elements(b.body->k.member) WITH ORDINALITY AS e (element, number)
) AS x
WHERE p.account_id = (SELECT reader_account());

CREATE VIEW v_profile AS
SELECT p.profile_id, p.active AS is_active, b.body->>'locale' AS default_locale,
  coalesce((b.body->>'registered')::boolean, false) AS registration_confirmed, p.customer_type,
  b.body->'name'->>'Prefix' AS prefix, b.body->'name'->>'FirstName' AS first_name,
  b.body->'name'->>'MiddleName' AS middle_name, b.body->'name'->>'LastName' AS last_name,
  b.body->'name'->>'Suffix' AS suffix, p.created, p.modified AS edited, p.import_id
FROM profile AS p CROSS JOIN LATERAL (SELECT p.body::jsonb AS body OFFSET 0) AS b
WHERE p.account_id = (SELECT reader_account());

CREATE VIEW v_contact AS
SELECT c.profile_id, c.place, c.kind, c.holder->>'type' AS contact_type,
  CASE c.kind WHEN 'Email' THEN given->>'EmailAddress' WHEN 'Phone' THEN given->>'PhoneNumber'
    ELSE concat_ws(', ', given->>'Address1', given->>'Address2', given->>'City', given->>'StateProvince',
                   given->>'PostalCode') END AS value,
  c.holder->>'compared' AS compared_value, (c.holder->>'mobile')::boolean AS is_mobile,
  given->>'Address1' AS address1, given->>'Address2' AS address2, given->>'City' AS city,
  given->>'StateProvince' AS state_province, given->>'PostalCode' AS postal_code,
  c.holder->>'country' AS country_code_alpha2, coalesce((c.holder->>'default')::boolean, false) AS is_default,
  coalesce((c.holder->>'active')::boolean, true) AS is_active, c.active AS in_force,
  to_instant(coalesce((c.holder->>'edited')::bigint, 0)) AS edited
FROM choice_place AS c CROSS JOIN LATERAL (SELECT c.holder->'given' AS given) AS g
WHERE c.kind <> 'Profile' AND c.holder->'same_as' IS NULL;

CREATE VIEW v_alternate_id AS
SELECT p.profile_id, item->>'type' AS alternate_id_type, item->>'value' AS alternate_id,
  coalesce((item->>'active')::boolean, true) AS is_active, to_instant((item->>'edited')::bigint) AS edited
FROM profile AS p CROSS JOIN LATERAL jsonb_array_elements(p.body::jsonb->'alternate_ids') AS item
WHERE p.account_id = (SELECT reader_account());

CREATE VIEW v_preference AS
SELECT c.profile_id, c.place, c.kind, c.holder->>'type' AS contact_type,
  CASE c.kind WHEN 'Email' THEN c.holder->'given'->>'EmailAddress'
    WHEN 'Phone' THEN c.holder->'given'->>'PhoneNumber' END AS value,
  i.filter_id, c.filters->i.filter_id->>'program' AS program_id,
  c.filters->i.filter_id->>'channel' AS channel_id, i.preference_type,
  CASE i.preference_type WHEN 1 THEN 'Opt-In' ELSE 'Opt-Out' END AS preference, item->>'frequency' AS frequency_id,
  item->'attributes' AS preference_attributes, to_instant(i.at) AS customer_date,
  to_instant(i.expires) AS expiration_date, s.preference_status, s.preference_status = 'Active' AS in_force,
  (SELECT recorded FROM ledger AS l
   WHERE l.account_id = c.account_id AND l.profile_id = c.profile_id AND l.entry <= i.entry
   ORDER BY l.entry DESC LIMIT 1) AS last_modified_date,
  (SELECT caller FROM ledger AS l
   WHERE l.account_id = c.account_id AND l.profile_id = c.profile_id AND l.entry <= i.entry
   ORDER BY l.entry DESC LIMIT 1) AS user_id,
  (SELECT import_id FROM ledger AS l
   WHERE l.account_id = c.account_id AND l.profile_id = c.profile_id AND l.entry <= i.entry
   ORDER BY l.entry DESC LIMIT 1) AS import_id
FROM choice_place AS c
CROSS JOIN LATERAL jsonb_array_elements(c.holder->'preferences') AS item
CROSS JOIN LATERAL (
  SELECT item->>'filter' AS filter_id, (item->>'type')::integer AS preference_type, (item->>'at')::bigint AS at,
    (item->>'expires')::bigint AS expires, (item->>'entry')::integer AS entry,
    coalesce((item->>'archived')::boolean, false) AS archived
  OFFSET 0
) AS i
CROSS JOIN LATERAL (
  -- domain/in_force.py, judge_preference
  SELECT CASE
    WHEN i.archived THEN 'Archived'
    WHEN NOT c.active THEN 'Inactive'
    WHEN i.preference_type <> 1 THEN 'Active'
    WHEN jsonb_array_length(c.siblings) > 1 AND EXISTS (
      SELECT FROM jsonb_array_elements(c.siblings) WITH ORDINALITY AS other (element, number)
      CROSS JOIN LATERAL jsonb_array_elements(other.element->'preferences') AS no
      WHERE other.number <> c.number AND other.element->>'compared' = c.holder->>'compared'
        AND no->>'filter' = i.filter_id AND no->>'type' = '2' AND (no->>'at')::bigint >= i.at
    ) THEN 'Overruled'
    WHEN to_instant(i.expires) <= now() THEN 'Expired'
    WHEN EXISTS (
      SELECT FROM jsonb_array_elements_text(c.filters->i.filter_id->'required') AS required
      WHERE NOT coalesce((
        SELECT said.status = 1 AND (said.expires IS NULL OR to_instant(said.expires) > now())
        FROM (
          SELECT status, at, NULL::bigint AS expires
          FROM address_noes(c.siblings, c.number, c.holder->>'compared', required)
          UNION ALL
          SELECT d.status, d.at, d.expires
          FROM (VALUES (c.person_consents), (CASE WHEN c.kind <> 'Profile' THEN c.holder->'consents' END))
            AS held (consents)
          CROSS JOIN LATERAL decisive_consent(
            held.consents, required, c.versions->required) AS d
          WHERE NOT d.archived OR d.status IN (2, 3)
        ) AS said
        ORDER BY said.at DESC, array_position(ARRAY[3, 2, 4, 1], said.status), said.expires DESC NULLS FIRST
        LIMIT 1), false)
    ) THEN 'Suspended'
    ELSE 'Active' END AS preference_status
  OFFSET 0
) AS s;

CREATE VIEW v_consent AS
SELECT c.profile_id, c.place, c.kind, c.holder->>'type' AS contact_type,
  CASE c.kind WHEN 'Email' THEN c.holder->'given'->>'EmailAddress'
    WHEN 'Phone' THEN c.holder->'given'->>'PhoneNumber' END AS value,
  i.consent_type, i.consent_version, item->>'locale' AS locale, i.consent_status,
  (ARRAY['Granted', 'Denied', 'Revoked', 'NotSet'])[i.consent_status] AS consent,
  to_instant(i.at) AS consent_date, to_instant(i.expires) AS expiration_date,
  i.consent_status = 1 AND i.is_over AS expired, item->'evidence' AS evidence, i.archived AS is_archived,
  -- domain/effects.py, _add_choices
  CASE
    WHEN i.archived OR NOT c.active OR i.consent_status = 4 OR (i.consent_status = 1 AND i.is_over) THEN false
    WHEN NOT EXISTS (
      SELECT FROM decisive_consent(
        c.holder->'consents', i.consent_type, c.versions->i.consent_type) AS d
      WHERE d.version = i.consent_version) THEN false
    ELSE i.consent_status <> 1 OR NOT EXISTS (
      SELECT FROM address_noes(c.siblings, c.number, c.holder->>'compared', i.consent_type) AS no WHERE no.at >= i.at)
    END AS in_force,
  (SELECT recorded FROM ledger AS l
   WHERE l.account_id = c.account_id AND l.profile_id = c.profile_id AND l.entry <= i.entry
   ORDER BY l.entry DESC LIMIT 1) AS edited,
  (SELECT caller FROM ledger AS l
   WHERE l.account_id = c.account_id AND l.profile_id = c.profile_id AND l.entry <= i.entry
   ORDER BY l.entry DESC LIMIT 1) AS user_id,
  (SELECT import_id FROM ledger AS l
   WHERE l.account_id = c.account_id AND l.profile_id = c.profile_id AND l.entry <= i.entry
   ORDER BY l.entry DESC LIMIT 1) AS import_id
FROM choice_place AS c
CROSS JOIN LATERAL jsonb_array_elements(c.holder->'consents') AS item
CROSS JOIN LATERAL (
  SELECT item->>'type' AS consent_type, item->>'version' AS consent_version,
    (item->>'status')::integer AS consent_status, (item->>'at')::bigint AS at,
    (item->>'expires')::bigint AS expires, coalesce(to_instant((item->>'expires')::bigint) <= now(), false) AS is_over,
    (item->>'entry')::integer AS entry, coalesce((item->>'archived')::boolean, false) AS archived
  OFFSET 0
) AS i;

CREATE VIEW v_group AS
SELECT p.profile_id, item->>'type' AS group_type, item->>'name' AS group_name,
  coalesce((item->>'primary')::boolean, false) AS is_primary, coalesce((item->>'active')::boolean, true) AS is_active,
  to_instant((item->>'edited')::bigint) AS edited
FROM profile AS p CROSS JOIN LATERAL jsonb_array_elements(p.body::jsonb->'groups') AS item
WHERE p.account_id = (SELECT reader_account());

CREATE VIEW v_tag AS
SELECT p.profile_id, name
FROM profile AS p CROSS JOIN LATERAL jsonb_array_elements_text(p.body::jsonb->'tags') AS name
WHERE p.account_id = (SELECT reader_account());

CREATE VIEW v_custom_field AS
SELECT p.profile_id, f.name, f.value
FROM profile AS p CROSS JOIN LATERAL jsonb_each_text(p.body::jsonb->'fields') AS f (name, value)
WHERE p.account_id = (SELECT reader_account());

CREATE VIEW v_import AS
SELECT import_id, settings->>'name' AS name, status, coalesce(settings->>'action', 'Add') AS import_action,
  settings->>'match_type' AS match_value, caller AS user_id, created_at AS initiated_at, queued_at AS executed_at,
  started_at, completed_at, failure_reason, held_reason, undo_of, received AS total_records_received,
  valid AS validation_successful, failed AS validation_failed, pending,
  created + updated + unchanged + deleted AS processed, exceptions, not_honored, created, updated, unchanged, deleted,
  undated_choices, refused_opt_outs, numbers_without_country_code, source->>'FileName' AS file_name
FROM import
WHERE account_id = (SELECT reader_account());

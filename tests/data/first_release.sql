-- A database of the first release; see README.md beside it.
SET check_function_bodies = false;
SELECT pg_catalog.set_config('search_path', '', false);

CREATE FUNCTION public.account_of_client(wanted text) RETURNS integer
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$ SELECT account_id FROM account WHERE client_id = wanted $$;

CREATE FUNCTION public.account_of_credential(wanted text) RETURNS integer
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$ SELECT account_id FROM credential WHERE client_id = wanted $$;

CREATE FUNCTION public.account_to_reseal(seal text) RETURNS integer
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$ SELECT min(account_id) FROM hmac_key WHERE revoked_at IS NULL AND seal_id <> seal $$;

CREATE FUNCTION public.current_account() RETURNS integer
    LANGUAGE sql STABLE
    AS $$ SELECT nullif(current_setting('consentory.account_id', true), '')::integer $$;

CREATE FUNCTION public.next_account_id() RETURNS integer
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$ SELECT coalesce(max(account_id), 0) + 1 FROM account $$;

CREATE FUNCTION public.profile_thing(profile_id bigint) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT lpad(to_hex(profile_id), 32, '0')::uuid $$;

CREATE TABLE public.account (
    account_id integer NOT NULL,
    client_id text NOT NULL COLLATE pg_catalog."C",
    revision integer NOT NULL,
    next_profile_id bigint DEFAULT 1 NOT NULL,
    CONSTRAINT account_next_profile_id_check CHECK ((next_profile_id > 0))
);

CREATE TABLE public.alternate_key (
    account_id integer DEFAULT public.current_account() NOT NULL,
    key_hash uuid NOT NULL,
    profile_id bigint NOT NULL,
    type text NOT NULL,
    value text NOT NULL
);

CREATE TABLE public.audit_event (
    account_id integer DEFAULT public.current_account() NOT NULL,
    event_id uuid NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    caller text NOT NULL,
    client_address text,
    request_id text,
    action text NOT NULL,
    import_id uuid,
    profile_ids bigint[] NOT NULL,
    details jsonb NOT NULL
);

CREATE TABLE public.audit_seal (
    account_id integer DEFAULT public.current_account() NOT NULL,
    number bigint NOT NULL,
    event_id uuid NOT NULL,
    digest bytea NOT NULL,
    previous bytea NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT audit_seal_number_check CHECK ((number > 0))
);

CREATE TABLE public.audit_waiting (
    account_id integer DEFAULT public.current_account() NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    event_id uuid NOT NULL,
    digest bytea NOT NULL
);

CREATE TABLE public.auth_attempt (
    subject bytea NOT NULL,
    failures integer NOT NULL,
    failed_at timestamp with time zone,
    proven_until timestamp with time zone,
    kept_until timestamp with time zone NOT NULL
);

CREATE TABLE public.configuration (
    account_id integer DEFAULT public.current_account() NOT NULL,
    revision integer NOT NULL,
    document jsonb NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.consent_text (
    account_id integer DEFAULT public.current_account() NOT NULL,
    consent_type text NOT NULL COLLATE pg_catalog."C",
    version text NOT NULL COLLATE pg_catalog."C",
    locale text NOT NULL COLLATE pg_catalog."C",
    sha256 text NOT NULL,
    body text NOT NULL,
    first_applied_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.contact_key (
    account_id integer DEFAULT public.current_account() NOT NULL,
    key_hash uuid NOT NULL,
    profile_id bigint NOT NULL,
    kind text NOT NULL,
    value text NOT NULL,
    CONSTRAINT contact_key_kind_check CHECK ((kind = ANY (ARRAY['E'::text, 'P'::text])))
);

CREATE TABLE public.credential (
    account_id integer DEFAULT public.current_account() NOT NULL,
    client_id text NOT NULL COLLATE pg_catalog."C",
    user_id text NOT NULL,
    secret_hash text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    revoked_at timestamp with time zone
);

CREATE TABLE public.hmac_key (
    account_id integer DEFAULT public.current_account() NOT NULL,
    key_id text NOT NULL COLLATE pg_catalog."C",
    sealed bytea NOT NULL,
    seal_id text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    revoked_at timestamp with time zone
);

CREATE TABLE public.hmac_use (
    account_id integer DEFAULT public.current_account() NOT NULL,
    fingerprint bytea NOT NULL,
    uses integer DEFAULT 1 NOT NULL,
    ends_at timestamp with time zone NOT NULL
);

CREATE TABLE public.import (
    account_id integer DEFAULT public.current_account() NOT NULL,
    import_id uuid NOT NULL,
    access_token bigint NOT NULL,
    status text DEFAULT 'Initiated'::text NOT NULL,
    settings jsonb NOT NULL,
    caller text NOT NULL COLLATE pg_catalog."C",
    idempotency_key text COLLATE pg_catalog."C",
    request_hash bytea,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    queued_at timestamp with time zone,
    started_at timestamp with time zone,
    completed_at timestamp with time zone,
    thinned_at timestamp with time zone,
    cleared_at timestamp with time zone,
    purged_at timestamp with time zone,
    failure_reason text,
    configuration_revision integer,
    first_profile_id bigint,
    batches integer DEFAULT 0 NOT NULL,
    received integer DEFAULT 0 NOT NULL,
    valid integer DEFAULT 0 NOT NULL,
    failed integer DEFAULT 0 NOT NULL,
    pending integer DEFAULT 0 NOT NULL,
    exceptions integer DEFAULT 0 NOT NULL,
    not_honored integer DEFAULT 0 NOT NULL,
    created integer DEFAULT 0 NOT NULL,
    updated integer DEFAULT 0 NOT NULL,
    unchanged integer DEFAULT 0 NOT NULL,
    deleted integer DEFAULT 0 NOT NULL,
    CONSTRAINT applied_when_processing CHECK (((status = ANY (ARRAY['Processing'::text, 'Completed'::text])) OR (pending = valid))),
    CONSTRAINT books_received CHECK ((received = (valid + failed))),
    CONSTRAINT books_signs CHECK ((LEAST(received, valid, failed, pending, exceptions, not_honored, created, updated, unchanged, deleted) >= 0)),
    CONSTRAINT books_valid CHECK ((valid = ((((((pending + created) + updated) + unchanged) + deleted) + exceptions) + not_honored))),
    CONSTRAINT completed_is_worked_off CHECK (((status <> 'Completed'::text) OR (pending = 0))),
    CONSTRAINT ended_has_time CHECK (((status = ANY (ARRAY['Completed'::text, 'Failed'::text])) = (completed_at IS NOT NULL))),
    CONSTRAINT failed_has_reason CHECK (((status = 'Failed'::text) = (failure_reason IS NOT NULL))),
    CONSTRAINT import_access_token_check CHECK (((access_token >= 0) AND (access_token <= '9007199254740991'::bigint))),
    CONSTRAINT initiated_is_empty CHECK (((status <> 'Initiated'::text) OR (received = 0))),
    CONSTRAINT queued_has_time CHECK (((status <> ALL (ARRAY['Queued'::text, 'Processing'::text, 'Completed'::text])) OR (queued_at IS NOT NULL))),
    CONSTRAINT received_bound CHECK ((received <= 10000000)),
    CONSTRAINT staged_is_not_empty CHECK (((status = ANY (ARRAY['Initiated'::text, 'Failed'::text])) OR (received > 0))),
    CONSTRAINT staging_has_none CHECK (((status <> ALL (ARRAY['Initiated'::text, 'Staging'::text])) OR (queued_at IS NULL))),
    CONSTRAINT started_has_time CHECK (((status = ANY (ARRAY['Processing'::text, 'Completed'::text])) = (started_at IS NOT NULL))),
    CONSTRAINT started_is_resolved CHECK ((((started_at IS NOT NULL) = (first_profile_id IS NOT NULL)) AND ((started_at IS NOT NULL) = (configuration_revision IS NOT NULL)))),
    CONSTRAINT status_known CHECK ((status = ANY (ARRAY['Initiated'::text, 'Staging'::text, 'Queued'::text, 'Processing'::text, 'Completed'::text, 'Failed'::text]))),
    CONSTRAINT tidied_when_ended CHECK (((status = ANY (ARRAY['Completed'::text, 'Failed'::text])) OR ((thinned_at IS NULL) AND (purged_at IS NULL) AND (cleared_at IS NULL))))
);

CREATE TABLE public.import_batch (
    account_id integer DEFAULT public.current_account() NOT NULL,
    import_id uuid NOT NULL,
    batch_number integer NOT NULL,
    caller text NOT NULL,
    staged_at timestamp with time zone NOT NULL,
    first_sequence integer NOT NULL,
    record_count integer NOT NULL,
    failed integer NOT NULL,
    idempotency_key text COLLATE pg_catalog."C",
    body_hash bytea
);

CREATE TABLE public.import_chunk (
    account_id integer DEFAULT public.current_account() NOT NULL,
    import_id uuid NOT NULL,
    chunk_number integer NOT NULL,
    next_sequence integer NOT NULL,
    last_sequence integer NOT NULL,
    sequences integer[],
    excluded integer[] DEFAULT '{}'::integer[] NOT NULL,
    waits_for integer
);

CREATE TABLE public.import_fault (
    account_id integer DEFAULT public.current_account() NOT NULL,
    import_id uuid NOT NULL,
    held boolean NOT NULL,
    sequence_number integer NOT NULL,
    phase smallint NOT NULL,
    faults bytea NOT NULL,
    CONSTRAINT import_fault_check CHECK (((phase = ANY (ARRAY[1, 2, 3])) AND (held = (phase = 3))))
);

CREATE TABLE public.import_frame (
    account_id integer DEFAULT public.current_account() NOT NULL,
    import_id uuid NOT NULL,
    first_sequence integer NOT NULL,
    record_count integer NOT NULL,
    batch_number integer NOT NULL,
    raw bytea NOT NULL,
    work bytea NOT NULL,
    named_keys uuid[] NOT NULL,
    named_at smallint[] NOT NULL,
    profile_ids bigint[] NOT NULL,
    profile_at smallint[] NOT NULL
);
ALTER TABLE ONLY public.import_frame ALTER COLUMN raw SET STORAGE EXTERNAL;
ALTER TABLE ONLY public.import_frame ALTER COLUMN work SET STORAGE EXTERNAL;

CREATE TABLE public.ledger (
    account_id integer DEFAULT public.current_account() CONSTRAINT ledger_account_id_not_null1 NOT NULL,
    profile_id bigint CONSTRAINT ledger_profile_id_not_null1 NOT NULL,
    entry integer CONSTRAINT ledger_entry_not_null1 NOT NULL,
    choices json NOT NULL,
    recorded timestamp with time zone CONSTRAINT ledger_recorded_not_null1 NOT NULL,
    caller text CONSTRAINT ledger_caller_not_null1 NOT NULL,
    import_id uuid,
    sequence_number integer,
    CONSTRAINT ledger_choices_check CHECK ((json_typeof(choices) = 'array'::text))
);

CREATE TABLE public.profile (
    account_id integer DEFAULT public.current_account() NOT NULL,
    profile_id bigint NOT NULL,
    body json NOT NULL,
    created timestamp with time zone NOT NULL,
    modified timestamp with time zone NOT NULL,
    active boolean NOT NULL,
    customer_type text,
    import_id uuid,
    fingerprint uuid
);

CREATE TABLE public.schema_migration (
    number integer NOT NULL,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.signing_key (
    key_id text NOT NULL COLLATE pg_catalog."C",
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    sealed bytea NOT NULL,
    seal_id text NOT NULL
);

CREATE TABLE public.tag_change (
    account_id integer DEFAULT public.current_account() NOT NULL,
    tag text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL,
    change integer NOT NULL
);

CREATE TABLE public.tombstone (
    account_id integer DEFAULT public.current_account() NOT NULL,
    profile_id bigint NOT NULL,
    deleted_at timestamp with time zone NOT NULL,
    caller text NOT NULL,
    import_id uuid,
    sequence_number integer
);

INSERT INTO public.account VALUES
	(2, 'OTHER', 1, 2),
	(1, 'OLDER', 2, 31);

INSERT INTO public.alternate_key VALUES
	(2, 'd88b3ee5-ff39-abd1-af07-0a6773b64230', 1, 'CRM', 'C-1'),
	(1, '0161c7d3-1a92-3336-8e1b-8d89157e01e1', 6, 'CRM', 'C-6'),
	(1, '0b7f4fe2-9d28-7229-2207-aed6ca70dd5a', 2, 'CRM', 'C-2'),
	(1, '23d2b946-01a5-c362-5fba-068fd264cae0', 8, 'CRM', 'C-8'),
	(1, '584f7f0f-6238-b24c-c630-26fa43840ee3', 1, 'CRM', 'C-1'),
	(1, '78b21729-aada-7571-6528-6b9733fa99b5', 5, 'CRM', 'C-5'),
	(1, '992a6bff-d025-98bb-277e-77352b17b0ff', 3, 'CRM', 'C-3'),
	(1, 'bc732ff9-810c-9deb-4ed5-cdfa8477eb9e', 2, 'Loyalty', 'L-2'),
	(1, 'c031e99c-ef98-17b7-a9bb-2ea5bd59b618', 4, 'CRM', 'C-4'),
	(1, 'e50980da-4dae-964a-1f87-443e80bbf8d7', 7, 'CRM', 'C-7'),
	(1, '9e9fa5dc-7aaf-b7d2-28d9-54179b52772e', 22, 'CRM', 'C-12'),
	(1, '87cbfac1-fdfb-c82c-171b-64c32f21ff67', 25, 'Crm', 'C-20'),
	(1, '9f1fe9ae-fa52-7544-c104-1f1c3e8913b2', 26, 'Crm', 'C-21');

INSERT INTO public.audit_event VALUES
	(1, '01a2215e-c63d-7edf-bd05-b5ad026001cc', '2026-11-28 08:56:28.990603+00', 'operator', NULL, NULL, 'configuration.applied', NULL, '{}', '{"Changes": 38, "Revision": 1}'),
	(2, '01a2215e-c6a3-7863-87fe-45d076e21d1f', '2026-11-28 08:56:29.091737+00', 'operator', NULL, NULL, 'configuration.applied', NULL, '{}', '{"Changes": 38, "Revision": 1}'),
	(1, '01a2215e-c718-7281-ac44-91df6ada0856', '2026-11-28 08:56:29.209082+00', 'operator', NULL, NULL, 'credential.created', NULL, '{}', '{"User": "nightly", "Credential": "c377822e8661195de5f01416"}'),
	(2, '01a2215e-c74f-760e-8fdf-95b6fec163b0', '2026-11-28 08:56:29.263988+00', 'operator', NULL, NULL, 'credential.created', NULL, '{}', '{"User": "nightly", "Credential": "38207dedb1fd51a8dfa41151"}'),
	(2, '01a2215e-ca27-7e83-a2a3-4511509492f1', '2026-11-28 08:56:29.992548+00', 'nightly', '127.0.0.1', '08c3d5a3d91c4f558e92856a8a61e39a', 'token.issued', NULL, '{}', '{"Credential": "38207dedb1fd51a8dfa41151"}'),
	(2, '01a2215e-ca48-77d7-94b3-860492d9205c', '2026-11-28 08:56:30.025195+00', 'nightly', '127.0.0.1', 'ab2a5829cdc240d4bfd87b312ea1689a', 'import.initiated', '01a2215e-ca47-711c-b13b-e0d5f9ea47ca', '{}', '{"ImportAction": "Add"}'),
	(2, '01a2215e-cde5-723e-adda-41c99057d8e3', '2026-11-28 08:56:30.958722+00', 'nightly', '127.0.0.1', '846f7017dfb2448ebf156d46bf661eb4', 'import.staged', '01a2215e-ca47-711c-b13b-e0d5f9ea47ca', '{}', '{"Last": 1, "First": 1, "ValidationFailed": 0}'),
	(2, '01a2215e-cdf9-7a29-9bd4-dec9836226dc', '2026-11-28 08:56:30.969476+00', 'nightly', '127.0.0.1', '8e828a56e85944e0948c4a96d39c0681', 'import.executed', '01a2215e-ca47-711c-b13b-e0d5f9ea47ca', '{}', '{}'),
	(2, '01a2215e-ce2a-77ab-b81a-9d9842d29730', '2026-11-28 08:56:31.02185+00', 'system', NULL, NULL, 'import.started', '01a2215e-ca47-711c-b13b-e0d5f9ea47ca', '{}', '{"Revision": 1}'),
	(2, '01a2215e-ce54-727f-9c88-7a12ecbd76e5', '2026-11-28 08:56:31.061312+00', 'system', NULL, NULL, 'import.completed', '01a2215e-ca47-711c-b13b-e0d5f9ea47ca', '{}', '{}'),
	(1, '01a2215e-cefd-746a-b874-e635bca62651', '2026-11-28 08:56:31.230786+00', 'nightly', '127.0.0.1', '47b1e24cce474fb183db08330a567c5f', 'token.issued', NULL, '{}', '{"Credential": "c377822e8661195de5f01416"}'),
	(1, '01a2215e-cf99-7338-804a-0c657ccab4d4', '2026-11-28 08:56:31.38568+00', 'nightly', '127.0.0.1', '6d547bd9e0bb47b2b037e5ab25f0e89e', 'import.initiated', '01a2215e-cf91-733c-9852-013188afdc5b', '{}', '{"ImportAction": "Add"}'),
	(1, '01a2215e-d499-7c85-83c1-5bbcd9e944b6', '2026-11-28 08:56:32.666181+00', 'nightly', '127.0.0.1', 'd086bd3f4d86495e98d11e1c4108cfdd', 'import.staged', '01a2215e-cf91-733c-9852-013188afdc5b', '{}', '{"Last": 11, "First": 1, "ValidationFailed": 1}'),
	(1, '01a2215e-d4b2-7477-b7cb-0de7b8abb93d', '2026-11-28 08:56:32.692669+00', 'nightly', '127.0.0.1', '442dbab6c5f04528aba0fe9e71667db4', 'import.executed', '01a2215e-cf91-733c-9852-013188afdc5b', '{}', '{}'),
	(1, '01a2215e-d515-7e40-81ef-62bd7d4dc84c', '2026-11-28 08:56:32.789608+00', 'system', NULL, NULL, 'import.started', '01a2215e-cf91-733c-9852-013188afdc5b', '{}', '{"Revision": 1}'),
	(1, '01a2215e-d536-7193-afe3-5648e3fe8d76', '2026-11-28 08:56:32.822498+00', 'system', NULL, NULL, 'import.completed', '01a2215e-cf91-733c-9852-013188afdc5b', '{}', '{}'),
	(1, '01a2215e-d563-705f-8c63-b38845e01b51', '2026-11-28 08:56:32.868153+00', 'nightly', '127.0.0.1', '8950f246a2c5475ebaf1baa7c7d7d10e', 'import.initiated', '01a2215e-d563-769c-b49d-a7e06b427ddc', '{}', '{"ImportAction": "Add"}'),
	(1, '01a2215e-d57d-7be0-afc4-1dda08ed81ca', '2026-11-28 08:56:32.893782+00', 'nightly', '127.0.0.1', 'eae2e4df0d0a4d6b936dc31776c4434f', 'import.staged', '01a2215e-d563-769c-b49d-a7e06b427ddc', '{}', '{"Last": 4, "First": 1, "ValidationFailed": 0}'),
	(1, '01a2215e-d58c-7573-9696-4dc054bca810', '2026-11-28 08:56:32.909192+00', 'nightly', '127.0.0.1', '107d47d7b1894d649fd31b9589e43fce', 'import.executed', '01a2215e-d563-769c-b49d-a7e06b427ddc', '{}', '{}'),
	(1, '01a2215e-d5ac-7182-b201-ad680004f361', '2026-11-28 08:56:32.940308+00', 'system', NULL, NULL, 'import.started', '01a2215e-d563-769c-b49d-a7e06b427ddc', '{}', '{"Revision": 1}'),
	(1, '01a2215e-d5c7-7f29-be6d-f8f3381927ec', '2026-11-28 08:56:32.96971+00', 'system', NULL, NULL, 'import.completed', '01a2215e-d563-769c-b49d-a7e06b427ddc', '{}', '{}'),
	(1, '01a2215e-d5e1-7d4a-b80e-2d88c7b8f9ae', '2026-11-28 08:56:32.993478+00', 'nightly', '127.0.0.1', '31d7b60a59a7478d8d33c3cf2267b0f0', 'import.initiated', '01a2215e-d5e0-7153-9bfc-511fad1d7ee5', '{}', '{"ImportAction": "Add"}'),
	(1, '01a2215e-d5e8-7407-a29f-a99f4531f36c', '2026-11-28 08:56:33.001066+00', 'nightly', '127.0.0.1', '3cfec91d5f8d4bc6a81ac02660694a37', 'import.staged', '01a2215e-d5e0-7153-9bfc-511fad1d7ee5', '{}', '{"Last": 1, "First": 1, "ValidationFailed": 0}'),
	(1, '01a2215e-d5f6-7812-b946-2a2774c0faaf', '2026-11-28 08:56:33.014943+00', 'nightly', '127.0.0.1', '8da7c2a7756a44508007ce72d28baa65', 'import.executed', '01a2215e-d5e0-7153-9bfc-511fad1d7ee5', '{}', '{}'),
	(1, '01a2215e-d60d-7953-87c1-59f804e1a368', '2026-11-28 08:56:33.040048+00', 'system', NULL, NULL, 'import.started', '01a2215e-d5e0-7153-9bfc-511fad1d7ee5', '{}', '{"Revision": 1}'),
	(1, '01a2215e-d62a-7a51-b81b-becbae565a42', '2026-11-28 08:56:33.067001+00', 'system', NULL, NULL, 'import.completed', '01a2215e-d5e0-7153-9bfc-511fad1d7ee5', '{}', '{}'),
	(1, '01a2215e-d65a-77dd-979a-e6243639a859', '2026-11-28 08:56:33.117711+00', 'nightly', '127.0.0.1', 'a668712cb1024dae928fda1aaee44890', 'import.initiated', '01a2215e-d656-78de-91b2-0142ecb53f26', '{}', '{"ImportAction": "Add"}'),
	(1, '01a2215e-d689-7ec8-9c8a-ac2bbd9f6452', '2026-11-28 08:56:33.161786+00', 'nightly', '127.0.0.1', '627e9005ac8e4bbe8a66e3f0b6887aa1', 'import.staged', '01a2215e-d656-78de-91b2-0142ecb53f26', '{}', '{"Last": 1, "First": 1, "ValidationFailed": 0}'),
	(1, '01a2215e-d694-7fba-b1bb-871df9373dca', '2026-11-28 08:56:33.172326+00', 'nightly', '127.0.0.1', '90c4c9028a2c463cbdec4329e9957638', 'import.executed', '01a2215e-d656-78de-91b2-0142ecb53f26', '{}', '{}'),
	(1, '01a2215e-d6b2-7577-ac52-4c5e17f53fbc', '2026-11-28 08:56:33.203226+00', 'system', NULL, NULL, 'import.started', '01a2215e-d656-78de-91b2-0142ecb53f26', '{}', '{"Revision": 1}'),
	(1, '01a2215e-d6e4-7900-971b-bd26fab8cd31', '2026-11-28 08:56:33.257721+00', 'system', NULL, NULL, 'import.completed', '01a2215e-d656-78de-91b2-0142ecb53f26', '{}', '{}'),
	(1, '01a2215e-d708-7a1e-a3d4-481b238a87f8', '2026-11-28 08:56:33.28876+00', 'nightly', '127.0.0.1', '6678669487e540fa81eb032d6da90d31', 'import.initiated', '01a2215e-d708-783c-8628-47b8433b3ee5', '{}', '{"ImportAction": "Add"}'),
	(1, '01a2215e-d72d-7294-9a9a-80c9750a9b0e', '2026-11-28 08:56:33.326996+00', 'nightly', '127.0.0.1', '6e57f0b44bca4d12980430194bbcf389', 'import.staged', '01a2215e-d708-783c-8628-47b8433b3ee5', '{}', '{"Last": 1, "First": 1, "ValidationFailed": 0}'),
	(1, '01a2215e-d73d-7278-b106-55490feb04b4', '2026-11-28 08:56:33.342096+00', 'nightly', '127.0.0.1', 'b62cfcb355bf400bb9babaa0fcdb3423', 'import.executed', '01a2215e-d708-783c-8628-47b8433b3ee5', '{}', '{}'),
	(1, '01a2215e-d769-71f6-80e0-530f5c5cedbd', '2026-11-28 08:56:33.394055+00', 'system', NULL, NULL, 'import.started', '01a2215e-d708-783c-8628-47b8433b3ee5', '{}', '{"Revision": 1}'),
	(1, '01a2215e-d793-7a45-9e01-0bcad5a60bc9', '2026-11-28 08:56:33.427185+00', 'system', NULL, NULL, 'import.completed', '01a2215e-d708-783c-8628-47b8433b3ee5', '{}', '{}'),
	(1, '01a2215e-d836-7669-bb27-364dbe36de1a', '2026-11-28 08:56:33.591095+00', 'nightly', '127.0.0.1', '9b85645c5dde444d9f3cf169827626de', 'import.initiated', '01a2215e-d836-736f-93ed-8a38545f2e78', '{}', '{"ImportAction": "Delete"}'),
	(1, '01a2215e-d841-762e-9240-ad743caa42a9', '2026-11-28 08:56:33.609699+00', 'nightly', '127.0.0.1', '1e243cd62f574269a4500ffa647e887e', 'import.staged', '01a2215e-d836-736f-93ed-8a38545f2e78', '{}', '{"Last": 1, "First": 1, "ValidationFailed": 0}'),
	(1, '01a2215e-d851-7f1f-b356-ce4b6c05ab20', '2026-11-28 08:56:33.618061+00', 'nightly', '127.0.0.1', 'f6c3394f006241189a79f3dd19047820', 'import.executed', '01a2215e-d836-736f-93ed-8a38545f2e78', '{}', '{}'),
	(1, '01a2215e-d86c-7d69-a824-bfc766ec444f', '2026-11-28 08:56:33.64444+00', 'system', NULL, NULL, 'import.started', '01a2215e-d836-736f-93ed-8a38545f2e78', '{}', '{"Revision": 1}'),
	(1, '01a2215e-d88a-7779-928c-9ab93b56f09b', '2026-11-28 08:56:33.674558+00', 'system', NULL, NULL, 'import.completed', '01a2215e-d836-736f-93ed-8a38545f2e78', '{}', '{}'),
	(1, '01a2215e-d8af-7592-85f6-ed44e1f129fd', '2026-11-28 08:56:33.711432+00', 'nightly', '127.0.0.1', 'a8db6e7ad51d40aea10973e23e928bf3', 'import.initiated', '01a2215e-d8ae-7209-b7b9-4a7b77e5b5bd', '{}', '{"ImportAction": "Add"}'),
	(1, '01a2215e-d8be-74ce-9c3d-a76ed0d45ab0', '2026-11-28 08:56:33.73006+00', 'nightly', '127.0.0.1', '5666db07a695444ea59970f290071fd3', 'import.staged', '01a2215e-d8ae-7209-b7b9-4a7b77e5b5bd', '{}', '{"Last": 2, "First": 1, "ValidationFailed": 0}'),
	(1, '01a2215e-d8d0-7c8f-85ab-ccccca6dd8be', '2026-11-28 08:56:33.744367+00', 'nightly', '127.0.0.1', 'ecc7459ffe534357b8f99bd3e2f54ff4', 'import.executed', '01a2215e-d8ae-7209-b7b9-4a7b77e5b5bd', '{}', '{}'),
	(1, '01a2215e-d900-7d58-ba31-1ea32698ebe7', '2026-11-28 08:56:33.793839+00', 'system', NULL, NULL, 'import.started', '01a2215e-d8ae-7209-b7b9-4a7b77e5b5bd', '{}', '{"Revision": 1}'),
	(1, '01a2215e-d91c-7f6c-8ee4-0b7eff1ec536', '2026-11-28 08:56:33.820657+00', 'system', NULL, NULL, 'import.completed', '01a2215e-d8ae-7209-b7b9-4a7b77e5b5bd', '{}', '{}'),
	(1, '01a2215e-d93d-78b6-8e52-9da7c3a094c7', '2026-11-28 08:56:33.853554+00', 'nightly', '127.0.0.1', '8454f6791cc54929875b286160c45c59', 'profile.written', NULL, '{22}', '{"Outcome": "Created", "NotHonored": 0}'),
	(1, '01a2215e-d947-760c-9039-138d7b8846b7', '2026-11-28 08:56:33.863957+00', 'nightly', '127.0.0.1', 'e8f2ecf96a704b3db84bdaba474ca191', 'import.initiated', '01a2215e-d947-7ad0-ae16-dbee85908ef9', '{}', '{"ImportAction": "Add"}'),
	(1, '01a2215e-d967-7b2c-86f5-78151c3dbb0c', '2026-11-28 08:56:33.896083+00', 'nightly', '127.0.0.1', '59fb5d16137b46eb97e4af20e8a9ff72', 'import.cancelled', '01a2215e-d947-7ad0-ae16-dbee85908ef9', '{}', '{}'),
	(1, '01a2215e-d978-7d95-9439-6b671fdc064b', '2026-11-28 08:56:33.913158+00', 'nightly', '127.0.0.1', 'e84d76496896419086863babaabd4913', 'import.initiated', '01a2215e-d978-79f6-b65f-5c48e58e0eab', '{}', '{"ImportAction": "Add"}');
INSERT INTO public.audit_event VALUES
	(1, '01a2215e-da76-7b84-a277-23b340948096', '2026-11-28 08:56:34.166761+00', 'nightly', '127.0.0.1', '3679762d2aaa4955a2c81c8522c095fb', 'profile.found', NULL, '{1}', '{"By": "AlternateId"}'),
	(1, '01a2215e-da7b-7319-8256-5564c694172c', '2026-11-28 08:56:34.171925+00', 'nightly', '127.0.0.1', 'd5350a81231e4f029a66067d90c82cbd', 'profile.found', NULL, '{2}', '{"By": "AlternateId"}'),
	(1, '01a2215e-da81-765f-b5db-3903dced4843', '2026-11-28 08:56:34.177219+00', 'nightly', '127.0.0.1', 'd4221b6dfe344d909b042f2c2267bdac', 'import.initiated', '01a2215e-da80-7aae-a6d9-8bb88fc13486', '{}', '{"ImportAction": "Add"}'),
	(1, '01a2215e-da8e-7a48-a456-30bb4c268c18', '2026-11-28 08:56:34.190404+00', 'nightly', '127.0.0.1', '14046e09c1ed4719a8d4e9074baf26e6', 'import.initiated', '01a2215e-da8d-718f-a05f-a3282b36e331', '{}', '{"ImportAction": "Add"}'),
	(1, '01a2215e-daa9-7315-a3b6-276365cfd23b', '2026-11-28 08:56:34.218139+00', 'nightly', '127.0.0.1', '9374bfae8e964ace87d84acefdd82dca', 'import.initiated', '01a2215e-daa9-70da-9713-d897e3d59525', '{}', '{"ImportAction": "Add"}'),
	(1, '01a2215e-de78-78bd-a8a8-b4efd1085226', '2026-11-28 08:56:35.193461+00', 'nightly', '127.0.0.1', '256027f38e5e4e29bda995e8b5572978', 'import.executed', '01a2215e-daa9-70da-9713-d897e3d59525', '{}', '{}'),
	(1, '01a2215e-d95d-760c-8200-fad752435bcc', '2026-11-28 08:56:33.885517+00', 'nightly', '127.0.0.1', 'ece32c99a7834e37b4edf12687d02e23', 'import.staged', '01a2215e-d947-7ad0-ae16-dbee85908ef9', '{}', '{"Last": 1, "First": 1, "ValidationFailed": 0}'),
	(1, '01a2215e-d98e-7985-9d2e-1574501965e1', '2026-11-28 08:56:33.934664+00', 'nightly', '127.0.0.1', '858230290c2047ed8bd6c51ccbe25152', 'import.staged', '01a2215e-d978-79f6-b65f-5c48e58e0eab', '{}', '{"Last": 5, "First": 1, "ValidationFailed": 1}'),
	(1, '01a2215e-da14-722a-b78a-1258f53d9ec2', '2026-11-28 08:56:34.069124+00', 'nightly', '127.0.0.1', '35243c632b39406ca4b4f026dc94fb3e', 'import.staged', '01a2215e-da0a-7d94-ba05-d8649873cffb', '{}', '{"Last": 2, "First": 1, "ValidationFailed": 0}'),
	(1, '01a2215e-daa0-7a08-957d-c300fa5adf66', '2026-11-28 08:56:34.208681+00', 'nightly', '127.0.0.1', 'fc57c74021154cf1abdc9fc2731c9f76', 'import.staged', '01a2215e-da8d-718f-a05f-a3282b36e331', '{}', '{"Last": 6, "First": 1, "ValidationFailed": 0}'),
	(1, '01a2215e-dab4-7394-8a11-8694e53cedfb', '2026-11-28 08:56:34.228488+00', 'nightly', '127.0.0.1', 'c4d1f81661524dd7bc9440d8fe341d5a', 'import.staged', '01a2215e-daa9-70da-9713-d897e3d59525', '{}', '{"Last": 2, "First": 1, "ValidationFailed": 0}'),
	(1, '01a2215e-daca-7d5d-b09e-0ab210b50c36', '2026-11-28 08:56:34.256316+00', 'nightly', '127.0.0.1', '7d3653d52f1c483386dd45654dcbf4f0', 'import.staged', '01a2215e-dab8-7af8-891b-b779e5378380', '{}', '{"Last": 1, "First": 1, "ValidationFailed": 0}'),
	(1, '01a2215e-da05-74cc-a742-4b3aa42b0cb5', '2026-11-28 08:56:34.054035+00', 'nightly', '127.0.0.1', '2e7529e64c46409eaaa6eedd550f1fb1', 'configuration.applied', NULL, '{}', '{"Changes": 26, "Revision": 2}'),
	(1, '01a2215e-da0b-76e8-93b9-1ea31967bab2', '2026-11-28 08:56:34.059523+00', 'nightly', '127.0.0.1', '327d53db19554201a0ca8f7f93544b57', 'import.initiated', '01a2215e-da0a-7d94-ba05-d8649873cffb', '{}', '{"ImportAction": "Add"}'),
	(1, '01a2215e-da22-7ceb-90e1-8444b254ed3c', '2026-11-28 08:56:34.082795+00', 'nightly', '127.0.0.1', 'c55e337304464fb7a8b4dab48c962a17', 'import.executed', '01a2215e-da0a-7d94-ba05-d8649873cffb', '{}', '{}'),
	(1, '01a2215e-dab8-78db-8406-3d0eee171bda', '2026-11-28 08:56:34.232568+00', 'nightly', '127.0.0.1', 'f154e502215242dfb9d3a756411561fb', 'import.initiated', '01a2215e-dab8-7af8-891b-b779e5378380', '{}', '{"ImportAction": "Add"}'),
	(1, '01a2215e-da35-7ee8-8403-108f2b0b25ee', '2026-11-28 08:56:34.101935+00', 'system', NULL, NULL, 'import.started', '01a2215e-da0a-7d94-ba05-d8649873cffb', '{}', '{"Revision": 2}'),
	(1, '01a2215e-da54-7a04-b49d-772d070d0e9b', '2026-11-28 08:56:34.133113+00', 'system', NULL, NULL, 'import.completed', '01a2215e-da0a-7d94-ba05-d8649873cffb', '{}', '{}'),
	(1, '01a2215e-de6a-787d-a46e-0f0230009c95', '2026-11-28 08:56:35.183641+00', 'nightly', '127.0.0.1', 'f7425404a9324cdfacc057beec736a9b', 'import.executed', '01a2215e-da8d-718f-a05f-a3282b36e331', '{}', '{}'),
	(1, '01a2215e-dea6-714e-a690-c3a2d7e75021', '2026-11-28 08:56:35.239062+00', 'system', NULL, NULL, 'import.started', '01a2215e-da8d-718f-a05f-a3282b36e331', '{}', '{"Revision": 2}');

INSERT INTO public.audit_seal VALUES
	(2, 1, '01a2215e-c6a3-7863-87fe-45d076e21d1f', '\x2edbf918ddd506d932a2ba6477404d40384f7bc8cb50c4bed84193f0124dcecc', '\x0000000000000000000000000000000000000000000000000000000000000000', '\x99bb0e05a2e0d93f80343ac624a65020aea7f10acae2b2a322647595033afdf3'),
	(2, 2, '01a2215e-c74f-760e-8fdf-95b6fec163b0', '\xe37f0cb03147d3ada64dc9f8188898099dc0e66c7bc4c95965f4f1064b542461', '\x99bb0e05a2e0d93f80343ac624a65020aea7f10acae2b2a322647595033afdf3', '\xe9a10505a2b0197b434f382782ded6c39876cbd53e723c982cc8915baa8dc411'),
	(1, 1, '01a2215e-c63d-7edf-bd05-b5ad026001cc', '\x25c618042c7a543480ed9728af974a41ff6f01ddf55f59cae86639b8f6805f5f', '\x0000000000000000000000000000000000000000000000000000000000000000', '\x8fbe63bdc036afa8ae69449c6eef1abdd3d16970c71e4a4bfa4774a67ad30960'),
	(1, 2, '01a2215e-c718-7281-ac44-91df6ada0856', '\x8b77c9c5b35c26c86ba8c743a993f7d241455c3edf8bde2377cdcdd98375f8f9', '\x8fbe63bdc036afa8ae69449c6eef1abdd3d16970c71e4a4bfa4774a67ad30960', '\x8f375f49cfce15cd0f36800d4db6bd36215f832cff4f4e01f065a594c54608ab'),
	(2, 3, '01a2215e-ca27-7e83-a2a3-4511509492f1', '\x11cce9b0c1c82da588d4f7d0902076ff021ec0c70edaac7b9fa57ad0b5f81bbf', '\xe9a10505a2b0197b434f382782ded6c39876cbd53e723c982cc8915baa8dc411', '\xffea6144d268cf170219eee2daa442fa20629dc585c64f2b9c5b8a9fa79a0cf1'),
	(2, 4, '01a2215e-ca48-77d7-94b3-860492d9205c', '\x3e1834c481c2b7ff5e33c684c5d48c1a4bb1706e54f1a9d3c46de740ce0c3be1', '\xffea6144d268cf170219eee2daa442fa20629dc585c64f2b9c5b8a9fa79a0cf1', '\xaeff65656c34767b97f330df184406cf7535a3df03daac3c9d1ad7834779fb6c'),
	(2, 5, '01a2215e-cde5-723e-adda-41c99057d8e3', '\xf215e1af743f295b9717671f2a73f6aa02aa24976f3007bcdc1dc79dd65b1da2', '\xaeff65656c34767b97f330df184406cf7535a3df03daac3c9d1ad7834779fb6c', '\x8b16907fcfdc542c4d8685b7df0c5c23858ed6f21dc7d9ee125583043478813d'),
	(2, 6, '01a2215e-cdf9-7a29-9bd4-dec9836226dc', '\xa503a123b6ca6304f57f02ca769c38f6edc9961892d1a7e2c0b1e690db14ca63', '\x8b16907fcfdc542c4d8685b7df0c5c23858ed6f21dc7d9ee125583043478813d', '\xe90038763da89f2fe55074875419b1a8a2602f28347bc81d09093bdac870e7dd'),
	(2, 7, '01a2215e-ce2a-77ab-b81a-9d9842d29730', '\x2f2a5ab0a9e73ff60e3bd31c6bfabef34842536beddded9f852a48b7d64a8a05', '\xe90038763da89f2fe55074875419b1a8a2602f28347bc81d09093bdac870e7dd', '\xa4faa5c2639cca63070a4c202185aa1976e03586059dda4de067b6a634cd4aaa'),
	(2, 8, '01a2215e-ce54-727f-9c88-7a12ecbd76e5', '\xf6897c728a06d1e8af2e93cef9e1df0d1c5f570f5a57a1da72c30a7da4197a5b', '\xa4faa5c2639cca63070a4c202185aa1976e03586059dda4de067b6a634cd4aaa', '\x4a317f7a9e8f9c6f1349895014e6460fb7704ca4b5c00f59be2ec4bce0931364'),
	(1, 3, '01a2215e-cefd-746a-b874-e635bca62651', '\xc70decdc4c888c0f432ff267637d5f50ec7d1959b7196a1197a263dda8abc7b7', '\x8f375f49cfce15cd0f36800d4db6bd36215f832cff4f4e01f065a594c54608ab', '\xa15a262c8b2016e6e8bec389cbe0ff87224041c8d17f705c4dc23bb97c3b8daa'),
	(1, 4, '01a2215e-cf99-7338-804a-0c657ccab4d4', '\x86d9bb40b86bc4277b343b3ccb139ad90c1703c47c327baa3f4e92a14f1c2036', '\xa15a262c8b2016e6e8bec389cbe0ff87224041c8d17f705c4dc23bb97c3b8daa', '\x52eae913c99e49b9aeabe772aacd3b96dae10caa3173a0c21a168dc5916556bc'),
	(1, 5, '01a2215e-d499-7c85-83c1-5bbcd9e944b6', '\x653c25ce9fa694661b7dbf88944267196b208a148102a819a96d362371bcde0a', '\x52eae913c99e49b9aeabe772aacd3b96dae10caa3173a0c21a168dc5916556bc', '\x6f109e2451b684e021c3cae0553ae1f8bdb4c846a9dfe2bf7cab94db331a8a4e'),
	(1, 6, '01a2215e-d4b2-7477-b7cb-0de7b8abb93d', '\x2cae2ffef6a86b8840d03c5d59df6e84508aff7b7f7881b28881c38a457df954', '\x6f109e2451b684e021c3cae0553ae1f8bdb4c846a9dfe2bf7cab94db331a8a4e', '\xddaff15994d752bc74e2c2bc60fa5b069d9d9b0ea6de72acb95d39af3f94fbf6'),
	(1, 7, '01a2215e-d515-7e40-81ef-62bd7d4dc84c', '\x086f56416fe941a124d10934fa4d7504c208167d6e426e07d16109a4c3a42a4a', '\xddaff15994d752bc74e2c2bc60fa5b069d9d9b0ea6de72acb95d39af3f94fbf6', '\x743e7414a6f9904fc25fe1e11c02daac02a123954399e774c28177735cf00de4'),
	(1, 8, '01a2215e-d536-7193-afe3-5648e3fe8d76', '\x544814fb281fac5207647b3db387b5825d1b6b70370891165bf7d93e27dc40fa', '\x743e7414a6f9904fc25fe1e11c02daac02a123954399e774c28177735cf00de4', '\x1d27bfac10bf4651c54e3114f8688e9bb8eaaf45827de97173768321850a3b75'),
	(1, 9, '01a2215e-d563-705f-8c63-b38845e01b51', '\x8646981b6abf1b97c753ea2bdd4a01c5656e33fa7e6d9ab289e280a1e5176d82', '\x1d27bfac10bf4651c54e3114f8688e9bb8eaaf45827de97173768321850a3b75', '\x39cb11392419e915a2d47fcb6ef5b641d7e85cedd1ba96921826d671184ed693'),
	(1, 10, '01a2215e-d57d-7be0-afc4-1dda08ed81ca', '\xa91e90ab79c3dc63690893ef1021e05319b011106f66287851f307f9bd9ed6e6', '\x39cb11392419e915a2d47fcb6ef5b641d7e85cedd1ba96921826d671184ed693', '\x7b222efc40d73d214a5792209f5faa396109a80c7490580c0d11284b5b112a70'),
	(1, 11, '01a2215e-d58c-7573-9696-4dc054bca810', '\x628fbc7184c2ac3da1de3cb69cce3fe6789bc931aaaadcb7e40dce1868430ddf', '\x7b222efc40d73d214a5792209f5faa396109a80c7490580c0d11284b5b112a70', '\x83c5572bed3049bbc66a5cb24ee9006b266026899fa4acb3021c67846e1c439c'),
	(1, 12, '01a2215e-d5ac-7182-b201-ad680004f361', '\x55b9be5ab98a79e72a71be5393a6bb25ba9acfb8db1770c1c8199fcd9a332ade', '\x83c5572bed3049bbc66a5cb24ee9006b266026899fa4acb3021c67846e1c439c', '\xcc2c0034eab8c208bef2b1ddebff1998e7e3da0cb3f61176753e8f3c8b032571'),
	(1, 13, '01a2215e-d5c7-7f29-be6d-f8f3381927ec', '\x00ccd068866e4561361c169c68e326773e82420ba2b4d1472886647c95ae5b60', '\xcc2c0034eab8c208bef2b1ddebff1998e7e3da0cb3f61176753e8f3c8b032571', '\x505a7dfd699381a185999dca57b1711514df0ba57d48d729a0839d17d023bde5'),
	(1, 14, '01a2215e-d5e1-7d4a-b80e-2d88c7b8f9ae', '\xaf6864285dedd106b637efd4b72f6346dcc2bd968cbad05fe160a37ab9fecaf2', '\x505a7dfd699381a185999dca57b1711514df0ba57d48d729a0839d17d023bde5', '\xdf07152061c7f056d62845964d32bab293e752e3a76a4df3e7c10b15e21f5853'),
	(1, 15, '01a2215e-d5e8-7407-a29f-a99f4531f36c', '\xf3b9ce4fe95cdc43ee8f2fed167978ea1ad625e9a0584b1cb1fdcb127f2c8628', '\xdf07152061c7f056d62845964d32bab293e752e3a76a4df3e7c10b15e21f5853', '\x1a1d6743b7d66f645b2126cabdecbf1c350d90c39b42e554ee3f98d7f1ff55e9'),
	(1, 16, '01a2215e-d5f6-7812-b946-2a2774c0faaf', '\x77b0ba5c56c37688791447e9525c15d6698116887c91040013eae3a05ae72e44', '\x1a1d6743b7d66f645b2126cabdecbf1c350d90c39b42e554ee3f98d7f1ff55e9', '\xc61f23f7331f0ec8ce41bb38017f318b2baafebcbfd274d9b08bf8e7791ca135'),
	(1, 17, '01a2215e-d60d-7953-87c1-59f804e1a368', '\x23cda75803a917c15cfa39964b6f2809d34e488e244c7766fac6971dede81599', '\xc61f23f7331f0ec8ce41bb38017f318b2baafebcbfd274d9b08bf8e7791ca135', '\xdf1cb92e4dec066bd9553a00a9d23613eacf11fb6db6c07b0cd5b15e55c7ace3'),
	(1, 18, '01a2215e-d62a-7a51-b81b-becbae565a42', '\x0f26d3dd4d25d8267309faae85b70a3368931ed5cefe56e146f4e1f0038e99fc', '\xdf1cb92e4dec066bd9553a00a9d23613eacf11fb6db6c07b0cd5b15e55c7ace3', '\xc090b469279f98a62e6aea739918829f02c7288d347ca5c456b6b06ae619261a'),
	(1, 19, '01a2215e-d65a-77dd-979a-e6243639a859', '\x6c88e890affb807105cc593a3ab0da5c42c95ea60ee6f1753574b731dae32ada', '\xc090b469279f98a62e6aea739918829f02c7288d347ca5c456b6b06ae619261a', '\x72d37ad707d6ea6ba755f59469387e5d0dee7e58dcdf7b9f39452eee7b3aece5'),
	(1, 20, '01a2215e-d689-7ec8-9c8a-ac2bbd9f6452', '\x44cb08d88efed89ee895ef4ad22d231b2801cb265cb3742774c7216e2c732359', '\x72d37ad707d6ea6ba755f59469387e5d0dee7e58dcdf7b9f39452eee7b3aece5', '\xac5e228ae8ed9f6c4b77e33d2fc5ac9cfeca644e02451113066386abd9de7d14'),
	(1, 21, '01a2215e-d694-7fba-b1bb-871df9373dca', '\xac64967e8047460b262212d6f2b62c07644d23b1a08daa80456be455db03f553', '\xac5e228ae8ed9f6c4b77e33d2fc5ac9cfeca644e02451113066386abd9de7d14', '\x5e72eaf4bc9660d0a58465d27a5c466143d1788c5ea034ae397ca72f0fbeec67'),
	(1, 22, '01a2215e-d6b2-7577-ac52-4c5e17f53fbc', '\x1fa1cf5a6167c46443cbac6079c728ba34692581916296f903a7e4ae750630a9', '\x5e72eaf4bc9660d0a58465d27a5c466143d1788c5ea034ae397ca72f0fbeec67', '\x832f4f901733f6f74477ccc31a66b82ee6e32228f7fe302514b14903946d7ce5'),
	(1, 23, '01a2215e-d6e4-7900-971b-bd26fab8cd31', '\x322403cb0c7f5e37bcc8bd3c2f13164c89e618bb1c6bedfa4b40c46c0dbbe4f9', '\x832f4f901733f6f74477ccc31a66b82ee6e32228f7fe302514b14903946d7ce5', '\x9221baac68e22a659875560eeea48546d765427c28549b798b13eea244b2031e'),
	(1, 24, '01a2215e-d708-7a1e-a3d4-481b238a87f8', '\xc0da91f3b591a3c7c16125514448619b1caee819a68f7a92bfed9d7cc1781ed7', '\x9221baac68e22a659875560eeea48546d765427c28549b798b13eea244b2031e', '\x8d4da45bf7be87aa53ba077cbd75c8c159681b7580a83292a7e9a054d25d0f25'),
	(1, 25, '01a2215e-d72d-7294-9a9a-80c9750a9b0e', '\xa90463c5d41273c2346c772002ce1eaa818c46e887d63a64c64c51366e14ba4b', '\x8d4da45bf7be87aa53ba077cbd75c8c159681b7580a83292a7e9a054d25d0f25', '\x3e8826a275126b3e4fb1f58185bd298c2341bd605c28230ebddfd70052b9fd98'),
	(1, 26, '01a2215e-d73d-7278-b106-55490feb04b4', '\x7031c7a50a11f326fb9b9eb0ed21c3b8218aeaf9664d734eb3fafa7672e0a628', '\x3e8826a275126b3e4fb1f58185bd298c2341bd605c28230ebddfd70052b9fd98', '\x15d301b35f2bb31181e0a6c678ceee535c4bc28503edac5e4663105942132215'),
	(1, 27, '01a2215e-d769-71f6-80e0-530f5c5cedbd', '\x70a65591c04e351df2e941462a4be80e80ab84cff8acf737cabcf5abb9132a87', '\x15d301b35f2bb31181e0a6c678ceee535c4bc28503edac5e4663105942132215', '\x2ca07e92932b749236ec8ae854f5e5f8d23924965d491a7184a8f2cdb916eca3'),
	(1, 28, '01a2215e-d793-7a45-9e01-0bcad5a60bc9', '\x0e49b275435cce7bd5ac22d8b3c8fbd0d97198ccb667c2e944e8aaef3f067c3b', '\x2ca07e92932b749236ec8ae854f5e5f8d23924965d491a7184a8f2cdb916eca3', '\xef82dfd7392125cb3a14fc677028a945a8f568025c99d20deb5694b1f1fcac68'),
	(1, 29, '01a2215e-d836-7669-bb27-364dbe36de1a', '\xb8a7f93ae83ad76bfbf87d1fce73837a5c39795624daf0cfadd6bef866107ac3', '\xef82dfd7392125cb3a14fc677028a945a8f568025c99d20deb5694b1f1fcac68', '\x353730238b65cdad2d6434d93284132485fb49ccd8aa4cfbc8ed87ca772c4873'),
	(1, 30, '01a2215e-d841-762e-9240-ad743caa42a9', '\xdf52fe6bee8146023dc3221e72042d8259c4d0ea952122daf6716c98a7bfb9fb', '\x353730238b65cdad2d6434d93284132485fb49ccd8aa4cfbc8ed87ca772c4873', '\x7a56419e0dfee73467c3f15184473aeb535c145af48c131673b2962221eff2ce'),
	(1, 31, '01a2215e-d851-7f1f-b356-ce4b6c05ab20', '\xa9adfcec4555cd29aabc01320149d503a89d7da3611474ea801e6775c8249d3c', '\x7a56419e0dfee73467c3f15184473aeb535c145af48c131673b2962221eff2ce', '\xdb43cb2195fcc3eca65e8818bdad3857d1fae20b7651dc6ffe8d45843b62fe4a'),
	(1, 32, '01a2215e-d86c-7d69-a824-bfc766ec444f', '\x6460b28fa1847a70f23d722376a54fe20d7e84202de79ff1a0416fa6660fb6d6', '\xdb43cb2195fcc3eca65e8818bdad3857d1fae20b7651dc6ffe8d45843b62fe4a', '\x74ed592ea171e7b3f6a41a8d9fe6a2a64e4db775e437201be3c16010ec15fa66'),
	(1, 33, '01a2215e-d88a-7779-928c-9ab93b56f09b', '\x851f2d1351c06ae56646a9a6e73e364ca1f3b4d01b45881e7dc2bde5511130f9', '\x74ed592ea171e7b3f6a41a8d9fe6a2a64e4db775e437201be3c16010ec15fa66', '\xeca39a666a4541fc06a6678a900c76d1827ceae2a418e09aebf7df6f99d397e9'),
	(1, 34, '01a2215e-d8af-7592-85f6-ed44e1f129fd', '\xe9a81a3067b0eac9d25aaefb6c5d8d4f81592c17afeee19884eceb057bef0639', '\xeca39a666a4541fc06a6678a900c76d1827ceae2a418e09aebf7df6f99d397e9', '\x518a64fcaaba14931988313f6cdb1627cf58af1226f6e691484c1893c068542e'),
	(1, 35, '01a2215e-d8be-74ce-9c3d-a76ed0d45ab0', '\xd34fc8a83d616c44abbbac566705d14a9dda799dbecc95abcca72d278487b60c', '\x518a64fcaaba14931988313f6cdb1627cf58af1226f6e691484c1893c068542e', '\xed7dbbf23d4c8a7646bc17ea0083e4ff61d1d55da5f3c3972f536ae8eebeab15'),
	(1, 36, '01a2215e-d8d0-7c8f-85ab-ccccca6dd8be', '\xa144adc9ad45816231663808ce266d21d6104944e17ab5dcde93e6c1150d67ec', '\xed7dbbf23d4c8a7646bc17ea0083e4ff61d1d55da5f3c3972f536ae8eebeab15', '\x4f85b91af725321d994e0007e59b226465f638588f2cb2d49a5db3eafe0f5c5f');

INSERT INTO public.audit_waiting VALUES
	(1, '2026-11-28 08:56:33.793839+00', '01a2215e-d900-7d58-ba31-1ea32698ebe7', '\x6bdd359547a707f69f740d350e0de81868ed5e05695dfa74718d5be8c0a8f618'),
	(1, '2026-11-28 08:56:33.820657+00', '01a2215e-d91c-7f6c-8ee4-0b7eff1ec536', '\x351ecf7fa9145af686160d44c35247f3cf4aa412a709c6ba731bb52dc986b06a'),
	(1, '2026-11-28 08:56:33.853554+00', '01a2215e-d93d-78b6-8e52-9da7c3a094c7', '\xea4b69c7d212c972e17387887b91957da9c41f6f4114820174bce0d98daa99ee'),
	(1, '2026-11-28 08:56:33.863957+00', '01a2215e-d947-760c-9039-138d7b8846b7', '\x7bac45cbeb5bb600914ba709205fbda64c27c60b446223dc615ecac04a5be9ec'),
	(1, '2026-11-28 08:56:33.885517+00', '01a2215e-d95d-760c-8200-fad752435bcc', '\x3730a60b9a44c5dbd747b403e670cab15931454f92cbfa8b38d7ae9a915f2a0f'),
	(1, '2026-11-28 08:56:33.896083+00', '01a2215e-d967-7b2c-86f5-78151c3dbb0c', '\x5cf0c7cdc3c45499f4dc5798cbf5d8a4811c2af5c8ea2a62fb1608922cd0bc3f'),
	(1, '2026-11-28 08:56:33.913158+00', '01a2215e-d978-7d95-9439-6b671fdc064b', '\xbdbcf286000ddcfdc55f616565c2779ceade21ac0c9c68199ea87ab10491bc7e'),
	(1, '2026-11-28 08:56:33.934664+00', '01a2215e-d98e-7985-9d2e-1574501965e1', '\x6547e5c2c0b6ad24433f5cb9cb4790e8c1661e7893524ab27de62fc5f3c90cad'),
	(1, '2026-11-28 08:56:34.054035+00', '01a2215e-da05-74cc-a742-4b3aa42b0cb5', '\xacc1ffdef62050a34265c7bbf19401d85b2109b57bfad37a9d481e5fde66721a'),
	(1, '2026-11-28 08:56:34.059523+00', '01a2215e-da0b-76e8-93b9-1ea31967bab2', '\xce89b27b3a45836fcaf7f07b3ce8f30274ee6f1d5c4be33585fd8951633c002d'),
	(1, '2026-11-28 08:56:34.069124+00', '01a2215e-da14-722a-b78a-1258f53d9ec2', '\xacfc6009d78f8af7678dd2db6f11f7b8254d605dd2e95b1c3feb33ba3e316c0e'),
	(1, '2026-11-28 08:56:34.082795+00', '01a2215e-da22-7ceb-90e1-8444b254ed3c', '\xa6ad856a04f2e95d6fbefd332a9518a6e114e753374fc39d6e68c554affefd2e'),
	(1, '2026-11-28 08:56:34.101935+00', '01a2215e-da35-7ee8-8403-108f2b0b25ee', '\xdff3b23134df29981c8c625e7f0b74e5797cecb26db5e8f183b55c1b78a8fe99'),
	(1, '2026-11-28 08:56:34.133113+00', '01a2215e-da54-7a04-b49d-772d070d0e9b', '\x1ac0c26a5eca6aae052908d6948023a2e46fea29a2c9e962072d7e9cf2f0755c'),
	(1, '2026-11-28 08:56:34.166761+00', '01a2215e-da76-7b84-a277-23b340948096', '\x11c969953a1d92be02b9e592d3294880e0bdb6d0a85f5a0db609735d5a823c4a'),
	(1, '2026-11-28 08:56:34.171925+00', '01a2215e-da7b-7319-8256-5564c694172c', '\x504eb344c41f5921b10e4142d2e46dd26573dbed68733f0a13c3b5925a2b3cf7'),
	(1, '2026-11-28 08:56:34.177219+00', '01a2215e-da81-765f-b5db-3903dced4843', '\x1526a3d4e828032c66d762764aa72767cfa409e0608b4a9d8e51cb77ac595783'),
	(1, '2026-11-28 08:56:34.190404+00', '01a2215e-da8e-7a48-a456-30bb4c268c18', '\xe46da428506a55cf3f3ed8fdcc3e45bf461931768736e9bcf2924878a546b527'),
	(1, '2026-11-28 08:56:34.208681+00', '01a2215e-daa0-7a08-957d-c300fa5adf66', '\xdb893429ddffa3780da96fa3a99b72e5c73e9adda2d4a2ae545f2d960df8c44e'),
	(1, '2026-11-28 08:56:34.218139+00', '01a2215e-daa9-7315-a3b6-276365cfd23b', '\xdf4aeb1823f3d7c431fb1737967bc5b6ef3170fd897142360a803c0601a954c5'),
	(1, '2026-11-28 08:56:34.228488+00', '01a2215e-dab4-7394-8a11-8694e53cedfb', '\x266383ab3c5a70d425b044e9114ff1b04488a4c638c459695e89ec2150910460'),
	(1, '2026-11-28 08:56:34.232568+00', '01a2215e-dab8-78db-8406-3d0eee171bda', '\x71e7e733b64158f1514d6bdf2baeca8380a03ce78aac793812947d41db2d6220'),
	(1, '2026-11-28 08:56:34.256316+00', '01a2215e-daca-7d5d-b09e-0ab210b50c36', '\x9651f327fb5c8529f678f7f03ce9fc9beaa099c2c9f2b6a54c0a72969ead8035'),
	(1, '2026-11-28 08:56:35.183641+00', '01a2215e-de6a-787d-a46e-0f0230009c95', '\x6e46bae9bf02bd68613a53d7d541a4632f779bf806bb5e92868d2f99d2c5b3f5'),
	(1, '2026-11-28 08:56:35.193461+00', '01a2215e-de78-78bd-a8a8-b4efd1085226', '\x23122ec0f133c02b3f39c500df8fe0ce4ac0e0554227c4411694e24ec4d2caf3'),
	(1, '2026-11-28 08:56:35.239062+00', '01a2215e-dea6-714e-a690-c3a2d7e75021', '\xea307a36abd6af7c1db3642f65cdfd4ada9fb1ad4d0425c4c57b925f2414fd28');

INSERT INTO public.auth_attempt VALUES
	('\x96c7c9fd5fe61ad76e9954b270d9762f', 0, NULL, '2026-12-28 08:56:29.96765+00', '2026-12-28 08:56:29.96765+00'),
	('\x96bf8a6b91de5bc09f8344d71629b02e', 0, NULL, '2026-12-28 08:56:31.215476+00', '2026-12-28 08:56:31.215476+00');

INSERT INTO public.configuration VALUES
	(1, 1, '{"users": [{"id": "nightly", "groups": ["Loaders"], "sourceGroup": "Warehouse"}, {"id": "mailer", "groups": ["EmailOnly"], "sourceGroup": "Mailing"}], "account": {"name": "Acme Retail", "locales": ["en_US", "es_US", "fr_CA"], "clientId": "OLDER", "importsPerDay": 1000, "tokenLifetimeHours": 87600}, "programs": [{"id": "NEWS", "name": "Newsletter", "filters": [{"id": "NEWS-EMAIL", "name": "Newsletter by email", "channel": "Email", "frequencies": ["Daily", "Weekly", "Monthly"], "durationDays": 730, "defaultFrequency": "Weekly"}, {"id": "NEWS-TEXT", "name": "Newsletter by text", "channel": "Text", "requiredConsents": ["TextMessages"]}]}, {"id": "OFFERS", "name": "Offers", "filters": [{"id": "OFFERS-EMAIL", "name": "Offers by email", "channel": "Email"}, {"id": "OFFERS-PHONE", "name": "Offers by call", "channel": "Phone"}, {"id": "OFFERS-MAIL", "name": "Offers by post", "channel": "Mail"}]}, {"id": "DATA", "name": "Use of data", "filters": [{"id": "DATA-SHARING", "name": "Sharing with partners"}]}], "picklists": [{"name": "Tiers", "values": ["basic", "silver", "gold"]}], "emailTypes": [{"name": "Home", "default": true}, {"name": "Work"}], "groupTypes": [{"name": "Household"}], "phoneTypes": [{"name": "Mobile", "default": true}, {"name": "Home"}], "userGroups": [{"name": "Loaders", "permissions": {"audit": true, "import": true, "profile": ["read", "write", "delete"], "channels": "all", "programs": "all", "consentTypes": "all", "configuration": ["read", "write"]}}, {"name": "EmailOnly", "permissions": {"import": true, "profile": ["read", "write"], "channels": ["Email"], "programs": ["NEWS"], "consentTypes": ["PrivacyPolicy"]}}], "addressTypes": [{"name": "Home", "default": true}, {"name": "Billing"}], "consentTypes": [{"name": "PrivacyPolicy", "versions": [{"texts": {"en_US": "We keep your details to serve you."}, "version": "1.0"}, {"texts": {"en_US": "We keep your details to serve you, for three years.", "es_US": "Guardamos sus datos durante tres años."}, "version": "2.0", "expirationDays": 1095}]}, {"name": "TextMessages", "versions": [{"texts": {"en_US": "I agree to automated text messages at this number."}, "version": "2026-01"}]}], "customFields": [{"name": "Tier", "type": "SelectList", "picklist": "Tiers"}, {"name": "Interests", "type": "SelectList", "several": true, "picklist": "Tiers"}, {"name": "Store", "type": "Text", "pattern": "S[0-9]{3}", "maxLength": 10}, {"max": 100000, "min": 0, "name": "Score", "type": "Numeric"}, {"name": "FirstPurchase", "type": "DateTime", "updateRule": "Never"}, {"name": "Nickname", "type": "Text", "updateRule": "IfCurrentValueIsBlank"}, {"name": "Segment", "type": "Text", "updateRule": "IfNewValueIsNotBlank"}], "customerTypes": [{"name": "Customer", "default": true}, {"name": "Prospect"}], "alternateIdTypes": [{"name": "CRM", "pattern": "[A-Za-z0-9-]{1,40}"}, {"name": "Loyalty"}]}', '2026-11-28 08:56:28.905451+00'),
	(2, 1, '{"users": [{"id": "nightly", "groups": ["Loaders"], "sourceGroup": "Warehouse"}, {"id": "mailer", "groups": ["EmailOnly"], "sourceGroup": "Mailing"}], "account": {"name": "Acme Retail", "locales": ["en_US", "es_US", "fr_CA"], "clientId": "OTHER", "importsPerDay": 1000, "tokenLifetimeHours": 87600}, "programs": [{"id": "NEWS", "name": "Newsletter", "filters": [{"id": "NEWS-EMAIL", "name": "Newsletter by email", "channel": "Email", "frequencies": ["Daily", "Weekly", "Monthly"], "durationDays": 730, "defaultFrequency": "Weekly"}, {"id": "NEWS-TEXT", "name": "Newsletter by text", "channel": "Text", "requiredConsents": ["TextMessages"]}]}, {"id": "OFFERS", "name": "Offers", "filters": [{"id": "OFFERS-EMAIL", "name": "Offers by email", "channel": "Email"}, {"id": "OFFERS-PHONE", "name": "Offers by call", "channel": "Phone"}, {"id": "OFFERS-MAIL", "name": "Offers by post", "channel": "Mail"}]}, {"id": "DATA", "name": "Use of data", "filters": [{"id": "DATA-SHARING", "name": "Sharing with partners"}]}], "picklists": [{"name": "Tiers", "values": ["basic", "silver", "gold"]}], "emailTypes": [{"name": "Home", "default": true}, {"name": "Work"}], "groupTypes": [{"name": "Household"}], "phoneTypes": [{"name": "Mobile", "default": true}, {"name": "Home"}], "userGroups": [{"name": "Loaders", "permissions": {"audit": true, "import": true, "profile": ["read", "write", "delete"], "channels": "all", "programs": "all", "consentTypes": "all", "configuration": ["read", "write"]}}, {"name": "EmailOnly", "permissions": {"import": true, "profile": ["read", "write"], "channels": ["Email"], "programs": ["NEWS"], "consentTypes": ["PrivacyPolicy"]}}], "addressTypes": [{"name": "Home", "default": true}, {"name": "Billing"}], "consentTypes": [{"name": "PrivacyPolicy", "versions": [{"texts": {"en_US": "We keep your details to serve you."}, "version": "1.0"}, {"texts": {"en_US": "We keep your details to serve you, for three years.", "es_US": "Guardamos sus datos durante tres años."}, "version": "2.0", "expirationDays": 1095}]}, {"name": "TextMessages", "versions": [{"texts": {"en_US": "I agree to automated text messages at this number."}, "version": "2026-01"}]}], "customFields": [{"name": "Tier", "type": "SelectList", "picklist": "Tiers"}, {"name": "Interests", "type": "SelectList", "several": true, "picklist": "Tiers"}, {"name": "Store", "type": "Text", "pattern": "S[0-9]{3}", "maxLength": 10}, {"max": 100000, "min": 0, "name": "Score", "type": "Numeric"}, {"name": "FirstPurchase", "type": "DateTime", "updateRule": "Never"}, {"name": "Nickname", "type": "Text", "updateRule": "IfCurrentValueIsBlank"}, {"name": "Segment", "type": "Text", "updateRule": "IfNewValueIsNotBlank"}], "customerTypes": [{"name": "Customer", "default": true}, {"name": "Prospect"}], "alternateIdTypes": [{"name": "CRM", "pattern": "[A-Za-z0-9-]{1,40}"}, {"name": "Loyalty"}]}', '2026-11-28 08:56:29.043846+00'),
	(1, 2, '{"users": [{"id": "nightly", "groups": ["LOADERS"], "sourceGroup": "Warehouse"}, {"id": "mailer", "groups": ["EmailOnly"], "sourceGroup": "Mailing"}], "account": {"name": "Acme Retail", "locales": ["en_us", "es_US", "fr_CA"], "clientId": "OLDER", "importsPerDay": 1000, "tokenLifetimeHours": 87600}, "programs": [{"id": "News", "name": "Newsletter", "filters": [{"id": "News-Email", "name": "Newsletter by email", "channel": "Email", "frequencies": ["daily", "weekly", "Monthly"], "durationDays": 730, "defaultFrequency": "weekly"}, {"id": "news-text", "name": "Newsletter by text", "channel": "Text", "requiredConsents": ["TEXTMESSAGES"]}]}, {"id": "OFFERS", "name": "Offers", "filters": [{"id": "OFFERS-EMAIL", "name": "Offers by email", "channel": "Email"}, {"id": "OFFERS-PHONE", "name": "Offers by call", "channel": "Phone"}, {"id": "OFFERS-MAIL", "name": "Offers by post", "channel": "Mail"}]}, {"id": "DATA", "name": "Use of data", "filters": [{"id": "DATA-SHARING", "name": "Sharing with partners"}]}], "picklists": [{"name": "TIERS", "values": ["basic", "Silver", "Gold"]}], "emailTypes": [{"name": "HOME", "default": true}, {"name": "work"}], "groupTypes": [{"name": "HouseHold"}], "phoneTypes": [{"name": "mobile", "default": true}, {"name": "HOME"}], "userGroups": [{"name": "LOADERS", "permissions": {"audit": true, "import": true, "profile": ["read", "write", "delete"], "channels": "all", "programs": "all", "consentTypes": "all", "configuration": ["read", "write"]}}, {"name": "EmailOnly", "permissions": {"import": true, "profile": ["read", "write"], "channels": ["Email"], "programs": ["News"], "consentTypes": ["privacypolicy"]}}], "addressTypes": [{"name": "HOME", "default": true}, {"name": "Billing"}], "consentTypes": [{"name": "privacypolicy", "versions": [{"texts": {"en_us": "We keep your details to serve you."}, "version": "1.0"}, {"texts": {"en_us": "We keep your details to serve you, for three years.", "es_US": "Guardamos sus datos durante tres años."}, "version": "2.0", "expirationDays": 1095}]}, {"name": "TEXTMESSAGES", "versions": [{"texts": {"en_us": "I agree to automated text messages at this number."}, "version": "2026-01"}]}], "customFields": [{"name": "TIER", "type": "SelectList", "picklist": "TIERS"}, {"name": "Interests", "type": "SelectList", "several": true, "picklist": "TIERS"}, {"name": "STORE", "type": "Text", "pattern": "S[0-9]{3}", "maxLength": 10}, {"max": 100000, "min": 0, "name": "Score", "type": "Numeric"}, {"name": "FirstPurchase", "type": "DateTime", "updateRule": "Never"}, {"name": "nickname", "type": "Text", "updateRule": "IfCurrentValueIsBlank"}, {"name": "Segment", "type": "Text", "updateRule": "IfNewValueIsNotBlank"}], "customerTypes": [{"name": "CUSTOMER", "default": true}, {"name": "Prospect"}], "alternateIdTypes": [{"name": "Crm", "pattern": "[A-Za-z0-9-]{1,40}"}, {"name": "LOYALTY"}]}', '2026-11-28 08:56:34.007259+00');

INSERT INTO public.consent_text VALUES
	(1, 'PrivacyPolicy', '1.0', 'en_US', '4628c573ea6573acbf8830efeb59707195dbcc2d0e6d0a4bf5ced6771df33706', 'We keep your details to serve you.', '2026-11-28 08:56:28.905451+00'),
	(1, 'PrivacyPolicy', '2.0', 'en_US', '0fae64bc4a363d330638bc531dcd35b4ccdfb26e859966953d5d94a5d6c5718e', 'We keep your details to serve you, for three years.', '2026-11-28 08:56:28.905451+00'),
	(1, 'PrivacyPolicy', '2.0', 'es_US', 'b3d991dd1e3752c098acb5668efa90686be4116b6caafca77d3561e304be6693', 'Guardamos sus datos durante tres años.', '2026-11-28 08:56:28.905451+00'),
	(1, 'TextMessages', '2026-01', 'en_US', 'd40f74d7dbd42f8b15e2dd1f117aad96f90585dad7ea20a95bc9aea3d32575e0', 'I agree to automated text messages at this number.', '2026-11-28 08:56:28.905451+00'),
	(2, 'PrivacyPolicy', '1.0', 'en_US', '4628c573ea6573acbf8830efeb59707195dbcc2d0e6d0a4bf5ced6771df33706', 'We keep your details to serve you.', '2026-11-28 08:56:29.043846+00'),
	(2, 'PrivacyPolicy', '2.0', 'en_US', '0fae64bc4a363d330638bc531dcd35b4ccdfb26e859966953d5d94a5d6c5718e', 'We keep your details to serve you, for three years.', '2026-11-28 08:56:29.043846+00'),
	(2, 'PrivacyPolicy', '2.0', 'es_US', 'b3d991dd1e3752c098acb5668efa90686be4116b6caafca77d3561e304be6693', 'Guardamos sus datos durante tres años.', '2026-11-28 08:56:29.043846+00'),
	(2, 'TextMessages', '2026-01', 'en_US', 'd40f74d7dbd42f8b15e2dd1f117aad96f90585dad7ea20a95bc9aea3d32575e0', 'I agree to automated text messages at this number.', '2026-11-28 08:56:29.043846+00'),
	(1, 'privacypolicy', '1.0', 'en_us', '4628c573ea6573acbf8830efeb59707195dbcc2d0e6d0a4bf5ced6771df33706', 'We keep your details to serve you.', '2026-11-28 08:56:34.007259+00'),
	(1, 'privacypolicy', '2.0', 'en_us', '0fae64bc4a363d330638bc531dcd35b4ccdfb26e859966953d5d94a5d6c5718e', 'We keep your details to serve you, for three years.', '2026-11-28 08:56:34.007259+00'),
	(1, 'privacypolicy', '2.0', 'es_US', 'b3d991dd1e3752c098acb5668efa90686be4116b6caafca77d3561e304be6693', 'Guardamos sus datos durante tres años.', '2026-11-28 08:56:34.007259+00'),
	(1, 'TEXTMESSAGES', '2026-01', 'en_us', 'd40f74d7dbd42f8b15e2dd1f117aad96f90585dad7ea20a95bc9aea3d32575e0', 'I agree to automated text messages at this number.', '2026-11-28 08:56:34.007259+00');

INSERT INTO public.contact_key VALUES
	(2, '460f71ad-45a4-6438-cdca-a55b3b8cf037', 1, 'E', 'one@example.com'),
	(1, '31adacd3-f46c-2774-b898-d4904fd1a832', 3, 'E', 'three@example.com'),
	(1, '419aced9-4925-ffaa-158e-468c43e0a805', 2, 'P', '+12025550102'),
	(1, '6113970e-d78f-7163-eccd-d127e4930d83', 1, 'E', 'one@example.com'),
	(1, '93bc0396-e4f5-6a8f-b805-8181555d2d9c', 7, 'P', '+12025550107'),
	(1, '95d5ff8c-97c2-cdf9-7320-99ab02d9e6bb', 8, 'P', '+12025550108'),
	(1, 'b4d3d1cf-f644-7c4b-6ee9-bf76f5a7b33f', 6, 'E', 'six@example.com'),
	(1, 'f19ecd0c-dbda-e5cf-55ef-2765c2d12a19', 2, 'E', 'two@example.com'),
	(1, 'fb9dbfae-5883-4428-6c25-9067761bbf2e', 5, 'E', 'five@example.com'),
	(1, 'b0be8bee-32b6-85c4-c52e-9118509ca079', 22, 'E', 'twelve@example.com'),
	(1, '1fc79aac-191b-24a0-40fd-f69db7757fcd', 25, 'E', 'w0@example.com'),
	(1, 'd88b1028-d872-c9d8-0a1d-6b8be7ad1c70', 26, 'E', 'w1@example.com');

INSERT INTO public.credential VALUES
	(1, 'c377822e8661195de5f01416', 'nightly', '$argon2id$v=19$m=19456,t=2,p=1$fZiTJez71lNGrkUFpxYI2A$DTfxGGXjwq41PRYv8oUSkwQRo+okDlzchQJuLtgLbJM', '2026-11-28 08:56:29.194964+00', NULL),
	(2, '38207dedb1fd51a8dfa41151', 'nightly', '$argon2id$v=19$m=19456,t=2,p=1$CyhTnzagKzszAumLWYXcJQ$tg0Vtn59Zz5Nz1lwUI7fv5dbxTmV7uSKk7HkLX+uPdQ', '2026-11-28 08:56:29.262676+00', NULL);

INSERT INTO public.import VALUES
	(2, '01a2215e-ca47-711c-b13b-e0d5f9ea47ca', 8830057251169626, 'Completed', '{"name": "test", "action": "Add", "match_type": "CRM", "refresh_tags": false, "refresh_groups": false, "refresh_contacts": false, "data_stage_duration": 10, "allow_prior_consents": false, "refresh_alternate_ids": false, "refresh_custom_fields": false}', 'nightly', NULL, NULL, '2026-11-28 08:56:30.023388+00', '2036-11-25 08:56:30.023388+00', '2026-11-28 08:56:30.96882+00', '2026-11-28 08:56:30.992389+00', '2026-11-28 08:56:31.060544+00', NULL, NULL, NULL, NULL, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0),
	(1, '01a2215e-cf91-733c-9852-013188afdc5b', 7349215897610951, 'Completed', '{"name": "first", "action": "Add", "match_type": "CRM", "refresh_tags": false, "refresh_groups": false, "refresh_contacts": false, "data_stage_duration": 10, "allow_prior_consents": false, "refresh_alternate_ids": false, "refresh_custom_fields": false}', 'nightly', NULL, NULL, '2026-11-28 08:56:31.377551+00', '2036-11-25 08:56:31.377551+00', '2026-11-28 08:56:32.68981+00', '2026-11-28 08:56:32.757487+00', '2026-11-28 08:56:32.821909+00', NULL, NULL, NULL, NULL, 1, 1, 1, 11, 10, 1, 0, 1, 0, 9, 0, 0, 0),
	(1, '01a2215e-d563-769c-b49d-a7e06b427ddc', 4378318859160321, 'Completed', '{"name": "noes", "action": "Add", "match_type": "CRM", "refresh_tags": false, "refresh_groups": false, "refresh_contacts": false, "data_stage_duration": 10, "allow_prior_consents": false, "refresh_alternate_ids": false, "refresh_custom_fields": false}', 'nightly', NULL, NULL, '2026-11-28 08:56:32.867464+00', '2036-11-25 08:56:32.867464+00', '2026-11-28 08:56:32.9077+00', '2026-11-28 08:56:32.926584+00', '2026-11-28 08:56:32.967341+00', NULL, NULL, NULL, NULL, 1, 12, 1, 4, 4, 0, 0, 0, 0, 0, 4, 0, 0),
	(1, '01a2215e-d5e0-7153-9bfc-511fad1d7ee5', 5326525469940250, 'Completed', '{"name": "groups", "action": "Add", "match_type": "CRM", "refresh_tags": false, "refresh_groups": true, "refresh_contacts": false, "data_stage_duration": 10, "allow_prior_consents": false, "refresh_alternate_ids": false, "refresh_custom_fields": false}', 'nightly', NULL, NULL, '2026-11-28 08:56:32.992623+00', '2036-11-25 08:56:32.992623+00', '2026-11-28 08:56:33.0145+00', '2026-11-28 08:56:33.031712+00', '2026-11-28 08:56:33.066632+00', NULL, NULL, NULL, NULL, 1, 16, 1, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0),
	(1, '01a2215e-d656-78de-91b2-0142ecb53f26', 7771980048157013, 'Completed', '{"name": "contacts", "action": "Add", "match_type": "CRM", "refresh_tags": false, "refresh_groups": false, "refresh_contacts": true, "data_stage_duration": 10, "allow_prior_consents": false, "refresh_alternate_ids": false, "refresh_custom_fields": false}', 'nightly', NULL, NULL, '2026-11-28 08:56:33.110123+00', '2036-11-25 08:56:33.110123+00', '2026-11-28 08:56:33.171889+00', '2026-11-28 08:56:33.18961+00', '2026-11-28 08:56:33.252273+00', NULL, NULL, NULL, NULL, 1, 17, 1, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0),
	(1, '01a2215e-d836-736f-93ed-8a38545f2e78', 4922121040103914, 'Completed', '{"name": "delete", "action": "Delete", "match_type": "CRM", "refresh_tags": false, "refresh_groups": false, "refresh_contacts": false, "data_stage_duration": 10, "allow_prior_consents": false, "refresh_alternate_ids": false, "refresh_custom_fields": false}', 'nightly', NULL, NULL, '2026-11-28 08:56:33.590172+00', '2036-11-25 08:56:33.590172+00', '2026-11-28 08:56:33.617473+00', '2026-11-28 08:56:33.629848+00', '2026-11-28 08:56:33.674258+00', NULL, NULL, NULL, NULL, 1, 19, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1),
	(1, '01a2215e-d708-783c-8628-47b8433b3ee5', 8481420615031345, 'Completed', '{"name": "back", "action": "Add", "match_type": "CRM", "refresh_tags": false, "refresh_groups": false, "refresh_contacts": false, "data_stage_duration": 10, "allow_prior_consents": false, "refresh_alternate_ids": false, "refresh_custom_fields": false}', 'nightly', NULL, NULL, '2026-11-28 08:56:33.288075+00', '2036-11-25 08:56:33.288075+00', '2026-11-28 08:56:33.341729+00', '2026-11-28 08:56:33.352497+00', '2026-11-28 08:56:33.426868+00', NULL, NULL, NULL, NULL, 1, 18, 1, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0),
	(1, '01a2215e-d947-7ad0-ae16-dbee85908ef9', 7814166056106231, 'Failed', '{"name": "cancelled", "action": "Add", "match_type": "CRM", "refresh_tags": false, "refresh_groups": false, "refresh_contacts": false, "data_stage_duration": 10, "allow_prior_consents": false, "refresh_alternate_ids": false, "refresh_custom_fields": false}', 'nightly', NULL, NULL, '2026-11-28 08:56:33.863029+00', '2036-11-25 08:56:33.863029+00', NULL, NULL, '2026-11-28 08:56:33.895485+00', NULL, NULL, NULL, 'Import.Cancelled', NULL, NULL, 1, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0),
	(1, '01a2215e-d8ae-7209-b7b9-4a7b77e5b5bd', 1758132858444235, 'Completed', '{"name": "held back", "action": "Add", "match_type": "CRM", "refresh_tags": false, "refresh_groups": false, "refresh_contacts": false, "data_stage_duration": 10, "allow_prior_consents": false, "refresh_alternate_ids": false, "refresh_custom_fields": false}', 'nightly', NULL, NULL, '2026-11-28 08:56:33.710686+00', '2036-11-25 08:56:33.710686+00', '2026-11-28 08:56:33.743867+00', '2026-11-28 08:56:33.770559+00', '2026-11-28 08:56:33.820303+00', NULL, NULL, NULL, NULL, 1, 20, 1, 2, 2, 0, 0, 1, 1, 0, 0, 0, 0),
	(1, '01a2215e-d978-79f6-b65f-5c48e58e0eab', 7623477600377390, 'Staging', '{"name": "staged under the first spelling", "action": "Add", "match_type": "CRM", "refresh_tags": false, "refresh_groups": false, "refresh_contacts": false, "data_stage_duration": 10, "allow_prior_consents": false, "refresh_alternate_ids": false, "refresh_custom_fields": false}', 'nightly', NULL, NULL, '2026-11-28 08:56:33.912455+00', '2036-11-25 08:56:33.912455+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1, 5, 4, 1, 4, 0, 0, 0, 0, 0, 0),
	(1, '01a2215e-da0a-7d94-ba05-d8649873cffb', 4806943277882945, 'Completed', '{"name": "after the new spelling", "action": "Add", "match_type": "Crm", "refresh_tags": false, "refresh_groups": false, "refresh_contacts": false, "data_stage_duration": 10, "allow_prior_consents": false, "refresh_alternate_ids": false, "refresh_custom_fields": false}', 'nightly', NULL, NULL, '2026-11-28 08:56:34.058876+00', '2036-11-25 08:56:34.058876+00', '2026-11-28 08:56:34.082338+00', '2026-11-28 08:56:34.088433+00', '2026-11-28 08:56:34.131321+00', NULL, NULL, NULL, NULL, 2, 23, 1, 2, 2, 0, 0, 0, 0, 0, 2, 0, 0),
	(1, '01a2215e-da80-7aae-a6d9-8bb88fc13486', 1785779628951555, 'Initiated', '{"name": "nothing staged", "action": "Add", "match_type": "Crm", "refresh_tags": false, "refresh_groups": false, "refresh_contacts": false, "data_stage_duration": 10, "allow_prior_consents": false, "refresh_alternate_ids": false, "refresh_custom_fields": false}', 'nightly', NULL, NULL, '2026-11-28 08:56:34.17669+00', '2036-11-25 08:56:34.17669+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
	(1, '01a2215e-dab8-7af8-891b-b779e5378380', 8032830706946178, 'Staging', '{"name": "staged under the new spelling", "action": "Add", "match_type": "Crm", "refresh_tags": false, "refresh_groups": false, "refresh_contacts": false, "data_stage_duration": 10, "allow_prior_consents": false, "refresh_alternate_ids": false, "refresh_custom_fields": false}', 'nightly', NULL, NULL, '2026-11-28 08:56:34.232063+00', '2036-11-25 08:56:34.232063+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0),
	(1, '01a2215e-daa9-70da-9713-d897e3d59525', 5644387443996294, 'Queued', '{"name": "queued", "action": "Add", "match_type": "Crm", "refresh_tags": false, "refresh_groups": false, "refresh_contacts": false, "data_stage_duration": 10, "allow_prior_consents": false, "refresh_alternate_ids": false, "refresh_custom_fields": false}', 'nightly', NULL, NULL, '2026-11-28 08:56:34.21745+00', '2036-11-25 08:56:34.21745+00', '2026-11-28 08:56:35.192437+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1, 2, 2, 0, 2, 0, 0, 0, 0, 0, 0),
	(1, '01a2215e-da8d-718f-a05f-a3282b36e331', 7339130732477198, 'Processing', '{"name": "being worked off", "action": "Add", "match_type": "Crm", "refresh_tags": false, "refresh_groups": false, "refresh_contacts": false, "data_stage_duration": 10, "allow_prior_consents": false, "refresh_alternate_ids": false, "refresh_custom_fields": false}', 'nightly', NULL, NULL, '2026-11-28 08:56:34.18976+00', '2036-11-25 08:56:34.18976+00', '2026-11-28 08:56:35.178249+00', '2026-11-28 08:56:35.217627+00', NULL, NULL, NULL, NULL, NULL, 2, 25, 1, 6, 6, 0, 4, 0, 0, 2, 0, 0, 0);

INSERT INTO public.import_batch VALUES
	(2, '01a2215e-ca47-711c-b13b-e0d5f9ea47ca', 1, 'nightly', '2026-11-28 08:56:30.929357+00', 1, 1, 0, NULL, NULL),
	(1, '01a2215e-cf91-733c-9852-013188afdc5b', 1, 'nightly', '2026-11-28 08:56:32.629341+00', 1, 11, 1, NULL, NULL),
	(1, '01a2215e-d563-769c-b49d-a7e06b427ddc', 1, 'nightly', '2026-11-28 08:56:32.884206+00', 1, 4, 0, NULL, NULL),
	(1, '01a2215e-d5e0-7153-9bfc-511fad1d7ee5', 1, 'nightly', '2026-11-28 08:56:32.999069+00', 1, 1, 0, NULL, NULL),
	(1, '01a2215e-d656-78de-91b2-0142ecb53f26', 1, 'nightly', '2026-11-28 08:56:33.157841+00', 1, 1, 0, NULL, NULL),
	(1, '01a2215e-d708-783c-8628-47b8433b3ee5', 1, 'nightly', '2026-11-28 08:56:33.307421+00', 1, 1, 0, NULL, NULL),
	(1, '01a2215e-d836-736f-93ed-8a38545f2e78', 1, 'nightly', '2026-11-28 08:56:33.596894+00', 1, 1, 0, NULL, NULL),
	(1, '01a2215e-d8ae-7209-b7b9-4a7b77e5b5bd', 1, 'nightly', '2026-11-28 08:56:33.721082+00', 1, 2, 0, NULL, NULL),
	(1, '01a2215e-d947-7ad0-ae16-dbee85908ef9', 1, 'nightly', '2026-11-28 08:56:33.883369+00', 1, 1, 0, NULL, NULL),
	(1, '01a2215e-d978-79f6-b65f-5c48e58e0eab', 1, 'nightly', '2026-11-28 08:56:33.92349+00', 1, 5, 1, NULL, NULL),
	(1, '01a2215e-da0a-7d94-ba05-d8649873cffb', 1, 'nightly', '2026-11-28 08:56:34.067035+00', 1, 2, 0, NULL, NULL),
	(1, '01a2215e-da8d-718f-a05f-a3282b36e331', 1, 'nightly', '2026-11-28 08:56:34.206602+00', 1, 6, 0, NULL, NULL),
	(1, '01a2215e-daa9-70da-9713-d897e3d59525', 1, 'nightly', '2026-11-28 08:56:34.225484+00', 1, 2, 0, NULL, NULL),
	(1, '01a2215e-dab8-7af8-891b-b779e5378380', 1, 'nightly', '2026-11-28 08:56:34.249824+00', 1, 1, 0, NULL, NULL);

INSERT INTO public.import_chunk VALUES
	(1, '01a2215e-da8d-718f-a05f-a3282b36e331', 2, 3, 4, NULL, '{}', NULL),
	(1, '01a2215e-da8d-718f-a05f-a3282b36e331', 3, 5, 6, NULL, '{}', NULL);

INSERT INTO public.import_fault VALUES
	(1, '01a2215e-cf91-733c-9852-013188afdc5b', false, 10, 1, '\x5b7b22436f6465223a225265636f72642e556e6b6e6f776e4d656d626572222c224d657373616765223a225c22456d69616c5c22206973206e6f742061206d656d626572206f662074686973206f626a6563743b2064696420796f75206d65616e20456d61696c733f222c2250617468223a22242e456d69616c222c2256616c7565223a225b5d227d2c7b22436f6465223a22456d61696c2e4d616c666f726d6564222c224d657373616765223a22456d61696c41646472657373205c226e6f742d616e2d616464726573735c22206973206e6f74206120757361626c6520656d61696c20616464726573733a20416e20656d61696c2061646472657373206d757374206861766520616e20402d7369676e2e222c2250617468223a22242e456d61696c735b305d2e456d61696c41646472657373222c2256616c7565223a226e6f742d616e2d61646472657373227d5d'),
	(1, '01a2215e-cf91-733c-9852-013188afdc5b', false, 11, 2, '\x5b7b22436f6465223a22507265666572656e63652e436f6e73656e745265717569726564222c224d657373616765223a22416e206f70742d696e20746f204e4557532d54455854206e6565647320546578744d65737361676573206772616e74656420616e6420756e657870697265642c20666f722074686520706572736f6e206f72207468697320656c656d656e743b2073656e64207468617420636f6e73656e7420696e207468652073616d65207265636f7264206f72206265666f72652069742e222c2250617468223a22242e50686f6e654e756d626572735b305d2e50686f6e654e756d626572507265666572656e6365735b305d222c2256616c7565223a224e4557532d54455854227d5d'),
	(1, '01a2215e-d8ae-7209-b7b9-4a7b77e5b5bd', true, 1, 3, '\x5b7b22436f6465223a22507265666572656e63652e53757065727365646564222c224d657373616765223a2241206c617465722063686f6963652c206f7220616e206f70742d6f7574206f6e207468652073616d6520696e7374616e742c2069732073746f7265642e222c2250617468223a22242e456d61696c735b305d2e456d61696c507265666572656e6365735b305d222c2256616c7565223a224e4557532d454d41494c227d5d'),
	(1, '01a2215e-d8ae-7209-b7b9-4a7b77e5b5bd', false, 2, 2, '\x5b7b22436f6465223a22416c7465726e61746549642e496e557365222c224d657373616765223a2254686973204c6f79616c74792069642069732068656c642062792070726f66696c6520323b20646561637469766174652069742074686572652066697273742e222c2250617468223a22242e416c7465726e6174654964735b315d2e416c7465726e6174654964222c2256616c7565223a224c2d32227d5d'),
	(1, '01a2215e-d978-79f6-b65f-5c48e58e0eab', false, 5, 1, '\x5b7b22436f6465223a22456d61696c2e4d616c666f726d6564222c224d657373616765223a22456d61696c41646472657373205c226e6f626f64795c22206973206e6f74206120757361626c6520656d61696c20616464726573733a20416e20656d61696c2061646472657373206d757374206861766520616e20402d7369676e2e222c2250617468223a22242e456d61696c735b305d2e456d61696c41646472657373222c2256616c7565223a226e6f626f6479227d5d');

INSERT INTO public.import_frame VALUES
	(2, '01a2215e-ca47-711c-b13b-e0d5f9ea47ca', 1, 1, 1, '\x28b52ffd20accd030022461720a0291dfff0dfea779188a42c646fe1e2a764b1b35593536b2c12903f2f5115830f3dc460dabd61df33be096d4de0cbd1e4f8e0ac19d3be3683735fa596d5485a302ae8590040c50805c198bef358309876eaf027b1fdb3164324934809008d2af133dba5440b81ec758120e4e76c839e9c5ac76402', '\x28b52ffd202e150100e091930096c0c410d88b3ee5ff39abd1af070a6773b6423001919090c301009d37c7', '{d88b3ee5-ff39-abd1-af07-0a6773b64230}', '{0}', '{}', '{}'),
	(1, '01a2215e-cf91-733c-9852-013188afdc5b', 1, 11, 1, '\x28b52ffd60e5107d1f0036277e394069dc06c3f0dc4651149d31f6ccbead8f11a8536454b637b6a6914f64ec0a66c1fdeede68c0fa4614e65d81ca312aa05da5974e45716ab6046d006e006b002e72b8a84172d2c388d40c356502a954d1d5a0b2547f19259e4dafbef16a6934637059a1c10b3fe0933653ddae5105d67ad568203242ad6a866e6bdcc2cc2ffd16521a83a9760d5aaa6bf4edf6d00c616ebf88a1ae5c1e9aa9f60a0f26c1545bcdc41fceea2f218d31a0f1a910123f02cd54cb98a195ea196db3f8a41cab197a767bf85733d48e61d268ab47645152cb93c14eacd64fb7933e3609232add3453ed7188df32b1fe436484114f367d93e055d20cbd472db0be1840982e6146292f37b8f18814513c2fa1875218ba2d4908f0b9988bb9fd80720e7b019e0ab558ada616586b24e5b8dd2a365a13dc7e449066aa2fcd5067dc8272de2b8de19ad8a99a21c77bd175a92492054f721afa20e15b0aa93453edd98c1d5a2d7ff85733d493bea5083efec59aacf83deb13d05aaffc8563ed5b7da6eca41972600e2a4c72cff1344d2cb91773df9bde71f9281a9f8b9160aa258c309a307a3a9ba9766f42c6bded931a8890e1e0f070cf4dd32439e961a1f1b9b75d83d77b17d13608687c9e43eac4cd44e12b1ce2374e297021c3bd72de01a0f1b998dbcfb9abd2bf3cdb3c022745162dd53b32da88498f126b12310131977143ab1580d6a801a6999999d134a90c6350022184a88a1d12407079aea794228611420c214420431289c448202222462d06128734a1aa83c28a471547cf8f0316c16aff3c03706918e8f444f242a6de55c479be54bc1259859482c91a5fa193cb078e1168847d70a33504a2e3ccfac8f5e091da5d5e938a18922a619ee02eb13031b891878861466d88554b23fc843934192cba5048e733cfa9310f16f29514b2027227ad57c1e839ec09815d56a24ae1e101ad279f7b4024c4ca0786be3d361bd63cd0f4afab6f96299f720a5d7403d77f409bd7a17cdb3cb7411f566f07cd9cee5c35d0a2e2c43961460a84eef2ea8099b44a28323c79acd4a0a7b1d8e63a1d57b22dfc5d3db84397461a0ad5cf9c82fbd9cc548cae860f61199fa67d44147c3db46ba8d9e0d89783c88e1e9c4cb73fd7cbe652dc4f62e3e2343f2ef25d4d354dd060d9fb6a9a0c8402ba8a24c767c5aa183865c318706cfc8f6d2adb75dbcf2aa5ab059d7821c90df36d09ed38dcf21cd118af96eabc8b3fbb281a2e823d60150bd07162d212768966ffdeeb8990c10e5fc37d76f286089491f600099e99ca2420c2be5fc3710f420ac25c64a3175b4778727bebd1c9fc719de00b1b4fd8ba2636ae6c4653cf7ae134722b3b0f721dacbd9caeedcd7382950ef752110c621252737e44b0ccb72e7dfa51d51f08136f56e7a1544da901', '\x28b52ffd600901a50a00f4129a930096c0c410584f7f0f6238b24cc63026fa43840ee301919090c3930196c0c4100b7f4fe29d2872292207aed6ca70dd5a0192c410bc732ff9810c9deb4ed5cdfa8477eb9e91ac2b313230323535353031303290c3930296c0c410992a6bffd02598bb277e77352b17b0ff01919090c3930396c0c410c031e99cef9817b7a9bb2ea5bd59b61801919090c3930496c0c41078b21729aada757165286b9733fa99b501919090c3930596c0c4100161c7d31a9233368e1b8d89157e01e101919090c3930696c0c410e50980da4dae964a1f87443e80bbf8d701913790c3930796c0c41023d2b94601a5c3625fba068fd264cae001913890c3930896c0c4104447b179f3422eae85241b63ab751f6001919090c3930a96c0c4106a16e74313a9267981eacc7082139af00191313190c30d006ae0c0c01bdff4b0ab637de361fc1d6be0e18187071e1e785881b7071eeebc8907', '{584f7f0f-6238-b24c-c630-26fa43840ee3,0b7f4fe2-9d28-7229-2207-aed6ca70dd5a,bc732ff9-810c-9deb-4ed5-cdfa8477eb9e,992a6bff-d025-98bb-277e-77352b17b0ff,c031e99c-ef98-17b7-a9bb-2ea5bd59b618,78b21729-aada-7571-6528-6b9733fa99b5,0161c7d3-1a92-3336-8e1b-8d89157e01e1,e50980da-4dae-964a-1f87-443e80bbf8d7,23d2b946-01a5-c362-5fba-068fd264cae0,4447b179-f342-2eae-8524-1b63ab751f60,6a16e743-13a9-2679-81ea-cc7082139af0}', '{0,1,1,2,3,4,5,6,7,8,10}', '{}', '{}'),
	(1, '01a2215e-d563-769c-b49d-a7e06b427ddc', 1, 4, 1, '\x28b52ffd6058033d0d0096d13e3070893306fcff49fdffefea4ffb644d92d19204898d9a7e82b92453dcd2a39395cbc60172fce52642b8b4935055739b033100320031008ebf7230bf683f549ab1f675b3796c9a9c965f94755e482f720503f18b7e07025378d17633f9955cfddd1e0601284211010911426c82d2024a0c0a525746ea27bdd603f18b28bfc894c9a3624957c6b2d4df4d935cc3bdbee1f532a966e05b67ca8f159aad47b0bd83b4f695fb3906badc2d47217e51d68013acaa8a82d424e017fd490bea19a6c7728e722e8d8822d4655dd6395de74f79f95a4931e8457f4acb84b12412833b3e9af58b660428420b820989ca7aaebcd775b0c07d931a4af18b3c713446204002429842e30190fc5bc50878772fe5d4b54c741f0e2b242024818929e16c10c8c14811c070648140e5412902691748f59840d765a1f87d103b18eae00a07875d1220527f508f509a0b6e7ae025ac843493382c999449a63d785142b701df5f824488ee743edd827b1810edabba4056a3200f6a018eca8e81115aa6354769604606ece8103b85f856b2dcea846a0717ad19452cfcca604db400c9ce0b04e6e7daa0c529758426', '\x28b52ffd20c2350400a40794930096c0c410992a6bffd02598bb277e77352b17b0ff01919090c3930196c0c410e50980da4dae964a1f87443e80bbf8d7019191ac2b313230323535353031303790c3930296c0c41023d2b94601a5c3625fba068fd264cae001919090c3930396c0c4100161c7d31a9233368e1b8d89157e01e101919090c304040f8301a007b89b78', '{992a6bff-d025-98bb-277e-77352b17b0ff,e50980da-4dae-964a-1f87-443e80bbf8d7,23d2b946-01a5-c362-5fba-068fd264cae0,0161c7d3-1a92-3336-8e1b-8d89157e01e1}', '{0,1,2,3}', '{}', '{}'),
	(1, '01a2215e-d5e0-7153-9bfc-511fad1d7ee5', 1, 1, 1, '\x28b52ffd20add50300d40591c4aa7b22416c7465726e617465496473223a205b54797065223a202243524d222c202d34227d5d2c2022437573746f6d65724e616d65223a207b224c6173742247726f75706564227d2c486f757365686f6c64224b657074227d5d7d0a0042202029413210c0053564f0927d30d373b6404f4ead633201', '\x28b52ffd202e150100e091930096c0c410c031e99cef9817b7a9bb2ea5bd59b61801919090c301009d37c7', '{c031e99c-ef98-17b7-a9bb-2ea5bd59b618}', '{0}', '{}', '{}'),
	(1, '01a2215e-d656-78de-91b2-0142ecb53f26', 1, 1, 1, '\x28b52ffd20800d03007245141eb0271d0c4309652d69688b5bf2ea9bdae9d2220f7bb75934ac8354325501edbb923af4b2fc66e17c575287de0ff27a75453fe8f78a7c46d07c1867ac2cc787be0101081c7a09c9594a3d5b88136da10804000bca3ee705f4e4d43a2613', '\x28b52ffd202e150100e091930096c0c41078b21729aada757165286b9733fa99b501919090c301009d37c7', '{78b21729-aada-7571-6528-6b9733fa99b5}', '{0}', '{}', '{}'),
	(1, '01a2215e-d708-783c-8628-47b8433b3ee5', 1, 1, 1, '\x28b52ffd20adf50300340691c4aa7b22416c7465726e617465496473223a205b54797065223a202243524d222c202d35227d5d2c2022456d61696c41646472657373486f6d6522223a202266697665406578616d706c652e636f6d507265666572656e636573223a205b5d7d5d7d09008e2afc3383a5440b81ec758120e4e76c839e9c5ac76402', '\x28b52ffd202e150100e091930096c0c41078b21729aada757165286b9733fa99b501919090c301009d37c7', '{78b21729-aada-7571-6528-6b9733fa99b5}', '{0}', '{}', '{}'),
	(1, '01a2215e-d836-736f-93ed-8a38545f2e78', 1, 1, 1, '\x28b52ffd2047c50100e40291c4447b22416c7465726e617465496473223a205b54797065223a202243524d222c20223a2022432d39227d5d7d02003d39b58ec904', '\x28b52ffd202a510100919200dc0013c0c4104447b179f3422eae85241b63ab751f6001c0c0c0c0c3c380909090909090909090', '{4447b179-f342-2eae-8524-1b63ab751f60}', '{0}', '{}', '{}'),
	(1, '01a2215e-d8ae-7209-b7b9-4a7b77e5b5bd', 1, 2, 1, '\x28b52ffd608000a50600c28a2627702b6c0ea9aaaabf2a08fc6024a2deae16a0b4949f40d7e13107a4b5062b356cf4cf4bfcff2fa2f7dd1b6b996c84d35c58dd0f4c58dc77dfbd8363ac696c35b6080c669cdddb4203da72da1a819c553bab2fcac1248ba12149a06d2374d04ed4b4219a2ac8e90874942494e8828ee6d9fd2d2742ad4d9fe7881094c959bdfbb6589d5940ceee2d4dcd03bbd747690b23da361ea70008b8a80815003b2b31553f2dd81559c8506340c60cccdf1de9f7e19001a75be5310a16326a54899fd92e255a0864af0b04213f671bf4e4943a6613', '\x28b52ffd206d9d0200940492930096c0c410584f7f0f6238b24cc63026fa43840ee301919090c3930196c0c410c031e99cef9817b7a9bb2ea5bd59b6180192c410bc732ff9810c9deb4ed5cdfa8477eb9e9090c30200036f74dec403', '{584f7f0f-6238-b24c-c630-26fa43840ee3,c031e99c-ef98-17b7-a9bb-2ea5bd59b618,bc732ff9-810c-9deb-4ed5-cdfa8477eb9e}', '{0,1,1}', '{}', '{}'),
	(1, '01a2215e-d947-7ad0-ae16-dbee85908ef9', 1, 1, 1, '\x28b52ffd206fbd0200a40491c46c7b22416c7465726e617465496473223a205b54797065223a202243524d222c202d3133227d5d2c2022437573746f6d65724e616d65223a207b224c617374224e65766572227d7d041004427ab640736a1d4c', '\x28b52ffd202e150100e091930096c0c41071a393f7eb460b290ddb8bee16ef886801919090c301009d37c7', '{71a393f7-eb46-0b29-0ddb-8bee16ef8868}', '{0}', '{}', '{}'),
	(1, '01a2215e-d978-79f6-b65f-5c48e58e0eab', 1, 5, 1, '\x28b52ffd60fe04250e00765446315085b80d7482aeaaaadc84ac8d2b19bfbb3b30c5bbe8c02495496834eccda8068016c01f38afc028a5d801a55155b5ac0e38003a00380094926f2d3c6ee403e0073ebfd975bb7c49ad4eafab11e19390e656651d3ddc9aa2e06876ed1becd2c0aeeb35b97d93ba8d8d0e30a0e80c089052767a9def903850c398149daccaaaac191c045d22e891a0c7408224fb1ed4e5db7a1dcd2d6a6e3d991a14c863c9402ad46d8411b7a653d778f729c2151fe2c687696e4d1d5ee4ab448711c64f58490001bbaed73e6bb12c384c6f76edf1593f696e0d2de6c34a1dd39805e35398f5380159953576fdc3cf66d70c5920c2227c0fcc9a7e259c469a5b144d774bef6b0a22027ea965d7187d1252aa4ecdad13327dc58ff07a5fb2094420600211a232f388a2ba92d0cd0c49a48dc3a8ad85ecc804af330cdb82fbbbe91c8225f27d610e1934b44b6de8db7c938cab011c3847008d07a48551449368daa6124cb504d705644daf21d4a520b521751f3d35a07752b68477323a4b3a52b227cbfdd358ce5f23ba55ea04a20cac4db3dcde3f383ab3740658a12d43c1c09c0cd0d921ee14e15bc172ab23543970c120a3c625fed9ae122d64b2eb02c1f213dba0c32975bc26', '\x28b52ffd20c73d0400640794930096c0c410584f7f0f6238b24cc63026fa43840ee301919090c3930196c0c41078b21729aada757165286b9733fa99b501919092cf000661525a81a9a2c3930296c0c4100b7f4fe29d2872292207aed6ca70dd5a01919090c3930396c0c41009608f45081dbcbad12eec68bf68f9d801919090c30500036f74d36396620e3cdc79130f', '{584f7f0f-6238-b24c-c630-26fa43840ee3,78b21729-aada-7571-6528-6b9733fa99b5,0b7f4fe2-9d28-7229-2207-aed6ca70dd5a,09608f45-081d-bcba-d12e-ec68bf68f9d8}', '{0,1,2,3}', '{}', '{}'),
	(1, '01a2215e-da0a-7d94-ba05-d8649873cffb', 1, 2, 1, '\x28b52ffd608505bd1300161c5c325069db0630333333d15595d66a34eb951d9d42f1a2f1b3890cd3a801b244feff33f1f11db6de2a2f2ff7832d4c9399c94beb4d0052004d007f6dc56866ae9935632f1ea97ea76c7844bd7ac5ebe4a3049fd41427bc80d36f6eba1f88c461ad574972a68cd3d3cc28573b86594f95d1dcb4531654c04d5b89c16fa4d5ef74da0180001120040e5624e75356142db25297baa5cfb0a684fbc58aa8570dbc369a99e22fb7e181482074a06db580fa8cd13feeac62c5151e331fe0c379903c985dfd1e088870512ecad5099ad6a06b8c6b0c81d7de8d0ad5a7d7be81e6a6ad2b197ce36c3437fd20c490c7c3ce41cf8203410f042278e0e2dd09bf8cbd387dcdb5c562f1da73039a9bf629217eaa0e315511a7cf60d2cc140a6eda56375ea899754ba02f6df517e5ead71ad42081d05fe014a94424a9343fa29ad181014e970d4a5a2222f4292b5f273ec5484bf31d6eab7750d5d78566e65c73af49cf98f1da7720cd4d7b44a5e5ebc46fbc50336bfa0170a8d11931ca508950982619d6400242902ab30e1268f38ccf3964c66682480a9afa5398c6c68202f32cbd57870dd6cdcfe709245b8974a4cd2f0bcc14536ccf0531226b45f8deee84b4c03f9931002d12f0ae2aaa9e45c17427a83113989bf66e813a9b5965a6f69bef54b358a57e444fbeb5d5d5ff015be09c9592ab5158621a420d999304abd2c134f36f88c0fd841babfcb636034421d694d19c07a4b2804a306022d873103e758fe97a79e4401748624a890558ea19166156d78801e456b9f913561743dca2dcc9bba0e18c3cb7bedd06e3d95b572b183c5a562b9a4d8e5e3fa62f34e10070edaa1ae7c9b15c485e66fe0763b923883cb9414606832ddc578ba906', '\x28b52ffd6073017d0f00865c6f45206df5017890618b08834ca5ce4b502cfc424e58febe3117abd1abb810ab9eb366f663e143b64648be0725e777c2bba5c5ee35c78b0c4c223d3c231b052ff074a15939210163005c005a0024044e2b1aa8212e2fcce98e39dd35c68e4623ec94807ccc951d735e3f53af83b41eff833e301cc5095ecbaba40a685e798d028ad108131c042458902a204911760cb8bcfc81ec84d6fe548ad55414407929165744c7c38390818e30e3f2f221d9471b17770c5c599ba17db246581fe05ee06e2a4dbd47a6922c99e9084584f526bd91f3cafa99856f119350c9601aa7aed97312c27aff3d5435a72291469be4f9b94ee72e2fb21e9d2447ceec9577f8c090a31a617f86d88a4a2151c2130b99935c4481c03271d3538de20676be0db7ba16aabb1dbe16f2b4a09bab3b64e1ea76eabc61105a773907f8e212f1db6844f103c78c6f7489b0deff2c83c0fbf0a96430009c2373d424cda193e4c9e8bef0d970c2b7bb180c0607f85e51f581c2515cb57b1d7b3e4974a334d1562bd27ba3027d114655fb31324b9df57be57dafbc8bf4e66495b439261858ffb3cc86c1d9543298964aa5bcff78e3a4c660e1d32a8bb6a749aeeecf8906d4904bd42cedf413110017cb2abc1b11c45d7ad77ccbc19bd6e030e4613484eec360d9f33cd47d8f34f396ba52090a318e95b73b6fe201', '{584f7f0f-6238-b24c-c630-26fa43840ee3,0b7f4fe2-9d28-7229-2207-aed6ca70dd5a,bc732ff9-810c-9deb-4ed5-cdfa8477eb9e}', '{0,1,1}', '{}', '{}'),
	(1, '01a2215e-da8d-718f-a05f-a3282b36e331', 1, 6, 1, '\x28b52ffd600f06fd0700320b292b604b9b03300cc3d42058e2d66fdd257f1b8d028dfc73a3043f9457a2e27f211cc3cc76712cccc49224e8120cc32ccba2284a6b8d31369de9cc3bb8dd07dbc5760db46df215b0abfa8a127634cb08326088c4cd10dc0c134480a3087c144cb092abfb1b0a0b0731723f4f13410f36ae6a7e232448a2a786cbf8123e517786cfd10c2719271857e5cc6f5baa0e9b7175e748c5e341dde383c0f249cd326a3e0900b8b00823001ca432205d00b11fa06440ba00623f40c9807401c47e809201e90288fd002503d2058801cc429b2e8a6d777866ee0d3938b54469d323c3e58ac4201a0831627f66b094e83690bd2ec8861c849999b35d7b724a1db309', '\x28b52ffd600f007d0500340a96930096c0c41087cbfac1fdfbc82c171b64c32f21ff6701919090c3930196c0c4109f1fe9aefa527544c1041f1c3e8913b201919090c3930296c0c4107ad9000c767df8bf3309f736161af74201919090c3930396c0c410f0f7d3fdfc2e2c00f0a400608fb7de2e01919090c3930496c0c410acf4253edc8ffd28ba628ce6818ab47f01919090c3930596c0c41012aa6697e7a952df8020e40dddd06aea01919090c30644140f83c16030e866', '{87cbfac1-fdfb-c82c-171b-64c32f21ff67,9f1fe9ae-fa52-7544-c104-1f1c3e8913b2,7ad9000c-767d-f8bf-3309-f736161af742,f0f7d3fd-fc2e-2c00-f0a4-00608fb7de2e,acf4253e-dc8f-fd28-ba62-8ce6818ab47f,12aa6697-e7a9-52df-8020-e40dddd06aea}', '{0,1,2,3,4,5}', '{}', '{}'),
	(1, '01a2215e-daa9-70da-9713-d897e3d59525', 1, 2, 1, '\x28b52ffd603101ad0700e28b2a2b50899b0330333333d155b521bde12d09fb7e554cfeffc115d58b0090a514e72a1526aeccc2956466e6164173c5863ffe5d90ce011148203273faf0452ce36b18a3cd87ef319946688c491cb61cb6160aa6b0365f3e823dac646460581ba7113d0eb722070e8220d66629da4b6a824ea97caff035a82801a72cf05d3e7099a2b5d98755418c5f497aa8e941676d26d38ba58de132accdb7384812b4394ad1e5abec25f5180380c83c041c0077590157dbea6156a4013da03c975d0130196a0c6c3e031ceb7830f33fa5103447a4b7978303a800006c60e15a0809cc70e367b64b891602d9eb0241c8cfd9063d39a58ed904', '\x28b52ffd20da7d0500f409929200dc0013c0c4100161c7d31a9233368e1b8d89157e01e101c0c0c0c0c3c381a84c6173744e616d65a453616d659195a343726da3432d36a3632d36c39199a4484f4d45af736978406578616d706c652e636f6d81ac456d61696c4164647265737380c3c0c09196ac4f46464552532d454d41494c01cf0006474846204000c3c0c090930196c0c410992a6bffd02598bb277e77352b17b0ff01919090c30400dcf423b88c38288474f6d41e', '{0161c7d3-1a92-3336-8e1b-8d89157e01e1,992a6bff-d025-98bb-277e-77352b17b0ff}', '{0,1}', '{}', '{}'),
	(1, '01a2215e-dab8-7af8-891b-b779e5378380', 1, 1, 1, '\x28b52ffd600900ad05001289212770c5cd01fcffffa1d34ff46b03244266b67103cc8dec03217c14a2512159934e88f6a5ffaf8966f5a94fe5c673ce495c2bb8b6284ea1f0d097149d91869725bc8cdbb4bee8d328250e4def3fde0c0a223c56125e374c3fbda4c9fb98214d5973bea388891294085ef6545e92b68c6537bc8f5f01388e7d3c23c5299cfa34321c30100c08041100ba2847bb4587bc9cdaacb4693f70e122d18806ac41f4cf0c96123d04b2d70584909ab3057a724a1db309', '\x28b52ffd202e150100e091930096c0c410391dd05c3b5c5f9f10dfa6b248e77e7501919090c301009d37c7', '{391dd05c-3b5c-5f9f-10df-a6b248e77e75}', '{0}', '{}', '{}');

INSERT INTO public.ledger VALUES
	(1, 1, 1, '[{"of":"P","place":"E0","at":1772323200000000,"value":{"FilterId":"NEWS-EMAIL","PreferenceType":2,"FrequencyId":"Weekly"}}]', '2026-11-28 08:56:32.803379+00', 'nightly', '01a2215e-cf91-733c-9852-013188afdc5b', 1),
	(1, 2, 1, '[{"of":"C","place":"","at":1772323200000000,"value":{"ConsentType":"PrivacyPolicy","ConsentVersion":"2.0","Locale":"en_US","ConsentStatus":1,"Evidence":{"Method":"web","Reference":"A-7"}}},{"of":"C","place":"E0","at":1767225600000000,"value":{"ConsentType":"PrivacyPolicy","ConsentVersion":"2.0","Locale":"en_US","ConsentStatus":1}},{"of":"C","place":"P0","at":1767225600000000,"value":{"ConsentType":"TextMessages","ConsentVersion":"2026-01","Locale":"en_US","ConsentStatus":1}},{"of":"P","place":"E0","at":1767225600000000,"value":{"FilterId":"NEWS-EMAIL","PreferenceType":1,"FrequencyId":"Daily","PreferenceAttributes":[{"Key":"form","Value":"7"}]}},{"of":"P","place":"P0","at":1772323200000000,"value":{"FilterId":"NEWS-TEXT","PreferenceType":1}},{"of":"P","place":"A0","at":1767225600000000,"value":{"FilterId":"OFFERS-MAIL","PreferenceType":1}}]', '2026-11-28 08:56:32.803379+00', 'nightly', '01a2215e-cf91-733c-9852-013188afdc5b', 2),
	(1, 3, 1, '[{"of":"P","place":"E0","at":1767225600000000,"value":{"FilterId":"NEWS-EMAIL","PreferenceType":1,"FrequencyId":"Weekly"}}]', '2026-11-28 08:56:32.803379+00', 'nightly', '01a2215e-cf91-733c-9852-013188afdc5b', 3),
	(1, 5, 1, '[{"of":"C","place":"E0","at":1767225600000000,"value":{"ConsentType":"PrivacyPolicy","ConsentVersion":"2.0","Locale":"en_US","ConsentStatus":3}},{"of":"P","place":"E0","at":1767225600000000,"value":{"FilterId":"NEWS-EMAIL","PreferenceType":2,"FrequencyId":"Weekly"}}]', '2026-11-28 08:56:32.803379+00', 'nightly', '01a2215e-cf91-733c-9852-013188afdc5b', 5),
	(1, 6, 1, '[{"of":"P","place":"E0","at":1767225600000000,"value":{"FilterId":"OFFERS-EMAIL","PreferenceType":1}}]', '2026-11-28 08:56:32.803379+00', 'nightly', '01a2215e-cf91-733c-9852-013188afdc5b', 6),
	(1, 7, 1, '[{"of":"C","place":"P0","at":1767225600000000,"value":{"ConsentType":"TextMessages","ConsentVersion":"2026-01","Locale":"en_US","ConsentStatus":1}},{"of":"P","place":"P0","at":1772323200000000,"value":{"FilterId":"NEWS-TEXT","PreferenceType":1}}]', '2026-11-28 08:56:32.803379+00', 'nightly', '01a2215e-cf91-733c-9852-013188afdc5b', 7),
	(1, 8, 1, '[{"of":"C","place":"P0","at":1767225600000000,"value":{"ConsentType":"TextMessages","ConsentVersion":"2026-01","Locale":"en_US","ConsentStatus":1}},{"of":"P","place":"P0","at":1772323200000000,"value":{"FilterId":"NEWS-TEXT","PreferenceType":1}}]', '2026-11-28 08:56:32.803379+00', 'nightly', '01a2215e-cf91-733c-9852-013188afdc5b', 8),
	(1, 3, 2, '[{"of":"P","place":"E1","at":1772323200000000,"value":{"FilterId":"NEWS-EMAIL","PreferenceType":2,"FrequencyId":"Weekly"}}]', '2026-11-28 08:56:32.956104+00', 'nightly', '01a2215e-d563-769c-b49d-a7e06b427ddc', 1),
	(1, 7, 3, '[{"of":"C","place":"P1","at":1777593600000000,"value":{"ConsentType":"TextMessages","ConsentVersion":"2026-01","Locale":"en_US","ConsentStatus":2}}]', '2026-11-28 08:56:32.956104+00', 'nightly', '01a2215e-d563-769c-b49d-a7e06b427ddc', 2),
	(1, 8, 3, '[{"of":"C","place":"","at":1777593600000000,"value":{"ConsentType":"TextMessages","ConsentVersion":"2026-01","Locale":"en_US","ConsentStatus":3}}]', '2026-11-28 08:56:32.956104+00', 'nightly', '01a2215e-d563-769c-b49d-a7e06b427ddc', 3),
	(1, 6, 2, '[{"of":"P","place":"E0","at":1767225600000000,"value":{"FilterId":"OFFERS-EMAIL","PreferenceType":2}}]', '2026-11-28 08:56:32.956104+00', 'nightly', '01a2215e-d563-769c-b49d-a7e06b427ddc', 4),
	(1, 22, 1, '[{"of":"P","place":"E0","at":1767225600000000,"value":{"FilterId":"NEWS-EMAIL","PreferenceType":1,"FrequencyId":"Weekly"}}]', '2026-11-28 08:56:33.848721+00', 'nightly', NULL, NULL),
	(1, 1, 2, '[{"of":"P","place":"E1","at":1767225600000000,"value":{"FilterId":"News-Email","PreferenceType":1,"FrequencyId":"weekly"}}]', '2026-11-28 08:56:34.122159+00', 'nightly', '01a2215e-da0a-7d94-ba05-d8649873cffb', 1),
	(1, 2, 7, '[{"of":"C","place":"","at":1767225600000000,"value":{"ConsentType":"privacypolicy","ConsentVersion":"2.0","Locale":"en_us","ConsentStatus":1}},{"of":"C","place":"E1","at":1772323200000000,"value":{"ConsentType":"privacypolicy","ConsentVersion":"2.0","Locale":"en_us","ConsentStatus":3}},{"of":"C","place":"P1","at":1772323200000000,"value":{"ConsentType":"TEXTMESSAGES","ConsentVersion":"2026-01","Locale":"en_us","ConsentStatus":1}},{"of":"P","place":"P1","at":1777593600000000,"value":{"FilterId":"news-text","PreferenceType":2}},{"of":"P","place":"E1","at":1772323200000000,"value":{"FilterId":"News-Email","PreferenceType":1,"FrequencyId":"weekly"}}]', '2026-11-28 08:56:34.122159+00', 'nightly', '01a2215e-da0a-7d94-ba05-d8649873cffb', 2),
	(1, 25, 1, '[{"of":"P","place":"E0","at":1767225600000000,"value":{"FilterId":"News-Email","PreferenceType":1,"FrequencyId":"weekly"}}]', '2026-11-28 08:56:35.243408+00', 'nightly', '01a2215e-da8d-718f-a05f-a3282b36e331', 1),
	(1, 26, 1, '[{"of":"P","place":"E0","at":1767225600000000,"value":{"FilterId":"News-Email","PreferenceType":1,"FrequencyId":"weekly"}}]', '2026-11-28 08:56:35.243408+00', 'nightly', '01a2215e-da8d-718f-a05f-a3282b36e331', 2);

INSERT INTO public.profile VALUES
	(2, 1, '{"locale":"en_US","customer_type":"Customer","alternate_ids":[{"type":"CRM","value":"C-1","edited":1795856191049011}],"emails":[{"type":"Home","compared":"one@example.com","given":{"EmailAddress":"one@example.com"},"edited":1795856191049011,"default":true}]}', '2026-11-28 08:56:30.992389+00', '2026-11-28 08:56:31.049011+00', true, 'Customer', '01a2215e-ca47-711c-b13b-e0d5f9ea47ca', 'f9eb646e-d8c8-46f6-74f5-ba39c04dd815'),
	(1, 3, '{"locale":"en_US","customer_type":"Customer","alternate_ids":[{"type":"CRM","value":"C-3","edited":1795856192803379}],"emails":[{"type":"Home","compared":"three@example.com","given":{"EmailAddress":"three@example.com"},"edited":1795856192803379,"default":true,"preferences":[{"filter":"NEWS-EMAIL","type":1,"at":1767225600000000,"entry":1,"frequency":"Weekly","expires":1830297600000000}]},{"type":"Work","compared":"three@example.com","given":{"EmailAddress":"Three@Example.com"},"edited":1795856192956104,"preferences":[{"filter":"NEWS-EMAIL","type":2,"at":1772323200000000,"entry":2,"frequency":"Weekly"}]}],"entries":2}', '2026-11-28 08:56:32.757487+00', '2026-11-28 08:56:32.956104+00', true, 'Customer', '01a2215e-cf91-733c-9852-013188afdc5b', '1d9bdf58-dc18-4146-ada8-21c040034d11'),
	(1, 7, '{"locale":"en_US","customer_type":"Customer","alternate_ids":[{"type":"CRM","value":"C-7","edited":1795856192803379}],"phones":[{"type":"Mobile","compared":"+12025550107","given":{"PhoneNumber":"+12025550107"},"edited":1795856192803379,"default":true,"preferences":[{"filter":"NEWS-TEXT","type":1,"at":1772323200000000,"entry":2}],"consents":[{"type":"TextMessages","version":"2026-01","locale":"en_US","status":1,"at":1767225600000000,"entry":1}]},{"type":"Home","compared":"+12025550107","given":{"PhoneNumber":"+12025550107"},"edited":1795856192956104,"consents":[{"type":"TextMessages","version":"2026-01","locale":"en_US","status":2,"at":1777593600000000,"entry":3}]}],"entries":3}', '2026-11-28 08:56:32.757487+00', '2026-11-28 08:56:32.956104+00', true, 'Customer', '01a2215e-cf91-733c-9852-013188afdc5b', '9ee94b01-3092-8597-27e7-0b97a4edf2d0'),
	(1, 6, '{"locale":"en_US","customer_type":"Customer","name":{"LastName":"Same"},"alternate_ids":[{"type":"CRM","value":"C-6","edited":1795856192803379}],"emails":[{"type":"Home","compared":"six@example.com","given":{"EmailAddress":"six@example.com"},"edited":1795856192956104,"default":true,"preferences":[{"filter":"OFFERS-EMAIL","type":2,"at":1767225600000000,"entry":2}]}],"entries":2}', '2026-11-28 08:56:32.757487+00', '2026-11-28 08:56:32.956104+00', true, 'Customer', '01a2215e-cf91-733c-9852-013188afdc5b', 'd2c8eba5-bbb8-d1af-6a4e-6cd71edef522'),
	(1, 4, '{"locale":"en_US","customer_type":"Customer","name":{"LastName":"Grouped"},"alternate_ids":[{"type":"CRM","value":"C-4","edited":1795856192803379}],"groups":[{"type":"Household","name":"Left","edited":1795856193053878,"active":false},{"type":"Household","name":"Kept","edited":1795856192803379}]}', '2026-11-28 08:56:32.757487+00', '2026-11-28 08:56:33.053878+00', true, 'Customer', '01a2215e-cf91-733c-9852-013188afdc5b', '177647b7-f5f7-1054-5efc-5834d21fd803'),
	(1, 1, '{"locale":"en_US","customer_type":"Customer","name":{"LastName":"Recased"},"alternate_ids":[{"type":"CRM","value":"C-1","edited":1795856192803379},{"type":"Crm","value":"C-1","edited":1795856194122159}],"emails":[{"type":"Home","compared":"one@example.com","given":{"EmailAddress":"one@example.com"},"edited":1795856192803379,"default":true,"preferences":[{"filter":"NEWS-EMAIL","type":2,"at":1772323200000000,"entry":1,"frequency":"Weekly"}]},{"type":"HOME","compared":"one@example.com","given":{"EmailAddress":"one@example.com"},"edited":1795856194122159,"preferences":[{"filter":"News-Email","type":1,"at":1767225600000000,"entry":2,"frequency":"weekly","expires":1830297600000000}]}],"entries":2}', '2026-11-28 08:56:32.757487+00', '2026-11-28 08:56:34.122159+00', true, 'Customer', '01a2215e-cf91-733c-9852-013188afdc5b', 'c11db0fb-61ff-2a12-88f8-8c152ec05887'),
	(1, 5, '{"locale":"en_US","customer_type":"Customer","alternate_ids":[{"type":"CRM","value":"C-5","edited":1795856192803379}],"emails":[{"type":"Home","compared":"five@example.com","given":{"EmailAddress":"five@example.com"},"edited":1795856193423242,"default":true,"preferences":[{"filter":"NEWS-EMAIL","type":2,"at":1767225600000000,"entry":2,"frequency":"Weekly","archived":true}],"consents":[{"type":"PrivacyPolicy","version":"2.0","locale":"en_US","status":3,"at":1767225600000000,"entry":1,"archived":true}]}],"entries":2}', '2026-11-28 08:56:32.757487+00', '2026-11-28 08:56:33.423242+00', true, 'Customer', '01a2215e-cf91-733c-9852-013188afdc5b', '95195d9b-9956-f9f0-4e68-6c4c2f438393'),
	(1, 2, '{"locale":"en_us","customer_type":"CUSTOMER","alternate_ids":[{"type":"CRM","value":"C-2","edited":1795856192803379},{"type":"Loyalty","value":"L-2","edited":1795856192803379},{"type":"Crm","value":"C-2","edited":1795856194122159},{"type":"LOYALTY","value":"l-2","edited":1795856194122159}],"emails":[{"type":"Home","compared":"two@example.com","given":{"EmailAddress":"Two@example.com"},"edited":1795856192803379,"default":true,"preferences":[{"filter":"NEWS-EMAIL","type":1,"at":1767225600000000,"entry":4,"frequency":"Daily","attributes":{"form":"7"},"expires":1830297600000000}],"consents":[{"type":"PrivacyPolicy","version":"2.0","locale":"en_US","status":1,"at":1767225600000000,"entry":2,"expires":1861833600000000}]},{"type":"HOME","compared":"two@example.com","given":{"EmailAddress":"two@example.com"},"edited":1795856194122159,"preferences":[{"filter":"News-Email","type":1,"at":1772323200000000,"entry":11,"frequency":"weekly","expires":1835395200000000}],"consents":[{"type":"privacypolicy","version":"2.0","locale":"en_us","status":3,"at":1772323200000000,"entry":8}]}],"phones":[{"type":"Mobile","compared":"+12025550102","given":{"PhoneNumber":"+1 202 555 0102"},"edited":1795856192803379,"default":true,"mobile":true,"preferences":[{"filter":"NEWS-TEXT","type":1,"at":1772323200000000,"entry":5}],"consents":[{"type":"TextMessages","version":"2026-01","locale":"en_US","status":1,"at":1767225600000000,"entry":3}]},{"type":"mobile","compared":"+12025550102","given":{"PhoneNumber":"+12025550102"},"edited":1795856194122159,"preferences":[{"filter":"news-text","type":2,"at":1777593600000000,"entry":10}],"consents":[{"type":"TEXTMESSAGES","version":"2026-01","locale":"en_us","status":1,"at":1772323200000000,"entry":9}]}],"addresses":[{"type":"Home","compared":"2 elm st\nboston\nma\n02101","given":{"Address1":"2 Elm St","City":"Boston","StateProvince":"MA","PostalCode":"02101"},"edited":1795856192803379,"default":true,"preferences":[{"filter":"OFFERS-MAIL","type":1,"at":1767225600000000,"entry":6}]},{"type":"HOME","compared":"2 elm st\nboston\nma\n02101","given":{"Address1":"2 ELM ST","City":"Boston","StateProvince":"MA","PostalCode":"02101","Address2":"Flat 2"},"edited":1795856194122159}],"consents":[{"type":"PrivacyPolicy","version":"2.0","locale":"en_US","status":1,"at":1772323200000000,"entry":1,"evidence":{"Method":"web","Reference":"A-7"},"expires":1866931200000000},{"type":"privacypolicy","version":"2.0","locale":"en_us","status":1,"at":1767225600000000,"entry":7,"expires":1861833600000000}],"groups":[{"type":"Household","name":"Two","edited":1795856192803379,"primary":true},{"type":"HouseHold","name":"two","edited":1795856194122159}],"tags":["VIP"],"fields":{"Tier":"silver","Nickname":"Deuce","Store":"S001","TIER":"Gold","nickname":"Two","STORE":"S002"},"entries":11}', '2026-11-28 08:56:32.757487+00', '2026-11-28 08:56:34.122159+00', true, 'CUSTOMER', '01a2215e-cf91-733c-9852-013188afdc5b', '2b5448e6-f378-b6c4-9b7a-6d4a4e7a3039'),
	(1, 8, '{"locale":"en_US","customer_type":"Customer","alternate_ids":[{"type":"CRM","value":"C-8","edited":1795856192803379}],"phones":[{"type":"Mobile","compared":"+12025550108","given":{"PhoneNumber":"+12025550108"},"edited":1795856192803379,"default":true,"preferences":[{"filter":"NEWS-TEXT","type":1,"at":1772323200000000,"entry":2}],"consents":[{"type":"TextMessages","version":"2026-01","locale":"en_US","status":1,"at":1767225600000000,"entry":1}]}],"consents":[{"type":"TextMessages","version":"2026-01","locale":"en_US","status":3,"at":1777593600000000,"entry":3}],"entries":3}', '2026-11-28 08:56:32.757487+00', '2026-11-28 08:56:32.956104+00', true, 'Customer', '01a2215e-cf91-733c-9852-013188afdc5b', 'c1502922-63cc-0d21-b7d5-f8048ef7863e'),
	(1, 22, '{"locale":"en_US","customer_type":"Customer","name":{"FirstName":"Zoë"},"alternate_ids":[{"type":"CRM","value":"C-12","edited":1795856193848721}],"emails":[{"type":"Home","compared":"twelve@example.com","given":{"EmailAddress":"twelve@example.com"},"edited":1795856193848721,"default":true,"preferences":[{"filter":"NEWS-EMAIL","type":1,"at":1767225600000000,"entry":1,"frequency":"Weekly","expires":1830297600000000}]}],"entries":1}', '2026-11-28 08:56:33.848721+00', '2026-11-28 08:56:33.848721+00', true, 'Customer', NULL, NULL),
	(1, 25, '{"locale":"en_us","customer_type":"CUSTOMER","name":{"LastName":"Working0"},"alternate_ids":[{"type":"Crm","value":"C-20","edited":1795856195243408}],"emails":[{"type":"HOME","compared":"w0@example.com","given":{"EmailAddress":"w0@example.com"},"edited":1795856195243408,"default":true,"preferences":[{"filter":"News-Email","type":1,"at":1767225600000000,"entry":1,"frequency":"weekly","expires":1830297600000000}]}],"entries":1}', '2026-11-28 08:56:35.217627+00', '2026-11-28 08:56:35.243408+00', true, 'CUSTOMER', '01a2215e-da8d-718f-a05f-a3282b36e331', '0a4b6ed6-ed28-c9b2-304e-a35f370482b5'),
	(1, 26, '{"locale":"en_us","customer_type":"CUSTOMER","name":{"LastName":"Working1"},"alternate_ids":[{"type":"Crm","value":"C-21","edited":1795856195243408}],"emails":[{"type":"HOME","compared":"w1@example.com","given":{"EmailAddress":"w1@example.com"},"edited":1795856195243408,"default":true,"preferences":[{"filter":"News-Email","type":1,"at":1767225600000000,"entry":1,"frequency":"weekly","expires":1830297600000000}]}],"entries":1}', '2026-11-28 08:56:35.217627+00', '2026-11-28 08:56:35.243408+00', true, 'CUSTOMER', '01a2215e-da8d-718f-a05f-a3282b36e331', '9a36f07b-e9bc-6991-3eb8-b97818f4fecc');

INSERT INTO public.schema_migration VALUES
	(1, 'foundation', '5ef89c8bd74fc5928cf4cb713a48eee625b01e6d6ae3308c8eb8f5bed5dc01c2', '2026-11-28 08:56:23.473489+00'),
	(2, 'authentication', '934bbb028143fcfc677cff37528d41a2a0fa37a267dbafb1e3f6ba030cb77ea4', '2026-11-28 08:56:23.535703+00'),
	(3, 'audit', '58e8b184029821616fc6a279a44e662f15b1ebed9b4eba888ce28d92c4dfc2d5', '2026-11-28 08:56:23.54803+00'),
	(4, 'rows_and_bytes', '547a4d82b2c70da4d442d87b93317ae4915108ef125e6a99b27bbd11360b3402', '2026-11-28 08:56:23.561776+00'),
	(5, 'fingerprints', '63a0e9b18fadb4a564a8f645e88cecdbc1105178497ba0de7a56a497e8dce0c3', '2026-11-28 08:56:23.573997+00');

INSERT INTO public.signing_key VALUES
	('1', '2026-11-28 08:56:26.868305+00', '\x78f8b03610bc42f0ca735b76b331f5c6e9f8054bbbfcd955372c78e79a4175c06cae2aaaed648dfc9aa6fc4179a2e68dca962f48cc7d977936d7372c0402fde2e6258f640f4e34', '3a9b500d');

INSERT INTO public.tag_change VALUES
	(1, 'vip', 'VIP', 1);

INSERT INTO public.tombstone VALUES
	(1, 9, '2026-11-28 08:56:33.66486+00', 'nightly', '01a2215e-d836-736f-93ed-8a38545f2e78', 1);

ALTER TABLE ONLY public.account
    ADD CONSTRAINT account_client_id_key UNIQUE (client_id);

ALTER TABLE ONLY public.account
    ADD CONSTRAINT account_pkey PRIMARY KEY (account_id);

ALTER TABLE ONLY public.alternate_key
    ADD CONSTRAINT alternate_key_pkey PRIMARY KEY (account_id, key_hash);

ALTER TABLE ONLY public.audit_event
    ADD CONSTRAINT audit_event_pkey PRIMARY KEY (account_id, event_id);

ALTER TABLE ONLY public.audit_seal
    ADD CONSTRAINT audit_seal_pkey PRIMARY KEY (account_id, number);

ALTER TABLE ONLY public.auth_attempt
    ADD CONSTRAINT auth_attempt_pkey PRIMARY KEY (subject);

ALTER TABLE ONLY public.configuration
    ADD CONSTRAINT configuration_pkey PRIMARY KEY (account_id, revision);

ALTER TABLE ONLY public.consent_text
    ADD CONSTRAINT consent_text_pkey PRIMARY KEY (account_id, consent_type, version, locale);

ALTER TABLE ONLY public.contact_key
    ADD CONSTRAINT contact_key_pkey PRIMARY KEY (account_id, key_hash, profile_id);

ALTER TABLE ONLY public.credential
    ADD CONSTRAINT credential_pkey PRIMARY KEY (account_id, client_id);

ALTER TABLE ONLY public.hmac_key
    ADD CONSTRAINT hmac_key_pkey PRIMARY KEY (account_id, key_id);

ALTER TABLE ONLY public.hmac_use
    ADD CONSTRAINT hmac_use_pkey PRIMARY KEY (account_id, fingerprint);

ALTER TABLE ONLY public.import
    ADD CONSTRAINT import_access_token_key UNIQUE (access_token);

ALTER TABLE ONLY public.import_batch
    ADD CONSTRAINT import_batch_pkey PRIMARY KEY (account_id, import_id, batch_number);

ALTER TABLE ONLY public.import_chunk
    ADD CONSTRAINT import_chunk_pkey PRIMARY KEY (account_id, import_id, chunk_number);

ALTER TABLE ONLY public.import_fault
    ADD CONSTRAINT import_fault_pkey PRIMARY KEY (account_id, import_id, held, sequence_number);

ALTER TABLE ONLY public.import_frame
    ADD CONSTRAINT import_frame_pkey PRIMARY KEY (account_id, import_id, first_sequence);

ALTER TABLE ONLY public.import
    ADD CONSTRAINT import_pkey PRIMARY KEY (account_id, import_id);

ALTER TABLE ONLY public.ledger
    ADD CONSTRAINT ledger_pkey PRIMARY KEY (account_id, profile_id, entry);

ALTER TABLE ONLY public.profile
    ADD CONSTRAINT profile_pkey PRIMARY KEY (account_id, profile_id);

ALTER TABLE ONLY public.schema_migration
    ADD CONSTRAINT schema_migration_pkey PRIMARY KEY (number);

ALTER TABLE ONLY public.signing_key
    ADD CONSTRAINT signing_key_pkey PRIMARY KEY (key_id);

ALTER TABLE ONLY public.tombstone
    ADD CONSTRAINT tombstone_pkey PRIMARY KEY (account_id, profile_id);

CREATE INDEX audit_event_import ON public.audit_event USING btree (account_id, import_id) WHERE (import_id IS NOT NULL);

CREATE INDEX audit_seal_event ON public.audit_seal USING btree (account_id, event_id);

CREATE INDEX auth_attempt_kept ON public.auth_attempt USING btree (kept_until);

CREATE UNIQUE INDEX credential_client_id ON public.credential USING btree (client_id);

CREATE INDEX hmac_use_ended ON public.hmac_use USING btree (account_id, ends_at);

CREATE UNIQUE INDEX import_batch_idempotency ON public.import_batch USING btree (account_id, import_id, idempotency_key) WHERE (idempotency_key IS NOT NULL);

CREATE INDEX import_chunk_turn ON public.import_chunk USING btree (chunk_number);

CREATE INDEX import_daily ON public.import USING btree (account_id, created_at);

CREATE UNIQUE INDEX import_idempotency ON public.import USING btree (account_id, caller, idempotency_key) WHERE (idempotency_key IS NOT NULL);

CREATE UNIQUE INDEX import_one_processing ON public.import USING btree (account_id) WHERE (status = 'Processing'::text);

CREATE INDEX import_queued ON public.import USING btree (account_id, queued_at) WHERE (status = 'Queued'::text);

CREATE INDEX import_uncleared ON public.import USING btree (purged_at) WHERE ((purged_at IS NOT NULL) AND (cleared_at IS NULL));

CREATE INDEX import_unpurged ON public.import USING btree (created_at) WHERE ((status = ANY (ARRAY['Completed'::text, 'Failed'::text])) AND (purged_at IS NULL));

CREATE INDEX import_waiting ON public.import USING btree (expires_at) WHERE (status = ANY (ARRAY['Initiated'::text, 'Staging'::text]));

CREATE INDEX tag_change_account ON public.tag_change USING btree (account_id, tag);

ALTER TABLE public.account ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.alternate_key ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.audit_event ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.audit_seal ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.audit_waiting ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.configuration ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.consent_text ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.contact_key ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.credential ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.hmac_key ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.hmac_use ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.import ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.import_batch ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.import_chunk ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.import_fault ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.import_frame ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.ledger ENABLE ROW LEVEL SECURITY;

CREATE POLICY own_account ON public.account USING ((account_id = public.current_account()));

CREATE POLICY own_account ON public.alternate_key USING ((account_id = public.current_account()));

CREATE POLICY own_account ON public.audit_event USING ((account_id = public.current_account()));

CREATE POLICY own_account ON public.audit_seal USING ((account_id = public.current_account()));

CREATE POLICY own_account ON public.audit_waiting USING ((account_id = public.current_account()));

CREATE POLICY own_account ON public.configuration USING ((account_id = public.current_account()));

CREATE POLICY own_account ON public.consent_text USING ((account_id = public.current_account()));

CREATE POLICY own_account ON public.contact_key USING ((account_id = public.current_account()));

CREATE POLICY own_account ON public.credential USING ((account_id = public.current_account()));

CREATE POLICY own_account ON public.hmac_key USING ((account_id = public.current_account()));

CREATE POLICY own_account ON public.hmac_use USING ((account_id = public.current_account()));

CREATE POLICY own_account ON public.import USING ((account_id = public.current_account()));

CREATE POLICY own_account ON public.import_batch USING ((account_id = public.current_account()));

CREATE POLICY own_account ON public.import_chunk USING ((account_id = public.current_account()));

CREATE POLICY own_account ON public.import_fault USING ((account_id = public.current_account()));

CREATE POLICY own_account ON public.import_frame USING ((account_id = public.current_account()));

CREATE POLICY own_account ON public.ledger USING ((account_id = public.current_account()));

CREATE POLICY own_account ON public.profile USING ((account_id = public.current_account()));

CREATE POLICY own_account ON public.tag_change USING ((account_id = public.current_account()));

CREATE POLICY own_account ON public.tombstone USING ((account_id = public.current_account()));

ALTER TABLE public.profile ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.tag_change ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.tombstone ENABLE ROW LEVEL SECURITY;

GRANT USAGE ON SCHEMA public TO consentory_service;
GRANT USAGE ON SCHEMA public TO consentory_worker;

REVOKE ALL ON FUNCTION public.account_of_client(wanted text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.account_of_client(wanted text) TO consentory_service;

REVOKE ALL ON FUNCTION public.account_of_credential(wanted text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.account_of_credential(wanted text) TO consentory_service;

REVOKE ALL ON FUNCTION public.account_to_reseal(seal text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.account_to_reseal(seal text) TO consentory_service;

REVOKE ALL ON FUNCTION public.next_account_id() FROM PUBLIC;
GRANT ALL ON FUNCTION public.next_account_id() TO consentory_service;

GRANT SELECT,INSERT,UPDATE ON TABLE public.account TO consentory_service;
GRANT SELECT,UPDATE ON TABLE public.account TO consentory_worker;

GRANT SELECT,INSERT,DELETE ON TABLE public.alternate_key TO consentory_service;
GRANT SELECT,INSERT,DELETE ON TABLE public.alternate_key TO consentory_worker;

GRANT SELECT,INSERT ON TABLE public.audit_event TO consentory_service;
GRANT SELECT,INSERT ON TABLE public.audit_event TO consentory_worker;

GRANT SELECT ON TABLE public.audit_seal TO consentory_service;
GRANT SELECT,INSERT ON TABLE public.audit_seal TO consentory_worker;

GRANT SELECT,INSERT ON TABLE public.audit_waiting TO consentory_service;
GRANT SELECT,INSERT,DELETE ON TABLE public.audit_waiting TO consentory_worker;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.auth_attempt TO consentory_service;

GRANT SELECT,INSERT ON TABLE public.configuration TO consentory_service;
GRANT SELECT ON TABLE public.configuration TO consentory_worker;

GRANT SELECT,INSERT ON TABLE public.consent_text TO consentory_service;
GRANT SELECT ON TABLE public.consent_text TO consentory_worker;

GRANT SELECT,INSERT,DELETE ON TABLE public.contact_key TO consentory_service;
GRANT SELECT,INSERT,DELETE ON TABLE public.contact_key TO consentory_worker;

GRANT SELECT,INSERT,UPDATE ON TABLE public.credential TO consentory_service;

GRANT SELECT,INSERT,UPDATE ON TABLE public.hmac_key TO consentory_service;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.hmac_use TO consentory_service;

GRANT SELECT,INSERT,UPDATE ON TABLE public.import TO consentory_service;
GRANT SELECT,UPDATE ON TABLE public.import TO consentory_worker;

GRANT SELECT,INSERT ON TABLE public.import_batch TO consentory_service;
GRANT SELECT ON TABLE public.import_batch TO consentory_worker;

GRANT SELECT ON TABLE public.import_chunk TO consentory_service;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.import_chunk TO consentory_worker;

GRANT SELECT,INSERT ON TABLE public.import_fault TO consentory_service;
GRANT SELECT,INSERT,DELETE ON TABLE public.import_fault TO consentory_worker;

GRANT SELECT,INSERT ON TABLE public.import_frame TO consentory_service;
GRANT SELECT,DELETE,UPDATE ON TABLE public.import_frame TO consentory_worker;

GRANT SELECT,INSERT,DELETE ON TABLE public.ledger TO consentory_service;
GRANT SELECT,INSERT,DELETE ON TABLE public.ledger TO consentory_worker;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.profile TO consentory_service;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.profile TO consentory_worker;

GRANT SELECT ON TABLE public.schema_migration TO consentory_service;
GRANT SELECT ON TABLE public.schema_migration TO consentory_worker;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.signing_key TO consentory_service;

GRANT SELECT,INSERT ON TABLE public.tag_change TO consentory_service;
GRANT SELECT,INSERT,DELETE ON TABLE public.tag_change TO consentory_worker;

GRANT SELECT,INSERT ON TABLE public.tombstone TO consentory_service;
GRANT SELECT,INSERT ON TABLE public.tombstone TO consentory_worker;

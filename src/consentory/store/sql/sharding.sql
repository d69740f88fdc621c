-- name: place_ids
-- (profile_id, number of its shard). The numbers count the bounds of the shards. hashint8 is the function by which Citus
-- distributes a bigint.
SELECT w.profile_id, width_bucket(hashint8(w.profile_id), %(bounds)s::integer[])
FROM unnest(%(ids)s::bigint[]) AS w (profile_id);

-- name: place_keys
-- Like place_ids, the numbers alone, in the order of the keys.
SELECT width_bucket(uuid_hash(w.key), %(bounds)s::integer[])
FROM unnest(%(keys)s::uuid[]) WITH ORDINALITY AS w (key, place) ORDER BY w.place;

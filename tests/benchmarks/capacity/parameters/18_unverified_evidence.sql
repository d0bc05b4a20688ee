SELECT source_type, collected_at AS after, evidence.id AS after_id
FROM draws
JOIN evidence ON evidence.id = 1 + floor(fraction * (SELECT max(id) FROM evidence))::bigint
WHERE verification_status = 'unverified'
ORDER BY draw

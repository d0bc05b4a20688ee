-- Evidence of a kind that waits for its verification, the oldest first; the next page begins after the last row.
--
-- Parameters: kind, time and id of any evidence that is not verified, to begin after.
-- Bounded: 50 rows, found by the last key of the page before, in an index that holds the unverified only.
-- Indexes: evidence_unverified_by_source_type_idx
SELECT id, title, source_name, credibility_score, project_id, collected_at
FROM evidence
WHERE verification_status = 'unverified'
  AND source_type = %(source_type)s
  AND (collected_at, id) > (%(after)s, %(after_id)s)
ORDER BY collected_at, id
LIMIT 50

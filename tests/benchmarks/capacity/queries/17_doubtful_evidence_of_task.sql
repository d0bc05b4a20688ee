-- Evidence for a task that is hardly to be believed, the worst first, with the last change of its score.
--
-- Parameters: task of any evidence that belongs to one.
-- Bounded: 20 rows of one task, each with one row of its history.
-- Indexes: evidence_task_id_idx, evidence_credibility_history_evidence_id_idx
SELECT evidence.id, evidence.source_type, evidence.title, evidence.credibility_score, evidence.verification_status,
  change.previous_score, change.reason, change.created_at AS changed_at
FROM (
  SELECT * FROM evidence
  WHERE task_id = %(task_id)s AND credibility_score < 0.5
  ORDER BY credibility_score, id
  LIMIT 20
) AS evidence
LEFT JOIN LATERAL (
  SELECT previous_score, reason, created_at FROM evidence_credibility_history
  WHERE evidence_id = evidence.id
  ORDER BY created_at DESC, id DESC
  LIMIT 1
) AS change ON true
ORDER BY evidence.credibility_score, evidence.id

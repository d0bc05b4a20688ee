-- An admin, the orchestrator's service account and three engineers.

INSERT INTO public.users (external_id, username, email, display_name, role, created_at, updated_at)
VALUES ('00000000-0000-4000-8000-000000000001', 'admin', 'admin@swe.example', 'Ada Admin', 'admin', '2026-01-05 09:00:00+00', '2026-01-05 09:00:00+00')
ON CONFLICT DO NOTHING;

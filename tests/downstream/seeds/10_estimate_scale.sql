INSERT INTO estimate_scale (points) VALUES (1), (2), (3), (5), (8), (13) ON CONFLICT DO NOTHING;

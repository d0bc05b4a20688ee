-- What people think a task will cost; only the points of the scale may be given.

CREATE TABLE estimate_scale (
  points smallint PRIMARY KEY CHECK (points > 0)
);

CREATE TABLE task_estimates (
  task_id bigint NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
  user_id bigint NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  points smallint NOT NULL REFERENCES estimate_scale (points),
  PRIMARY KEY (task_id, user_id)
);

CREATE INDEX task_estimates_user_id_idx ON task_estimates (user_id);
CREATE INDEX task_estimates_points_idx ON task_estimates (points);

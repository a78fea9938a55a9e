-- Version 4 as create_all made it (SERIAL: INTEGER on SQLite). Frozen: never change this file.

CREATE TABLE answers (
  "key" VARCHAR(200) NOT NULL,
  model VARCHAR(200),
  purpose VARCHAR(64),
  at FLOAT,
  prompt_tokens INTEGER,
  completion_tokens INTEGER,
  data JSON,
  PRIMARY KEY ("key")
);
CREATE TABLE choices (
  scope VARCHAR(200) NOT NULL,
  name VARCHAR(200) NOT NULL,
  data JSON,
  PRIMARY KEY (scope, name)
);
CREATE TABLE courses (
  id VARCHAR(200) NOT NULL,
  created FLOAT,
  data JSON,
  PRIMARY KEY (id)
);
CREATE TABLE documents (
  course VARCHAR(200) NOT NULL,
  id VARCHAR(200) NOT NULL,
  position INTEGER,
  data JSON,
  PRIMARY KEY (course, id)
);
CREATE TABLE events (
  course VARCHAR(200) NOT NULL,
  id VARCHAR(200) NOT NULL,
  learner VARCHAR(64),
  item VARCHAR(200),
  concept VARCHAR(400),
  correct INTEGER,
  score FLOAT,
  at FLOAT,
  source VARCHAR(64),
  PRIMARY KEY (course, id)
);
CREATE INDEX ix_events_learner ON events (learner);
CREATE INDEX events_sums ON events (course, correct, score, at, learner);
CREATE TABLE grade_audit (
  number SERIAL NOT NULL,
  course VARCHAR(200),
  answer VARCHAR(200),
  learner VARCHAR(64),
  at FLOAT,
  reason TEXT,
  "old" JSON,
  "new" JSON,
  PRIMARY KEY (number)
);
CREATE INDEX ix_grade_audit_course ON grade_audit (course);
CREATE TABLE grades (
  course VARCHAR(200) NOT NULL,
  id VARCHAR(200) NOT NULL,
  item VARCHAR(200),
  learner VARCHAR(64),
  inputs VARCHAR(64),
  decided INTEGER,
  at FLOAT,
  data JSON,
  PRIMARY KEY (course, id)
);
CREATE INDEX ix_grades_learner ON grades (learner);
CREATE TABLE items (
  course VARCHAR(200) NOT NULL,
  id VARCHAR(200) NOT NULL,
  position INTEGER,
  data JSON,
  PRIMARY KEY (course, id)
);
CREATE TABLE learners (
  course VARCHAR(200) NOT NULL,
  pseudonym VARCHAR(200) NOT NULL,
  name VARCHAR(200),
  "group" VARCHAR(200),
  PRIMARY KEY (course, pseudonym)
);
CREATE TABLE migrations (
  number SERIAL NOT NULL,
  PRIMARY KEY (number)
);
CREATE TABLE pair_history (
  number SERIAL NOT NULL,
  course VARCHAR(200),
  batch VARCHAR(32),
  at FLOAT,
  data JSON,
  PRIMARY KEY (number)
);
CREATE INDEX ix_pair_history_course ON pair_history (course);
CREATE TABLE pairs (
  course VARCHAR(200) NOT NULL,
  id VARCHAR(200) NOT NULL,
  position INTEGER,
  section VARCHAR(64),
  kind VARCHAR(32),
  split VARCHAR(16),
  status VARCHAR(16),
  data JSON,
  PRIMARY KEY (course, id)
);
CREATE TABLE passages (
  course VARCHAR(200) NOT NULL,
  id VARCHAR(200) NOT NULL,
  position INTEGER,
  data JSON,
  PRIMARY KEY (course, id)
);
CREATE TABLE results (
  course VARCHAR(200) NOT NULL,
  stage VARCHAR(200) NOT NULL,
  name VARCHAR(200) NOT NULL,
  inputs VARCHAR(64),
  at FLOAT,
  data JSON,
  PRIMARY KEY (course, stage, name)
);
CREATE TABLE submissions (
  course VARCHAR(200) NOT NULL,
  id VARCHAR(200) NOT NULL,
  item VARCHAR(200),
  learner VARCHAR(64),
  at FLOAT,
  data JSON,
  PRIMARY KEY (course, id)
);
CREATE INDEX ix_submissions_learner ON submissions (learner);
INSERT INTO migrations (number) VALUES (1), (2), (3), (4);

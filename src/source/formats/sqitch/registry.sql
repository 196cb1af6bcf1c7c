-- Makes sqitch's registry, word for word as its release 1.1 is, where there is none yet.
DO $registry$
DECLARE
  place text;
  words text;
BEGIN
  IF to_regclass('{home}.changes') IS NOT NULL THEN
    RETURN;
  END IF;
  CREATE SCHEMA IF NOT EXISTS {home};
  CREATE TABLE {home}.releases (
    version REAL PRIMARY KEY,
    installed_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    installer_name TEXT NOT NULL,
    installer_email TEXT NOT NULL
  );
  CREATE TABLE {home}.projects (
    project TEXT PRIMARY KEY,
    uri TEXT NULL UNIQUE,
    created_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    creator_name TEXT NOT NULL,
    creator_email TEXT NOT NULL
  );
  CREATE TABLE {home}.changes (
    change_id TEXT PRIMARY KEY,
    script_hash TEXT NULL,
    change TEXT NOT NULL,
    project TEXT NOT NULL REFERENCES {home}.projects(project) ON UPDATE CASCADE,
    note TEXT NOT NULL DEFAULT '',
    committed_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    committer_name TEXT NOT NULL,
    committer_email TEXT NOT NULL,
    planned_at TIMESTAMPTZ NOT NULL,
    planner_name TEXT NOT NULL,
    planner_email TEXT NOT NULL,
    UNIQUE(project, script_hash)
  );
  CREATE TABLE {home}.tags (
    tag_id TEXT PRIMARY KEY,
    tag TEXT NOT NULL,
    project TEXT NOT NULL REFERENCES {home}.projects(project) ON UPDATE CASCADE,
    change_id TEXT NOT NULL REFERENCES {home}.changes(change_id) ON UPDATE CASCADE,
    note TEXT NOT NULL DEFAULT '',
    committed_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    committer_name TEXT NOT NULL,
    committer_email TEXT NOT NULL,
    planned_at TIMESTAMPTZ NOT NULL,
    planner_name TEXT NOT NULL,
    planner_email TEXT NOT NULL,
    UNIQUE(project, tag)
  );
  CREATE TABLE {home}.dependencies (
    change_id TEXT NOT NULL
      REFERENCES {home}.changes(change_id) ON UPDATE CASCADE ON DELETE CASCADE,
    type TEXT NOT NULL,
    dependency TEXT NOT NULL,
    dependency_id TEXT NULL
      REFERENCES {home}.changes(change_id) ON UPDATE CASCADE
      CONSTRAINT dependencies_check CHECK (
        (type = 'require' AND dependency_id IS NOT NULL)
        OR (type = 'conflict' AND dependency_id IS NULL)
      ),
    PRIMARY KEY (change_id, dependency)
  );
  CREATE TABLE {home}.events (
    event TEXT NOT NULL
      CONSTRAINT events_event_check CHECK (event IN ('deploy', 'revert', 'fail', 'merge')),
    change_id TEXT NOT NULL,
    change TEXT NOT NULL,
    project TEXT NOT NULL REFERENCES {home}.projects(project) ON UPDATE CASCADE,
    note TEXT NOT NULL DEFAULT '',
    requires TEXT[] NOT NULL DEFAULT '{}',
    conflicts TEXT[] NOT NULL DEFAULT '{}',
    tags TEXT[] NOT NULL DEFAULT '{}',
    committed_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    committer_name TEXT NOT NULL,
    committer_email TEXT NOT NULL,
    planned_at TIMESTAMPTZ NOT NULL,
    planner_name TEXT NOT NULL,
    planner_email TEXT NOT NULL,
    PRIMARY KEY (change_id, committed_at)
  );
  COMMENT ON SCHEMA {home} IS 'Sqitch database deployment metadata v1.1.';
  FOR place, words IN VALUES
    ('table releases', 'Sqitch registry releases.'),
    ('column releases.version', 'Version of the Sqitch registry.'),
    ('column releases.installed_at', 'Date the registry release was installed.'),
    ('column releases.installer_name', 'Name of the user who installed the registry release.'),
    ('column releases.installer_email', 'Email address of the user who installed the registry release.'),
    ('table projects', 'Sqitch projects deployed to this database.'),
    ('column projects.project', 'Unique Name of a project.'),
    ('column projects.uri', 'Optional project URI'),
    ('column projects.created_at', 'Date the project was added to the database.'),
    ('column projects.creator_name', 'Name of the user who added the project.'),
    ('column projects.creator_email', 'Email address of the user who added the project.'),
    ('table changes', 'Tracks the changes currently deployed to the database.'),
    ('column changes.change_id', 'Change primary key.'),
    ('column changes.script_hash', 'Deploy script SHA-1 hash.'),
    ('column changes.change', 'Name of a deployed change.'),
    ('column changes.project', 'Name of the Sqitch project to which the change belongs.'),
    ('column changes.note', 'Description of the change.'),
    ('column changes.committed_at', 'Date the change was deployed.'),
    ('column changes.committer_name', 'Name of the user who deployed the change.'),
    ('column changes.committer_email', 'Email address of the user who deployed the change.'),
    ('column changes.planned_at', 'Date the change was added to the plan.'),
    ('column changes.planner_name', 'Name of the user who planed the change.'),
    ('column changes.planner_email', 'Email address of the user who planned the change.'),
    ('table tags', 'Tracks the tags currently applied to the database.'),
    ('column tags.tag_id', 'Tag primary key.'),
    ('column tags.tag', 'Project-unique tag name.'),
    ('column tags.project', 'Name of the Sqitch project to which the tag belongs.'),
    ('column tags.change_id', 'ID of last change deployed before the tag was applied.'),
    ('column tags.note', 'Description of the tag.'),
    ('column tags.committed_at', 'Date the tag was applied to the database.'),
    ('column tags.committer_name', 'Name of the user who applied the tag.'),
    ('column tags.committer_email', 'Email address of the user who applied the tag.'),
    ('column tags.planned_at', 'Date the tag was added to the plan.'),
    ('column tags.planner_name', 'Name of the user who planed the tag.'),
    ('column tags.planner_email', 'Email address of the user who planned the tag.'),
    ('table dependencies', 'Tracks the currently satisfied dependencies.'),
    ('column dependencies.change_id', 'ID of the depending change.'),
    ('column dependencies.type', 'Type of dependency.'),
    ('column dependencies.dependency', 'Dependency name.'),
    ('column dependencies.dependency_id', 'Change ID the dependency resolves to.'),
    ('table events', 'Contains full history of all deployment events.'),
    ('column events.event', 'Type of event.'),
    ('column events.change_id', 'Change ID.'),
    ('column events.change', 'Change name.'),
    ('column events.project', 'Name of the Sqitch project to which the change belongs.'),
    ('column events.note', 'Description of the change.'),
    ('column events.requires', 'Array of the names of required changes.'),
    ('column events.conflicts', 'Array of the names of conflicting changes.'),
    ('column events.tags', 'Tags associated with the change.'),
    ('column events.committed_at', 'Date the event was committed.'),
    ('column events.committer_name', 'Name of the user who committed the event.'),
    ('column events.committer_email', 'Email address of the user who committed the event.'),
    ('column events.planned_at', 'Date the event was added to the plan.'),
    ('column events.planner_name', 'Name of the user who planed the change.'),
    ('column events.planner_email', 'Email address of the user who plan planned the change.')
  LOOP
    EXECUTE format('COMMENT ON %s {home}.%s IS %L',
                   split_part(place, ' ', 1), split_part(place, ' ', 2), words);
  END LOOP;
  INSERT INTO {home}.releases (version, installer_name, installer_email)
  VALUES (1.1, 'rehearsal', 'rehearsal@localhost');
END $registry$;

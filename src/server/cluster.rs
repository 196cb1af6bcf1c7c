//! What a cluster holds beside its databases: roles, memberships, settings, tablespaces.
//!
//! These belong to everybody on a server, so a chain that changes them is played on a server of its
//! own. Whether one did is seen in the catalogs, not guessed from its text.

/// Reads a digest of it, as superuser. What belongs to single databases is theirs; `pg_database`
/// itself counts where it isn't ours.
pub(super) fn digest(major: u32) -> String {
    of_roles(major, "to_jsonb(role)")
}

/// The same without passwords, which are new with each server.
pub(super) fn lasting_digest(major: u32) -> String {
    of_roles(major, "to_jsonb(role) - 'rolpassword'")
}

fn of_roles(major: u32, role: &str) -> String {
    let roles = format!("SELECT {role} FROM pg_catalog.pg_authid AS role");
    let mut parts = vec![
        roles.as_str(),
        "SELECT to_jsonb(member) FROM pg_catalog.pg_auth_members AS member",
        "SELECT to_jsonb(space) FROM pg_catalog.pg_tablespace AS space",
        "SELECT to_jsonb(origin) FROM pg_catalog.pg_replication_origin AS origin",
        "SELECT to_jsonb(slot_name) FROM pg_catalog.pg_replication_slots",
        "SELECT to_jsonb(setting) FROM pg_catalog.pg_db_role_setting AS setting \
          WHERE setdatabase = 0",
        "SELECT to_jsonb(said) FROM pg_catalog.pg_shdescription AS said \
          WHERE classoid <> 'pg_catalog.pg_database'::regclass",
        "SELECT to_jsonb(setting) - 'seqno' FROM pg_catalog.pg_file_settings AS setting \
          WHERE sourcefile LIKE '%postgresql.auto.conf'",
        "SELECT to_jsonb(base) - 'datfrozenxid' - 'datminmxid' FROM pg_catalog.pg_database AS base \
          WHERE datname IN ('postgres', 'template0', 'template1')",
    ];
    if major >= 15 {
        parts.push("SELECT to_jsonb(granted) FROM pg_catalog.pg_parameter_acl AS granted");
    }
    let all = parts.join(" UNION ALL ");
    format!(
        "SELECT md5(coalesce(string_agg(part::text, '' ORDER BY part::text), '')) \
           FROM ({all}) AS parts (part)"
    )
}

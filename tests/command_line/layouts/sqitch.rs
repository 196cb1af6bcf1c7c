//! Plans, scripts and configurations of sqitch that it refuses, or takes oddly.

use crate::support::{Project, Told, check, run, verify};

const PLAN: &str = "%project=shop\n\nusers 2024-02-05T09:12:31Z Ada <ada@shop.example>\n";

/// A project of sqitch with this plan, and a script for the change `users`.
fn play_sqitch(plan: &str, files: &[(&str, &str)]) -> Told {
    let project = Project::new(files);
    project.write("sqitch.plan", plan);
    project.write("deploy/users.sql", "CREATE TABLE users (id int);\n");
    project.write("revert/users.sql", "DROP TABLE users;\n");
    run(&mut verify(project.path()))
}

#[test]
fn a_plan_that_sqitch_refuses() {
    let refused = "error[order]: sqitch refuses to deploy: ";
    let told = play_sqitch("%project=shop\n\nusers today Ada\n", &[]);
    check(&told, 1, &[refused, "Syntax error in sqitch.plan at line 3: Invalid name", "NAME ["]);
    let told = play_sqitch(&PLAN.replace("users", "users [roles]"), &[]);
    check(&told, 1, &[refused, "Unknown change \"roles\" required by change \"users\""]);
    check(&told, 1, &["name a change that the plan has above this one", "apply          failed"]);
    let later = PLAN.replace("users", "users [roles]") + &PLAN[15..].replace("users", "roles");
    let told = play_sqitch(&later, &[]);
    check(&told, 1, &["Change \"users\" planned 1 change before required change \"roles\""]);
    let told = play_sqitch("users 2024-02-05T09:12:31Z Ada <ada@shop.example>\n", &[]);
    check(&told, 1, &["a blank line must come between pragmas and changes"]);
    check(
        &play_sqitch("\n", &[]),
        1,
        &["Missing %project pragma", "begin the plan with %project="],
    );
}

#[test]
fn scripts_that_sqitch_misses_or_ignores() {
    check(&play_sqitch(PLAN, &[]), 0, &["the rehearsal went well"]);
    let plan = PLAN.to_owned() + &PLAN[15..].replace("users", "roles");
    let told = play_sqitch(&plan, &[]);
    check(&told, 1, &["the plan names the change roles", "--> deploy/roles.sql"]);
    let told = play_sqitch(PLAN, &[("deploy/old/roles.sql", "SELECT 1;")]);
    check(&told, 0, &["warning[order]: sqitch never runs this script", "--> deploy/old/roles.sql"]);
    let same = ("deploy/roles.sql", "CREATE TABLE users (id int);\n");
    let told = play_sqitch(&plan, &[same, ("revert/roles.sql", "SELECT 1;")]);
    check(&told, 1, &["is the same as deploy/users.sql, byte for byte", "error[apply]"]);
    let asks = [("sqitch.conf", "[deploy]\nverify = yes\n")];
    let told = play_sqitch(PLAN, &asks);
    check(&told, 0, &["warning[order]: the change users has no verify script"]);
}

#[test]
fn a_configuration_of_sqitch_that_does_not_fit() {
    let told = play_sqitch(PLAN, &[("sqitch.conf", "[core]\nengine = mysql\n")]);
    check(&told, 2, &["sqitch.conf deploys to mysql, not to Postgres"]);
    let told = play_sqitch(PLAN, &[("sqitch.conf", "[core\n")]);
    check(&told, 2, &["sqitch.conf:1: sqitch can't read this line"]);
    let told = play_sqitch(PLAN, &[("sqitch.conf", "[core]\ntop_dir = ../sql\n")]);
    check(&told, 2, &["top_dir = ../sql, which is outside of the project's folder"]);
    let told = play_sqitch(PLAN, &[("sqitch.conf", "[core]\ntop_dir = sql\n")]);
    check(&told, 2, &["sql/sqitch.plan does not exist"]);
    let told = play_sqitch(PLAN, &[("verify/users.sql", "SELECT 1;")]);
    check(&told, 0, &["the rehearsal went well"]);
}

/// A project of three changes, of which the branch `main` has the first two and a tag.
fn museum(verifies: bool) -> (Project, String) {
    let line = |name: &str| format!("{name} 2024-02-05T09:12:31Z Ada <ada@shop.example>\n");
    let plan = format!("%project=shop\n\n{}{}{}", line("users"), line("f/label"), line("@v1.0"));
    let settings = format!("[deploy]\nverify = {verifies}\n");
    let project = Project::new(&[
        ("sqitch.plan", &plan),
        ("sqitch.conf", &settings),
        ("rehearsal.toml", "[history]\nbase = \"main\"\n"),
    ]);
    add(&project, "users");
    add(&project, "f/label");
    project.commit_to_main();
    (project, plan)
}

/// Writes the scripts of a change.
fn add(project: &Project, name: &str) {
    for kind in ["deploy", "revert", "verify"] {
        project.write(&format!("{kind}/{name}.sql"), format!("SELECT '{kind} {name}';\n"));
    }
}

/// The first script of a change gets another path when that is reworked, and is as old as before.
#[test]
fn a_reworked_change_is_not_new() {
    for verifies in [false, true] {
        let (project, plan) = museum(verifies);
        // As `sqitch rework` does it: the script keeps its text under the other name.
        for kind in ["deploy", "revert", "verify"] {
            let text = format!("SELECT '{kind} f/label';\n");
            project.write(&format!("{kind}/f/label@v1.0.sql"), text);
            project.write(&format!("{kind}/f/label.sql"), format!("SELECT '{kind} again';\n"));
        }
        add(&project, "loans");
        let rest = " 2024-02-05T09:12:31Z Ada <ada@shop.example>\n";
        let reworked = format!("{plan}loans{rest}f/label [f/label@v1.0]{rest}");
        project.write("sqitch.plan", reworked);
        check(&run(&mut verify(project.path())), 0, &["order          passed", "went well"]);
    }
}

#[test]
fn a_change_that_comes_before_merged_ones() {
    let (project, plan) = museum(true);
    add(&project, "loans");
    let loans = "loans 2024-02-05T09:12:31Z Ada <ada@shop.example>\nf/label ";
    project.write("sqitch.plan", plan.replace("f/label ", loans));
    let told = run(&mut verify(project.path()));
    check(&told, 1, &["deploy/loans is new, and sorts before verify/f/label, which is merged"]);
    check(&told, 1, &["move its line in the plan below that of verify/f/label", "1 finding\n"]);
}

#[test]
fn scripts_are_told_with_their_folder_and_changes_are_counted() {
    let (project, _) = museum(true);
    project.write("verify/users.sql", "SELECT broken;\n");
    let stops = "the boot stops here; 1 later migration was not played";
    let told = run(&mut verify(project.path()));
    check(&told, 1, &["the first boot fails in verify/users.sql", stops]);
}

#[test]
fn links_that_lead_back_to_the_scripts() {
    let (project, _) = museum(false);
    for (link, to) in [("x", "."), ("y", "."), ("f/z", "../f"), ("f/up", "..")] {
        let link = project.path().join("deploy").join(link);
        std::os::unix::fs::symlink(to, link).expect("a link");
    }
    let told = run(&mut verify(project.path()));
    check(&told, 0, &["order          passed"]);
}

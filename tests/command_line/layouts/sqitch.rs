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
    check(&told, 1, &["name a change that the plan has above this one", "apply   failed"]);
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

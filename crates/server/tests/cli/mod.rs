//! The binary as other tools call it: words, exit codes, and what it prints.

use std::collections::BTreeMap;
use std::process::{Command, Output};

use serde_json::value::RawValue;

use server::config::{Secrets, Sources, load};
use server::dice::OsDice;

fn bursar(arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    Command::new(env!("CARGO_BIN_EXE_bursar"))
        .args(arguments)
        .current_dir(folder.path())
        .env_clear()
        .envs(settings.iter().copied())
        .output()
        .expect("it runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn check_config_prints_what_is_in_effect_and_no_secret() {
    let output = bursar(
        &["check-config", "--database", "sqlite:books/b.db"],
        &[("STRIPE_SECRET_KEY", "sk_test_hidden"), ("BURSAR_FEES__BOOKING__RATE_BPS", "700")],
    );
    let printed = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(printed.contains("rate_bps = 700"), "{printed}");
    assert!(printed.contains("url = \"sqlite:books/b.db\""), "{printed}");
    assert!(printed.contains("secret_key = \"***\""), "{printed}");
    assert!(!printed.contains("hidden"), "{printed}");
}

#[test]
fn a_wrong_setting_is_named_and_the_exit_code_is_2() {
    let cases = [
        (vec!["check-config"], vec![("BURSAR_FEES__TYPO", "hidden-value")], "BURSAR_FEES__TYPO"),
        (
            vec!["check-config"],
            vec![("BURSAR_LIMITS__LOGIN_PER_MINUTE", "hidden")],
            "limits.login_per_minute",
        ),
        (vec!["check-config", "--config", "nowhere.toml"], vec![], "nowhere.toml"),
        (vec!["check-config", "--database", "postgres://u:hidden@h/db"], vec![], "secrets.jwt_key"),
        (
            vec!["check-config"],
            vec![("BURSAR_SERVER__TLS_CERT", "/nowhere.pem"), ("BURSAR_SERVER__TLS_KEY", "/nowhere.key")],
            "server.tls_cert",
        ),
    ];
    for (arguments, settings, named) in cases {
        let output = bursar(&arguments, &settings);
        let complaint = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{complaint}");
        assert!(complaint.contains(named), "{complaint}");
        assert!(!complaint.contains("hidden"), "{complaint}");
        assert!(!text(&output.stdout).contains("hidden"));
    }
}

#[test]
fn an_unknown_command_could_not_run() {
    let output = bursar(&["frobnicate"], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(bursar(&["--version"], &[]).status.code(), Some(0));
}

/// Runs `bursar admin create` in a folder of its own and gives exit code, output and errors.
fn create_admin(folder: &std::path::Path, email: &str, password: &str) -> (Option<i32>, String, String) {
    use std::io::Write;
    let mut child = Command::new(env!("CARGO_BIN_EXE_bursar"))
        .args(["admin", "create", "--email", email, "--database", "sqlite:data/bursar.db"])
        .current_dir(folder)
        .env_clear()
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut input = child.stdin.take().expect("piped");
    input.write_all(password.as_bytes()).expect("it reads");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_first_administrator_comes_from_the_command_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let (code, _, errors) = create_admin(folder.path(), "root@example.org", "short\n");
    assert_eq!(code, Some(1), "{errors}");
    let (code, _, errors) = create_admin(folder.path(), "nonsense", "correct horse\n");
    assert_eq!(code, Some(1), "{errors}");
    let (code, printed, errors) = create_admin(folder.path(), "root@example.org", "correct horse\n");
    assert_eq!(code, Some(0), "{errors}");
    assert!(printed.contains("root@example.org is an administrator now"), "{printed}");
    let (code, printed, errors) = create_admin(folder.path(), "ROOT@example.org", "another horse");
    assert_eq!(code, Some(0), "{errors}");
    assert!(printed.contains("registered already"), "{printed}");
    for output in [printed, errors] {
        assert!(!output.contains("horse"), "{output}");
    }
}

fn run_in(folder: &std::path::Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_bursar"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .output()
        .expect("it runs");
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_backup_is_put_back_where_the_secrets_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    assert_eq!(create_admin(at, "ada@example.org", "correct horse battery staple").0, Some(0));
    // As a first start would write them.
    let database = ("database.url", format!("sqlite:{}/data/bursar.db", at.display()));
    let config = load(&Sources { flags: vec![database], ..Sources::default() }).expect("valid");
    Secrets::load(&config, &OsDice).expect("a folder to write to");
    let taken = run_in(at, &["backup", "copy.db", "--database", "sqlite:data/bursar.db"]);
    assert_eq!(taken.0, Some(0), "{taken:?}");
    assert!(taken.1.contains("every minor unit is explained"), "{taken:?}");
    let again = run_in(at, &["backup", "copy.db", "--database", "sqlite:data/bursar.db"]);
    assert_eq!(again.0, Some(2), "an older copy is not overwritten: {again:?}");
    let secrets = std::fs::read_to_string(at.join("data/secrets")).expect("secrets");
    let copy = std::fs::read(at.join("copy.db")).expect("a copy");
    for line in secrets.lines().filter(|line| line.contains(" = ") && !line.starts_with("instance")) {
        let secret = line.split('"').nth(1).expect("quoted").as_bytes();
        assert!(!copy.windows(secret.len()).any(|part| part == secret), "no secret is in a backup");
    }
    let back = run_in(at, &["restore", "copy.db", "--database", "sqlite:data/bursar.db"]);
    assert_eq!(back.0, Some(0), "{back:?}");
    assert!(back.1.contains("bursar.db.replaced-1"), "{back:?}");
    let verified = run_in(at, &["verify", "--database", "sqlite:data/bursar.db"]);
    assert_eq!(verified.0, Some(0), "{verified:?}");
    let elsewhere = run_in(at, &["restore", "copy.db", "--database", "sqlite:new/bursar.db"]);
    assert_eq!(elsewhere.0, Some(0), "{elsewhere:?}");
    assert!(elsewhere.1.contains("new/secrets is missing"), "{elsewhere:?}");
}

/// The members of an object, as they are written: 783.50 is not 783.5.
type Parts = BTreeMap<String, Box<RawValue>>;

#[test]
fn reports_and_exports_are_printed_for_scripts() {
    let folder = tempfile::tempdir().expect("a folder");
    let with_books = |arguments: &[&str]| {
        let books = ["--database", "sqlite:data/bursar.db"];
        run_in(folder.path(), &[arguments, books.as_slice()].concat())
    };
    let printed = |arguments: &[&str]| {
        let (code, output, errors) = with_books(arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {errors}");
        output
    };
    let none_yet = with_books(&["report"]);
    assert_eq!((none_yet.0, none_yet.1.as_str()), (Some(2), ""), "{none_yet:?}");
    assert!(!folder.path().join("data").exists(), "asking begins no marketplace");
    printed(&["seed", "--payments", "40", "--days", "20"]);

    let csv = printed(&["export"]);
    assert!(csv.starts_with("payment_id,kind,created_at,"), "{csv}");
    let rows = csv.lines().count() - 1;
    let json = printed(&["export", "--format", "json"]);
    let payments: Vec<serde_json::Value> = serde_json::from_str(&json).expect("a list");
    assert_eq!((rows, payments.len()), (40, 40));
    let journal = printed(&["export", "--format", "journal"]);
    assert!(journal.contains("open Assets:"), "{journal}");

    let told = printed(&["report", "--format", "json"]);
    let report: Parts = serde_json::from_str(&told).expect("a report");
    let year: Parts = serde_json::from_str(report["year_to_date"].get()).expect("its year");
    let shown = printed(&["report"]);
    for (what, name) in
        [("Revenue", "revenue_dollars"), ("Platform fees", "platform_fees_dollars"), ("Payments", "payments")]
    {
        let much = year[name].get();
        let found = shown.lines().any(|line| line.starts_with(what) && line.ends_with(&format!(" {much}")));
        assert!(found, "{what} {much} is not in {shown}");
    }
    assert!(printed(&["report", "--format", "pdf"]).starts_with("%PDF-"));

    for (arguments, named) in [
        (["report", "--as-of", "soon"], "as_of: must be a date"),
        (["report", "--currency", "doubloons"], "currency"),
        (["export", "--date-from", "banana"], "date_from"),
        (["export", "--kind", "banana"], "kind"),
        (["export", "--format", "xls"], "format: must be csv, json or journal"),
    ] {
        let (code, output, errors) = with_books(&arguments);
        assert_eq!((code, output.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(errors.contains(named), "{arguments:?}: {errors}");
    }
}

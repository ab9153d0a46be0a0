//! The user's document as a program: `plans/rpa.kdl` with its paths moved under a
//! scratch root, three days of it, pruned, restored at four times and compared.

use crate::support::trees::{Privilege, RpaTree, privilege};
use crate::support::{
    Bucket, Comparison, TestEnvironment, WebHook, age_identity, assert_same_tree, unpack_with_stock_tools,
};
use chrono::Duration;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// `plans/rpa.kdl`, its paths below `<root>/scratch`, its key one that the test
/// has, its cloud tiers in a folder or in a bucket.
struct Rpa {
    environment: TestEnvironment,
    tree: RpaTree,
    slack: WebHook,
}

/// Where the document's bucket is for this test.
enum Cloud<'a> {
    Folder,
    S3(&'a Bucket),
}

impl Rpa {
    fn new(cloud: &Cloud) -> Self {
        let environment = TestEnvironment::new();
        let scratch = environment.path("scratch");
        let tree = RpaTree::build(&scratch);
        let (identity, recipient) = age_identity(&environment.path("home"), "rpa.key");
        let original = Path::new(env!("CARGO_MANIFEST_DIR")).join("plans/rpa.kdl");
        let mut text = fs::read_to_string(original).expect("the plan is there");
        let root = scratch.to_string_lossy();
        for folder in ["/opt", "/etc/nginx", "/etc/systemd"] {
            text = text.replace(&format!("\"{folder}"), &format!("\"{root}{folder}"));
        }
        text = text.replace("\"/etc/plan/rpa.key\"", &format!("{identity:?}"));
        let first = text.find("age1").expect("the plan has a recipient");
        text.replace_range(first..first + recipient.len(), &recipient);
        match cloud {
            Cloud::Folder => {
                for name in ["incremental", "complete"] {
                    text = replace_store(&text, name, &format!("store fs {{ root \"{root}/cloud/{name}\" }}"));
                }
                text = without_lines(&text, &["storage-class ", "server-side-encryption "]);
            }
            Cloud::S3(bucket) => {
                text = text.replace("bucket imediatoseguros-rpa-backups", &format!(
                    "bucket \"{}\"\n            endpoint \"{}\"\n            access_key_id (env)KEY\n            secret_access_key (env)SECRET",
                    bucket.name, bucket.endpoint
                ));
                environment.set_variable("KEY", "test");
                environment.set_variable("SECRET", "test");
            }
        }
        environment.write("plan.kdl", text);
        let slack = WebHook::start();
        environment.set_variable("SLACK_WEBHOOK", &slack.url);
        environment.set_variable("NO_PROXY", "127.0.0.1");
        Self { environment, tree, slack }
    }

    /// What the sources of `plan.kdl` take of the tree, copied to compare with later.
    fn copy_of(&self, source: &str, name: &str) -> PathBuf {
        let copy = self.environment.path(name).join(source);
        let (base, includes) = source_paths(source);
        fs::create_dir_all(&copy).expect("the folder can be made");
        // `cp --parents` keeps the path below the base, as a restore does.
        let status = Command::new("cp")
            .args(["--archive", "--parents", "--sparse=auto"])
            .args(includes)
            .arg(&copy)
            .current_dir(self.tree.root().join(base))
            .status()
            .expect("cp runs");
        assert!(status.success(), "the source can be copied");
        copy
    }

    fn restore(&self, tier: &str, source: &str, at: &str) -> PathBuf {
        let target = self.environment.path(format!("restored/{tier}/{source}/{}", at.replace(':', "")));
        fs::create_dir_all(target.parent().expect("it has a folder")).expect("the folder can be made");
        let to = target.to_string_lossy().into_owned();
        self.environment.ok(&["restore", "--tier", tier, "--source", source, "--at", at, "--to", &to]);
        target
    }

    fn snapshots(&self, tier: &str, source: &str) -> usize {
        let listed = self.environment.json(&["list", "--tier", tier, "--source", source, "--json"]);
        listed["snapshots"].as_array().expect("a list of snapshots").len()
    }
}

/// Base below the scratch root and includes below that, as `plans/rpa.kdl` has them.
fn source_paths(source: &str) -> (&'static str, &'static [&'static str]) {
    match source {
        "data" => ("opt/imediatoseguros-rpa", &["rpa_data", "logs", "sessions", "parametros.json"]),
        "code" => ("opt", &["imediatoseguros-rpa/executar_rpa_imediato_playwright.py", "imediatoseguros-rpa-v4"]),
        other => panic!("`{other}` is not compared as a copy"),
    }
}

/// Replaces the `store s3 { … }` whose root is `/name`.
fn replace_store(text: &str, name: &str, with: &str) -> String {
    let root = text.find(&format!("root \"/{name}\"")).expect("the tier has this root");
    let start = text[..root].rfind("store s3 {").expect("the root stands in a store");
    let end = root + text[root..].find('}').expect("the store ends") + 1;
    format!("{}{with}{}", &text[..start], &text[end..])
}

fn without_lines(text: &str, beginnings: &[&str]) -> String {
    text.lines()
        .filter(|line| !beginnings.iter().any(|beginning| line.trim_start().starts_with(beginning)))
        .map(|line| format!("{line}\n"))
        .collect()
}

/// What is restored lacks nothing and owns what it did; folders above the
/// includes are compared by name and kind only, for `cp --parents` makes them anew.
fn comparison() -> Comparison {
    Comparison { owners: privilege() == Privilege::Root, ..Comparison::ALL }
}

/// Three days from Friday 20 November 2026 22:00 to Monday, at each of the
/// document's times, with changes before each; then prune, then four restores.
fn three_days(rpa: &Rpa) {
    let environment = &rpa.environment;
    environment.set_time("2026-11-20T21:59:00Z");
    let mut copies: Vec<(String, PathBuf, PathBuf)> = Vec::new();
    for step in 0..=18u64 {
        // 22:00, 02:00, 06:00, …: the crontab line comes by some seconds late.
        environment.advance(Duration::minutes(1) + Duration::seconds(7));
        let outcome = environment.run(&["run"]).expect_code(0);
        if [0, 7, 12, 18].contains(&step) {
            let at = environment.now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
            let name = format!("copy-{step}");
            copies.push((at, rpa.copy_of("data", &name), rpa.copy_of("code", &name)));
        }
        assert!(outcome.stdout.contains("data"), "step {step}: data is due at each of the times:\n{outcome}");
        // Nothing is due again before the next time.
        environment.advance(Duration::minutes(10));
        let second = environment.ok(&["run"]);
        assert!(second.stdout.contains("nothing is due"), "step {step}:\n{second}");
        environment.advance(Duration::hours(4) - Duration::minutes(11) - Duration::seconds(7));
        rpa.tree.mutate(step);
    }
    // 19 times: 22:00 on Friday, six each on Saturday, Sunday, Monday.
    assert_eq!(rpa.snapshots("cloud", "data"), 19);
    assert_eq!(rpa.snapshots("local", "data"), 19, "none is older than three days yet");
    // At once on the first run (never done before), then at 02:00 on three days.
    assert_eq!(rpa.snapshots("cloud", "code"), 4);
    assert_eq!(rpa.snapshots("archive", "system"), 1, "Sunday's took the place of Friday's: one a week is kept");

    for (at, data, _) in &copies {
        for tier in ["local", "cloud"] {
            assert_same_tree(data, &rpa.restore(tier, "data", at), comparison());
        }
    }
    // Code is taken at 02:00; what the last of the day before holds is what was copied at step 0.
    let (at, _, code) = &copies[0];
    assert_same_tree(code, &rpa.restore("cloud", "code", at), ignoring_times_of_made_folders());

    // Nothing went wrong, so nothing was told but the report of Monday at 08:00.
    let told = rpa.slack.bodies();
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].contains("rpa"), "{told:#?}");

    // A shorter memory on disk: a dry run tells, a prune does it, the cloud keeps all.
    let plan = environment.work("plan.kdl");
    let text = fs::read_to_string(&plan).expect("the plan was written");
    fs::write(&plan, text.replace("keep within=\"3d\" last=3", "keep within=\"1d\" last=3")).expect("there is room");
    let told = environment.ok(&["prune", "--dry-run", "--tier", "local", "--source", "data"]);
    assert_eq!(rpa.snapshots("local", "data"), 19, "a dry run deletes nothing:\n{told}");
    environment.ok(&["prune"]);
    assert_eq!(rpa.snapshots("local", "data"), 7, "a day and what it begins with");
    assert_eq!(rpa.snapshots("cloud", "data"), 19);
    environment.ok(&["verify", "--tier", "local", "--level", "contents"]);
    environment.ok(&["verify", "--tier", "cloud", "--level", "contents"]);
    environment.ok(&["verify", "--tier", "archive", "--level", "presence"]);
    // What lies in the archive can be looked at without thawing it.
    let listed = environment.ok(&["ls", "latest", "imediatoseguros-rpa-v4", "--tier", "archive"]);
    assert!(listed.stdout.contains("README.md"), "{listed}");
    let (at, data, _) = &copies[3];
    for tier in ["local", "cloud"] {
        let again = environment.path(format!("after prune {tier}"));
        let to = again.to_string_lossy().into_owned();
        environment.ok(&["restore", "--tier", tier, "--source", "data", "--at", at, "--to", &to]);
        assert_same_tree(data, &again, comparison());
    }
}

/// The folder `imediatoseguros-rpa` is only on the way to an include.
fn ignoring_times_of_made_folders() -> Comparison {
    Comparison { times: false, modes: false, ..comparison() }
}

#[test]
fn the_document_runs_for_three_days_on_disk() {
    let rpa = Rpa::new(&Cloud::Folder);
    three_days(&rpa);

    // The weekly archive is a full one: gzip and tar bring it back, without venv/lib and logs.
    let folder = rpa.environment.path("scratch/cloud/complete/archives/system");
    let mut archives: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    archives.sort();
    assert!(archives[0].to_string_lossy().ends_with(".tar.gz.age"));
    let last = archives.pop().expect("there is an archive");
    let into = rpa.environment.path("from the archive");
    unpack_with_stock_tools(&[last], Some(&rpa.environment.path("home/rpa.key")), &into);
    let venv = into.join("imediatoseguros-rpa/venv");
    assert!(venv.join("bin/activate").is_file() && venv.join("lib64").is_symlink());
    assert!(!venv.join("lib").exists() && !venv.join("include").exists());
    assert!(into.join("imediatoseguros-rpa-v4/README.md").is_file());
    assert!(!into.join("imediatoseguros-rpa-v4/build.log").exists());
    assert!(!into.join("imediatoseguros-rpa/sessions/browser.tmp").exists());
}

#[test]
fn the_document_runs_for_three_days_with_its_cloud_tiers_on_s3() {
    let Some(bucket) = Bucket::create("rpa") else { return };
    let rpa = Rpa::new(&Cloud::S3(&bucket));
    three_days(&rpa);
    let settings = [("incremental", "STANDARD_IA", "incremental"), ("complete", "GLACIER", "complete")];
    for (prefix, class, backup_type) in settings {
        let archives = bucket.objects(&format!("{prefix}/archives/"));
        assert!(!archives.is_empty(), "`{prefix}` has archives");
        for key in archives {
            let headers = bucket.head(&key);
            let has = |name: &str, value: &str| headers.iter().any(|(n, v)| n == name && v == value);
            assert!(has("x-amz-storage-class", class), "`{key}` is {class}: {headers:?}");
            assert!(has("x-amz-server-side-encryption", "aws:kms"), "`{key}`: {headers:?}");
            assert!(has("x-amz-server-side-encryption-aws-kms-key-id", "alias/rpa-backup-key"), "`{key}`: {headers:?}");
            assert!(has("x-amz-meta-backup-type", backup_type), "`{key}`: {headers:?}");
            assert!(headers.iter().any(|(n, v)| n == "x-amz-meta-date" && v.starts_with("2026")), "{headers:?}");
            match (class, bucket.get(&key)) {
                // Cold: it must be thawed before anybody reads it.
                ("GLACIER", (status, _)) => assert_eq!(status, 403, "`{key}`"),
                (_, (_, bytes)) => assert!(bytes.starts_with(b"age-encryption.org/v1"), "`{key}` is an age file"),
            }
        }
        // What it takes to list, look inside and prune is never cold.
        for folder in ["snapshots", "trees", "index", "runs"] {
            for key in bucket.objects(&format!("{prefix}/{folder}/")) {
                let headers = bucket.head(&key);
                assert!(
                    !headers.iter().any(|(name, value)| name == "x-amz-storage-class" && value == "GLACIER"),
                    "`{key}`"
                );
            }
        }
    }
}

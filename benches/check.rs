//! How long a check takes: of the plans in `plans/`, in this process and as a
//! process of its own, and of a plan of 10,000 lines beside what the `kdl`
//! crate takes to parse it alone.
//!
//! Run: `cargo bench --bench check`.

use plan::diagnostics::{FileId, Severities};
use plan::rules::{CheckOptions, StoreChecks, check_text};
use plan::{language, stores};
use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Each is measured this often; the fastest counts.
const ROUNDS: usize = 15;
const LINES: usize = 10_000;

fn main() {
    let mut paths: Vec<_> = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("plans"))
        .expect("there is a folder of plans")
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "kdl"))
        .collect();
    paths.sort();
    println!("{:<12} {:>6} {:>10} {:>10} {:>10} {:>10}", "plan", "lines", "process", "check", "read", "kdl crate");
    for path in paths {
        let text = fs::read_to_string(&path).expect("a plan can be read");
        let process = fastest(|| {
            let status =
                Command::new(env!("CARGO_BIN_EXE_plan")).arg("check").arg(&path).stdout(Stdio::null()).status();
            assert!(status.expect("the program starts").success());
        });
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        row(&name, &text, Some(process));
    }
    let large = large_plan();
    let (check, kdl) = row("generated", &large, None);
    println!("\na check of {LINES} lines takes {:.2} times what the kdl crate takes to parse them", check / kdl);
}

/// Prints what was measured of one text; the seconds of its check and of the `kdl` crate.
fn row(name: &str, text: &str, process: Option<Duration>) -> (f64, f64) {
    let stores = StoreChecks { rules: &stores::RULES, diagnose: stores::diagnose };
    let options = CheckOptions { stores, severities: Severities::default(), prices: None };
    let check = fastest(|| {
        let checked = check_text("plan.kdl", text, &mut |_| Err(io::ErrorKind::NotFound.into()), &options);
        assert!(!checked.has_errors(), "{name}: {:#?}", checked.diagnostics.iter().find(|found| found.is_error()));
        black_box(checked);
    });
    let read = fastest(|| {
        black_box(language::parse(text, FileId(0)));
    });
    let kdl = fastest(|| {
        black_box(kdl::KdlDocument::parse_v2(text).expect("it is KDL"));
    });
    let ms = |time: Duration| format!("{:.2} ms", time.as_secs_f64() * 1e3);
    let process = process.map(ms).unwrap_or_default();
    println!("{name:<12} {:>6} {process:>10} {:>10} {:>10} {:>10}", text.lines().count(), ms(check), ms(read), ms(kdl));
    (check.as_secs_f64(), kdl.as_secs_f64())
}

fn fastest(mut measured: impl FnMut()) -> Duration {
    let times = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        measured();
        start.elapsed()
    });
    times.min().expect("there is a round")
}

/// A plan of many hosts in one file: for each a key, two sources, and a tier near and one far.
fn large_plan() -> String {
    let mut text = String::from(
        "plan fleet {\n    description \"Many hosts in one file\"\n    timezone \"Europe/Lisbon\"\n    objective rpo=\"26h\" rto=\"2d\"\n\n",
    );
    let (one, two) = (
        "age19mr5hnqz5837vmcrp6yx729vhra3slk6v2dhqj8tvpxaf9n07cfsva5su7",
        "age16624qxwdsql46gdlcd6s0arwmncsz4cpc8lecys992ulq2azmumsg0et5g",
    );
    let mut lines = text.lines().count();
    for host in 0.. {
        let (minute, hour) = (host % 60, host / 60 % 24);
        let block = format!(
            r#"    // Host {host}.
    key key-{host} {{
        recipient "{one}" note="host {host}"
        recipient "{two}" note="escrow"
    }}
    source files-{host} {{
        base "/srv/host-{host}"
        include etc home "var/lib" documents
        exclude "*.tmp" "*.log" "**/cache"
        exclude-caches
        one-file-system
        expect size="40GB" change="200MB"
    }}
    source db-{host} {{
        command pg_dump "--format=custom" "--compress=0" "db{host}" {{ stdout "db-{host}.dump" }}
        expect size="2GB" change="50MB"
    }}
    tier near-{host} {{
        store sftp {{
            endpoint "ssh://backup@vault-{host}.internal"
            root "/backups/{host}"
            key "/etc/plan/ssh_key"
        }}
        encrypt key-{host}
        schedule "{minute} */4 * * *"
        take files-{host} db-{host}
        keep hourly=24 daily=14 weekly=8
        verify checksum
    }}
    // The other place.
    tier far-{host} {{
        store s3 {{
            bucket bucket-{host}
            region eu-west-1
            root "/{host}"
        }}
        storage-class STANDARD_IA
        encrypt key-{host}
        lock governance for="30d"
        schedule "{minute} {hour} * * *"
        take files-{host}
        take db-{host} schedule="{minute} {hour},12 * * *"
        keep daily=60 weekly=26 monthly=24
        verify presence
        verify checksum sample="2%" schedule="30 5 * * 0"
    }}

"#
        );
        let count = block.lines().count();
        // Room for the rest: a notify and the closing brace.
        if lines + count + 6 > LINES {
            break;
        }
        text.push_str(&block);
        lines += count;
    }
    while lines + 6 < LINES {
        text.push_str("    // …\n");
        lines += 1;
    }
    let _ = write!(
        text,
        "    notify pager {{\n        webhook (env)PAGER_URL\n        on failure partial missed recovered\n    }}\n}}\n"
    );
    text
}

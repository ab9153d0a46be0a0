use super::put;
use crate::support::Random;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// A server like the one that `plans/rpa.kdl` is for, below a root of its own:
/// JSON data, logs, sessions, two Python trees (one with its `venv/`), and the
/// nginx and systemd files.
pub struct RpaTree {
    root: PathBuf,
}

const MAIN: &str = "opt/imediatoseguros-rpa";
const V4: &str = "opt/imediatoseguros-rpa-v4";

impl RpaTree {
    pub fn build(root: &Path) -> Self {
        let tree = Self { root: root.to_owned() };
        let mut random = Random::new(6);
        tree.data(&mut random);
        tree.code(&mut random);
        tree.virtual_environment(&mut random);
        tree.system(&mut random);
        tree
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    fn data(&self, random: &mut Random) {
        for number in 0..120 {
            self.put_quote(number, random);
        }
        for day in 1..=20 {
            let lines = random.between(2_000, 40_000) as usize;
            put(&self.root, format!("{MAIN}/logs/rpa_202609{day:02}.log"), random.prose(lines));
        }
        put(&self.root, format!("{MAIN}/logs/rpa_current.log"), random.prose(60_000));
        for number in 0..40 {
            self.put_session(number, random);
        }
        put(&self.root, format!("{MAIN}/sessions/browser.tmp"), random.bytes(5_000));
        put(
            &self.root,
            format!("{MAIN}/parametros.json"),
            "{\n  \"url\": \"https://example.invalid\",\n  \"wait\": 30\n}\n",
        );
    }

    fn put_quote(&self, number: u64, random: &mut Random) {
        let json = format!(
            "{{\n  \"id\": {number},\n  \"premium\": {},\n  \"steps\": \"{}\"\n}}\n",
            random.below(900_000),
            random.prose(3_000).replace(['\n', '"'], " ")
        );
        put(&self.root, format!("{MAIN}/rpa_data/{:02}/quote-{number:05}.json", number % 16), json);
    }

    fn put_session(&self, number: u64, random: &mut Random) {
        let state = format!("{{\"token\": \"{:032x}\", \"seen\": {}}}", random.next(), random.below(1 << 40));
        put(&self.root, format!("{MAIN}/sessions/session-{number:04}.json"), state);
    }

    fn code(&self, random: &mut Random) {
        put(&self.root, format!("{MAIN}/executar_rpa_imediato_playwright.py"), random.prose(250_000));
        let startup = format!("{MAIN}/startup.sh");
        put(&self.root, &startup, "#!/bin/bash\nexec /opt/imediatoseguros-rpa/venv/bin/python executar.py\n");
        fs::set_permissions(self.root.join(startup), fs::Permissions::from_mode(0o755)).expect("the mode can be set");
        for module in 0..60 {
            let length = random.between(500, 20_000) as usize;
            put(&self.root, format!("{V4}/src/package_{}/module_{module}.py", module % 6), random.prose(length));
        }
        put(&self.root, format!("{V4}/README.md"), random.prose(4_000));
        put(&self.root, format!("{V4}/build.log"), random.prose(9_000));
    }

    fn virtual_environment(&self, random: &mut Random) {
        let venv = format!("{MAIN}/venv");
        for number in 0..150 {
            let length = random.between(200, 8_000) as usize;
            put(
                &self.root,
                format!("{venv}/lib/python3.11/site-packages/pkg{}/m{number}.py", number % 9),
                random.prose(length),
            );
        }
        put(&self.root, format!("{venv}/include/python3.11/Python.h"), random.prose(2_000));
        put(&self.root, format!("{venv}/pyvenv.cfg"), "home = /usr/bin\n");
        put(&self.root, format!("{venv}/bin/activate"), random.prose(1_500));
        symlink("/usr/bin/python3", self.root.join(format!("{venv}/bin/python"))).expect("symlinks work");
        symlink("lib", self.root.join(format!("{venv}/lib64"))).expect("symlinks work");
    }

    fn system(&self, random: &mut Random) {
        put(&self.root, "etc/nginx/sites-available/rpaimediatoseguros.com.br", random.prose(1_200));
        put(&self.root, "etc/nginx/sites-available/default", random.prose(900));
        put(
            &self.root,
            "etc/systemd/system/rpa-startup.service",
            "[Unit]\nDescription=RPA\n\n[Service]\nType=oneshot\n",
        );
        put(&self.root, "etc/systemd/system/other.service", "[Unit]\n");
    }

    /// What a quarter of a day does to it; the same step does the same.
    pub fn mutate(&self, step: u64) {
        let mut random = Random::new(0xda7a ^ step);
        let current = self.root.join(MAIN).join("logs/rpa_current.log");
        let mut log = fs::read(&current).expect("the log is there");
        log.extend_from_slice(random.prose(7_000).as_bytes());
        fs::write(&current, log).expect("there is room");
        for number in 0..6 {
            self.put_quote(1_000 + step * 10 + number, &mut random);
        }
        let known = random.below(120);
        self.put_quote(known, &mut random);
        for _ in 0..5 {
            let number = random.below(40);
            self.put_session(number, &mut random);
        }
        let gone = random.below(40);
        drop(fs::remove_file(self.root.join(format!("{MAIN}/sessions/session-{gone:04}.json"))));
        if step % 4 == 3 {
            let module = random.below(60);
            put(&self.root, format!("{V4}/src/package_{}/module_{module}.py", module % 6), random.prose(6_000));
            let wait = 30 + step;
            put(&self.root, format!("{MAIN}/parametros.json"), format!("{{\n  \"wait\": {wait}\n}}\n"));
            put(&self.root, "etc/systemd/system/rpa-startup.service", format!("[Unit]\nDescription=RPA {step}\n"));
        }
        if step % 6 == 5 {
            let day = 1 + step % 20;
            drop(fs::remove_file(self.root.join(format!("{MAIN}/logs/rpa_202609{day:02}.log"))));
        }
    }
}

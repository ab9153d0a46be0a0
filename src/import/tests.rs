//! Hostile input: whatever it is, the import ends, and what it writes reads as a document.

use super::{Input, Kind, import};
use crate::diagnostics::SourceFiles;
use crate::language::parse;
use proptest::prelude::*;

const FILES: [(&str, Kind, &str); 9] = [
    ("crontab", Kind::Crontab, include_str!("../../tests/it/import/server/etc-crontab")),
    ("databases.sh", Kind::Script, include_str!("../../tests/it/import/server/databases.sh")),
    ("www.sh", Kind::Script, include_str!("../../tests/it/import/server/www.sh")),
    ("rclone.conf", Kind::Rclone, include_str!("../../tests/it/import/server/rclone.conf")),
    ("backup_incremental.sh", Kind::Script, include_str!("../../tests/it/import/rpa/backup_incremental.sh")),
    ("config.yaml", Kind::Borgmatic, include_str!("../../tests/it/import/borgmatic/config.yaml")),
    ("profiles.toml", Kind::Resticprofile, include_str!("../../tests/it/import/resticprofile/profiles.toml")),
    ("profiles.yaml", Kind::Resticprofile, include_str!("../../tests/it/import/resticprofile/profiles.yaml")),
    ("profiles.json", Kind::Resticprofile, include_str!("../../tests/it/import/resticprofile/profiles.json")),
];

/// Imports one text, and asserts what holds for every input.
fn holds(name: &str, kind: Kind, text: &str) {
    let Ok(input) = Input::new(name, text.as_bytes(), Some(kind)) else { return };
    let Ok(imported) = import(&[input], "hostile") else { return };
    let file = SourceFiles::default().add("plan.kdl", &*imported.text);
    let (document, diagnostics) = parse(&imported.text, file);
    assert!(diagnostics.is_empty(), "{diagnostics:?}\n{}", imported.text);
    assert_eq!(document.nodes.len(), 1);
}

#[test]
fn files_that_end_anywhere_are_read_as_far_as_they_go() {
    for (name, kind, text) in FILES {
        for at in (0..text.len()).step_by(7).filter(|at| text.is_char_boundary(*at)) {
            holds(name, kind, &text[..at]);
        }
    }
}

#[test]
fn files_with_a_wrong_character_anywhere_are_read() {
    for (name, kind, text) in FILES {
        for (at, wrong) in (0..text.len()).step_by(5).zip("\"'`${}()[]<>|;&#\\\t\u{202e}*=:-,\n".chars().cycle()) {
            if text.is_char_boundary(at) {
                holds(name, kind, &format!("{}{wrong}{}", &text[..at], &text[at..]));
            }
        }
    }
}

#[test]
fn every_kind_of_file_is_seen_from_its_content() {
    for (name, kind, text) in FILES {
        assert_eq!(Input::new(name, text.as_bytes(), None).expect(name).kind, kind, "{name}");
    }
    let under_other_names = [(Kind::Crontab, 0), (Kind::Script, 1), (Kind::Rclone, 3), (Kind::Borgmatic, 5)];
    for (kind, at) in under_other_names {
        assert_eq!(Input::new("file", FILES[at].2.as_bytes(), None).expect("it is known").kind, kind);
    }
}

proptest! {
    #[test]
    fn any_text_is_read_as_any_kind(text in "[a-z0-9 \\-\"'`$(){}\\[\\]<>|;&#=:,./*\\n]{0,200}") {
        for kind in [Kind::Borgmatic, Kind::Resticprofile, Kind::Crontab, Kind::Script] {
            holds("file", kind, &text);
            holds("file", kind, &format!("tar czf /b/{text}.tgz /x {text}"));
        }
    }
}

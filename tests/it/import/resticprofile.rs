//! resticprofile's profiles.

use super::*;

#[test]
fn profiles_in_toml_share_the_tier_of_their_repository() {
    insta::assert_snapshot!("resticprofile_toml", imported("resticprofile", &["profiles.toml"]));
}

#[test]
fn profiles_of_version_2_in_yaml_are_read_too() {
    insta::assert_snapshot!("resticprofile_yaml", imported("resticprofile", &["profiles.yaml"]));
}

#[test]
fn profiles_in_json_are_read_too() {
    insta::assert_snapshot!("resticprofile_json", imported("resticprofile", &["profiles.json"]));
}

#[test]
fn mistakes_in_profiles_have_their_place() {
    let environment = TestEnvironment::new();
    environment.write("profiles.toml", "[home]\nrepository = \"/x\"\n[home.backup\nsource = \"/y\"\n");
    environment.write("profiles.json", "{\"version\": \"1\", \"global\": {}}\n");
    environment.write("profiles.yaml", "home:\n  inherit: home\n  backup:\n    source: []\n");
    environment.write("loop.toml", "[a]\ninherit = \"b\"\n[b]\ninherit = \"a\"\n[b.backup]\nsource = []\n");
    let shown: Vec<String> = ["profiles.toml", "profiles.json", "profiles.yaml", "loop.toml"]
        .iter()
        .map(|file| environment.run(&["import", file]).expect_code(64).stderr)
        .collect();
    insta::assert_snapshot!("resticprofile_mistakes", shown.join("\n"));
}

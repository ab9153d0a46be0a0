use super::put;
use crate::support::Random;
use std::fs;
use std::path::{Path, PathBuf};

/// How many files share a folder.
const PER_FOLDER: u64 = 250;

/// `count` files of 0 bytes to 4 KiB in folders of 250, some of them equal.
pub fn build_small_files(root: &Path, count: u64, seed: u64) {
    let mut random = Random::new(seed);
    let text = random.prose(64 << 10);
    for number in 0..count {
        let length = random.below(4096) as usize;
        let start = random.below((text.len() - length) as u64) as usize;
        let content = match number % 50 {
            0 => String::new(),
            1 => text[..2000].to_owned(),
            _ => format!("{number}\n{}", &text[start..start + length]),
        };
        if number % PER_FOLDER == 0 {
            fs::create_dir_all(root.join(folder_of(number))).expect("the folder can be made");
        }
        fs::write(root.join(name_of(number)), content).expect("there is room");
    }
}

/// Changes one file in a hundred, removes some, adds some, renames a folder.
pub fn mutate_small_files(root: &Path, count: u64, step: u64) {
    let mut random = Random::new(0x5ca1_ab1e ^ step);
    for _ in 0..count / 100 {
        let path = root.join(name_of(random.below(count)));
        match random.below(4) {
            0 => drop(fs::remove_file(path)),
            _ if path.exists() => {
                fs::write(&path, format!("step {step} {}\n", random.prose(300))).expect("there is room")
            }
            _ => {}
        }
    }
    for number in 0..count / 500 {
        put(root, format!("new/{step}/{number}.txt"), random.prose(200));
    }
    let moved = root.join(folder_of(step * PER_FOLDER));
    if moved.is_dir() {
        fs::rename(&moved, root.join(format!("moved-{step}"))).expect("a folder can be renamed");
    }
}

fn folder_of(number: u64) -> PathBuf {
    let folder = number / PER_FOLDER;
    PathBuf::from(format!("{:02}/{:03}", folder / 20, folder))
}

fn name_of(number: u64) -> PathBuf {
    folder_of(number).join(format!("file-{number:06}.txt"))
}

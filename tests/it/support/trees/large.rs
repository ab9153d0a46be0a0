use crate::support::Random;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

/// Writes a file of `size` bytes that is quick to make and slow to cheat:
/// 16 MiB stretches of noise (no two alike), of text, and of holes in turn.
pub fn write_large_file(path: &Path, size: u64, seed: u64) {
    const STRETCH: u64 = 16 << 20;
    let mut random = Random::new(seed);
    let mut file = File::create(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let text = random.prose(STRETCH as usize).into_bytes();
    let mut noise = random.bytes(STRETCH as usize);
    let mut position = 0;
    for turn in 0u64.. {
        let length = STRETCH.min(size - position) as usize;
        match turn % 4 {
            0 => {
                // One different word each 4 KiB makes every stretch new to a chunker.
                for page in noise.chunks_exact_mut(4096) {
                    page[..8].copy_from_slice(&random.next().to_le_bytes());
                }
                file.write_all(&noise[..length]).expect("there is room");
            }
            1 => file.write_all(&text[..length]).expect("there is room"),
            _ => {
                file.seek(SeekFrom::Current(length as i64)).expect("a file can be sought");
            }
        }
        position += length as u64;
        if position == size {
            break;
        }
    }
    file.set_len(size).expect("the size can be set");
}

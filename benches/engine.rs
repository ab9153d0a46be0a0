//! What the parts of the engine do alone: cutting, framing, merging manifests,
//! seeking in encrypted objects. `cargo bench`; the whole is `benches/compare`.
//!
//! Each number is the best of several turns on data that is the same each time.

use plan::archive::{
    ArchiveTable, Chunker, ChunkerParameters, Codec, Compressor, Content, Decompressor, Entry, Extent, Identities,
    LayerReader, LayerToc, LayerWriter, MemoryObject, MergedRows, Recipients, Row, generate_identity, seal, unseal,
};
use plan::base::ContentHash;
use plan::files::{FileKind, FileTime};
use std::hint::black_box;
use std::io::Write;
use std::time::Instant;

const TURNS: usize = 5;
const FRAME_BYTES: usize = 8 << 20;

fn main() {
    let noise = noise(128 << 20);
    let text = text(64 << 20);
    println!("{:<44} {:>14}", "work", "best of 5");
    chunking(&noise);
    framing(&text);
    manifest(1_000_000);
    seeking(noise);
}

/// Runs `work` several times and prints the best rate of `amount` a second.
fn measure(name: &str, amount: f64, unit: &str, mut work: impl FnMut()) {
    let seconds = (0..TURNS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64()
        })
        .fold(f64::INFINITY, f64::min);
    println!("{name:<44} {:>9.0} {unit}/s", amount / seconds);
}

fn chunking(data: &[u8]) {
    let chunker = Chunker::new(ChunkerParameters::default()).expect("the default parameters are in range");
    measure("cut large files into chunks", megabytes(data), "MB", || {
        let mut rest = data;
        while !rest.is_empty() {
            let cut = chunker.cut(&rest[..rest.len().min(chunker.max_size())]);
            rest = &rest[cut..];
        }
    });
    measure("hash chunks of 1 MiB", megabytes(data), "MB", || {
        data.chunks(1 << 20).for_each(|chunk| {
            black_box(ContentHash::of(chunk));
        });
    });
}

fn framing(text: &[u8]) {
    for codec in [Codec::Zstd { level: 3 }, Codec::Gzip { level: 6 }] {
        let mut compressor = Compressor::new(codec).expect("the level is in range");
        let mut frames = Vec::new();
        measure(&format!("compress frames, {codec:?}"), megabytes(text), "MB", || {
            frames.clear();
            frames.extend(text.chunks(FRAME_BYTES).map(|frame| compressor.compress(frame).expect("memory is there")));
        });
        let mut decompressor = Decompressor::new(codec).expect("memory is there");
        measure(&format!("decompress frames, {codec:?}"), megabytes(text), "MB", || {
            for (frame, plain) in frames.iter().zip(text.chunks(FRAME_BYTES)) {
                black_box(decompressor.decompress(frame, plain.len()).expect("it was just compressed"));
            }
        });
    }
}

fn manifest(rows: u64) {
    let mut table = ArchiveTable::default();
    let archive = table.place("archives/files/20261124T020000Z-00000000-0000.tar.zst.age");
    let base = |every: u64, version: u64| -> Vec<Row> {
        (0..rows).step_by(every as usize).map(|number| row(number, version, archive)).collect()
    };
    let layers = [base(1, 0), base(100, 1), base(1000, 2)];
    let mut written = Vec::new();
    for (layer, count) in layers.iter().zip(["1,000,000", "10,000", "1,000"]) {
        let mut last = None;
        measure(&format!("write a manifest of {count} entries"), layer.len() as f64, "entries", || {
            let mut writer = LayerWriter::stored(Vec::new()).expect("memory is there");
            layer.iter().for_each(|row| writer.push(row, &table).expect("memory is there"));
            last = Some(writer.finish().expect("memory is there"));
        });
        written.extend(last);
    }
    measure("merge three layers of a manifest", rows as f64, "entries", || {
        let mut merged = MergedRows::new(written.iter().map(|(bytes, toc)| reader(bytes, toc)).collect());
        let mut count = 0;
        while let Some(entry) = merged.next_entry().expect("it was just written") {
            black_box(entry);
            count += 1;
        }
        assert_eq!(count, rows);
    });
    let wanted = path(rows / 2);
    measure("find one path in such a manifest", 1.0, "times", || {
        let mut merged = MergedRows::new(written.iter().map(|(bytes, toc)| reader(bytes, toc)).collect());
        merged.seek(&wanted);
        while let Some(entry) = merged.next_entry().expect("it was just written") {
            if entry.path == wanted {
                return;
            }
        }
        panic!("the path is in it");
    });
}

fn reader(bytes: &[u8], toc: &LayerToc) -> LayerReader {
    let object = unseal(MemoryObject(bytes.to_vec()), false, None).expect("it is plain");
    LayerReader::stored(object, toc.clone(), &mut ArchiveTable::default()).expect("memory is there")
}

fn path(number: u64) -> Vec<u8> {
    format!("{:03}/{:03}/file-{number:07}.txt", number / 10_000, number / 100 % 100).into_bytes()
}

fn row(number: u64, version: u64, archive: u32) -> Row {
    let seconds = 1_760_000_000 + (number + version) as i64;
    let extent = Extent::Stored { archive, offset: number * 4096, length: 1000 + number % 3000 };
    let hash = ContentHash::of(&(number ^ version << 40).to_le_bytes());
    Row::Entry(Entry {
        path: path(number),
        kind: FileKind::File,
        mode: 0o644,
        uid: 1000,
        gid: 1000,
        mtime: FileTime { seconds, nanoseconds: (number % 1_000_000_000) as u32 },
        size: extent.length(),
        rdev: 0,
        link_target: None,
        link: None,
        xattrs: Vec::new(),
        content: Some(Content { hash, extents: vec![extent] }),
        stamp: None,
    })
}

fn seeking(data: Vec<u8>) {
    let (identity, recipient) = generate_identity();
    let recipients = Recipients::parse(&[recipient]).map_err(|(_, error)| error).expect("it was just made");
    let identities = Identities::parse(identity.expose().as_bytes(), None).expect("it was just made");
    let mut sealed = Vec::new();
    measure("encrypt", megabytes(&data), "MB", || {
        let mut sealer = seal(Some(&recipients), Vec::with_capacity(data.len() + (1 << 20))).expect("memory is there");
        sealer.write_all(&data).expect("memory is there");
        sealed = sealer.finish().expect("memory is there");
    });
    let object = MemoryObject(sealed);
    measure("decrypt", megabytes(&data), "MB", || {
        let mut object = unseal(&object, true, Some(&identities)).expect("the key fits");
        black_box(object.read_all(data.len()).expect("it was just written"));
    });
    measure("open and read 64 KiB somewhere", 100.0, "times", || {
        for turn in 0..100u64 {
            let mut object = unseal(&object, true, Some(&identities)).expect("the key fits");
            let offset = turn * 7_919_311 % (data.len() as u64 - (64 << 10));
            black_box(object.read_range(offset, 64 << 10).expect("it lies within"));
        }
    });
}

fn megabytes(data: &[u8]) -> f64 {
    data.len() as f64 / 1e6
}

/// SplitMix64 (Steele, Lea, Flood 2014).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn noise(length: usize) -> Vec<u8> {
    let mut state = 1;
    (0..length / 8).flat_map(|_| next(&mut state).to_le_bytes()).collect()
}

/// Compresses about as source code does.
fn text(length: usize) -> Vec<u8> {
    const WORDS: [&str; 12] =
        ["let ", "self.", "return ", "offset", "length", "(buffer)", " = ", ";\n    ", "match ", "Ok(", "frame", "0x"];
    let mut state = 2;
    let mut text = Vec::with_capacity(length + 32);
    while text.len() < length {
        let number = next(&mut state);
        text.extend_from_slice(WORDS[(number % 12) as usize].as_bytes());
        if number.is_multiple_of(7) {
            text.extend_from_slice(format!("{:x}", number >> 40).as_bytes());
        }
    }
    text.truncate(length);
    text
}

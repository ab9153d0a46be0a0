use xxhash_rust::xxh3::xxh3_64_with_secret;

/// Of the secret that XXH3 takes.
const SECRET_BYTES: usize = 192;

/// Makes block sums unpredictable: who writes a file must not be able to give two
/// blocks the same sum, since one would be restored as the other.
pub(crate) struct BlockKey {
    secret: Box<[u8; SECRET_BYTES]>,
    id: [u8; 8],
}

impl BlockKey {
    pub(crate) fn new(seed: &[u8; 32]) -> Self {
        let mut secret = Box::new([0; SECRET_BYTES]);
        blake3::Hasher::new_derive_key("plan 2026-11-24 block sums").update(seed).finalize_xof().fill(&mut secret[..]);
        let id = blake3::Hasher::new_derive_key("plan 2026-11-24 id of a block key").update(seed).finalize();
        Self { secret, id: id.as_bytes()[..8].try_into().expect("a hash has eight bytes") }
    }

    /// Tells sums of this key from those of another.
    pub(crate) fn id(&self) -> [u8; 8] {
        self.id
    }

    pub(crate) fn strong(&self, block: &[u8]) -> u64 {
        xxh3_64_with_secret(block, &self.secret[..])
    }

    pub(crate) fn sum(&self, block: &[u8]) -> BlockSum {
        BlockSum { weak: Weak::of(block).value(), strong: self.strong(block) }
    }
}

/// What is remembered of a block: 96 bits, of which 64 depend on a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockSum {
    pub(crate) weak: u32,
    pub(crate) strong: u64,
}

impl BlockSum {
    pub(crate) const BYTES: usize = 12;

    pub(crate) fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..4].copy_from_slice(&self.weak.to_le_bytes());
        bytes[4..].copy_from_slice(&self.strong.to_le_bytes());
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let [a, b, c, d, strong @ ..] = *bytes;
        Self { weak: u32::from_le_bytes([a, b, c, d]), strong: u64::from_le_bytes(strong) }
    }
}

/// The rolling sum of the rsync algorithm: the sum of all bytes, and of all bytes
/// times their distance from the end, each modulo 2^16.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weak {
    a: u32,
    b: u32,
    length: u32,
}

impl Weak {
    pub(super) fn of(block: &[u8]) -> Self {
        /// Columns that are added up side by side: five times as fast as byte after byte.
        const WIDTH: usize = 16;
        /// So many rows of the largest bytes still fit a column's 16 bits.
        const ROWS: usize = 256;
        let (mut a, mut b) = (0u32, 0u32);
        for part in block.chunks(WIDTH * ROWS) {
            let (rows, rest) = part.as_chunks::<WIDTH>();
            // Of each column: the sum, and the sum of all sums before each row.
            let (mut sums, mut before) = ([0u16; WIDTH], [0u32; WIDTH]);
            for row in rows {
                for column in 0..WIDTH {
                    before[column] = before[column].wrapping_add(u32::from(sums[column]));
                    sums[column] += u16::from(row[column]);
                }
            }
            b = b.wrapping_add(a.wrapping_mul((rows.len() * WIDTH) as u32));
            for column in 0..WIDTH {
                let sum = u32::from(sums[column]);
                b = b.wrapping_add(before[column].wrapping_mul(WIDTH as u32));
                b = b.wrapping_add(((WIDTH - column) as u32).wrapping_mul(sum));
                a = a.wrapping_add(sum);
            }
            for byte in rest {
                a = a.wrapping_add(u32::from(*byte));
                b = b.wrapping_add(a);
            }
        }
        Self { a, b, length: block.len() as u32 }
    }

    /// The sum of the block one byte further on.
    pub(super) fn roll(&mut self, out: u8, into: u8) {
        let (out, into) = (u32::from(out), u32::from(into));
        self.a = self.a.wrapping_sub(out).wrapping_add(into);
        self.b = self.b.wrapping_sub(out.wrapping_mul(self.length)).wrapping_add(self.a);
    }

    pub(super) fn value(self) -> u32 {
        self.a & 0xffff | self.b << 16
    }
}

/// Sums of blocks that follow each other in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SumRun {
    /// Where the first block lies in the file: a multiple of the block's length.
    pub(crate) position: u64,
    pub(crate) sums: Vec<BlockSum>,
}

/// Adds up a file as it is read, in pieces of any size.
pub(crate) struct SumBuilder {
    block: usize,
    /// Of the file, so far.
    position: u64,
    /// Bytes of the block under way; none in a block that a hole spoils.
    pending: Vec<u8>,
    /// Bytes up to here belong to a block that a hole spoils.
    skip_until: u64,
    run: SumRun,
}

impl SumBuilder {
    /// Blocks of one run: 1.5 MiB of memory for the sums of some 256 MiB of file.
    pub(crate) const RUN_BLOCKS: usize = 1 << 16;

    pub(crate) fn new(block_bytes: u32) -> Self {
        let run = SumRun { position: 0, sums: Vec::new() };
        Self { block: block_bytes as usize, position: 0, pending: Vec::new(), skip_until: 0, run }
    }

    /// All of a file that is in memory.
    pub(crate) fn whole(key: &BlockKey, block_bytes: u32, bytes: &[u8]) -> SumRun {
        SumRun { position: 0, sums: bytes.chunks(block_bytes as usize).map(|block| key.sum(block)).collect() }
    }

    /// Takes the file's next bytes.
    pub(crate) fn feed(&mut self, key: &BlockKey, mut bytes: &[u8]) {
        if self.position < self.skip_until {
            let skipped = bytes.len().min((self.skip_until - self.position) as usize);
            self.position += skipped as u64;
            bytes = &bytes[skipped..];
        }
        self.position += bytes.len() as u64;
        if !self.pending.is_empty() {
            let count = bytes.len().min(self.block - self.pending.len());
            self.pending.extend_from_slice(&bytes[..count]);
            bytes = &bytes[count..];
            if self.pending.len() < self.block {
                return;
            }
            self.run.sums.push(key.sum(&self.pending));
            self.pending.clear();
        }
        let blocks = bytes.chunks_exact(self.block);
        self.pending.extend_from_slice(blocks.remainder());
        self.run.sums.extend(blocks.map(|block| key.sum(block)));
    }

    /// Takes blocks whose sums are known; only between two blocks.
    pub(crate) fn feed_known(&mut self, sums: &[BlockSum]) {
        debug_assert!(self.is_between_blocks());
        self.run.sums.extend_from_slice(sums);
        self.position += (sums.len() * self.block) as u64;
    }

    pub(crate) fn block_bytes(&self) -> u64 {
        self.block as u64
    }

    pub(crate) fn is_between_blocks(&self) -> bool {
        self.pending.is_empty() && self.position >= self.skip_until
    }

    /// Passes a hole. Blocks that it touches have no sums.
    pub(crate) fn skip(&mut self, length: u64) -> Option<SumRun> {
        self.pending.clear();
        self.position += length;
        self.skip_until = self.position.next_multiple_of(self.block as u64);
        self.take_run(self.skip_until)
    }

    /// The run under way once it is long enough to be put away.
    pub(crate) fn full_run(&mut self) -> Option<SumRun> {
        if self.run.sums.len() < Self::RUN_BLOCKS {
            return None;
        }
        self.take_run(self.position - self.pending.len() as u64)
    }

    /// The end of the file: its last block may be short.
    pub(crate) fn finish(mut self, key: &BlockKey) -> Option<SumRun> {
        if !self.pending.is_empty() {
            self.run.sums.push(key.sum(&self.pending));
        }
        self.take_run(0)
    }

    fn take_run(&mut self, next: u64) -> Option<SumRun> {
        let run = std::mem::replace(&mut self.run, SumRun { position: next, sums: Vec::new() });
        (!run.sums.is_empty()).then_some(run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_rolled_sum_is_that_of_the_block_it_has_reached(bytes in prop::collection::vec(any::<u8>(), 40..300), length in 1usize..40) {
            let mut rolling = Weak::of(&bytes[..length]);
            for at in 1..=bytes.len() - length {
                rolling.roll(bytes[at - 1], bytes[at + length - 1]);
                prop_assert_eq!(rolling.value(), Weak::of(&bytes[at..at + length]).value());
            }
        }

        #[test]
        fn a_weak_sum_is_what_it_says(bytes in prop::collection::vec(prop_oneof![Just(255u8), any::<u8>()], 0..9000)) {
            let (mut a, mut b) = (0u32, 0u32);
            for byte in &bytes {
                a = a.wrapping_add(u32::from(*byte));
                b = b.wrapping_add(a);
            }
            prop_assert_eq!(Weak::of(&bytes).value(), a & 0xffff | b << 16);
        }

        #[test]
        fn a_file_fed_in_any_pieces_has_the_sums_of_its_blocks(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..20)) {
            let key = BlockKey::new(&[7; 32]);
            let mut builder = SumBuilder::new(16);
            for piece in &pieces {
                builder.feed(&key, piece);
            }
            let whole = SumBuilder::whole(&key, 16, &pieces.concat());
            prop_assert_eq!(builder.finish(&key).map_or(Vec::new(), |run| run.sums), whole.sums);
        }
    }

    #[test]
    fn blocks_touched_by_a_hole_have_no_sums() {
        let key = BlockKey::new(&[7; 32]);
        let mut builder = SumBuilder::new(16);
        builder.feed(&key, &[1; 20]);
        let before = builder.skip(30).unwrap();
        assert_eq!((before.position, before.sums.len()), (0, 1));
        builder.feed(&key, &[2; 14 + 16 + 3]);
        let after = builder.finish(&key).unwrap();
        assert_eq!(after, SumRun { position: 64, sums: vec![key.sum(&[2; 16]), key.sum(&[2; 3])] });
    }

    #[test]
    fn another_key_gives_other_sums() {
        let (a, b) = (BlockKey::new(&[1; 32]), BlockKey::new(&[2; 32]));
        assert_ne!(a.id(), b.id());
        assert_ne!(a.strong(b"block"), b.strong(b"block"));
        assert_eq!(a.sum(b"block").weak, b.sum(b"block").weak);
    }
}

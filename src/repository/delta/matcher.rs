use super::sums::Weak;
use super::{BlockKey, BlockSum};
use std::ops::Range;

/// A stretch of the new file's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Not found in the earlier version.
    New(Range<usize>),
    /// The bytes of the earlier version from its offset `from` on.
    Old { at: Range<usize>, from: u64 },
}

/// After a block that differs, this many further ones are tried where they would lie
/// if the file was changed in place.
const IN_PLACE_BLOCKS: u64 = 4;

/// The sums of a stretch of the earlier version, ready to be looked up.
pub(crate) struct Window {
    block: usize,
    /// Of the earlier version.
    size: u64,
    /// Number of the first block of `sums`.
    first: u64,
    sums: Vec<BlockSum>,
    /// Open addressing by weak sum: 1 + a place in `sums`, 0 for none.
    slots: Vec<u32>,
    /// A bit for each weak sum's hash: most positions end here.
    filter: Vec<u64>,
    filter_bits: u32,
}

impl Window {
    /// `first`: the block that `sums` begins with; `size`: of the whole earlier version.
    pub(crate) fn new(block_bytes: u32, size: u64, first: u64, sums: Vec<BlockSum>) -> Self {
        let slots = (2 * sums.len()).next_power_of_two().max(8);
        let filter_bits = (8 * sums.len()).next_power_of_two().max(64).trailing_zeros();
        let filter = vec![0; (1usize << filter_bits) / 64];
        let mut window =
            Self { block: block_bytes as usize, size, first, sums, slots: vec![0; slots], filter, filter_bits };
        for at in 0..window.sums.len() {
            window.insert(at);
        }
        window
    }

    fn insert(&mut self, at: usize) {
        let sum = self.sums[at];
        let bit = self.filter_bit(sum.weak);
        self.filter[bit / 64] |= 1 << (bit % 64);
        let mut slot = self.slot(sum.weak);
        while let Some(other) = self.slots[slot].checked_sub(1) {
            if self.sums[other as usize] == sum {
                // Of equal blocks the first is found; what follows it is tried next.
                return;
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
        self.slots[slot] = at as u32 + 1;
    }

    fn filter_bit(&self, weak: u32) -> usize {
        (weak.wrapping_mul(0x9e37_79b1) >> (32 - self.filter_bits.min(32))) as usize
    }

    fn slot(&self, weak: u32) -> usize {
        (u64::from(weak).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize & (self.slots.len() - 1)
    }

    /// Blocks of the earlier version that can be found.
    pub(crate) fn blocks(&self) -> Range<u64> {
        self.first..self.first + self.sums.len() as u64
    }

    pub(crate) fn block_bytes(&self) -> u64 {
        self.block as u64
    }

    fn length_of(&self, block: u64) -> usize {
        (self.size.saturating_sub(block * self.block as u64)).min(self.block as u64) as usize
    }

    /// The sums of whole blocks, for a builder that meets them again.
    pub(crate) fn sums_of(&self, blocks: Range<u64>) -> Option<&[BlockSum]> {
        let start = usize::try_from(blocks.start.checked_sub(self.first)?).ok()?;
        let end = usize::try_from(blocks.end.checked_sub(self.first)?).ok()?;
        (blocks.end * self.block as u64 <= self.size).then(|| self.sums.get(start..end)).flatten()
    }

    fn strong_of(&self, block: u64) -> Option<u64> {
        let at = usize::try_from(block.checked_sub(self.first)?).ok()?;
        self.sums.get(at).map(|sum| sum.strong)
    }

    /// Cuts `bytes`, which lie at `position` of the new file, into new and old pieces.
    ///
    /// `expected`: the block that probably comes first. `is_end`: the file ends with
    /// `bytes`. `patience`: how many bytes past the last old piece are tried at every
    /// place; what is left then is new.
    pub(crate) fn find(
        &self,
        key: &BlockKey,
        bytes: &[u8],
        position: u64,
        expected: Option<u64>,
        is_end: bool,
        patience: usize,
    ) -> Vec<Piece> {
        let mut search = Search { window: self, key, bytes, is_end, pieces: Vec::new(), done: 0 };
        search.run(position, expected, patience);
        search.pieces
    }

    /// The first block with this weak sum whose strong sum is that of `block`.
    fn look_up(&self, key: &BlockKey, weak: u32, block: &[u8]) -> Option<u64> {
        let bit = self.filter_bit(weak);
        if self.filter[bit / 64] >> (bit % 64) & 1 == 0 {
            return None;
        }
        let mut slot = self.slot(weak);
        let mut strong = None;
        while let Some(at) = self.slots[slot].checked_sub(1) {
            let sum = self.sums[at as usize];
            if sum.weak == weak && sum.strong == *strong.get_or_insert_with(|| key.strong(block)) {
                return Some(self.first + u64::from(at));
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
        None
    }
}

struct Search<'a> {
    window: &'a Window,
    key: &'a BlockKey,
    bytes: &'a [u8],
    is_end: bool,
    pieces: Vec<Piece>,
    /// Up to here the bytes are in `pieces`.
    done: usize,
}

impl Search<'_> {
    fn run(&mut self, position: u64, expected: Option<u64>, patience: usize) {
        let block = self.window.block;
        let mut at = 0;
        let mut next = expected;
        while at < self.bytes.len() {
            if let Some(number) = next {
                if let Some(length) = self.lies_at(number, at) {
                    self.old(at, length, number);
                    at += length;
                    next = Some(number + 1);
                    continue;
                }
                if let Some(skipped) = (1..=IN_PLACE_BLOCKS)
                    .find(|more| self.lies_at(number + more, at + *more as usize * block).is_some())
                {
                    at += skipped as usize * block;
                    next = Some(number + skipped);
                    continue;
                }
            }
            match self.roll(at, position, patience) {
                Some((found, number)) => (at, next) = (found, Some(number)),
                None => break,
            }
        }
        self.last_block();
        self.new_until(self.bytes.len());
    }

    /// The next place, from `start` on, where a block of the earlier version lies.
    fn roll(&self, start: usize, position: u64, patience: usize) -> Option<(usize, u64)> {
        let block = self.window.block;
        let last = self.bytes.len().checked_sub(block)?.min(self.done.saturating_add(patience));
        if start > last {
            return None;
        }
        let mut weak = Weak::of(&self.bytes[start..start + block]);
        for at in start..=last {
            let here = position + at as u64;
            if here.is_multiple_of(block as u64) && self.lies_at(here / block as u64, at).is_some() {
                return Some((at, here / block as u64));
            }
            if let Some(number) = self.window.look_up(self.key, weak.value(), &self.bytes[at..at + block])
                && self.window.length_of(number) == block
            {
                return Some((at, number));
            }
            if at < last {
                weak.roll(self.bytes[at], self.bytes[at + block]);
            }
        }
        None
    }

    /// The length of the block if it lies there.
    fn lies_at(&self, number: u64, at: usize) -> Option<usize> {
        let strong = self.window.strong_of(number)?;
        let length = self.window.length_of(number);
        let bytes = self.bytes.get(at..at + length)?;
        // A short block is the last one, and can only be the end of the file again.
        let fits = length == self.window.block || (length > 0 && self.is_end && at + length == self.bytes.len());
        (fits && self.key.strong(bytes) == strong).then_some(length)
    }

    /// The short block at the end, which no rolling sum finds.
    fn last_block(&mut self) {
        if !self.is_end || self.done == self.bytes.len() {
            return;
        }
        let Some(number) = self.window.size.checked_sub(1).map(|last| last / self.window.block as u64) else { return };
        let length = self.window.length_of(number);
        let Some(at) = self.bytes.len().checked_sub(length).filter(|at| *at >= self.done) else { return };
        if self.lies_at(number, at).is_some() {
            self.old(at, length, number);
        }
    }

    fn new_until(&mut self, end: usize) {
        if self.done < end {
            self.pieces.push(Piece::New(self.done..end));
            self.done = end;
        }
    }

    fn old(&mut self, at: usize, length: usize, number: u64) {
        self.new_until(at);
        self.done = at + length;
        let from = number * self.window.block as u64;
        if let Some(Piece::Old { at: last, from: start }) = self.pieces.last_mut()
            && last.end == at
            && *start + last.len() as u64 == from
        {
            last.end = self.done;
            return;
        }
        self.pieces.push(Piece::Old { at: at..self.done, from });
    }
}

#[cfg(test)]
mod tests {
    use super::super::{SumBuilder, sums::SumRun};
    use super::*;
    use proptest::prelude::*;

    fn key() -> BlockKey {
        BlockKey::new(&[3; 32])
    }

    fn noise(seed: u8, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        blake3::Hasher::new().update(&[seed]).finalize_xof().fill(&mut bytes);
        bytes
    }

    fn find(old: &[u8], new: &[u8], block: u32) -> Vec<Piece> {
        let SumRun { sums, .. } = SumBuilder::whole(&key(), block, old);
        Window::new(block, old.len() as u64, 0, sums).find(&key(), new, 0, Some(0), true, usize::MAX)
    }

    /// The new file put together again from the pieces.
    fn assemble(old: &[u8], new: &[u8], pieces: &[Piece]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for piece in pieces {
            match piece {
                Piece::New(range) => bytes.extend_from_slice(&new[range.clone()]),
                Piece::Old { at, from } => bytes.extend_from_slice(&old[*from as usize..*from as usize + at.len()]),
            }
        }
        bytes
    }

    fn new_bytes(pieces: &[Piece]) -> usize {
        pieces.iter().map(|piece| if let Piece::New(range) = piece { range.len() } else { 0 }).sum()
    }

    proptest! {
        #[test]
        fn pieces_always_make_the_new_file(
            old in prop::collection::vec(0u8..3, 0..400),
            edits in prop::collection::vec((any::<prop::sample::Index>(), 0usize..40, prop::collection::vec(0u8..3, 0..40)), 0..4),
            block in 1u32..40,
            patience in 0usize..200,
        ) {
            let mut new = old.clone();
            for (index, removed, inserted) in edits {
                let at = index.index(new.len() + 1);
                let end = new.len().min(at + removed);
                new.splice(at..end, inserted);
            }
            let pieces = find(&old, &new, block);
            prop_assert_eq!(assemble(&old, &new, &pieces), new.clone());
            let window = Window::new(block, old.len() as u64, 0, SumBuilder::whole(&key(), block, &old).sums);
            let pieces = window.find(&key(), &new, 0, None, false, patience);
            prop_assert_eq!(assemble(&old, &new, &pieces), new);
        }
    }

    #[test]
    fn an_unchanged_file_is_one_old_piece_with_its_short_end() {
        let old = noise(1, 1000);
        assert_eq!(find(&old, &old, 64), [Piece::Old { at: 0..1000, from: 0 }]);
    }

    #[test]
    fn an_insertion_costs_itself_and_the_block_that_it_cuts() {
        let old = noise(1, 10_000);
        let mut new = old.clone();
        new.splice(5000..5000, noise(2, 100));
        let pieces = find(&old, &new, 64);
        assert_eq!(pieces.len(), 3, "{pieces:?}");
        assert_eq!(new_bytes(&pieces), 100 + 64);
    }

    #[test]
    fn a_page_rewritten_in_place_costs_just_that_page() {
        let old = noise(1, 64 * 64);
        let mut new = old.clone();
        new[64 * 10..64 * 11].copy_from_slice(&noise(2, 64));
        new[64 * 20..64 * 25].copy_from_slice(&noise(3, 64 * 5));
        assert_eq!(new_bytes(&find(&old, &new, 64)), 64 * 6);
    }

    #[test]
    fn the_end_is_found_after_an_edit_just_before_it() {
        let old = noise(1, 64 * 10 + 30);
        let mut new = old.clone();
        new.splice(64 * 9 + 10..64 * 9 + 20, noise(2, 7));
        let pieces = find(&old, &new, 64);
        assert_eq!(pieces.last(), Some(&Piece::Old { at: 64 * 10 - 3..64 * 10 + 27, from: 640 }));
    }

    #[test]
    fn equal_blocks_stay_one_piece_where_they_were() {
        let mut old = vec![0; 64 * 20];
        old.extend(noise(1, 64 * 5));
        old.extend(vec![0; 64 * 20]);
        let mut new = old.clone();
        new[64 * 22] ^= 1;
        let pieces = find(&old, &new, 64);
        assert_eq!(pieces.len(), 3, "{pieces:?}");
    }

    #[test]
    fn without_patience_only_what_lies_in_place_is_found() {
        let old = noise(1, 6400);
        let mut shifted = noise(2, 3000);
        shifted.extend_from_slice(&old);
        let window = Window::new(64, 6400, 0, SumBuilder::whole(&key(), 64, &old).sums);
        assert_eq!(window.find(&key(), &shifted, 0, Some(0), false, 1000), [Piece::New(0..9400)]);
        assert_eq!(new_bytes(&window.find(&key(), &shifted, 0, Some(0), false, 3000)), 3000);
    }
}

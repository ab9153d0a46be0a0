use fastcdc::v2020::{Normalization, cut, select_masks};
use serde::{Deserialize, Serialize};

/// Where large files are cut: FastCDC, the 2020 variant with its published gear
/// table and normalisation level 1 (Xia et al., "The Design of Fast
/// Content-Defined Chunking for Data Deduplication Based Storage Systems", 2020).
/// Sizes in bytes. Fixed for a repository, since other cuts find no duplicates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkerParameters {
    pub min_size: u32,
    pub avg_size: u32,
    pub max_size: u32,
}

impl Default for ChunkerParameters {
    fn default() -> Self {
        Self { min_size: 256 << 10, avg_size: 1 << 20, max_size: 4 << 20 }
    }
}

/// Cuts a stream into chunks, given a window of it at a time.
#[derive(Clone, Copy)]
pub struct Chunker {
    parameters: ChunkerParameters,
    masks: (u64, u64),
}

impl Chunker {
    /// `None` where the parameters are out of the ranges that make sense (and
    /// that bound memory): 64 B ≤ min ≤ avg ≤ max ≤ 4 MiB.
    pub fn new(parameters: ChunkerParameters) -> Option<Self> {
        let ChunkerParameters { min_size, avg_size, max_size } = parameters;
        let sane = 64 <= min_size && 256 <= avg_size && min_size <= avg_size && avg_size <= max_size;
        let default = ChunkerParameters::default();
        if !sane || max_size > default.max_size || [min_size, avg_size, max_size].iter().any(|size| size % 2 != 0) {
            return None;
        }
        Some(Self { parameters, masks: select_masks(avg_size as usize, Normalization::Level1) })
    }

    /// The most bytes that a chunk has: the window that [`Chunker::cut`] needs.
    pub fn max_size(&self) -> usize {
        self.parameters.max_size as usize
    }

    /// The length of the chunk at the start of `window`, which holds at least
    /// [`Chunker::max_size`] bytes or all that is left. 0 only for an empty window.
    pub fn cut(&self, window: &[u8]) -> usize {
        let ChunkerParameters { min_size, avg_size, max_size } = self.parameters;
        if window.len() <= min_size as usize {
            return window.len();
        }
        let (small, large) = self.masks;
        cut(window, min_size as usize, avg_size as usize, max_size as usize, small, large, small << 1, large << 1).1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cuts(data: &[u8]) -> Vec<usize> {
        let parameters = ChunkerParameters { min_size: 1 << 10, avg_size: 4 << 10, max_size: 16 << 10 };
        let chunker = Chunker::new(parameters).unwrap();
        let mut lengths = Vec::new();
        let mut rest = data;
        while !rest.is_empty() {
            let length = chunker.cut(&rest[..rest.len().min(chunker.max_size())]);
            assert!(length > 0 && length <= 16 << 10);
            lengths.push(length);
            rest = &rest[length..];
        }
        lengths
    }

    fn noise(bytes: usize) -> Vec<u8> {
        let mut output = vec![0; bytes];
        blake3::Hasher::new().finalize_xof().fill(&mut output);
        output
    }

    #[test]
    fn an_insertion_near_the_front_leaves_later_cuts_where_they_were() {
        let data = noise(400_000);
        let mut shifted = data.clone();
        shifted.splice(100..100, *b"inserted");
        let ends = |lengths: &[usize], total: usize| -> std::collections::BTreeSet<usize> {
            lengths
                .iter()
                .scan(0, |at, l| {
                    *at += l;
                    Some(total - *at)
                })
                .collect()
        };
        let before = ends(&cuts(&data), data.len());
        let after = ends(&cuts(&shifted), shifted.len());
        assert!(before.len() > 40 && before.intersection(&after).count() >= before.len() - 3);
    }

    #[test]
    fn parameters_out_of_range_are_refused() {
        let with = |min_size, avg_size, max_size| Chunker::new(ChunkerParameters { min_size, avg_size, max_size });
        assert!(with(256 << 10, 1 << 20, 4 << 20).is_some());
        for (min, avg, max) in
            [(0, 1024, 4096), (4096, 1024, 8192), (1024, 4096, 2048), (1024, 4096, 1 << 30), (1025, 4096, 8192)]
        {
            assert!(with(min, avg, max).is_none());
        }
    }
}

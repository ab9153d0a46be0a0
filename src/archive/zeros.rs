/// One piece of [`zeros`]: large enough that the loop costs nothing, small
/// enough for a processor's cache (chosen).
static ZEROS: [u8; 1 << 16] = [0; 1 << 16];

/// `count` zero bytes in pieces, for hashing or writing a hole without holding it.
pub fn zeros(count: u64) -> impl Iterator<Item = &'static [u8]> {
    let mut left = count;
    std::iter::from_fn(move || {
        let step = left.min(ZEROS.len() as u64);
        left -= step;
        (step > 0).then(|| &ZEROS[..step as usize])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_add_up_to_the_count() {
        for count in [0, 1, 65_535, 65_536, 65_537, 1 << 20] {
            assert_eq!(zeros(count).map(|piece| piece.len() as u64).sum::<u64>(), count);
            assert!(zeros(count).flatten().all(|byte| *byte == 0));
        }
    }
}

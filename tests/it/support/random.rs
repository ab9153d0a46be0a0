/// A small deterministic generator (SplitMix64; Steele, Lea, Flood 2014): the
/// same seed gives the same tree on every machine and in every version.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0..limit`; `limit` must not be 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// A number in `low..high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low)
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len() as u64) as usize]
    }

    /// Bytes that no compressor can shrink.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            bytes.extend_from_slice(&self.next().to_le_bytes());
        }
        bytes.truncate(length);
        bytes
    }

    /// Text that compresses about as source code and logs do.
    pub fn prose(&mut self, length: usize) -> String {
        const WORDS: [&str; 32] = [
            "quote",
            "insurance",
            "policy",
            "vehicle",
            "driver",
            "session",
            "request",
            "response",
            "timeout",
            "retry",
            "screen",
            "button",
            "selector",
            "premium",
            "coverage",
            "token",
            "payload",
            "error",
            "ready",
            "return",
            "async",
            "await",
            "import",
            "class",
            "while",
            "None",
            "self",
            "value",
            "result",
            "page",
            "form",
            "submit",
        ];
        let mut text = String::with_capacity(length + 16);
        while text.len() < length {
            text.push_str(self.pick::<&str>(&WORDS));
            match self.below(12) {
                0 => text.push('\n'),
                1 => text.push_str(&format!(" {:x} ", self.below(1 << 32))),
                _ => text.push(' '),
            }
        }
        text.truncate(length);
        text
    }
}

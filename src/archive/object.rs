use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A stored object that can be read at any place.
pub trait ReadObject: Send + Sync {
    /// Bytes as stored.
    fn size(&self) -> u64;
    /// Fills `into` with the bytes from `offset` on; all of them lie within [`ReadObject::size`].
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()>;

    /// The most bytes that it makes sense to read at once: no bound where each read is a
    /// request. Where it is not, a small window stays in the processor's cache.
    fn window_bytes(&self) -> usize {
        usize::MAX
    }
}

/// An object held in memory.
pub struct MemoryObject(pub Vec<u8>);

impl ReadObject for MemoryObject {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let bytes = self.0.get(start..).and_then(|from| from.get(..into.len()));
        into.copy_from_slice(bytes.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?);
        Ok(())
    }
}

impl<T: ReadObject + ?Sized> ReadObject for &T {
    fn size(&self) -> u64 {
        (**self).size()
    }
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        (**self).read_at(offset, into)
    }
    fn window_bytes(&self) -> usize {
        (**self).window_bytes()
    }
}

impl<T: ReadObject + ?Sized> ReadObject for Box<T> {
    fn size(&self) -> u64 {
        (**self).size()
    }
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        (**self).read_at(offset, into)
    }
    fn window_bytes(&self) -> usize {
        (**self).window_bytes()
    }
}

impl<T: ReadObject + ?Sized> ReadObject for std::sync::Arc<T> {
    fn size(&self) -> u64 {
        (**self).size()
    }
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        (**self).read_at(offset, into)
    }
    fn window_bytes(&self) -> usize {
        (**self).window_bytes()
    }
}

/// Reads an object front to back or by seeking, fetching a window at a time.
///
/// One fetch is one request to the store, so the window is set to what the
/// caller is about to read, through [`WindowReader::window_bytes`].
pub struct WindowReader<O> {
    object: O,
    position: u64,
    /// Only the first `window_bytes` of it count: the memory is used again, not zeroed again.
    window: Vec<u8>,
    window_bytes: usize,
    window_start: u64,
    fetch_bytes: Arc<AtomicUsize>,
}

impl<O: ReadObject> WindowReader<O> {
    pub fn new(object: O, fetch_bytes: usize) -> Self {
        Self {
            object,
            position: 0,
            window: Vec::new(),
            window_bytes: 0,
            window_start: 0,
            fetch_bytes: Arc::new(AtomicUsize::new(fetch_bytes)),
        }
    }

    /// The size of the next fetches, to be set also by one who has given the reader away.
    pub fn window_bytes(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.fetch_bytes)
    }

    fn buffered(&self) -> &[u8] {
        let skip = self.position.wrapping_sub(self.window_start);
        match usize::try_from(skip) {
            Ok(skip) if self.position >= self.window_start && skip < self.window_bytes => {
                &self.window[skip..self.window_bytes]
            }
            _ => &[],
        }
    }
}

impl<O: ReadObject> Read for WindowReader<O> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if self.buffered().is_empty() {
            let left = self.object.size().saturating_sub(self.position);
            let most = self.fetch_bytes.load(Ordering::Relaxed).max(1).min(self.object.window_bytes());
            let length = usize::try_from(left).unwrap_or(usize::MAX).min(most);
            if length == 0 {
                return Ok(0);
            }
            if self.window.len() < length {
                self.window.resize(length, 0);
            }
            // Until it is filled it holds nothing.
            self.window_bytes = 0;
            self.object.read_at(self.position, &mut self.window[..length])?;
            self.window_bytes = length;
            self.window_start = self.position;
        }
        let available = self.buffered();
        let count = available.len().min(buffer.len());
        buffer[..count].copy_from_slice(&available[..count]);
        self.position += count as u64;
        Ok(count)
    }
}

impl<O: ReadObject> Seek for WindowReader<O> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => self.object.size().checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = target.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}

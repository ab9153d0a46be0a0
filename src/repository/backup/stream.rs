//! Content that is not held in memory: large files, sparse files, and the
//! output of programs.

use super::delta::{Earlier, Stretch};
use super::pack::{Output, Packer, Taken, changed, push_extent};
use super::piece::{ItemResult, PendingContent, PendingExtent};
use super::{Progress, limits::READ_BYTES};
use crate::archive::{Entry, limits, zeros};
use crate::base::ContentHash;
use crate::files::{self, Metadata, data_segments};
use crate::repository::delta::SumBuilder;
use crate::repository::state::PutRun;
use crate::repository::{RepositoryError, go_on};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::process::{Child, Command, Stdio};

/// A source of bytes with holes.
pub(super) struct StreamInput<'a> {
    reader: Reader<'a>,
    /// Where data lies, ascending; what is between and after is zeros.
    segments: Vec<(u64, u64)>,
    /// `None`: known only at the end.
    size: Option<u64>,
}

enum Reader<'a> {
    File(&'a File),
    Pipe(&'a mut dyn Read),
}

impl<'a> StreamInput<'a> {
    pub(super) fn file(file: &'a File, metadata: &Metadata) -> io::Result<Self> {
        let segments = match metadata.is_sparse() {
            true => data_segments(file, metadata.size)?,
            false => vec![(0, metadata.size)],
        };
        Ok(Self { reader: Reader::File(file), segments, size: Some(metadata.size) })
    }

    fn read(&mut self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        loop {
            let result = match &mut self.reader {
                Reader::File(file) => file.read_at(buffer, offset),
                Reader::Pipe(pipe) => pipe.read(buffer),
            };
            match result {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }
}

/// Bytes that are looked for in the earlier version at once.
const STRETCH_BYTES: usize = 1 << 20;

/// Where no byte of the earlier version was found for so long, the rest of the stretch is new.
const PATIENCE_BYTES: usize = 64 << 10;

/// Content under way.
struct Streamed<'a> {
    hasher: blake3::Hasher,
    extents: Vec<PendingExtent>,
    /// Bytes of the file so far, holes too.
    position: u64,
    /// Bytes of the file so far, holes not counted.
    data: u64,
    /// Each chunk is an entry of its own, and only if the store lacks it.
    apart: bool,
    earlier: Option<Earlier<'a>>,
    builder: Option<SumBuilder>,
    /// Sums that are put away already.
    runs: Vec<PutRun>,
}

impl Streamed<'_> {
    fn hole(&mut self, length: u64) {
        if length > 0 {
            for piece in zeros(length) {
                self.hasher.update(piece);
            }
            push_extent(&mut self.extents, PendingExtent::Hole { length });
            self.position += length;
        }
    }
}

impl Packer<'_> {
    /// Packs a large or sparse file as it is read. `file`: to see whether it changed.
    pub(super) fn stream(
        &mut self,
        mut entry: Entry,
        mut input: StreamInput<'_>,
        file: Option<(&File, &Metadata)>,
        parent: Option<&Entry>,
        output: &mut Output,
    ) -> Result<io::Result<Taken>, RepositoryError> {
        let data: u64 = input.segments.iter().map(|(_, length)| length).sum();
        // Whole into one entry only while there is nothing to find: later on,
        // every chunk is looked up first, and only new ones are stored.
        let apart = input.size.is_none() || !self.chunks.is_first();
        if !apart {
            let header = self.tar_entry(&entry, entry.size, None);
            match input.segments[..] {
                [(0, length)] if length == entry.size => header.write_header(&mut output.raw),
                _ => header.write_sparse_header(&input.segments, &mut output.raw),
            }
        }
        let mut streamed = Streamed {
            hasher: blake3::Hasher::new(),
            extents: Vec::new(),
            position: 0,
            data: 0,
            apart,
            earlier: if apart { self.deltas.earlier(parent) } else { None },
            builder: self.deltas.builder(input.size),
            runs: Vec::new(),
        };
        let mut failure = None;
        for (start, length) in std::mem::take(&mut input.segments) {
            self.hole(start - streamed.position, &mut streamed)?;
            failure = self.segment(&mut input, length, &mut streamed, output)?.err();
            if failure.is_some() || streamed.position < start + length {
                break;
            }
        }
        if let Some(size) = input.size.filter(|_| failure.is_none() && streamed.data == data) {
            self.hole(size - streamed.position, &mut streamed)?;
        }
        if !apart {
            // The header has promised this much.
            self.zeros(data - streamed.data, output)?;
            output.pad(data);
        }
        if let Some(error) = failure {
            return Ok(Err(error));
        }
        let warning = match file {
            Some((file, before)) => files::file_metadata(file).ok().and_then(|after| changed(before, &after)),
            None => None,
        };
        if warning.is_some() {
            entry.stamp = None;
        }
        entry.size = streamed.position;
        let hash = ContentHash(*streamed.hasher.finalize().as_bytes());
        if let Some(builder) = streamed.builder {
            let block = builder.block_bytes() as u32;
            if let Some(run) = self.deltas.finish(builder) {
                streamed.runs.push(self.deltas.put(&run)?);
            }
            self.deltas.add(&hash, block, &streamed.runs)?;
        }
        let content = match entry.size {
            0 => PendingContent::None,
            _ => PendingContent::Pending { hash, extents: streamed.extents },
        };
        Ok(Ok(Taken { entry, content, warning }))
    }

    fn hole(&self, length: u64, streamed: &mut Streamed<'_>) -> Result<(), RepositoryError> {
        streamed.hole(length);
        let run = streamed.builder.as_mut().filter(|_| length > 0).and_then(|builder| builder.skip(length));
        streamed.runs.extend(run.map(|run| self.deltas.put(&run)).transpose()?);
        Ok(())
    }

    fn zeros(&mut self, mut count: u64, output: &mut Output) -> Result<(), RepositoryError> {
        while count > 0 {
            let step = count.min(limits::FRAME_BYTES as u64);
            output.raw.resize(output.raw.len() + step as usize, 0);
            count -= step;
            self.flush_full(output)?;
        }
        Ok(())
    }

    /// Reads, cuts and packs up to `length` bytes; fewer where the file ends early.
    /// The outer error ends the run, the inner one this file.
    fn segment(
        &mut self,
        input: &mut StreamInput<'_>,
        length: u64,
        streamed: &mut Streamed<'_>,
        output: &mut Output,
    ) -> Result<io::Result<()>, RepositoryError> {
        let start = streamed.position;
        let mut window = std::mem::take(&mut self.buffer);
        // Bytes of `window` that are filled, and of these, that are packed.
        let (mut filled, mut used) = (0, 0);
        let mut ended = false;
        let mut failure = None;
        loop {
            go_on(&self.request.cancel)?;
            // A cut needs a full window, or the end.
            while !ended && filled - used < self.chunker.max_size() {
                if used > 0 {
                    window.copy_within(used..filled, 0);
                    (filled, used) = (filled - used, 0);
                }
                window.resize(filled.max(self.chunker.max_size()) + READ_BYTES, 0);
                let left = length - (streamed.position - start) - filled as u64;
                let room = left.min((window.len() - filled) as u64) as usize;
                let offset = streamed.position + filled as u64;
                match input.read(&mut window[filled..filled + room], offset) {
                    Ok(count) => {
                        filled += count;
                        ended = count == 0 || left == count as u64;
                        Progress::add(&self.request.progress.read_bytes, count as u64);
                    }
                    Err(error) => {
                        ended = true;
                        failure = Some(error);
                    }
                }
            }
            if filled == used {
                break;
            }
            let stretch = &window[used..filled.min(used + STRETCH_BYTES)];
            let is_end = ended && used + stretch.len() == filled;
            let mut count = self.stretch(stretch, is_end, streamed, output)?;
            if count == 0 {
                let end = filled.min(used + self.chunker.max_size());
                count = self.chunker.cut(&window[used..end]);
                self.chunk(&window[used..used + count], streamed, output)?;
            }
            used += count;
        }
        self.buffer = window;
        Ok(failure.map_or(Ok(()), Err))
    }

    /// Packs `bytes` as pieces of the earlier version; returns how many of them, 0 where that is of no use.
    fn stretch(
        &mut self,
        bytes: &[u8],
        is_end: bool,
        streamed: &mut Streamed<'_>,
        output: &mut Output,
    ) -> Result<usize, RepositoryError> {
        let Some(earlier) = &mut streamed.earlier else { return Ok(0) };
        if streamed.extents.len() > limits::MAX_EXTENTS / 2 {
            return Ok(0);
        }
        let stretch = Stretch { position: streamed.position, is_end, patience: PATIENCE_BYTES };
        let count = self.delta(bytes, stretch, earlier, streamed.builder.as_mut(), &mut streamed.extents, output);
        streamed.hasher.update(&bytes[..count]);
        self.passed(count, streamed, output)?;
        Ok(count)
    }

    /// Goes on after `count` bytes that are packed and added up.
    fn passed(
        &mut self,
        count: usize,
        streamed: &mut Streamed<'_>,
        output: &mut Output,
    ) -> Result<(), RepositoryError> {
        streamed.position += count as u64;
        streamed.data += count as u64;
        let run = streamed.builder.as_mut().and_then(SumBuilder::full_run);
        streamed.runs.extend(run.map(|run| self.deltas.put(&run)).transpose()?);
        self.flush_full(output)
    }

    fn chunk(&mut self, chunk: &[u8], streamed: &mut Streamed<'_>, output: &mut Output) -> Result<(), RepositoryError> {
        let hash = ContentHash::of(chunk);
        streamed.hasher.update(chunk);
        if let Some(builder) = &mut streamed.builder {
            self.deltas.feed(builder, chunk);
        }
        let known = if streamed.apart { self.chunks.find(&hash, chunk.len() as u64) } else { None };
        let extent = match known {
            Some(known) => known,
            None => self.store_chunk(&hash, chunk, streamed.apart, true, output)?,
        };
        push_extent(&mut streamed.extents, extent);
        self.passed(chunk.len(), streamed, output)
    }

    /// Packs what a program prints.
    pub(super) fn stream_command(
        &mut self,
        path: Vec<u8>,
        metadata: Metadata,
        parent: Option<&Entry>,
        output: &mut Output,
    ) -> Result<ItemResult, RepositoryError> {
        let pipe = self.command.lock().expect("no thread panics while it holds the pipe").take();
        let mut pipe = pipe.ok_or_else(|| RepositoryError::Internal("a command without output".to_owned()))?;
        let failed = |error: io::Error| RepositoryError::Internal(format!("reading a command's output: {error}"));
        let mut entry = self.entry(&path, &metadata);
        entry.stamp = None;
        Progress::add(&self.request.progress.entries, 1);
        self.buffer.clear();
        let limit = limits::BUFFERED_FILE_BYTES + 1;
        pipe.by_ref().take(limit).read_to_end(&mut self.buffer).map_err(failed)?;
        Progress::add(&self.request.progress.read_bytes, self.buffer.len() as u64);
        if (self.buffer.len() as u64) < limit {
            entry.size = self.buffer.len() as u64;
            let content = self.store_buffered(&entry, parent, output)?;
            return Ok(ItemResult::Entry { entry, content, had_parent: parent.is_some(), warning: None });
        }
        let head = std::mem::take(&mut self.buffer);
        let mut whole = io::Cursor::new(head).chain(pipe);
        let input = StreamInput { reader: Reader::Pipe(&mut whole), segments: vec![(0, u64::MAX / 2)], size: None };
        let Taken { entry, content, .. } = self.stream(entry, input, None, parent, output)?.map_err(failed)?;
        Ok(ItemResult::Entry { entry, content, had_parent: parent.is_some(), warning: None })
    }
}

/// The most of a command's standard error that is kept for a report.
const STDERR_KEPT_BYTES: usize = 4096;

/// A running program whose output is backed up.
pub(super) struct RunningCommand {
    name: String,
    child: Child,
    stderr: Option<std::thread::JoinHandle<Vec<u8>>>,
}

pub(super) fn start_command(program: &str, arguments: &[String]) -> Result<RunningCommand, RepositoryError> {
    let failed = |problem: String| RepositoryError::Command { command: program.to_owned(), problem };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(format!("can't be started: {error}")))?;
    let stderr = child.stderr.take().map(|mut stderr| {
        std::thread::spawn(move || {
            let mut tail = Vec::new();
            let mut buffer = [0; 1024];
            while let Ok(count @ 1..) = stderr.read(&mut buffer) {
                tail.extend_from_slice(&buffer[..count]);
                let surplus = tail.len().saturating_sub(STDERR_KEPT_BYTES);
                tail.drain(..surplus);
            }
            tail
        })
    });
    Ok(RunningCommand { name: program.to_owned(), child, stderr })
}

impl RunningCommand {
    pub(super) fn take_output(&mut self) -> Option<Box<dyn Read + Send>> {
        self.child.stdout.take().map(|stdout| Box::new(stdout) as _)
    }

    /// Waits for its end; an exit other than 0 means that its output is not to be trusted.
    pub(super) fn wait(mut self, abandon: bool) -> Result<(), RepositoryError> {
        if abandon {
            // It may be waiting for a reader that is gone; if it ended by itself this does nothing.
            let _ = self.child.kill();
        }
        let status = self.child.wait();
        let stderr = self.stderr.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        let failed = |problem| Err(RepositoryError::Command { command: self.name.clone(), problem });
        match status {
            Ok(status) if status.success() || abandon => Ok(()),
            Ok(status) => {
                let said = String::from_utf8_lossy(&stderr);
                let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
                failed(format!("failed with {status}: {}", last.trim()))
            }
            Err(error) => failed(format!("can't be waited for: {error}")),
        }
    }
}

#!/usr/bin/env python3
"""Restores snapshots from a store of `plan` (archive format 1), without `plan`.

Needs Python 3.8 or newer and, as the names in the store end in them, the
commands `age`, `zstd` and `gzip`. The store is a local folder: a disk, or a copy
of a bucket. Nothing is ever written outside the target; what is in its way
there is replaced.

    python3 restore.py --list
    python3 restore.py --identity key.txt --to /tmp/back
    python3 restore.py --identity key.txt --source data --snapshot 20261124 --to /tmp/back some/folder

Exit codes: 0 all is restored, 1 nothing is, 2 wrong options, 3 some of it is not.
"""
import argparse
import hashlib
import heapq
import json
import os
import stat
import struct
import subprocess
import sys

try:
    from blake3 import blake3
except ImportError:
    blake3 = None

FORMAT_VERSION = 1
RUN_ID_LENGTH = 25
# The limits of the format: whatever claims to be larger is damaged.
MAX_NAME_BYTES = 1 << 20
MAX_BLOCK_BYTES = 64 << 20
MAX_BLOCK_ROWS = 1024
MAX_FRAME_BYTES = 32 << 20
MAX_JSON_BYTES = 1 << 30
STEP_BYTES = 1 << 20
# What a hostile store can make the calls of this script raise.
FAILURES = (OSError, ValueError, OverflowError, NotImplementedError)


class Damaged(ValueError):
    pass


def main():
    options = arguments()
    store = Store(options.store, options.identity)
    config = store.plain_json("repository.json")
    if config.get("format") != "plan-archive":
        raise Damaged("there is no repository in `%s`: give the folder of the store with --store" % options.store)
    if config.get("format_version") != FORMAT_VERSION:
        raise Damaged("this store has format version %s; this script reads version 1" % config.get("format_version"))
    found = store.snapshots(options.source)
    if options.list:
        for run, source, _ in found:
            print(shown("%s %s%s" % (run, source, store.summary(run, source))))
        return 0
    if not options.to:
        raise Damaged("give a folder to restore into with --to, or --list")
    chosen = choose(found, options.snapshot)
    if not chosen:
        raise Damaged("there is no such snapshot; --list shows all")
    if blake3 is None:
        print("note: contents are not compared with their hashes, as the Python module `blake3` is not installed;"
              " the checksums of age, zstd and gzip are", file=sys.stderr)
    restored, failed = 0, 0
    for run, source, name in chosen:
        target = os.path.join(options.to, component(source)) if len(chosen) > 1 else options.to
        try:
            writer = restore(Snapshot(store, name), target, options.paths, options.keep_damaged)
        except FAILURES as error:
            report("%s of `%s`: %s" % (run, source, error))
            failed += 1
            continue
        print(shown("%s of `%s`: restored %d entries to `%s`, %d failed"
                    % (run, source, len(writer.made), target, len(writer.failed))))
        restored += len(writer.made)
        failed += len(writer.failed)
    failed += store.problems
    return 0 if not failed else 3 if restored else 1


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = os.path.dirname(os.path.abspath(__file__))
    parser.add_argument("--store", default=here, help="folder of the store (default: where this script is)")
    parser.add_argument("--identity", help="age identity file")
    parser.add_argument("--source", help="only this source")
    parser.add_argument("--snapshot", default="latest", metavar="ID", help="start of a snapshot's id, or latest")
    parser.add_argument("--list", action="store_true", help="list snapshots")
    parser.add_argument("--to", metavar="DIR", help="folder to restore into")
    parser.add_argument("--keep-damaged", action="store_true", help="leave files there that could not be restored whole")
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files or folders to restore (default: all)")
    return parser.parse_args()


def shown(text):
    """Text for a terminal, whatever bytes it came from."""
    if isinstance(text, bytes):
        text = os.fsdecode(text)
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    text = "".join(c if c.isprintable() else "\\x%02x" % ord(c) for c in text)
    encoding = sys.stdout.encoding or "ascii"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def report(message):
    print(shown("error: %s" % message), file=sys.stderr)


# ---- names

PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


def component(name):
    """A source's name as one component of a path."""
    data = name.encode("utf-8", "surrogateescape")
    plain = "".join(chr(b) if b in PLAIN or (b == 0x2E and at) else "%%%02X" % b for at, b in enumerate(data))
    return plain or "%"


def name_of(text):
    """Undoes `component`; None for what it cannot have made."""
    out, parts = bytearray(), text.split("%")
    out += parts[0].encode("utf-8", "surrogateescape")
    for part in parts[1:]:
        try:
            out.append(int(part[:2], 16))
        except ValueError:
            return None
        out += part[2:].encode("utf-8", "surrogateescape")
    return out.decode("utf-8", "surrogateescape")


def choose(found, wanted):
    """The newest matching snapshot of each source."""
    newest = {}
    for one in found:
        run = one[0]
        if wanted == "latest" or run.startswith(wanted) or run.split("-")[-1].startswith(wanted):
            newest[one[1]] = one
    return [newest[source] for source in sorted(newest)]


# ---- objects of the store


class Store:
    def __init__(self, folder, identity):
        self.folder, self.identity = folder, identity
        self.records, self.checked, self.problems = {}, set(), 0
        # What the snapshot that is restored lists as its own: objects of runs that died may be among it.
        self.listed = {}

    def path(self, name):
        parts = name.split("/") if isinstance(name, str) else [""]
        if any(part in ("", ".", "..") or "\0" in part for part in parts):
            raise Damaged("an object cannot have the name `%s`" % (name,))
        return os.path.join(self.folder, *parts)

    def plain_json(self, name):
        try:
            with open(self.path(name), "rb") as file:
                value = as_json(file.read(MAX_JSON_BYTES), name)
        except FileNotFoundError:
            raise Damaged("`%s` is missing in `%s`" % (name, self.folder))
        return value

    def snapshots(self, wanted):
        """(run, source, object name) of all snapshots, by time."""
        found, top = [], os.path.join(self.folder, "snapshots")
        for folder in os.listdir(top) if os.path.isdir(top) else []:
            source, inside = name_of(folder), os.path.join(top, folder)
            if source is None or (wanted and source != wanted) or not os.path.isdir(inside):
                continue
            for file in os.listdir(inside):
                if file[RUN_ID_LENGTH:] in (".json", ".json.age"):
                    found.append((file[:RUN_ID_LENGTH], source, "snapshots/%s/%s" % (folder, file)))
        return sorted(found)

    def record(self, folder, run):
        """The run record, or nothing: it helps, but a restore needs none."""
        name = "runs/%s/%s.json" % (folder, run)
        if name not in self.records:
            try:
                record = self.plain_json(name)
                objects = {o["name"]: (o["size"], o["sha256"]) for o in record.get("objects", [])}
            except (OSError, ValueError, KeyError, TypeError):
                record, objects = {}, {}
            self.records = {name: (record, objects)}
        return self.records[name]

    def summary(self, run, source):
        record, _ = self.record(component(source), run)
        totals = record.get("totals")
        if not isinstance(totals, dict):
            return ""
        return "  %s %s, %s files, %s bytes" % (
            record.get("mode"), record.get("outcome"), totals.get("files"), totals.get("bytes"))

    def check(self, name):
        """Says if an object is not as it was written. What age protects is not read twice for that."""
        if name in self.checked:
            return
        self.checked.add(name)
        parts, path = name.split("/"), self.path(name)
        if len(parts) != 3:
            return
        objects = self.record(parts[1], parts[2][:RUN_ID_LENGTH])[1]
        size, sha256 = objects.get(name) or self.listed.get(name, (None, None))
        if size is None:
            return
        wrong = os.path.getsize(path) != size
        if not wrong and not name.endswith(".age"):
            hasher = hashlib.sha256()
            with open(path, "rb") as file:
                for part in iter(lambda: file.read(STEP_BYTES), b""):
                    hasher.update(part)
            wrong = hasher.hexdigest() != sha256
        if wrong:
            self.problems += 1
            report("`%s` is not as it was written: its %s differs; trying what it has"
                   % (name, "size" if os.path.getsize(path) != size else "SHA-256"))

    def open(self, name):
        """The content of an object as a stream: decrypted and decompressed as its name says."""
        path, stages, plain = self.path(name), [], name
        if not os.path.isfile(path):
            raise Damaged("`%s` is missing in the store" % name)
        self.check(name)
        if plain.endswith(".age"):
            if not self.identity:
                raise Damaged("the store is encrypted: give the identity file with --identity")
            stages.append(["age", "--decrypt", "--identity", self.identity])
            plain = plain[:-4]
        if plain.endswith(".zst"):
            stages.append(["zstd", "--decompress", "--stdout", "--quiet"])
        elif plain.endswith(".gz"):
            stages.append(["gzip", "--decompress", "--stdout"])
        return Stream(name, path, stages)

    def json(self, name):
        stream = self.open(name)
        try:
            data = stream.upto(MAX_JSON_BYTES + 1)
            if len(data) > MAX_JSON_BYTES:
                raise Damaged("`%s` is too large" % name)
            stream.check_end()
        finally:
            stream.close()
        value = as_json(data, name)
        if value.get("format_version") != FORMAT_VERSION:
            raise Damaged("`%s` has format version %s" % (name, value.get("format_version")))
        return value


def as_json(data, name):
    try:
        value = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise Damaged("`%s` is not what it should be: damaged JSON" % name)
    return value


class Stream:
    """What comes out of a row of commands, front to back."""

    def __init__(self, name, path, stages):
        self.name, self.at, self.processes = name, 0, []
        self.file = open(path, "rb")
        for command in stages:
            try:
                process = subprocess.Popen(command, stdin=self.file, stdout=subprocess.PIPE)
            except FileNotFoundError:
                self.close()
                raise Damaged("the command `%s` is needed and not installed" % command[0])
            self.file.close()
            self.file = process.stdout
            self.processes.append(process)

    def upto(self, count):
        data = self.file.read(count)
        self.at += len(data)
        return data

    def read(self, count):
        data = self.upto(count)
        if len(data) != count:
            raise Damaged("`%s` ends early, or could not be decrypted or decompressed" % self.name)
        return data

    def skip_to(self, offset):
        while self.at < offset:
            self.read(min(offset - self.at, STEP_BYTES))

    def check_end(self):
        """Reads what is left: only then have the commands compared all checksums."""
        while self.upto(STEP_BYTES):
            pass
        if any([process.wait() != 0 for process in self.processes]):
            raise Damaged("`%s` could not be decrypted or decompressed" % self.name)

    def is_whole(self):
        try:
            self.check_end()
            return True
        except FAILURES:
            return False

    def close(self):
        self.file.close()
        for process in self.processes:
            process.kill()
            process.wait()


# ---- manifests

FILE, FOLDER, SYMLINK, BLOCK, CHAR, FIFO, SOCKET, DELETED = range(8)


class Entry:
    __slots__ = ("path", "kind", "mode", "uid", "gid", "mtime", "size", "target", "rdev", "link", "xattrs", "extents", "hash")


class Column:
    """The bytes of one column of a manifest block."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if count > len(self.data) - self.at:
            raise Damaged("a manifest block ends early")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self):
        value, shift = 0, 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if value >> 64:
                raise Damaged("a number in a manifest is too large")
            if byte < 0x80:
                return value
            shift += 7

    def signed(self):
        value = self.number()
        return (value >> 1) ^ -(value & 1)

    def text(self):
        length = self.number()
        if length > MAX_NAME_BYTES:
            raise Damaged("a name in a manifest is too long")
        return self.take(length)


def rows(stream, archives):
    """The entries of a manifest layer in order; a deletion has no other field than path and kind."""
    last = None
    while True:
        header = stream.upto(28)
        if not header:
            return
        if len(header) < 28:
            raise Damaged("`%s` ends early" % stream.name)
        count, *lengths = struct.unpack("<7I", header)
        if sum(lengths) > MAX_BLOCK_BYTES or count > MAX_BLOCK_ROWS:
            raise Damaged("a manifest block claims to be too large")
        for entry in block_rows(count, [Column(stream.read(length)) for length in lengths], archives):
            key = tree_key(entry.path)
            if last is not None and key <= last:
                raise Damaged("the rows of `%s` are out of order" % stream.name)
            last = key
            yield entry


def block_rows(count, columns, archives):
    paths, meta, content, extra, stamps, hashes = columns
    path, mtime, last = b"", 0, [0, 0]
    for _ in range(count):
        shared = paths.number()
        if shared > len(path):
            raise Damaged("a path in a manifest is cut wrongly")
        path = path[:shared] + paths.text()
        if len(path) > MAX_NAME_BYTES:
            raise Damaged("a path in a manifest is too long")
        entry, tag = Entry(), meta.take(1)[0]
        entry.path, entry.kind = path, tag & 7
        if tag == DELETED:
            yield entry
            continue
        if entry.kind == DELETED:
            raise Damaged("an entry of unknown kind")
        entry.mode, entry.uid, entry.gid = meta.number() & 0o7777, meta.number(), meta.number()
        mtime += meta.signed()
        entry.mtime = mtime * 1000000000 + meta.number()
        entry.size = meta.number() if entry.kind == FILE else 0
        entry.target = extra.text() if entry.kind == SYMLINK else None
        entry.rdev = extra.number() if entry.kind in (BLOCK, CHAR) else 0
        entry.link = (extra.number(), extra.number()) if tag & 8 else None
        entry.xattrs = [(extra.text(), extra.text()) for _ in range(extra.number())] if tag & 16 else ()
        if tag & 32:
            stamps.signed(), stamps.number(), stamps.number()
        entry.extents = extents(content, entry.size, last, archives) if entry.size else ()
        entry.hash = hashes.take(32) if entry.size else None
        yield entry


def extents(content, size, last, archives):
    """[(archive or None for a hole, offset, length)]; `last` carries the prediction on."""
    count, result, total = content.number(), [], 0
    for _ in range(count):
        place, offset = content.number() - 1, 0
        if place >= len(archives):
            raise Damaged("a file lies in an archive that its manifest does not name")
        if place >= 0:
            end = last[1] if place == last[0] else 0
            predicted = (end + 511) // 512 * 512 + 512
            offset = (predicted + content.signed()) & 0xFFFFFFFFFFFFFFFF
        length = size if count == 1 else content.number()
        if place >= 0:
            last[:] = [place, offset + length]
        total += length
        result.append((archives[place] if place >= 0 else None, offset, length))
    if total != size:
        raise Damaged("a file's parts do not add up to its size")
    return result


def tree_key(path):
    """Paths sort by component."""
    return path.split(b"/")


class Snapshot:
    def __init__(self, store, name):
        _, folder, file = name.split("/")
        store.listed = store.record(folder, file[:RUN_ID_LENGTH])[1]
        self.store, self.record = store, store.json(name)

    def layer(self, place, layer):
        """((path's key, newest first), entry) of each row."""
        try:
            name, expected = layer["object"], layer["rows"]
            archives = self.store.json(layer["index"])["layer"]["archives"]
        except (KeyError, TypeError):
            raise Damaged("the snapshot or an index lacks something: damaged JSON")
        if not isinstance(archives, list) or not all(isinstance(archive, str) for archive in archives):
            raise Damaged("`%s` is damaged" % layer["index"])
        stream, count = self.store.open(name), 0
        try:
            for entry in rows(stream, archives):
                count += 1
                yield (tree_key(entry.path), -place), entry
            stream.check_end()
        finally:
            stream.close()
        if count != expected:
            raise Damaged("`%s` has %d rows and should have %s" % (name, count, expected))

    def entries(self):
        """The snapshot's entries in order: the layers merged, of which the last counts."""
        layers = self.record.get("layers")
        if not isinstance(layers, list):
            raise Damaged("the snapshot has no layers: damaged JSON")
        last = None
        for _, entry in heapq.merge(*[self.layer(*one) for one in enumerate(layers)], key=lambda row: row[0]):
            if entry.path != last and entry.kind != DELETED:
                yield entry
            last = entry.path


# ---- restoring


def picker(base, wanted):
    """Tells whether a path is at or below one of those wanted."""
    base = base.rstrip("/") if isinstance(base, str) else ""
    picks = []
    for one in wanted:
        path = os.path.normpath(one)
        if path.startswith("/"):
            if path != base and not path.startswith(base + "/"):
                raise Damaged("`%s` is not below `%s`, which was backed up" % (one, base))
            path = path[len(base) :].strip("/")
        if path == ".." or path.startswith("../"):
            raise Damaged("`%s` leaves what was backed up" % one)
        picks.append(b"" if path == "." else os.fsencode(path))
    return lambda path: not picks or any(not p or path == p or path.startswith(p + b"/") for p in picks)


def restore(snapshot, target, wanted, keep_damaged):
    picked = picker(snapshot.record.get("base"), wanted)
    entries = [entry for entry in snapshot.entries() if picked(entry.path)]
    if not entries:
        raise Damaged("nothing in the snapshot matches")
    unreadable = snapshot.record.get("unreadable")
    if unreadable:
        print("note: %d paths could not be read when this snapshot was made and are not in it" % len(unreadable), file=sys.stderr)
    os.makedirs(target, exist_ok=True)
    writer = Writer(target)
    pieces, firsts, links = {}, {}, []
    for entry in entries:
        first = firsts.setdefault(entry.link, entry) if entry.link and entry.kind != FOLDER else entry
        if first is not entry:
            links.append((first, entry))
            continue
        if not writer.attempt(entry.path, writer.make, entry):
            continue
        at = 0
        for archive, offset, length in entry.extents:
            if archive is not None and length:
                pieces.setdefault(archive, []).append((offset, offset + length, at, entry.path))
            at += length
    for archive in sorted(pieces):
        copy(snapshot.store, archive, sorted(pieces.pop(archive)), writer)
    writer.close_file()
    for entry in entries:
        if entry.kind == FILE and entry.path in writer.made:
            writer.attempt(entry.path, writer.finish, entry)
            if entry.path in writer.failed:
                writer.remove(entry.path, keep_damaged)
    for first, entry in links:
        writer.attempt(entry.path, writer.link, first, entry)
    for entry in reversed(entries):
        if entry.kind == FOLDER and entry.path in writer.made:
            writer.attempt(entry.path, writer.finish, entry)
    if writer.refused:
        print("note: %d extended attributes were not restored, as this system or user may not set them" % writer.refused, file=sys.stderr)
    return writer


def copy(store, archive, pieces, writer):
    """Reads an archive's tar stream once, front to back, and writes each byte wherever it belongs."""
    try:
        stream = store.open(archive)
    except FAILURES as error:
        for piece in pieces:
            writer.fail(piece[3], error)
        return
    waiting, active = iter(pieces), []
    following = next(waiting, None)
    try:
        while following or active:
            if not active:
                stream.skip_to(following[0])
            while following and following[0] <= stream.at:
                active.append(following)
                following = next(waiting, None)
            start = stream.at
            end = min([start + STEP_BYTES] + [piece[1] for piece in active] + ([following[0]] if following else []))
            data = stream.read(end - start)
            for offset, _, at, path in active:
                writer.attempt(path, writer.write, path, at + start - offset, data)
            active = [piece for piece in active if piece[1] > end]
        stream.check_end()
    except FAILURES as error:
        # A frame's checksum is compared after its bytes came out: what came last is in doubt,
        # unless the hashes of files tell, or the commands found nothing wrong.
        doubtful = 0 if blake3 or stream.is_whole() else MAX_FRAME_BYTES
        for _, end, _, path in pieces:
            if end > stream.at - doubtful:
                writer.fail(path, error)
    finally:
        stream.close()


class Writer:
    """Makes entries below a folder and never follows a link below it."""

    def __init__(self, target):
        self.root = os.open(target, os.O_RDONLY | os.O_DIRECTORY)
        self.made, self.failed, self.refused = set(), {}, 0
        self.is_root = os.geteuid() == 0
        self.folder, self.handle = b"", self.root
        self.open_path, self.open_file = None, None

    def fail(self, path, error):
        if path not in self.failed:
            self.failed[path] = error
            report("`%s`: %s" % (os.fsdecode(path), error))

    def attempt(self, path, action, *details):
        if path in self.failed:
            return False
        try:
            action(*details)
            return True
        except FAILURES as error:
            self.fail(path, error)
            return False

    def parent(self, path):
        """A handle on the folder of `path`, made if it is missing, and the name in it."""
        *folders, name = path.split(b"/")
        if path and any(part in (b"", b".", b"..") or b"\0" in part for part in folders + [name]):
            raise Damaged("refused, as the path leaves the target")
        folder = b"/".join(folders)
        if folder != self.folder:
            handle = os.dup(self.root)
            try:
                for part in folders:
                    try:
                        os.mkdir(part, 0o700, dir_fd=handle)
                    except FileExistsError:
                        pass
                    inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=handle)
                    os.close(handle)
                    handle = inner
            except BaseException:
                os.close(handle)
                raise
            if self.handle != self.root:
                os.close(self.handle)
            self.folder, self.handle = folder, handle
        return self.handle, name or b"."

    def make(self, entry):
        kind, (handle, name) = entry.kind, self.parent(entry.path)
        if kind == SOCKET:
            return
        if kind == FOLDER:
            try:
                os.mkdir(name, 0o700, dir_fd=handle)
            except FileExistsError:
                if not stat.S_ISDIR(os.lstat(name, dir_fd=handle).st_mode):
                    raise
            self.made.add(entry.path)
            return
        if not entry.path:
            raise Damaged("the target itself is a folder, and was none")
        self.unlink(handle, name)
        if kind == FILE:
            file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=handle)
            self.made.add(entry.path)
            try:
                os.ftruncate(file, entry.size)
            finally:
                os.close(file)
            return
        if kind == SYMLINK:
            os.symlink(entry.target, name, dir_fd=handle)
        elif kind == FIFO:
            os.mkfifo(name, 0o600, dir_fd=handle)
        else:
            os.mknod(name, 0o600 | (stat.S_IFBLK if kind == BLOCK else stat.S_IFCHR), entry.rdev, dir_fd=handle)
        self.made.add(entry.path)
        if self.is_root:
            os.chown(name, entry.uid, entry.gid, dir_fd=handle, follow_symlinks=False)
        self.set_xattrs(b"/proc/self/fd/%d/%s" % (handle, name), entry, follow_symlinks=False)
        if kind != SYMLINK:
            os.chmod(name, entry.mode, dir_fd=handle)
        os.utime(name, ns=(entry.mtime, entry.mtime), dir_fd=handle, follow_symlinks=False)

    @staticmethod
    def unlink(handle, name):
        try:
            os.unlink(name, dir_fd=handle)
        except FileNotFoundError:
            pass

    def write(self, path, offset, data):
        if path != self.open_path:
            self.close_file()
            handle, name = self.parent(path)
            self.open_file = os.open(name, os.O_WRONLY | os.O_NOFOLLOW, dir_fd=handle)
            self.open_path = path
        done = 0
        while done < len(data):
            done += os.pwrite(self.open_file, data[done:], offset + done)

    def close_file(self):
        if self.open_path is not None:
            os.close(self.open_file)
            self.open_path = None

    def link(self, first, entry):
        if first.path in self.failed:
            raise Damaged("its other name `%s` could not be restored" % shown(first.path))
        if first.kind != entry.kind:
            raise Damaged("refused, as its other name `%s` is of another kind" % shown(first.path))
        handle, name = self.parent(first.path)
        source = os.dup(handle)
        try:
            handle, new = self.parent(entry.path)
            self.unlink(handle, new)
            os.link(name, new, src_dir_fd=source, dst_dir_fd=handle, follow_symlinks=False)
        finally:
            os.close(source)
        self.made.add(entry.path)

    def remove(self, path, keep):
        self.made.discard(path)
        if not keep:
            self.attempt_quietly(path)

    def attempt_quietly(self, path):
        try:
            self.unlink(*self.parent(path))
        except OSError as error:
            report("`%s`: it is damaged and can't be removed: %s" % (os.fsdecode(path), error))

    def finish(self, entry):
        """Compares a file's content with its hash; gives files and folders their attributes."""
        handle, name = self.parent(entry.path)
        flags = os.O_RDWR if entry.kind == FILE else os.O_RDONLY | os.O_DIRECTORY
        file = os.open(name, flags | os.O_NOFOLLOW, dir_fd=handle)
        try:
            if entry.hash is not None and blake3 is not None:
                hasher = blake3()
                for at in range(0, entry.size, STEP_BYTES):
                    hasher.update(os.pread(file, STEP_BYTES, at))
                if hasher.digest() != entry.hash:
                    raise Damaged("its content is not what was backed up: its hash differs")
            if self.is_root:
                os.chown(file, entry.uid, entry.gid)
            self.set_xattrs(file, entry)
            os.chmod(file, entry.mode)
            os.utime(file, ns=(entry.mtime, entry.mtime))
        finally:
            os.close(file)

    def set_xattrs(self, file, entry, **how):
        for name, value in entry.xattrs:
            try:
                os.setxattr(file, name, value, **how)
            except (OSError, AttributeError):
                self.refused += 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except FAILURES as problem:
        report(problem)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)

#!/usr/bin/env python3
"""Restores a snapshot from a store of `plan` (archive format 1).

Needs Python 3.8 or newer, and the commands `age` (if the store is encrypted),
`zstd` and `gzip` (as the archives are compressed). The store is a local folder:
a disk, or a copy of a bucket. Nothing is ever written outside the target.

    python3 restore.py --list
    python3 restore.py --identity key.txt --to /tmp/back
    python3 restore.py --identity key.txt --source data --snapshot 20261124 --to /tmp/back some/folder

Exit codes: 0 restored, 1 nothing was restored, 3 some files were not.
"""
import argparse
import errno
import json
import os
import stat
import struct
import subprocess
import sys

FORMAT_VERSION = 1


class Damaged(Exception):
    pass


def main():
    options = arguments()
    store = options.store
    try:
        with open(os.path.join(store, "repository.json"), encoding="utf-8") as file:
            config = json.load(file)
    except FileNotFoundError:
        return fail("there is no repository.json in `%s`: give the folder of the store with --store" % store)
    if config.get("format_version") != FORMAT_VERSION:
        return fail("this store has format version %s; this script reads version 1" % config.get("format_version"))
    found = snapshots(store, options.source)
    if options.list or not options.to:
        for run, source, _ in found:
            print(run, source)
        if not options.list:
            return fail("give a folder to restore into with --to")
        return 0
    chosen = choose(found, options.snapshot)
    if not chosen:
        return fail("there is no such snapshot; --list shows all")
    several = len(chosen) > 1
    failed = 0
    for run, source, name in chosen:
        target = os.path.join(options.to, component(source)) if several else options.to
        try:
            failed += Snapshot(store, name, options.identity).restore(target, options.paths)
        except Damaged as error:
            print("error: %s: %s" % (run, error), file=sys.stderr)
            return 1
    return 3 if failed else 0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = os.path.dirname(os.path.abspath(__file__))
    parser.add_argument("--store", default=here, help="folder of the store (default: where this script is)")
    parser.add_argument("--identity", help="age identity file")
    parser.add_argument("--source", help="only this source")
    parser.add_argument("--snapshot", default="latest", help="start of a run id, or latest")
    parser.add_argument("--list", action="store_true", help="list snapshots")
    parser.add_argument("--to", help="folder to restore into")
    parser.add_argument("paths", nargs="*", help="files or folders to restore (default: all)")
    return parser.parse_args()


def fail(message):
    print("error: " + message, file=sys.stderr)
    return 1


def component(name):
    plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
    return "".join(c if c in plain or (c == "." and i) else "".join("%%%02X" % b for b in c.encode()) for i, c in enumerate(name))


def snapshots(store, wanted):
    """(run, source, object name) of all snapshots, by time."""
    found = []
    top = os.path.join(store, "snapshots")
    for source in sorted(os.listdir(top)) if os.path.isdir(top) else []:
        name = unescape(source)
        if wanted and name != wanted:
            continue
        for file in os.listdir(os.path.join(top, source)):
            if ".json" in file:
                found.append((file.split(".")[0], name, "snapshots/%s/%s" % (source, file)))
    return sorted(found)


def unescape(text):
    out, rest = bytearray(), text.encode()
    while rest:
        if rest[:1] == b"%" and len(rest) >= 3:
            out.append(int(rest[1:3], 16))
            rest = rest[3:]
        else:
            out += rest[:1]
            rest = rest[1:]
    return out.decode("utf-8", "surrogateescape")


def choose(found, wanted):
    """The newest matching snapshot of each source."""
    newest = {}
    for one in found:
        run = one[0]
        if wanted == "latest" or run.startswith(wanted) or run.split("-")[-1].startswith(wanted):
            newest[one[1]] = one
    return [newest[source] for source in sorted(newest)]


def opened(path, identity):
    """The content of a stored object as a stream: decrypted and decompressed by its name's endings."""
    if not os.path.exists(path):
        raise Damaged("`%s` is missing" % path)
    stages, name = [], path
    if name.endswith(".age"):
        if not identity:
            raise Damaged("the store is encrypted: give the identity file with --identity")
        stages.append(["age", "--decrypt", "--identity", identity, path])
        name = name[:-4]
    if name.endswith(".zst"):
        stages.append(["zstd", "--decompress", "--stdout", "--quiet"] + ([] if stages else [path]))
    elif name.endswith(".gz"):
        stages.append(["gzip", "--decompress", "--stdout"] + ([] if stages else [path]))
    return Pipe(path, stages)


class Pipe:
    def __init__(self, path, stages):
        self.path, self.processes, self.at = path, [], 0
        if not stages:
            self.stream = open(path, "rb")
            return
        source = None
        for command in stages:
            try:
                process = subprocess.Popen(command, stdin=source or subprocess.DEVNULL, stdout=subprocess.PIPE)
            except FileNotFoundError:
                raise Damaged("the command `%s` is needed and not installed" % command[0])
            if source:
                source.close()
            source = process.stdout
            self.processes.append(process)
        self.stream = source

    def read(self, count):
        data = self.stream.read(count)
        if len(data) != count:
            raise Damaged("`%s` ends early, or could not be decrypted" % self.path)
        self.at += count
        return data

    def skip_to(self, offset):
        while self.at < offset:
            self.read(min(offset - self.at, 1 << 20))

    def all(self):
        data = self.stream.read()
        self.stream.close()
        if any([process.wait() != 0 for process in self.processes]):
            raise Damaged("`%s` could not be decrypted or decompressed" % self.path)
        return data

    def close(self):
        self.stream.close()
        for process in self.processes:
            process.kill()
            process.wait()


class Column:
    """Bytes of one column of a manifest block."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if self.at + count > len(self.data):
            raise Damaged("a manifest block ends early")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self):
        value, shift = 0, 0
        while shift < 70:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
        raise Damaged("a number in a manifest is too long")

    def signed(self):
        value = self.number()
        return (value >> 1) ^ -(value & 1)

    def text(self):
        return self.take(self.number())


KINDS = ["file", "folder", "symlink", "block", "char", "fifo", "socket"]
MASK = (1 << 64) - 1


def rows(data):
    """Every row of a manifest layer: (path, entry), or (path, None) for a deletion."""
    at = 0
    while at < len(data):
        if at + 28 > len(data):
            raise Damaged("a manifest ends early")
        count, *lengths = struct.unpack_from("<7I", data, at)
        at += 28
        columns = []
        for length in lengths:
            columns.append(Column(data[at : at + length]))
            at += length
        paths, meta, content, extra, stamps, hashes = columns
        path, mtime, last = b"", 0, [0, 0]
        for _ in range(count):
            shared = paths.number()
            if shared > len(path):
                raise Damaged("a path in a manifest is cut wrongly")
            path = path[:shared] + paths.text()
            tag = meta.take(1)[0]
            if tag == 7:
                yield path, None
                continue
            entry = {"kind": KINDS[tag & 7], "mode": meta.number(), "uid": meta.number(), "gid": meta.number()}
            mtime += meta.signed()
            entry["mtime"] = mtime * 1000000000 + meta.number()
            entry["size"] = meta.number() if entry["kind"] == "file" else 0
            if entry["kind"] == "symlink":
                entry["target"] = extra.text()
            if entry["kind"] in ("block", "char"):
                entry["rdev"] = extra.number()
            if tag & 8:
                entry["link"] = (extra.number(), extra.number())
            entry["xattrs"] = [(extra.text(), extra.text()) for _ in range(extra.number())] if tag & 16 else []
            if tag & 32:
                stamps.signed(), stamps.number(), stamps.number()
            entry["extents"] = extents(content, entry["size"], last) if entry["size"] else []
            entry["hash"] = hashes.take(32) if entry["size"] else None
            yield path, entry


def extents(content, size, last):
    """[(archive number or None for a hole, offset, length)]; `last` carries the prediction on."""
    count, result = content.number(), []
    for _ in range(count):
        archive = content.number() - 1
        if archive < 0:
            result.append((None, 0, size if count == 1 else content.number()))
            continue
        end = last[1] if archive == last[0] else 0
        predicted = (end + 511) // 512 * 512 + 512
        offset = (predicted + content.signed()) & MASK
        length = size if count == 1 else content.number()
        last[:] = [archive, offset + length]
        result.append((archive, offset, length))
    if sum(length for _, _, length in result) != size:
        raise Damaged("a file's parts do not add up to its size")
    return result


def tree_key(path):
    return path.split(b"/")


class Snapshot:
    def __init__(self, store, name, identity):
        self.store, self.identity = store, identity
        self.record = json.loads(self.read(name))
        if self.record.get("format_version") != FORMAT_VERSION:
            raise Damaged("the snapshot has another format version")

    def object(self, name):
        parts = name.split("/")
        if any(part in ("", ".", "..") for part in parts):
            raise Damaged("an object has the name `%s`" % name)
        return os.path.join(self.store, *parts)

    def read(self, name):
        return opened(self.object(name), self.identity).all()

    def entries(self):
        """The snapshot's entries by path; extents name whole archives."""
        entries = {}
        for layer in self.record["layers"]:
            archives = json.loads(self.read(layer["index"]))["layer"]["archives"]
            for path, entry in rows(self.read(layer["object"])):
                if entry is None:
                    entries.pop(path, None)
                    continue
                entry["extents"] = [
                    (None if a is None else archives[a], offset, length) for a, offset, length in entry["extents"]
                ]
                entries[path] = entry
        return entries

    def restore(self, target, wanted):
        os.makedirs(target, exist_ok=True)
        entries = self.entries()
        base = self.record["base"].rstrip("/")
        picks = [os.fsencode(w[len(base) :] if base and w.startswith(base + "/") else w).strip(b"/") for w in wanted]
        selected = {
            path: entry
            for path, entry in entries.items()
            if not picks or any(not p or path == p or path.startswith(p + b"/") for p in picks)
        }
        if not selected:
            raise Damaged("nothing in the snapshot matches")
        writer = Writer(target)
        order = sorted(selected, key=tree_key)
        pieces, firsts, links = {}, {}, []
        for path in order:
            entry = selected[path]
            link = entry.get("link")
            if link in firsts:
                links.append((firsts[link], path))
                continue
            if link:
                firsts[link] = path
            if not writer.attempt(path, lambda: writer.make(path, entry)):
                continue
            at = 0
            for archive, offset, length in entry["extents"]:
                if archive is not None:
                    pieces.setdefault(archive, []).append((offset, length, path, at))
                at += length
        for archive in sorted(pieces):
            self.copy(archive, sorted(pieces[archive]), writer)
        for path in order:
            if selected[path]["kind"] == "file" and path in writer.made:
                writer.attempt(path, lambda: writer.finish(path, selected[path]))
        for first, path in links:
            writer.attempt(path, lambda: writer.link(first, path))
        for path in reversed(order):
            if selected[path]["kind"] == "folder" and path in writer.made:
                writer.attempt(path, lambda: writer.finish(path, selected[path]))
        print("%s: restored %d entries to %s, %d failed" % (self.record["source"], len(writer.made), target, len(writer.failed)))
        return len(writer.failed)

    def copy(self, archive, pieces, writer):
        """Reads an archive's tar stream once, front to back."""
        try:
            stream = opened(self.object(archive), self.identity)
        except Damaged as error:
            for _, _, path, _ in pieces:
                writer.fail(path, error)
            return
        keep, keep_from = b"", 0
        try:
            for offset, length, path, at in pieces:
                # Files of equal content share a piece: what was just read is kept.
                if offset < stream.at:
                    start = offset - keep_from
                    if start < 0 or start + length > len(keep):
                        stream.close()
                        stream = opened(self.object(archive), self.identity)
                if offset >= stream.at:
                    stream.skip_to(offset)
                    if length <= 4 << 20:
                        keep, keep_from = stream.read(length), offset
                    else:
                        done = 0
                        while done < length:
                            part = stream.read(min(length - done, 1 << 20))
                            writer.attempt(path, lambda: writer.write(path, at + done, part))
                            done += len(part)
                        continue
                data = keep[offset - keep_from : offset - keep_from + length]
                writer.attempt(path, lambda: writer.write(path, at, data))
        except Damaged as error:
            for offset, length, path, _ in pieces:
                if offset + length > stream.at:
                    writer.fail(path, error)
        finally:
            stream.close()


class Writer:
    """Makes entries below a folder, never following a link below it."""

    def __init__(self, target):
        self.root = os.open(target, os.O_RDONLY | os.O_DIRECTORY)
        self.made, self.failed = set(), {}
        self.is_root = os.geteuid() == 0

    def fail(self, path, error):
        if path not in self.failed:
            self.failed[path] = error
            print("error: %s: %s" % (os.fsdecode(path), error), file=sys.stderr)

    def attempt(self, path, action):
        if path in self.failed:
            return False
        try:
            action()
            return True
        except (OSError, Damaged, ValueError) as error:
            self.fail(path, error)
            return False

    def parent(self, path):
        """A handle on the folder of `path`, made if it is missing, and the name in it."""
        parts = path.split(b"/") if path else []
        if any(part in (b"", b".", b"..") or b"\0" in part for part in parts):
            raise Damaged("refused: the path leaves the target")
        handle = os.dup(self.root)
        for part in parts[:-1]:
            try:
                os.mkdir(part, 0o700, dir_fd=handle)
            except FileExistsError:
                pass
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=handle)
            os.close(handle)
            handle = inner
        return handle, (parts[-1] if parts else b".")

    def make(self, path, entry):
        handle, name = self.parent(path)
        try:
            kind = entry["kind"]
            if kind == "socket":
                return
            if kind == "folder":
                if path:
                    try:
                        os.mkdir(name, 0o700, dir_fd=handle)
                    except FileExistsError:
                        if not stat.S_ISDIR(os.stat(name, dir_fd=handle, follow_symlinks=False).st_mode):
                            raise
                self.made.add(path)
                return
            try:
                os.unlink(name, dir_fd=handle)
            except FileNotFoundError:
                pass
            if kind == "file":
                file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=handle)
                os.ftruncate(file, entry["size"])
                os.close(file)
            elif kind == "symlink":
                os.symlink(entry["target"], name, dir_fd=handle)
            elif kind == "fifo":
                os.mkfifo(name, 0o600, dir_fd=handle)
            else:
                kinds = {"block": stat.S_IFBLK, "char": stat.S_IFCHR}
                os.mknod(name, 0o600 | kinds[kind], entry["rdev"], dir_fd=handle)
            self.made.add(path)
            if kind != "file":
                self.attributes(handle, name, entry)
        finally:
            os.close(handle)

    def write(self, path, offset, data):
        handle, name = self.parent(path)
        try:
            file = os.open(name, os.O_WRONLY | os.O_NOFOLLOW, dir_fd=handle)
            try:
                done = 0
                while done < len(data):
                    done += os.pwrite(file, data[done:], offset + done)
            finally:
                os.close(file)
        finally:
            os.close(handle)

    def link(self, first, path):
        from_handle, from_name = self.parent(first)
        handle, name = self.parent(path)
        try:
            try:
                os.unlink(name, dir_fd=handle)
            except FileNotFoundError:
                pass
            os.link(from_name, name, src_dir_fd=from_handle, dst_dir_fd=handle, follow_symlinks=False)
            self.made.add(path)
        finally:
            os.close(from_handle)
            os.close(handle)

    def finish(self, path, entry):
        handle, name = self.parent(path)
        try:
            self.attributes(handle, name, entry)
        finally:
            os.close(handle)

    def attributes(self, handle, name, entry):
        if self.is_root:
            os.chown(name, entry["uid"], entry["gid"], dir_fd=handle, follow_symlinks=False)
        inside = b"/proc/self/fd/%d/%s" % (handle, name)
        for key, value in entry["xattrs"]:
            try:
                os.setxattr(inside, key, value, follow_symlinks=False)
            except OSError as error:
                if error.errno not in (errno.ENOTSUP, errno.EPERM):
                    raise
        if entry["kind"] != "symlink":
            os.chmod(name, entry["mode"], dir_fd=handle)
        os.utime(name, ns=(entry["mtime"], entry["mtime"]), dir_fd=handle, follow_symlinks=False)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Damaged as problem:
        sys.exit(fail(str(problem)))
    except KeyboardInterrupt:
        sys.exit(130)

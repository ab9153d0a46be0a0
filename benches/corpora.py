"""The data that is backed up, the same each time on one machine.

`source` and `system` come from what is installed (on Debian, unpack the package
`linux-source` in `/usr/src`; then crates, Python packages, headers), in the order of
their names, no content twice; `images` and `tiny` and all changes follow from a seed.
"""

import hashlib
import os
import random
import shutil
import sys
from pathlib import Path

MEBI = 1 << 20


class Corpus:
    """A folder, the changes made to it one after the other, and a file to ask for alone.

    `restores`: whether all of it is restored too, which takes its room once for each peer."""

    def __init__(self, root, name, description, one_file, changes, restores=True):
        self.root = root
        self.name = name
        self.description = description
        self.one_file = one_file
        self.changes = changes
        self.restores = restores


def source(folder, scale):
    """Source files as people have them: small, text, in deep trees."""
    root = folder / f"source-{scale}"
    files, total = fill(root, text_files([Path("/usr/src")]), int(100_000 * scale), int(1_500e6 * scale))
    return Corpus(
        root,
        "source",
        f"{len(files):,} source files, {total / 1e6:.0f} MB",
        files[len(files) // 2],
        [("1% changed, added, deleted; a folder renamed", lambda: churn(root, files))],
    )


def system(folder, scale):
    """A piece of an operating system: libraries, programs, documentation."""
    root = folder / f"system-{scale}"
    files, total = fill(root, installed_files(), int(120_000 * scale), int(3_600e6 * scale))
    return Corpus(
        root,
        "system",
        f"{len(files):,} files of /usr, {total / 1e6:.0f} MB",
        files[len(files) // 2],
        [("1% changed, added, deleted; a folder renamed", lambda: churn(root, files))],
    )


def images(folder, scale):
    """Few large files: a disk image, a tar, a log; each changed in its own way."""
    root = folder / f"images-{scale}"
    sizes = {name: int(size * scale) // 4096 * 4096 for name, size in
             [("disk.img", 2048 * MEBI), ("files.tar", 500 * MEBI), ("server.log", 329 * MEBI)]}
    if fresh(root):
        generator = random.Random(3)
        blocks = [text(generator, 64 << 10) for _ in range(64)]
        for name, size in sizes.items():
            with open(root / name, "wb") as file:
                while file.tell() < size:
                    block = generator.choice(blocks)
                    noise = generator.randbytes(24 << 10)
                    stamp = b"%d " % generator.getrandbits(64)
                    file.write((stamp + noise + block)[: size - file.tell()])
        done(root)

    def change():
        generator = random.Random(4)
        with open(root / "disk.img", "r+b") as file:
            pages = sizes["disk.img"] // 4096
            for page in generator.sample(range(pages), pages // 100):
                file.seek(page * 4096)
                file.write(generator.randbytes(1024) + text(generator, 3072))
        changed(root)
        content = (root / "files.tar").read_bytes()
        (root / "files.tar").write_bytes(content[:5000] + generator.randbytes(777) + content[5000:])
        with open(root / "server.log", "ab") as file:
            file.write(text(generator, int(MEBI * scale) + 4096))

    total = sum(sizes.values())
    return Corpus(
        root,
        "images",
        f"a disk image, a tar and a log, {total / 1e6:.0f} MB",
        "server.log",
        [("1% of the image's pages rewritten, 777 bytes inserted in the tar, the log appended to", change)],
    )


def tiny(folder, scale):
    """Very many very small files."""
    root = folder / f"tiny-{scale}"
    count = int(1_000_000 * scale)
    if fresh(root):
        generator = random.Random(5)
        words = text(generator, 1 << 20)
        for number in range(count):
            if number % 500 == 0:
                (root / f"{number // 50_000:02}" / f"{number // 500:05}").mkdir(parents=True)
            length = generator.randrange(200, 2000)
            start = generator.randrange(len(words) - length)
            path = root / f"{number // 50_000:02}" / f"{number // 500:05}" / f"{number:07}"
            path.write_bytes(b"%d\n" % number + words[start : start + length])
        done(root)
    middle = count // 2
    return Corpus(
        root,
        "tiny",
        f"{count:,} files of 200 B to 2 kB",
        f"{middle // 50_000:02}/{middle // 500:05}/{middle:07}",
        [],
        restores=False,
    )


def releases(folder, scale):
    """A source tree and nine further releases of it: most files stay, some change a little."""
    root = folder / f"releases-{scale}"
    files, total = fill(root, text_files(), int(4_000 * scale), int(60e6 * scale))

    def release(number):
        def change():
            changed(root)
            generator = random.Random(1000 + number)
            for name in generator.sample(files, len(files) // 5):
                content = (root / name).read_bytes()
                for _ in range(generator.randrange(1, 6)):
                    at = generator.randrange(len(content) + 1)
                    content = content[:at] + text(generator, generator.randrange(20, 200)) + content[at + 30 :]
                (root / name).write_bytes(content)

        return change

    return Corpus(
        root,
        "releases",
        f"ten releases of {len(files):,} source files, {total / 1e6:.0f} MB",
        files[len(files) // 2],
        [(f"release {number}", release(number)) for number in range(2, 11)],
    )


ALL = {"source": source, "system": system, "images": images, "tiny": tiny, "releases": releases}


def fresh(root):
    """Empties the folder unless it was built to its end before and not changed since."""
    marker = root.with_suffix(root.suffix + ".complete")
    if marker.exists():
        return False
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    return True


def done(root):
    root.with_suffix(root.suffix + ".complete").touch()


def changed(root):
    """The next comparison must build it anew."""
    root.with_suffix(root.suffix + ".complete").unlink(missing_ok=True)


def fill(root, candidates, most_files, most_bytes):
    """Copies candidates until a limit is reached; returns their paths below `root` and their bytes."""
    if not fresh(root):
        files = sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file() and not p.is_symlink())
        return files, sum((root / f).stat().st_size for f in files)
    files, total, seen = [], 0, set()
    for path, name in candidates:
        try:
            content = path.read_bytes()
        except OSError:
            continue
        digest = hashlib.blake2b(content, digest_size=16).digest()
        if digest in seen:
            continue
        seen.add(digest)
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        shutil.copystat(path, target)
        files.append(str(name))
        total += len(content)
        if len(files) >= most_files or total >= most_bytes:
            break
    else:
        print(f"(this machine has only {len(files):,} such files)", file=sys.stderr)
    done(root)
    return sorted(files), total


TEXT = {".py", ".rs", ".c", ".h", ".cc", ".cpp", ".hpp", ".js", ".ts", ".go", ".java", ".md", ".rst", ".txt", ".toml",
        ".json", ".yaml", ".yml", ".html", ".css", ".sh", ".pl", ".pm", ".S", ".s", ".asm", ".xml", ".pyi", ".cfg"}


def text_files(first=()):
    """Of these folders, and then of those where languages keep their libraries."""
    home = Path.home()
    roots = [*first, home / ".cargo/registry/src", home / ".rustup/toolchains", home / ".pyenv/versions",
             Path("/usr/lib/python3"), Path("/usr/lib/python3.11"), Path("/usr/include"), Path("/usr/share"),
             Path("/usr/lib"), Path("/usr/local")]
    for number, root in enumerate(roots):
        for path in walk(root):
            if path.suffix in TEXT and path.stat().st_size < MEBI:
                yield path, Path(str(number)) / path.relative_to(root)


def installed_files():
    root = Path("/usr")
    for path in walk(root):
        yield path, path.relative_to(root)


def walk(root):
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            path = Path(folder) / name
            if path.is_file() and not path.is_symlink():
                yield path


def churn(root, files):
    """Of the files: half a percent edited, a quarter deleted, a quarter new; one folder renamed.
    What is asked for alone later stays where it is."""
    changed(root)
    generator = random.Random(6)
    moved = Path(files[len(files) // 3]).parent
    kept = Path(files[len(files) // 2])
    for number, name in enumerate(generator.sample(files, max(4, len(files) // 100))):
        path = root / name
        if Path(name) == kept:
            continue
        if number % 4 < 2:
            content = path.read_bytes()
            at = generator.randrange(len(content) + 1)
            path.chmod(0o644)
            path.write_bytes(content[:at] + text(generator, 120) + content[at + 40 :])
        elif number % 4 == 2:
            path.unlink()
        else:
            path.with_name(path.name + ".new").write_bytes(text(generator, 4000))
    if moved not in kept.parents:
        (root / moved).rename(root / moved.with_name(moved.name + "-renamed"))


WORDS = b"""request response session token driver vehicle policy premium error retry timeout return import class while
self value result index offset length buffer reader writer frame chunk segment manifest parent child open close""".split()


def text(generator, length):
    """Words, numbers and line ends in about the entropy of a log."""
    parts = []
    total = 0
    while total < length:
        word = generator.choice(WORDS)
        if generator.random() < 0.1:
            word = b"%x\n" % generator.getrandbits(40)
        parts.append(word)
        total += len(word) + 1
    return b" ".join(parts)[:length]

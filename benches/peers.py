"""The programs that are compared: how each makes a repository, backs up, restores
and verifies. Every one encrypts; every one that can compresses with zstd 3.
"""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
PASSPHRASE = "a passphrase for measuring only"


class Peer:
    name = ""
    program = ""
    is_incremental = True

    def is_installed(self):
        return shutil.which(self.program) is not None

    def version(self):
        output = subprocess.run([self.program, "--version"], capture_output=True, text=True, check=False)
        return (output.stdout or output.stderr).splitlines()[0]

    def environment(self, repository):
        home = repository / "home"
        home.mkdir(parents=True, exist_ok=True)
        return {"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8"}

    def stored_in(self, repository):
        return repository / "store"

    def command(self, repository, *arguments, folder=None):
        return [*map(str, arguments)], self.environment(repository), str(folder or repository)

    def shell(self, repository, script):
        return self.command(repository, "bash", "-c", f"set -o pipefail; {script}")


class Plan(Peer):
    name = "plan"
    program = str(PROJECT / "target/release/plan")

    def prepare(self, repository, source):
        repository.mkdir(parents=True)
        (repository / "plan.kdl").write_text(
            f"""plan bench {{
    state "{repository}/state"
    key k {{ identity (file)"{repository}/key" create=#true }}
    source files {{ base "{source}" }}
    tier disk {{
        store fs {{ root "{repository}/store" }}
        encrypt k
        schedule "@hourly"
        take files
    }}
}}
"""
        )

    def backup(self, repository, source):
        return self.command(repository, self.program, "run", "--now")

    def restore(self, repository, target):
        return self.command(repository, self.program, "restore", "--to", target)

    def restore_one(self, repository, source, path, target):
        return self.command(repository, self.program, "restore", path, "--to", target)

    def verify(self, repository):
        return self.command(repository, self.program, "verify", "--level", "contents")


class Restic(Peer):
    name = "restic"
    program = "restic"

    def version(self):
        return subprocess.run(["restic", "version"], capture_output=True, text=True, check=False).stdout.split(" compiled")[0]

    def environment(self, repository):
        return super().environment(repository) | {
            "RESTIC_REPOSITORY": str(repository / "store"),
            "RESTIC_PASSWORD": PASSPHRASE,
        }

    def prepare(self, repository, source):
        arguments, environment, _ = self.command(repository, "restic", "init")
        subprocess.run(arguments, env=environment, check=True, stdout=subprocess.DEVNULL)

    def backup(self, repository, source):
        return self.command(repository, "restic", "backup", "--quiet", ".", folder=source)

    def restore(self, repository, target):
        return self.command(repository, "restic", "restore", "--quiet", "latest", "--target", target)

    def restore_one(self, repository, source, path, target):
        return self.command(repository, "restic", "restore", "latest", "--include", f"/{path}", "--target", target)

    def verify(self, repository):
        return self.command(repository, "restic", "check", "--read-data")


class Rustic(Peer):
    name = "rustic"
    program = "rustic"

    def environment(self, repository):
        return super().environment(repository) | {
            "RUSTIC_REPOSITORY": str(repository / "store"),
            "RUSTIC_PASSWORD": PASSPHRASE,
            "RUSTIC_NO_PROGRESS": "true",
        }

    def prepare(self, repository, source):
        arguments, environment, _ = self.command(repository, "rustic", "init")
        subprocess.run(arguments, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def backup(self, repository, source):
        return self.command(repository, "rustic", "backup", source)

    def restore(self, repository, target):
        return self.command(repository, "rustic", "restore", "latest", target)

    def restore_one(self, repository, source, path, target):
        return self.command(repository, "rustic", "restore", f"latest:{source}/{path}", target)

    def verify(self, repository):
        return self.command(repository, "rustic", "check", "--read-data")


class Borg(Peer):
    name = "borg"
    program = "borg"

    def environment(self, repository):
        return super().environment(repository) | {
            "BORG_REPO": str(repository / "store"),
            "BORG_PASSPHRASE": PASSPHRASE,
            "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes",
        }

    def prepare(self, repository, source):
        arguments, environment, _ = self.command(repository, "borg", "init", "--encryption", "repokey-blake2")
        subprocess.run(arguments, env=environment, check=True, stderr=subprocess.DEVNULL)

    def backup(self, repository, source):
        return self.command(repository, "borg", "create", "--compression", "zstd,3", "::{now:%H%M%S.%f}", ".", folder=source)

    def latest(self):
        return '$(borg list --last 1 --format "{archive}")'

    def restore(self, repository, target):
        return self.shell(repository, f"cd {shlex.quote(str(target))} && borg extract ::{self.latest()}")

    def restore_one(self, repository, source, path, target):
        return self.shell(
            repository, f"cd {shlex.quote(str(target))} && borg extract ::{self.latest()} {shlex.quote(str(path))}"
        )

    def verify(self, repository):
        return self.command(repository, "borg", "check", "--verify-data")


class Duplicity(Peer):
    """Deltas against a local signature; compresses with gzip, as gpg does."""

    name = "duplicity"
    program = "duplicity"

    def environment(self, repository):
        home = repository / "gnupg"
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        return super().environment(repository) | {"GNUPGHOME": str(home), "PASSPHRASE": PASSPHRASE}

    def duplicity(self, repository, action, *arguments):
        return self.command(
            repository, "duplicity", action, "--no-print-statistics", "--volsize", "512",
            "--archive-dir", repository / "archive", *arguments,
        )

    def store(self, repository):
        return f"file://{repository}/store"

    def prepare(self, repository, source):
        (repository / "store").mkdir(parents=True)
        self.source = source

    def backup(self, repository, source):
        action = "incremental" if any((repository / "store").iterdir()) else "full"
        return self.duplicity(repository, action, source, self.store(repository))

    def restore(self, repository, target):
        return self.duplicity(repository, "restore", self.store(repository), target / "all")

    def restore_one(self, repository, source, path, target):
        return self.duplicity(
            repository, "restore", "--file-to-restore", path, self.store(repository), target / "one"
        )

    def verify(self, repository):
        return self.duplicity(repository, "verify", self.store(repository), self.source)


class Pipeline(Peer):
    """What compression and encryption alone cost: one full archive. It ends when the archive is on
    the disk, as `plan` and the other peers do."""

    name = "pipeline"
    program = "age"
    is_incremental = False

    def is_installed(self):
        return all(shutil.which(program) for program in ("age", "age-keygen", "zstd"))

    def version(self):
        return "`tar | zstd -3 -T2 | age`"

    def prepare(self, repository, source):
        (repository / "store").mkdir(parents=True)
        key = str(repository / "key")
        subprocess.run(["age-keygen", "-o", key], check=True, capture_output=True)
        recipient = subprocess.run(["age-keygen", "-y", key], check=True, capture_output=True, text=True).stdout
        (repository / "recipient").write_text(recipient)

    def backup(self, repository, source):
        return self.shell(
            repository,
            f"tar -C {shlex.quote(str(source))} -cf - . | zstd -q -3 -T2 "
            "| age -R recipient -o store/archive.tar.zst.age && sync store/archive.tar.zst.age",
        )

    def restore(self, repository, target):
        return self.shell(
            repository, f"age -d -i key store/archive.tar.zst.age | zstd -qd | tar -C {shlex.quote(str(target))} -xf -"
        )

    def verify(self, repository):
        return self.shell(repository, "age -d -i key store/archive.tar.zst.age | zstd -qd > /dev/null")


class Document(Peer):
    """What the RPA document does: `tar czf`, then gpg with a passphrase."""

    name = "tar+gpg"
    program = "gpg"
    is_incremental = False

    def version(self):
        return "`tar cz | gpg --symmetric --cipher-algo AES256`"

    def environment(self, repository):
        home = repository / "gnupg"
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        return super().environment(repository) | {"GNUPGHOME": str(home), "P": PASSPHRASE}

    def prepare(self, repository, source):
        (repository / "store").mkdir(parents=True)

    def gpg(self):
        return 'gpg --batch --quiet --pinentry-mode loopback --passphrase "$P"'

    def backup(self, repository, source):
        return self.shell(
            repository,
            f"tar -C {shlex.quote(str(source))} -czf - . | {self.gpg()} --symmetric --cipher-algo AES256 "
            "--compress-algo 1 --output store/archive.tar.gz.gpg",
        )

    def restore(self, repository, target):
        return self.shell(
            repository, f"{self.gpg()} -d store/archive.tar.gz.gpg | tar -C {shlex.quote(str(target))} -xzf -"
        )

    def verify(self, repository):
        return self.shell(repository, f"{self.gpg()} -d store/archive.tar.gz.gpg | tar -tzf - > /dev/null")


ALL = [Plan(), Pipeline(), Restic(), Rustic(), Borg(), Duplicity(), Document()]

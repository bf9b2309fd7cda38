"""Files on any file system that Spark reaches (disk, HDFS, S3, Azure), through Hadoop's API, on the driver."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from model.bulk.source import MIB, Readable

MAX_THREADS: Final = 16
"""For opening and renaming files: on S3 each call waits for an answer, and renaming is copying."""

ATOMIC_RENAME_SCHEMES: Final = ("file", "hdfs")
"""Schemes of file systems that rename a folder in one step. Object stores copy its files one after the other."""


@dataclass(frozen=True, slots=True)
class HadoopFile:
    """One file: its path for Spark, its name below the folder that was listed, its size and modification time."""

    path: str
    name: str
    size: int
    modified_ms: int


class HadoopFiles:
    """The file systems of a Spark session."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def path(self, text: str) -> Any:
        """Return a Hadoop path with the scheme of its file system."""
        path = self._session._jvm.org.apache.hadoop.fs.Path(text)
        return self._system(path).makeQualified(path)

    def _system(self, path: Any) -> Any:
        return path.getFileSystem(self._session._jsc.hadoopConfiguration())

    def _locate(self, text: str) -> tuple[Any, Any]:
        path = self.path(text)
        return self._system(path), path

    def exists(self, text: str) -> bool:
        """Return whether there is a file or folder."""
        system, path = self._locate(text)
        return bool(system.exists(path))

    def is_folder(self, text: str) -> bool:
        """Return whether an existing path is a folder."""
        system, path = self._locate(text)
        return bool(system.getFileStatus(path).isDirectory())

    def renames_atomically(self, text: str) -> bool:
        """Return whether a folder that is renamed to this path appears with all its files, or not at all."""
        return self.path(text).toUri().getScheme() in ATOMIC_RENAME_SCHEMES

    def list(self, text: str) -> list[HadoopFile]:
        """Return a file, or all files below a folder except hidden ones (_SUCCESS, .crc), by name."""
        system, root = self._locate(text)
        status = system.getFileStatus(root)
        if status.isFile():
            return [_to_file(status, root.getParent())]
        statuses = system.listFiles(root, True)
        files = []
        while statuses.hasNext():
            files.append(_to_file(statuses.next(), root))
        return sorted((file for file in files if not _is_hidden(file.name)), key=lambda file: file.name)

    @contextmanager
    def open(self, text: str) -> Iterator[Readable]:
        """Give the bytes of a file."""
        system, path = self._locate(text)
        stream = system.open(path)
        try:
            yield _JavaStream(stream)
        finally:
            stream.close()

    def write(self, text: str, content: bytes) -> None:
        """Write a new file. An OSError if it exists."""
        system, path = self._locate(text)
        stream = system.create(path, False)
        try:
            stream.write(bytearray(content))
        finally:
            stream.close()

    def make_folder(self, text: str) -> None:
        """Create a folder and its parents."""
        system, path = self._locate(text)
        system.mkdirs(path)

    def rename(self, names: Mapping[str, str]) -> None:
        """Rename files or folders, many at once."""

        def rename(pair: tuple[str, str]) -> None:
            system, old = self._locate(pair[0])
            if not system.rename(old, self.path(pair[1])):
                raise OSError(f"{pair[0]} could not be renamed to {pair[1]}")

        with ThreadPoolExecutor(MAX_THREADS) as pool:
            list(pool.map(rename, names.items()))

    def remove(self, text: str) -> None:
        """Remove a file, or a folder with all its content, if it exists."""
        system, path = self._locate(text)
        system.delete(path, True)


def _to_file(status: Any, root: Any) -> HadoopFile:
    path = status.getPath()
    name = path.toUri().getPath().removeprefix(root.toUri().getPath()).lstrip("/")
    return HadoopFile(path.toString(), name, int(status.getLen()), int(status.getModificationTime()))


class _JavaStream:
    """A stream of Java as a source."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def read(self, size: int, /) -> bytes:
        return bytes(self._stream.readNBytes(min(size, MIB)))


def _is_hidden(name: str) -> bool:
    return any(part.startswith((".", "_")) for part in name.split("/"))

"""Files wherever Spark finds them (a disk, HDFS, S3, Azure), through Hadoop's file systems, on the driver."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from model.bulk.source import MIB, Readable

AT_ONCE: Final = 16
"""Files opened or renamed at once: on S3 each answer is waited for, and renaming is copying."""

MOVED_IN_ONE_STEP: Final = ("file", "hdfs")
"""Schemes of file systems where a folder gets another name in one step. Stores of objects copy one after the other."""


@dataclass(frozen=True, slots=True)
class File:
    """One file: its path as Spark takes it, its name below the folder that was listed, its size, when it changed."""

    path: str
    name: str
    size: int
    modified_ms: int


class Files:
    """The file systems that a Spark session reaches.

    Parameters
    ----------
    session : pyspark.sql.SparkSession
        With a JVM of its own; Spark Connect has none.
    """

    def __init__(self, session: Any) -> None:
        self._session = session

    def path(self, text: str) -> Any:
        """Return a path of Hadoop's, with the scheme of its file system."""
        path = self._session._jvm.org.apache.hadoop.fs.Path(text)
        return path.getFileSystem(self._configuration).makeQualified(path)

    def system(self, path: Any) -> Any:
        """Return the file system of a path."""
        return path.getFileSystem(self._configuration)

    def exists(self, text: str) -> bool:
        """Whether there is a file or folder."""
        path = self.path(text)
        return bool(self.system(path).exists(path))

    def is_folder(self, text: str) -> bool:
        """Whether what is there is a folder."""
        path = self.path(text)
        return bool(self.system(path).getFileStatus(path).isDirectory())

    def is_moved_in_one_step(self, text: str) -> bool:
        """Whether a folder that is renamed to this is there with all that it holds, or not at all."""
        return self.path(text).toUri().getScheme() in MOVED_IN_ONE_STEP

    def list(self, text: str) -> list[File]:
        """Return a file, or all files below a folder but the hidden ones (_SUCCESS, .crc), by name."""
        root = self.path(text)
        if self.system(root).getFileStatus(root).isFile():
            return [self._file(self.system(root).getFileStatus(root), root.getParent())]
        found = self.system(root).listFiles(root, True)
        files = []
        while found.hasNext():
            files.append(self._file(found.next(), root))
        return sorted((file for file in files if not _is_hidden(file.name)), key=lambda file: file.name)

    def _file(self, status: Any, root: Any) -> File:
        path = status.getPath()
        name = path.toUri().getPath().removeprefix(root.toUri().getPath()).lstrip("/")
        return File(path.toString(), name, int(status.getLen()), int(status.getModificationTime()))

    @contextmanager
    def open(self, text: str) -> Iterator[Readable]:
        """Give the bytes of a file."""
        path = self.path(text)
        stream = self.system(path).open(path)
        try:
            yield _Stream(stream)
        finally:
            stream.close()

    def write(self, text: str, content: bytes) -> None:
        """Write a new file at once; an OSError if it is there."""
        path = self.path(text)
        stream = self.system(path).create(path, False)
        try:
            stream.write(bytearray(content))
        finally:
            stream.close()

    def make_folder(self, text: str) -> None:
        """Make a folder, and those above it."""
        path = self.path(text)
        self.system(path).mkdirs(path)

    def rename(self, names: Mapping[str, str]) -> None:
        """Give files or folders other names, many at once."""

        def rename(pair: tuple[str, str]) -> None:
            old, new = map(self.path, pair)
            if not self.system(old).rename(old, new):
                raise OSError(f"{pair[0]} could not be renamed to {pair[1]}")

        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(rename, names.items()))

    def remove(self, text: str) -> None:
        """Remove a file or folder and all in it, where there is one."""
        path = self.path(text)
        self.system(path).delete(path, True)

    @property
    def _configuration(self) -> Any:
        return self._session._jsc.hadoopConfiguration()


class _Stream:
    """A stream of Java as a source."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def read(self, size: int, /) -> bytes:
        return bytes(self._stream.readNBytes(min(size, MIB)))


def _is_hidden(name: str) -> bool:
    return any(part.startswith((".", "_")) for part in name.split("/"))

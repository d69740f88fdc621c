"""Find the encoding of a text file: by its byte order mark, by a check of the whole file as UTF-8, or by detection.

Text is decoded without replacement characters. A byte that cannot be decoded is kept as a mark
(`codec.tabular.table.UNDECODABLE`), so that the reader refuses only the row with that byte.
"""

import codecs
import io
import re
from typing import Literal, NamedTuple

from consentory.codec.sources.byte_source import CHUNK, ByteSource, read_fully
from consentory.codec.sources.latin_words import compare_latin
from consentory.codec.sources.source_error import SourceError
from consentory.codec.tabular.correction_columns import find_noted_encoding

MARK = "consentory-mark"
"""The name of the error handler that keeps undecodable bytes."""

LONGEST_LINE = 28_000_000
"""The largest number of bytes of a line. A server takes no larger body, so a longer row cannot be staged. The limit
bounds the memory."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_NOT_TAKEN = frozenset({"utf-7", "punycode", "idna", "unicode_escape", "raw_unicode_escape", "undefined"})
# If several encodings decode a sample equally well, the first of them in this list is taken: the most frequent one.
_CANDIDATES = [
    "cp1252", "cp1250", "cp1251", "cp1254", "cp1253", "cp1257", "cp1255", "cp1256", "cp1258",
    "iso8859_2", "iso8859_15", "iso8859_9", "iso8859_7", "iso8859_5", "koi8_r", "koi8_u", "cp850", "cp852",
    "cp437", "cp866", "mac_roman", "cp932", "euc_jp", "gb18030", "big5", "cp949", "tis_620",
]  # fmt: skip
_AS_GOOD = 0.02  # a smaller difference of charset-normalizer's measures decides nothing
_DOUBTFUL = 0.05  # the same for a file with few words outside ASCII
_SAMPLE = 1 << 15
_VALID_ENOUGH = 10_000
_MULTIBYTE = re.compile(rb"[\xc2-\xf4][\x80-\xbf]+")
_LINE_ENDS = re.compile(rb"[\r\n]+")
_FOREIGN_PIECE = re.compile(rb"[^\x00-\x2f:;<=>?|]*[\x80-\xff][^\x00-\x2f:;<=>?|]*")
_WORDS_ENOUGH = 20  # the number of different words outside ASCII that are enough to find a language
_WORDS_COMPARED = 200
_READINGS_SHOWN = 7
_FOREIGN_WORD = re.compile(r"\w*[^\W\x00-\x7f]\w*")

EncodingSource = Literal["byte order mark", "checked", "detected", "given", "that of the imported file"]


class Encoding(NamedTuple):
    """An encoding by Python's name, how it was found, and a decoded word of the file as a sample.

    If the encoding is only a guess, `others` are the other plausible encodings, each with its reading of one word.
    `word` is the reading of that word in `name`.
    """

    name: str
    source: EncodingSource
    sample: str = ""
    word: str = ""
    others: tuple[tuple[str, str], ...] = ()


def find_encoding(source: ByteSource, given: str | None, head: bytes) -> Encoding:
    """Find the encoding of a whole text file. Raises SourceError if `given` is unknown, or if the file is not text."""
    if given is not None:
        return Encoding(_check_name(source, given, head), "given")
    for mark, name in _MARKS:
        if head.startswith(mark):
            return Encoding(name, "byte order mark")
    if b"\0" in head[:4096]:
        return Encoding(_find_wide(source, head[:4096]), "detected")
    with source.unpack_errors():
        valid, invalid, sample = _check_utf8(source.open_unpacked())
    if not invalid:
        return Encoding("utf-8", "checked")
    if noted := find_noted_encoding(head):
        return Encoding(_check_name(source, noted, head), "that of the imported file")
    if valid >= invalid:
        # Bytes of another encoding do not form UTF-8 by chance. So the file is UTF-8, and its other lines are faulty.
        return Encoding("utf-8", "detected", _find_word(_decode_valid(sample)))
    return _detect(source, sample)


def open_text(stream: io.RawIOBase, encoding: str) -> io.TextIOWrapper:
    """Decode a stream. Undecodable bytes become marks. Line ends are not changed."""
    name = "utf-8" if encoding == "utf-8-sig" else encoding
    return io.TextIOWrapper(io.BufferedReader(_BoundedLines(stream), CHUNK), name, MARK, newline="")


class TranscodedText(io.RawIOBase):
    """Gives text of any encoding as UTF-8. Bytes that cannot be decoded become bytes that are not UTF-8."""

    def __init__(self, stream: io.RawIOBase, encoding: str) -> None:
        self._text = open_text(stream, encoding)
        self._left = self._encode(True)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        self._left = self._left or self._encode(False)
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count

    def _encode(self, first: bool) -> memoryview:
        text = self._text.read(CHUNK)
        return memoryview((text.removeprefix("\ufeff") if first else text).encode("utf-8", "surrogatepass"))


class LineTooLong(Exception):
    """A line of more than LONGEST_LINE bytes."""


class _BoundedLines(io.RawIOBase):
    """Gives the bytes of a stream. Raises LineTooLong if a line is longer than LONGEST_LINE."""

    def __init__(self, stream: io.RawIOBase) -> None:
        self._stream = stream
        self._length = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        count = self._stream.readinto(buffer) or 0
        read = bytes(buffer[:count])
        end = max(read.rfind(b"\n"), read.rfind(b"\r"))
        self._length = self._length + count if end < 0 else count - end
        if self._length > LONGEST_LINE:
            raise LineTooLong
        return count


def _mark_undecodable(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error(MARK, _mark_undecodable)


def _check_name(source: ByteSource, given: str, head: bytes) -> str:
    """Give Python's name of an encoding, with the byte order of the file's byte order mark."""
    try:
        info = codecs.lookup(given)
        if info.name not in _NOT_TAKEN:
            " ".encode(info.name)  # LookupError for a codec that does not decode text, such as hex
    except (LookupError, ValueError) as error:
        known = "utf-8, cp1252, iso-8859-1, iso-8859-15, cp1250, utf-16, mac-roman, shift_jis"
        raise SourceError(source.name, "", f"--encoding {given}: unknown; known are {known} and others") from error
    if info.name in _NOT_TAKEN:
        raise SourceError(source.name, "", f"--encoding {given}: not supported; convert the file to UTF-8")
    for mark, name in _MARKS:
        if head.startswith(mark) and name.startswith(info.name):
            return name
    return {"utf-16": "utf-16-le", "utf-32": "utf-32-le"}.get(info.name, info.name)


def _find_wide(source: ByteSource, head: bytes) -> str:
    """Find UTF-16 or UTF-32 without a byte order mark by the places of the zero bytes."""
    places = [head[place::4].count(0) * 4 for place in range(4)]
    if len(head) >= 8 and min(places[1:]) > 0.6 * len(head) and not places[0]:
        return "utf-32-le"
    if len(head) >= 8 and min(places[:3]) > 0.6 * len(head) and not places[3]:
        return "utf-32-be"
    even, odd = head[::2].count(0), head[1::2].count(0)
    for name, zeros, others in (("utf-16-le", odd, even), ("utf-16-be", even, odd)):
        if not others and zeros * 20 > len(head):
            return name
    fault = (
        "this is neither text nor a format that is read (CSV, XLSX, XLS, ODS, Parquet, JSON, NDJSON); "
        "export it as CSV or XLSX, or give --encoding if it is text"
    )
    raise SourceError(source.name, "", fault)


def _check_utf8(stream: io.RawIOBase) -> tuple[int, int, bytes]:
    """Count the UTF-8 beyond ASCII and the lines that are not UTF-8, and keep a sample of lines beyond ASCII."""
    valid = invalid = 0
    sample = bytearray()
    tail = b""
    while chunk := read_fully(stream, CHUNK):
        block, tail = _cut_at_line(tail + chunk)
        if block.isascii():
            continue
        try:
            block.decode()
        except UnicodeDecodeError:
            for line in _LINE_ENDS.split(block):
                if not line.isascii():
                    invalid += not _is_utf8(line)
                    valid += _is_utf8(line)
                    if len(sample) < _SAMPLE:
                        sample += line[:1000] + b"\n"
        else:
            if valid < _VALID_ENOUGH:
                valid += sum(1 for _ in _MULTIBYTE.finditer(block))
    if not _is_utf8(tail):
        invalid += 1
        sample += tail[:1000]
    return valid, invalid, bytes(sample)


def _cut_at_line(block: bytes) -> tuple[bytes, bytes]:
    """Cut after the last line end. If there is no line end, cut after the last complete character."""
    end = max(block.rfind(b"\n"), block.rfind(b"\r")) + 1
    if not end:
        end = len(block)
        while end > len(block) - 4 and end and block[end - 1] >= 0x80:
            end -= 1
        end = end or len(block)
    return block[:end], block[end:]


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _decode_valid(sample: bytes) -> str:
    return "\n".join(line.decode() for line in sample.split(b"\n") if _is_utf8(line))


def _detect(source: ByteSource, sample: bytes) -> Encoding:
    import charset_normalizer  # loading takes a fifth of a second, and few files need it

    matches = charset_normalizer.from_bytes(sample, cp_isolation=_CANDIDATES)
    best = matches.best()
    if best is None:
        fault = "the encoding of this text cannot be found; give --encoding, or save the file as UTF-8"
        raise SourceError(source.name, "", fault)

    def list_fitting(difference: float) -> list[str]:
        fitting = {
            name
            for match in matches
            for name in match.could_be_from_charset
            if match.chaos <= best.chaos + difference and match.coherence >= best.coherence - difference
        }
        return [name for name in _CANDIDATES if name in fitting]

    guess = next(iter(list_fitting(_AS_GOOD)), best.encoding)
    words = list(dict.fromkeys(_FOREIGN_PIECE.findall(sample)))
    enough = bool(best.coherence) and len(words) >= _WORDS_ENOUGH
    name, plausible = compare_latin(words[:_WORDS_COMPARED], guess, enough=enough)
    found = Encoding(codecs.lookup(name).name, "detected", _find_word(sample.decode(name, "ignore")))
    if not enough:
        plausible += list_fitting(_DOUBTFUL)
    word, others = _read_otherwise(words[:_WORDS_COMPARED], name, plausible)
    return found._replace(word=word, others=others)


def _read_otherwise(words: list[bytes], name: str, candidates: list[str]) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The word with the largest number of different readings: its reading in `name`, and each other (encoding, reading)
    pair."""
    most: dict[str, str] = {}
    for piece in words:
        readings: dict[str, str] = {}
        for candidate in [name, *candidates]:
            readings.setdefault(piece.decode(candidate, "ignore"), codecs.lookup(candidate).name)
        if len(readings) > len(most):
            most = readings
    shown = list(most.items())[:_READINGS_SHOWN]
    if len(shown) < 2:
        return "", ()
    return shown[0][0], tuple((encoding, word) for word, encoding in shown[1:])


def _find_word(text: str) -> str:
    """The first word with a letter outside ASCII, as a sample for a person."""
    found = _FOREIGN_WORD.search(text)
    return found[0][:30] if found else ""

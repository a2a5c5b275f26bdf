"""Reads the text out of one hostile file on standard input: extractor.py pdf | office | eml | csv | recode CHARSET | probe.

Writes UTF-8 to standard output, line by line:
    U+0002 and the media type, where it is the extractor that finds it out
    U+0003 and the title that the file gives itself
    U+0001, a digit and a heading of that level
    a form feed where a page or a sheet ends
    anything else as text
What cannot be read ends with status 3 and one line "REASON: detail" on standard error.

Before a byte of the file is looked at, the process gives up what it does not need: it becomes an unprivileged user (when it
is root), it may open files only below the folders of programs and libraries and only to read (Landlock), and it can make
neither sockets nor processes (seccomp). Time, memory and output are bounded by whoever starts it.
"""

import ctypes
import os
import struct
import sys

TEXT_LIMIT = 21_000_000  # characters written; the server allows 20 million
ZIP_ENTRIES = 4_000  # parts of an Office file
ZIP_BYTES = 256 * 1024 * 1024  # of all parts, uncompressed
ZIP_PART_BYTES = 96 * 1024 * 1024  # of one part that is parsed
ZIP_RATIO = 200  # times larger than the file; XML compresses 10 to 30 times
ZIP_RATIO_FROM = 16 * 1024 * 1024  # below this size the ratio does not matter
CELLS_LIMIT = 5_000_000  # of a workbook
COLUMNS_LIMIT = 256  # of a row that are read
MAIL_PARTS = 200
PDF_PAGES = 20_001  # one more than the server allows


class Refusal(Exception):
    def __init__(self, reason, detail=""):
        super().__init__(f"{reason}: {detail}")


# What the process may still do.

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
NR_LANDLOCK_CREATE, NR_LANDLOCK_ADD, NR_LANDLOCK_RESTRICT = 444, 445, 446
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
# Execute, read file, read directory.
LANDLOCK_READ = 1 << 0 | 1 << 2 | 1 << 3
# Which rights the first, second, third and fifth version of Landlock know.
LANDLOCK_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
# System calls by machine: the audit number of the architecture, and what is refused there: sockets, processes, tracing.
SECCOMP_CALLS = {
    # socket socketpair connect bind listen, clone fork vfork clone3, ptrace process_vm_readv process_vm_writev,
    # io_uring_setup, kill tkill tgkill, bpf, unshare, setns
    "x86_64": (0xC000003E, [41, 53, 42, 49, 50, 56, 57, 58, 435, 101, 310, 311, 425, 62, 200, 234, 321, 272, 308]),
    "aarch64": (0xC00000B7, [198, 199, 203, 200, 201, 220, 435, 117, 270, 271, 425, 129, 130, 131, 280, 97, 268]),
}


def drop_user():
    if os.geteuid() != 0:
        return
    import pwd

    for name in ("ragdz", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        os.setgroups([])
        os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
        os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
        return


def landlock(folders):
    version = libc.syscall(NR_LANDLOCK_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    if version < 1:
        return False
    rights = LANDLOCK_RIGHTS[min(version, 5)]
    attributes = struct.pack("=Q", rights)
    ruleset = libc.syscall(NR_LANDLOCK_CREATE, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0))
    if ruleset < 0:
        return False
    for folder in folders:
        try:
            place = os.open(folder, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue
        allowed = LANDLOCK_READ if os.path.isdir(folder) else LANDLOCK_READ & ~(1 << 3)
        rule = struct.pack("=Qi", allowed, place)
        libc.syscall(NR_LANDLOCK_ADD, ctypes.c_int(ruleset), ctypes.c_int(1), rule, ctypes.c_uint32(0))
        os.close(place)
    done = libc.syscall(NR_LANDLOCK_RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint32(0)) == 0
    os.close(ruleset)
    return done


def seccomp():
    machine = SECCOMP_CALLS.get(os.uname().machine)
    if machine is None:
        return False
    architecture, calls = machine
    # BPF: load the architecture, kill on another one; load the number, refuse with EPERM (1) what is listed.
    program = [(0x20, 0, 0, 4), (0x15, 1, 0, architecture), (0x06, 0, 0, 0x80000000), (0x20, 0, 0, 0)]
    # The x32 numbers of the same architecture.
    if os.uname().machine == "x86_64":
        program += [(0x35, 0, 1, 0x40000000), (0x06, 0, 0, 0x00050001)]
    for index, number in enumerate(calls):
        program.append((0x15, len(calls) - index, 0, number))
    program += [(0x06, 0, 0, 0x7FFF0000), (0x06, 0, 0, 0x00050001)]
    code = b"".join(struct.pack("=HBBI", *line) for line in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("@HP", len(program), ctypes.addressof(buffer))
    return libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, header, 0, 0) == 0


def confine():
    drop_user()
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise Refusal("EXTRACTOR_MISSING", "no_new_privs is refused")
    folders = ["/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/fonts", "/dev/null", "/dev/urandom",
               sys.prefix, sys.base_prefix]
    return landlock(folders), seccomp()


# Output.

written = 0


def put(text):
    global written
    written += len(text)
    if written > TEXT_LIMIT:
        raise Refusal("DOCUMENT_TOO_LONG")
    sys.stdout.write(text)


MARKS = dict.fromkeys([1, 2, 3, 12], " ")


def line(text):
    put(text.translate(MARKS) + "\n")


def heading(level, text):
    text = " ".join(text.translate(MARKS).split())
    if text:
        put(f"\n\x01{min(max(level, 1), 6)}{text}\n")


def media_type(name):
    put(f"\x02{name}\n")


def title(text):
    text = " ".join((text or "").translate(MARKS).split())
    if text:
        put(f"\x03{text[:300]}\n")


# Kinds of files.


def office(data):
    import zipfile

    try:
        archive = zipfile.ZipFile(data)
        entries = archive.infolist()
    except zipfile.BadZipFile as error:
        raise Refusal("INVALID_OFFICE", str(error)) from None
    size = os.fstat(data.fileno()).st_size
    total = sum(entry.file_size for entry in entries)
    if len(entries) > ZIP_ENTRIES:
        raise Refusal("ARCHIVE_BOMB", f"{len(entries)} entries")
    if total > ZIP_BYTES or (total > ZIP_RATIO_FROM and total > ZIP_RATIO * size):
        raise Refusal("ARCHIVE_BOMB", f"{total} bytes out of {size}")
    if any(entry.flag_bits & 1 for entry in entries):
        raise Refusal("ENCRYPTED_OFFICE")
    names = {entry.filename: entry for entry in entries}
    if "[Content_Types].xml" not in names:
        raise Refusal("UNSUPPORTED_TYPE", "an archive")
    for name, entry in names.items():
        if name.endswith((".xml", ".rels")) and entry.file_size > ZIP_PART_BYTES:
            raise Refusal("ARCHIVE_BOMB", f"{name} has {entry.file_size} bytes")
    for name, entry in names.items():
        if name.endswith((".xml", ".rels")):
            check_part(archive, entry)
    if "word/document.xml" in names:
        docx(data)
    elif "xl/workbook.xml" in names:
        xlsx(data)
    else:
        raise Refusal("UNSUPPORTED_TYPE", "an Office file that is neither DOCX nor XLSX")


def check_part(archive, entry):
    """No document types: they are how XML bombs are made, and no Office program writes them."""
    import zipfile

    try:
        with archive.open(entry) as part:
            head = part.read(4_096)
    except (zipfile.BadZipFile, NotImplementedError, OSError, EOFError, RuntimeError) as error:
        raise Refusal("INVALID_OFFICE", f"{entry.filename}: {error}") from None
    text = head.decode("utf-16", "ignore") if head[:2] in (b"\xff\xfe", b"\xfe\xff") else head.decode("latin-1")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise Refusal("INVALID_OFFICE", f"{entry.filename} declares a document type")


def docx(data):
    import docx as library
    from docx.table import Table

    data.seek(0)
    document = library.Document(data)
    media_type("application/vnd.openxmlformats-officedocument.wordprocessingml.document")
    title(document.core_properties.title)
    levels = {}
    for block in document.iter_inner_content():
        if isinstance(block, Table):
            docx_table(block)
            continue
        text = block.text
        if not text.strip():
            continue
        style = block._p.style
        if style not in levels:
            levels[style] = heading_level(block.style)
        if levels[style]:
            heading(levels[style], text)
        else:
            line(text + "\n")


def heading_level(style):
    name = (style.name or "") if style is not None else ""
    if name == "Title":
        return 1
    if name.startswith("Heading ") and name[8:].isdigit():
        return int(name[8:])
    return 0


def docx_table(table):
    rows = []
    for row in table.rows:
        cells = []
        for cell in row.cells:
            text = " ".join(cell.text.split())
            # A merged cell is given once for each column that it covers.
            if not cells or cells[-1] != text:
                cells.append(text)
        rows.append(cells)
    table_rows(rows)
    line("")


def xlsx(data):
    import openpyxl

    data.seek(0)
    book = openpyxl.load_workbook(data, read_only=True, data_only=True, keep_links=False)
    media_type("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
    title(book.properties.title)
    cells = 0
    for number, sheet in enumerate(book.worksheets):
        if number:
            put("\x0c")
        heading(1, sheet.title)

        def rows(sheet=sheet):
            nonlocal cells
            # What the sheet claims of its size is not to be relied on.
            sheet.reset_dimensions()
            for row in sheet.iter_rows(values_only=True):
                cells += len(row)
                if cells > CELLS_LIMIT:
                    raise Refusal("DOCUMENT_TOO_LONG", "too many cells")
                yield [value_text(value) for value in row[:COLUMNS_LIMIT]]

        table_rows(rows())


def value_text(value):
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = str(value)
    return " ".join(text.removesuffix(" 00:00:00").split())


def table_rows(rows):
    """One line a row; when the first row names the columns, each value stands with its column's name.

    An empty line after each makes it a sentence of its own, and no cell gets a mark that its file does not have. Values are
    parted by bars: a semicolon would end a sentence within a long row.
    """
    names = None
    for number, row in enumerate(rows):
        filled = [cell for cell in row if cell]
        if not filled:
            continue
        if names is None:
            distinct = len(set(filled)) == len(filled) >= 2
            worded = all(any(c.isalpha() for c in cell) and len(cell) <= 60 for cell in filled)
            names = row if distinct and worded and len(filled) == len(row) else []
            if names or len(filled) == 1:
                line(" | ".join(filled) + "\n")
                if not names and len(filled) == 1:
                    # A title above the table; the names of the columns come after it.
                    names = None
                continue
        if names:
            pairs = [
                f"{names[index]}: {cell}" if index < len(names) and names[index] else cell
                for index, cell in enumerate(row)
                if cell
            ]
            line(" | ".join(pairs) + "\n")
        else:
            line(" | ".join(filled) + "\n")


def eml(data):
    import email
    import email.policy

    message = email.message_from_binary_file(data, policy=email.policy.default)
    media_type("message/rfc822")
    title(str(message.get("subject", "")))
    for name in ("From", "To", "Cc", "Date", "Subject"):
        if message.get(name):
            line(f"{name}: " + " ".join(str(message[name]).split()))
    line("")
    parts = 0
    for part in message.walk():
        parts += 1
        if parts > MAIL_PARTS:
            raise Refusal("ARCHIVE_BOMB", "too many parts")
    body = message.get_body(preferencelist=("plain", "html"))
    if body is not None:
        text = part_text(body)
        if body.get_content_subtype() == "html":
            text = html_text(text)
        for paragraph in text.splitlines():
            line(paragraph)
    for attachment in message.iter_attachments():
        name = attachment.get_filename()
        if name:
            line("")
            line("Attachment: " + " ".join(name.split()))


def part_text(part):
    try:
        return part.get_content()
    except (LookupError, UnicodeError):
        return (part.get_payload(decode=True) or b"").decode("utf-8", "replace")


def html_text(text):
    from html.parser import HTMLParser

    class Reader(HTMLParser):
        hidden = 0
        out = []

        def handle_starttag(self, tag, attributes):
            if tag in ("script", "style", "head", "template"):
                self.hidden += 1
            elif tag in ("p", "div", "br", "tr", "li", "h1", "h2", "h3", "h4", "table"):
                self.out.append("\n")

        def handle_endtag(self, tag):
            if tag in ("script", "style", "head", "template"):
                self.hidden = max(0, self.hidden - 1)

        def handle_data(self, data):
            if not self.hidden:
                self.out.append(" ".join(data.split()) + " " if data.strip() else " ")

    reader = Reader()
    reader.feed(text)
    return "".join(reader.out)


def csv_rows(data):
    import csv
    import io

    raw = data.read()
    for charset in ("utf-8-sig", "utf-16"):
        if charset == "utf-16" and raw[:2] not in (b"\xff\xfe", b"\xfe\xff"):
            continue
        try:
            text = raw.decode(charset)
            break
        except UnicodeError:
            continue
    else:
        raise Refusal("UNSUPPORTED_ENCODING", "CSV")
    csv.field_size_limit(1 << 20)
    delimiter = delimiter_of(text)
    media_type("text/csv")
    try:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        table_rows([" ".join(cell.split()) for cell in row[:COLUMNS_LIMIT]] for row in rows)
    except csv.Error as error:
        raise Refusal("INVALID_CSV", str(error)) from None


def delimiter_of(text):
    lines = [l for l in text[:65_536].splitlines()[:20] if l.strip()]
    return max(";,\t|", key=lambda mark: (min((l.count(mark) for l in lines), default=0), sum(l.count(mark) for l in lines)))


def recode(data, charset):
    import codecs

    decoder = codecs.getincrementaldecoder(charset)("strict")
    try:
        while chunk := data.read(1 << 20):
            put(decoder.decode(chunk))
        put(decoder.decode(b"", True))
    except UnicodeError as error:
        raise Refusal("UNSUPPORTED_ENCODING", str(error)) from None


def pdf():
    # From here on the process is pdftotext, under the same restrictions.
    program = next((p for p in ("/usr/bin/pdftotext", "/usr/local/bin/pdftotext") if os.access(p, os.X_OK)), None)
    if program is None:
        raise Refusal("EXTRACTOR_MISSING", "pdftotext")
    os.execve(
        program, ["pdftotext", "-enc", "UTF-8", "-eol", "unix", "-l", str(PDF_PAGES), "-", "-"],
        {"LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"})


def probe():
    """What of the machine is still within reach, for the test: a name for each thing that should not be."""
    import socket

    def reach(name, attempt):
        try:
            attempt()
            print(name)
        except OSError:
            pass

    reach("read /etc/passwd", lambda: open("/etc/passwd").read())
    reach("read /proc/1/environ", lambda: open("/proc/1/environ").read())
    reach("list /tmp", lambda: os.listdir("/tmp"))
    reach("write /tmp", lambda: open("/tmp/ragdz-extractor-probe", "w").close())
    reach("socket", lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM))
    reach("unix socket", lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
    reach("fork", os.fork)
    reach("signal", lambda: os.kill(os.getppid(), 0))


KINDS = {"office": office, "eml": eml, "csv": csv_rows}


def load(kind):
    """What a kind needs is loaded before the file system is closed; the rest comes from folders that stay readable."""
    sys.stdout.reconfigure(encoding="utf-8", errors="replace", newline="\n")
    if kind == "office":
        import docx  # noqa: F401
        import openpyxl  # noqa: F401
    elif kind == "eml":
        import email.policy  # noqa: F401
    elif kind == "recode":
        import codecs

        codecs.lookup(sys.argv[2])


def main():
    kind = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        load(kind)
        confine()
        if kind == "pdf":
            pdf()
        elif kind == "probe":
            probe()
        elif kind == "recode":
            recode(sys.stdin.buffer, sys.argv[2])
        elif kind in KINDS:
            KINDS[kind](sys.stdin.buffer)
        else:
            raise Refusal("EXTRACTOR_MISSING", f"no kind {kind}")
        sys.stdout.flush()
    except Refusal as refusal:
        reason = str(refusal)
    except MemoryError:
        reason = "DOCUMENT_TOO_LONG: out of memory"
    except RecursionError:
        reason = "INVALID_OFFICE: nested too deeply"
    except ImportError as error:
        reason = f"EXTRACTOR_MISSING: {error}"
    except LookupError as error:
        reason = f"INVALID_OFFICE: {error}" if kind == "office" else f"UNSUPPORTED_ENCODING: {error}"
    except Exception as error:  # the libraries raise what they like on broken files
        reason = f"INVALID_{'OFFICE' if kind == 'office' else kind.upper()}: {type(error).__name__} {error}"
    else:
        return 0
    sys.stderr.write(reason[:500].replace("\n", " ") + "\n")
    # What is buffered is not wanted any more.
    os._exit(3)


if __name__ == "__main__":
    sys.exit(main())

"""The journal that lasts: batches wait in files, and outlive the process, a full disk and a loss of power.

One directory holds

    lock                              locked (flock) by the process that has the journal open
    00000000004294967296.segment      records, appended; named after the first position that may be in it
    otlp%2Feu.cursor                  how far the destination `otlp/eu` has come
    *.corrupt                         what could not be read as any of these, put aside for people to look at

**A segment** begins with a header of 32 bytes, which keeps its layout in every version. Integers are little-endian.

    offset  bytes
         0      8  magic  89 4f 4c 4c 4d 4a 0d 0a
         8      2  version of what follows the header: 1
        10      2  zero
        12      8  first position that may be in this file
        20      8  marker: random, this file's own
        28      4  CRC-32C of the 28 bytes before

Records follow without gaps. Several may be one append: they stand in one segment.

    offset  bytes
         0      8  the file's marker
         8      4  length n of what follows the checksum
        12      4  CRC-32C of the four bytes of the length and of what follows the checksum
        16      8  position
        24      8  time of the append, milliseconds since 1970
        32      4  number of items
        36      1  signal: 1 traces, 2 logs, 3 metrics
        37      2  length p of the pipeline's name
        39      2  length t of the tenant's name, ffff for none
        41      p  pipeline, UTF-8
      41+p      t  tenant, UTF-8
             rest  payload: one OTLP export request

Behind a damaged record the next one is found by the marker. It is random, so that no payload can hold one: whoever
sends us a span cannot have a record of his own making read where another was damaged.

A segment is written from its beginning to its end by one process, without a break: each start begins a new one, and so
does the first append after one that failed. **Positions** are 64 bits. Each start goes on at the next multiple of 2^32,
so that one that a loss of power took back (`fsync: interval`) is never given to another record.

**A cursor file** is two lines, `otel-llm-cursor 1 <CRC-32C>` and a JSON object. The checksum, in hexadecimal, is that
of the words before it and the object. Everything up to the position `read` is done, but for those in `open`. `business`
has, for each pipeline, the ranges of positions that are this destination's business at all. The file is replaced whole:
written aside, synced, renamed, the directory synced.

What the order of writing guarantees, and what a loss of power at any point leaves:

*   an append returns after its bytes and the name of their file have been synced (`fsync: batch`);
*   a destination's first cursor file is synced before anything is appended for it: without one it would count as new,
    and begin behind what is there;
*   a segment is deleted when no destination needs anything in it. That does not wait for cursor files, which need room
    where a full disk has none: a cursor that is behind the truth then finds less to read, nothing else;
*   what a destination had acknowledged, but its cursor file did not say yet (0.2 s of acknowledgements), is delivered
    again, and so is what was under way.
"""

from otel_llm.journal.disk.journal import DiskJournal
from otel_llm.journal.disk.options import DiskOptions
from otel_llm.journal.disk.segment import has_records

__all__ = ["DiskJournal", "DiskOptions", "has_records"]

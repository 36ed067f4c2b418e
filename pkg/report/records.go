package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/squeezebits/sqzb-orchestrate/pkg/bench"
)

// maxRecordBytes bounds one line. A record of a million output tokens has about 8 MB; a file that is no
// records.jsonl at all must not fill the memory.
const maxRecordBytes = 256 << 20

// readRecords reads a records.jsonl.
func readRecords(r io.Reader) (records []bench.Record, torn int, err error) {
	return readLines(r, decodeRecord)
}

// readLines reads a file of one JSON object per line, one line at a time. A last line without its newline that is no whole
// object was cut off by a crash: it is left out and counted in torn. Errors begin with the line's number.
func readLines[T any](r io.Reader, decode func(line []byte) (T, error)) (list []T, torn int, err error) {
	lines := bufio.NewReaderSize(r, 64<<10)
	var buf []byte
	for n := 1; ; n++ {
		buf, err = readLine(lines, buf[:0])
		last := errors.Is(err, io.EOF)
		if err != nil && !last {
			return nil, 0, fmt.Errorf("%d: %w", n, err)
		}
		if last && len(buf) == 0 {
			return list, torn, nil
		}
		item, err := decode(buf)
		if err != nil && last {
			return list, 1, nil
		}
		if err != nil {
			return nil, 0, fmt.Errorf("%d: %w", n, err)
		}
		list = append(list, item)
		if last {
			return list, torn, nil
		}
	}
}

// readLine appends one line to buf, without its newline; io.EOF says that there was none.
func readLine(r *bufio.Reader, buf []byte) ([]byte, error) {
	for {
		part, err := r.ReadSlice('\n')
		buf = append(buf, part...)
		if len(buf) > maxRecordBytes {
			return buf, fmt.Errorf("the line is longer than %d bytes", maxRecordBytes)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return bytes.TrimSuffix(buf, []byte("\n")), err
		}
	}
}

func decodeRecord(line []byte) (bench.Record, error) {
	var rec bench.Record
	if err := json.Unmarshal(line, &rec); err != nil {
		return rec, fmt.Errorf("not a record: %w", err)
	}
	if err := checkLineSchema(rec.Schema); err != nil {
		return rec, err
	}
	if rec.RequestID == "" {
		return rec, errors.New("not a record: it has no request_id")
	}
	if rec.Index < 0 {
		return rec, fmt.Errorf("not a record: index %d; allowed: 0 or more", rec.Index)
	}
	return rec, nil
}

// checkLineSchema refuses a line of a later version of the format. Lines of version 1 have none.
func checkLineSchema(version int) error {
	if version > SchemaVersion {
		return fmt.Errorf("schema version %d; this program reads versions %d to %d", version, oldestSchema, SchemaVersion)
	}
	return nil
}

package bench

import (
	"encoding/json"
	"fmt"
	"io"
)

// sink appends records to a journal, each in a write of its own so that a process that is killed loses none, and keeps them
// all.
type sink struct {
	// incoming has room for every record of the pass, so that nobody ever waits to hand one over.
	incoming chan Record
	records  []Record
	// out is nil for no journal, and after a write failed.
	out io.Writer
	// fail is called once, when the journal cannot be written.
	fail func(error)
}

func newSink(n int, w io.Writer, fail func(error)) *sink {
	return &sink{incoming: make(chan Record, n), records: make([]Record, 0, n), out: w, fail: fail}
}

// run takes records until incoming is closed.
func (s *sink) run() {
	for r := range s.incoming {
		s.records = append(s.records, r)
		s.write(&r)
	}
}

func (s *sink) write(r *Record) {
	if s.out == nil {
		return
	}
	line, err := json.Marshal(r)
	if err == nil {
		_, err = s.out.Write(append(line, '\n'))
	}
	if err != nil {
		s.out = nil
		s.fail(fmt.Errorf("writing records: %w", err))
	}
}

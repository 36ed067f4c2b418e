package bench

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

const (
	// flushEvery bounds what a killed process loses.
	flushEvery = time.Second
	// sinkBuffer holds some tens of records.
	sinkBuffer = 256 << 10
)

// sink appends records to a journal and keeps them all.
type sink struct {
	// incoming has room for every record of the pass, so that nobody ever waits to hand one over.
	incoming chan Record
	records  []Record
	// out is nil for no journal, and after a write failed.
	out *bufio.Writer
	// fail is called once, when the journal cannot be written.
	fail func(error)
}

func newSink(n int, w io.Writer, fail func(error)) *sink {
	s := &sink{incoming: make(chan Record, n), records: make([]Record, 0, n), fail: fail}
	if w != nil {
		s.out = bufio.NewWriterSize(w, sinkBuffer)
	}
	return s
}

// run takes records until incoming is closed.
func (s *sink) run() {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case r, open := <-s.incoming:
			if !open {
				s.flush()
				return
			}
			s.records = append(s.records, r)
			s.write(&r)
		case <-tick.C:
			s.flush()
		}
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
	s.check(err)
}

func (s *sink) flush() {
	if s.out != nil {
		s.check(s.out.Flush())
	}
}

func (s *sink) check(err error) {
	if err == nil {
		return
	}
	s.out = nil
	s.fail(fmt.Errorf("writing records: %w", err))
}

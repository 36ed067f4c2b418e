package metronome

import (
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
)

// BenchmarkEvents is as many events a second as the server can send when all are overdue, over loopback, with readers that only
// read: what they take is in it.
func BenchmarkEvents(b *testing.B) {
	for _, streams := range []int{1, 64, 1024} {
		b.Run(fmt.Sprint(streams), func(b *testing.B) {
			o := testOptions()
			o.Interval, o.TTFT = 1, 0
			s := start(b, Serve, o)
			tokens := max(b.N/streams, 1)
			var reading sync.WaitGroup
			b.ResetTimer()
			for range streams {
				c, err := net.Dial("tcp", s.address)
				if err != nil {
					b.Fatal(err)
				}
				text := body(tokens)
				fmt.Fprintf(c, "POST /v1/completions HTTP/1.1\r\nHost: m\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
				reading.Go(func() {
					_, _ = io.Copy(io.Discard, c)
					c.Close()
				})
			}
			reading.Wait()
			b.ReportMetric(float64(tokens*streams)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkNext is the work for an event without the write: stamping it and noting it down.
func BenchmarkNext(b *testing.B) {
	s, err := newServer(testOptions())
	if err != nil {
		b.Fatal(err)
	}
	st, err := s.begin(request{body: []byte(body(maxTokens))})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if st.truth.SentNS, st.truth.LateNS = st.truth.SentNS[:0], st.truth.LateNS[:0]; len(st.next(s.clock.Now())) == 0 {
			b.Fatal("no event")
		}
	}
}
